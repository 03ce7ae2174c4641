/**
 * What others put in place of a file blocks nothing. Each of these would hang for ever if it opened
 * a named pipe like a file, which the test's time limit would show.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writeTail } from '../../../daemon/keepers/hook-input.ts';
import type { Launch } from '../../../daemon/keepers/launch.ts';
import { makeSpawnRequest } from '../../../daemon/keepers/spawn-request.ts';
import { readStatusFile, statusFileOf } from '../../../daemon/keepers/status-file.ts';
import { FairQueue } from '../../../daemon/server/fair-queue.ts';
import { Follower } from '../../../daemon/server/output-follower.ts';
import { CHUNK_BYTES } from '../../../daemon/server/output-frame.ts';
import { readProgress } from '../../../daemon/server/progress.ts';
import { takeLock } from '../../../daemon/system/flock.ts';
import { findHolders } from '../../../daemon/system/lockfiles.ts';
import { APPEND, openRegular, readEnd, readRegular } from '../../../daemon/system/regular-file.ts';
import { readKnownHosts } from '../../../runners/ssh/host-key.ts';
import { KeyRing, readPassphrase } from '../../../runners/ssh/private-key.ts';
import { OutputWriter } from '../../../runners/ssh-keeper/output-writer.ts';
import { directory, lockfileAt } from '../../support/config.ts';

/** A directory in which each of these names is a named pipe. */
function pipes(t: TestContext, ...names: readonly string[]): string {
  const place = directory(t);
  for (const name of names) {
    assert.equal(spawnSync('mkfifo', ['-m', '600', join(place, name)]).status, 0);
  }
  return place;
}

test('only a regular file is opened, also behind a link', (t) => {
  const place = pipes(t, 'pipe');
  mkdirSync(join(place, 'directory'));
  writeFileSync(join(place, 'file'), 'text');
  symlinkSync('file', join(place, 'link'));
  symlinkSync('pipe', join(place, 'detour'));
  for (const name of ['pipe', 'directory', 'detour', '/dev/null']) {
    const path = name.startsWith('/') ? name : join(place, name);
    assert.throws(() => openRegular(path), { code: 'EFTYPE' }, name);
    assert.throws(() => openRegular(path, APPEND), { code: 'EFTYPE' }, name);
  }
  assert.throws(() => openRegular(join(place, 'none')), { code: 'ENOENT' });
  assert.equal(readRegular(join(place, 'link'), 4), 'text');
});

test('what is made to append to is for its owner only', (t) => {
  const path = join(directory(t), 'new');
  closeSync(openRegular(path, APPEND));
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a file that is longer than it may be is refused, and so is one without a size', (t) => {
  const path = join(directory(t), 'file');
  const text = 'é'.repeat(50_000);
  writeFileSync(path, text);
  assert.equal(readRegular(path, 100_000), text);
  assert.throws(() => readRegular(path, 99_999), { code: 'EFBIG' });
  assert.equal(
    readRegular('/proc/sys/kernel/random/boot_id', 4_096),
    readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'),
  );
  assert.throws(() => readRegular('/proc/sys/kernel/random/boot_id', 10), { code: 'EFBIG' });
  assert.equal(readEnd(path, 4).toString(), 'éé');
});

test('a lockfile that is a named pipe keeps runs back, and says why', (t) => {
  const path = join(pipes(t, 'pid'), 'pid');
  const holder = findHolders([lockfileAt(path)], () => new Map()).get(path);
  assert.deepEqual(holder, { pid: 0, text: 'unknown: it is not a regular file; remove it' });
  writeFileSync(`${path}.long`, '1'.repeat(5_000));
  assert.equal(findHolders([lockfileAt(`${path}.long`)], () => new Map()).size, 0);
});

test('a status file that is a named pipe, a link or without end makes no sense', (t) => {
  const place = pipes(t, 'status.1');
  writeFileSync(statusFileOf(place, 2), ' '.repeat(100_000));
  symlinkSync('status.4', statusFileOf(place, 3));
  for (const attempt of [1, 2, 3]) {
    assert.equal(readStatusFile(statusFileOf(place, attempt)), 'unreadable', `${attempt}`);
  }
  assert.equal(readStatusFile(statusFileOf(place, 4)), undefined);
});

test('output that is a named pipe is told as one that cannot be read', (t) => {
  const place = pipes(t, 'out', 'err');
  const failures: string[] = [];
  let isDone = false;
  const follower = new Follower({
    directory: place,
    from: { out: 0, err: 0 },
    chunk: Buffer.alloc(CHUNK_BYTES),
    fairQueue: new FairQueue(),
    send: () => assert.fail('there is nothing to send'),
    hasRoom: () => true,
    done: () => {
      isDone = true;
    },
    failed: (why) => failures.push(why),
    cut: () => assert.fail('there is nothing to cut'),
  });
  follower.end();
  assert.ok(isDone);
  assert.equal(failures.length, 2);
  assert.match(failures[0] ?? '', /out cannot be read \(EFTYPE\); it is a pipe/);
  assert.equal(readProgress(place), undefined);
  const tail = writeTail(place, join(place, 'hook'));
  assert.equal(readFileSync(tail ?? '', 'utf8'), '');
});

test('a run is not begun with a named pipe for its output', async (t) => {
  const place = pipes(t, 'out');
  const launch: Launch = { args: ['/bin/true'], env: {}, cwd: '/', umask: 0 };
  const run = { run: 1, target: 't', merged: true };
  assert.throws(() => makeSpawnRequest(run, join(place, 'status.1'), launch, place), {
    code: 'EFTYPE',
  });
  await assert.rejects(OutputWriter.open(place, true), { code: 'ENXIO' });
});

test('a lock that is a named pipe is refused', (t) => {
  const path = join(pipes(t, 'lock'), 'lock');
  const taken = takeLock(path, '--socket PATH');
  assert.ok(!taken.ok);
  assert.match(taken.error, /lock.*EFTYPE.*regular file/);
});

test('keys, passphrases and known hosts that are named pipes are refused', (t) => {
  const place = pipes(t, 'key', 'word', 'hosts');
  assert.match(String(new KeyRing().read(join(place, 'key'))), /EFTYPE|regular/);
  assert.throws(() => readPassphrase(join(place, 'word')), { code: 'EFTYPE' });
  assert.deepEqual(readKnownHosts([join(place, 'hosts')]), []);
});
