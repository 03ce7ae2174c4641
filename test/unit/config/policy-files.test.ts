/** Files that policies read, and who holds a lockfile: real files, real processes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, realpathSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { CONF_BYTES_MAX, PolicyFiles } from '../../../daemon/config/policy-files.ts';
import { describeLeftLocks, findHolders } from '../../../daemon/system/lockfiles.ts';
import { statOf } from '../../../daemon/system/proc.ts';
import { directory, lockfileAt } from '../../support/config.ts';
import { target } from '../../support/core.ts';

const nobody = () => new Map<number, { run: number; target: string }>();

/** A pid that no living process has. */
function deadPid(): number {
  return spawnSync('/bin/true').pid;
}

test('a file is read once, by its real path, and anew where it is left out', (t) => {
  const place = directory(t);
  const [path, link] = [join(place, 'conf'), join(place, 'link')];
  writeFileSync(path, 'one');
  symlinkSync(path, link);
  const policyFiles = new PolicyFiles();
  const file = policyFiles.read(link);
  assert.deepEqual(file, { ok: true, text: 'one', realPath: realpathSync(path) });
  assert.deepEqual(policyFiles.changed([link]), []);
  writeFileSync(path, 'two!');
  assert.deepEqual(policyFiles.changed([link]), [link]);
  assert.equal(policyFiles.read(link), file, 'a busy group keeps what it began with');
  const anew = policyFiles.without([link]);
  assert.deepEqual(anew.read(link), { ok: true, text: 'two!', realPath: realpathSync(path) });
  assert.deepEqual(anew.changed([link]), []);
  assert.equal(policyFiles.without([]).read(link), file);
  assert.deepEqual(policyFiles.changed([link]), [link], 'and for the others it is still news');
});

test('a change of the same length, a file that goes and one that comes are changes', (t) => {
  const path = join(directory(t), 'conf');
  let policyFiles = new PolicyFiles();
  const isChanged = (): boolean => {
    const changed = policyFiles.changed([path]).length > 0;
    policyFiles = policyFiles.without([path]);
    policyFiles.read(path);
    return changed;
  };
  assert.deepEqual(policyFiles.read(path), { ok: false, error: 'ENOENT' });
  writeFileSync(path, 'a');
  assert.ok(isChanged());
  writeFileSync(path, 'b');
  utimesSync(path, 1, 1);
  assert.ok(isChanged());
  rmSync(path);
  assert.ok(isChanged());
  assert.ok(!isChanged());
});

test('what is no readable file of a fair size is told, and holds nobody up', (t) => {
  const place = directory(t);
  const error = (path: string): string => {
    const file = new PolicyFiles().read(path);
    return file.ok ? 'none' : file.error;
  };
  mkdirSync(join(place, 'directory'));
  spawnSync('mkfifo', [join(place, 'pipe')]);
  writeFileSync(join(place, 'big'), Buffer.alloc(CONF_BYTES_MAX + 1));
  writeFileSync(join(place, 'most'), Buffer.alloc(CONF_BYTES_MAX));
  assert.match(error(join(place, 'directory')), /expected a regular file/);
  assert.match(error(join(place, 'pipe')), /expected a regular file/);
  assert.match(error(join(place, 'big')), /expected at most 1048576 bytes/);
  assert.equal(error(join(place, 'most')), 'none');
  assert.match(error('etc/rsnapshot.conf'), /expected an absolute path/);
});

test('the holder of a lockfile is the living process whose pid is in it', (t) => {
  const path = join(directory(t), 'pid');
  const holder = (text: string) => {
    writeFileSync(path, text);
    return findHolders([lockfileAt(path)], nobody).get(path);
  };
  assert.equal(holder(String(process.pid))?.pid, process.pid);
  assert.ok(holder(`${process.pid}\n`)?.text.startsWith(basename(process.execPath)));
  for (const text of ['', 'x', '0', '-1', `${deadPid()}`, `${process.pid}x`]) {
    assert.equal(holder(text), undefined, JSON.stringify(text));
  }
  rmSync(path);
  assert.equal(findHolders([lockfileAt(path)], nobody).size, 0);
});

test('a run of baton’s own that holds a lock is named: its keeper leads its session', (t) => {
  const path = join(directory(t), 'pid');
  writeFileSync(path, String(process.pid));
  const session = statOf(process.pid)?.session ?? 0;
  const run = { run: 7, target: 'daily' };
  const holder = (pid: number) =>
    findHolders([lockfileAt(path)], () => new Map([[pid, run]])).get(path);
  assert.deepEqual(holder(session)?.run, run);
  assert.deepEqual(holder(process.pid)?.run, run);
  const other = 4_194_305; // no process has this number
  assert.equal(holder(other)?.pid, process.pid);
  assert.equal(holder(other)?.run, undefined);
});

test('only a stale lock that keeps later runs away is told as left behind', (t) => {
  const path = join(directory(t), 'pid');
  const left = (stopsWhenStale: boolean): string => {
    const [binding] = target('a', [{ type: 'rsnapshot', interval: 'daily' }]).bindings;
    assert.ok(binding);
    const bindings = [{ ...binding, asks: [{ ...lockfileAt(path), stopsWhenStale }] }];
    return describeLeftLocks({ ...target('a'), bindings });
  };
  assert.equal(left(true), '');
  writeFileSync(path, String(deadPid()));
  assert.equal(left(false), '');
  assert.ok(left(true).includes(`its lock file ${path} was left behind; remove it`));
  writeFileSync(path, String(process.pid));
  assert.equal(left(true), '');
});
