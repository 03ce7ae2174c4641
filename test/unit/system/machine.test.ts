/** The real machine's answers to conditions: its mounts, a directory, stat(1). */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { keyOf, type SlowCondition } from '../../../daemon/core/world.ts';
import { type Ran, runBounded, STDERR_CHARS_MAX } from '../../../daemon/system/bounded-command.ts';
import { type Answer, machine } from '../../../daemon/system/machine.ts';
import { directory } from '../../support/config.ts';

const timeoutMs = 10_000;

function look(path: string, device?: string): Answer | undefined {
  const condition = { kind: 'mounted', path, ...(device === undefined ? {} : { device }) } as const;
  return machine.look([condition]).get(keyOf(condition));
}

function check(condition: SlowCondition): Promise<Answer> {
  return new Promise((resolve) => machine.check(condition, resolve));
}

test('a mount point of this machine is one, a directory is none', (t) => {
  const path = directory(t);
  assert.equal(look('/proc')?.holds, true);
  assert.match(look('/proc')?.text ?? '', /^\/proc is mounted \(.+, proc\)$/);
  assert.deepEqual(look(path), { holds: false, text: `${path} is not a mount point` });
  const [, source] = /\((.+), proc\)/.exec(look('/proc')?.text ?? '') ?? [];
  assert.equal(look('/proc', source)?.holds, true);
  assert.match(
    look('/proc', 'nas:/x')?.text ?? '',
    /^\/proc is mounted from .+, not from nas:\/x$/,
  );
  assert.match(
    look('/proc', 'UUID=no such')?.text ?? '',
    /there is no UUID=no such on this machine$/,
  );
});

test('files are there or not, by the target of a link, with odd names; what fails is neither', async (t) => {
  const path = directory(t);
  const [odd, dangling, pipe] = ['-e x\\n', 'gone', 'pipe'].map((name) => join(path, name));
  writeFileSync(odd ?? '', '');
  symlinkSync(join(path, 'nowhere'), dangling ?? '');
  spawnSync('mkfifo', [pipe ?? '']);
  for (const [name, isThere] of [
    [odd, true],
    [dangling, false],
    [pipe, true],
    [`${odd}/x`, false],
  ] as const) {
    for (const kind of ['exists', 'missing'] as const) {
      const said = await check({ kind, path: name ?? '', timeoutMs });
      const text = `${name} ${isThere ? 'exists' : 'does not exist'}`;
      assert.deepEqual(said, { holds: isThere === (kind === 'exists'), text });
    }
  }
  const long = join(path, 'x'.repeat(300));
  for (const kind of ['exists', 'missing'] as const) {
    const said = await check({ kind, path: long, timeoutMs });
    assert.deepEqual(said, {
      holds: false,
      text: `the file ${long} cannot be checked (File name too long)`,
    });
  }
});

test('free space and inodes are held against what is asked', async (t) => {
  const path = directory(t);
  const free = (more: object) => check({ kind: 'free', path, timeoutMs, ...more });
  assert.equal((await free({ bytes: 1 })).holds, true);
  assert.match((await free({ bytes: 1 })).text, /^\/.* has \d+(\.\d)? [kMGTPE]?B free$/);
  const most = Number.MAX_SAFE_INTEGER;
  assert.match((await free({ bytes: most })).text, / free, less than 9 PB$/);
  mkdirSync(join(path, 'x'));
  const gone = await check({ kind: 'free', path: join(path, 'y'), bytes: 1, timeoutMs });
  assert.match(
    gone.text,
    /^the free space of .*y cannot be checked \(No such file or directory\)$/,
  );
});

test('a command that does not end is killed with all that it has started, and then it is done', async () => {
  const ran = await new Promise<unknown>((resolve) => {
    const end = runBounded(['sh', '-c', 'sleep 1000 & echo ready; wait'], resolve);
    // Its output is read as it arrives, so that it is known to be running.
    setImmediate(end);
  });
  assert.ok(typeof ran === 'object' && ran !== null && !('code' in ran));
});

test('of stdout the beginning is kept as far as asked for, of stderr always the end', async () => {
  const print = `seq ${STDERR_CHARS_MAX}; seq ${STDERR_CHARS_MAX} >&2`;
  const { stdout, stderr } = await new Promise<Ran>((resolve) => {
    runBounded(['sh', '-c', print], resolve, undefined, 3 * STDERR_CHARS_MAX);
  });
  assert.equal(stdout.length, 3 * STDERR_CHARS_MAX);
  assert.ok(stdout.startsWith('1\n2\n'));
  assert.equal(stderr.length, STDERR_CHARS_MAX);
  assert.ok(stderr.endsWith(`\n${STDERR_CHARS_MAX}\n`));
});

test('a program that is not there is told by its errno', async () => {
  const ran = await new Promise((resolve) => runBounded(['/no/such/program'], resolve));
  assert.deepEqual(ran, { stdout: '', stderr: '', errno: 'ENOENT' });
});
