/**
 * A daemon trusts no directory that others could have filled: neither its state, nor a lock beside
 * a socket. And if its user has no passwd entry, as in a container, it reports what is missing.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Rig } from '../support/rig.ts';
import { publish, whyWithout } from '../support/tools.ts';

const OTHER = 12_345;

function stage(t: TestContext): Rig {
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: { a: { runner: { type: 'local', args: ['true'] } } } });
  mkdirSync(rig.state, { mode: 0o700 });
  return rig;
}

/** Starts a daemon that must fail; returns its error. */
async function refused(rig: Rig): Promise<string> {
  await assert.rejects(rig.boot(), /batond ended with 69/);
  return rig.stderr;
}

test('a state directory that others can write to is refused, with its mode and what to do', async (t) => {
  const rig = stage(t);
  chmodSync(rig.state, 0o775);
  assert.match(
    await refused(rig),
    /state: is writable by others: its mode is 0775, expected 0700; remove/,
  );
});

test('a state directory of another user, or a journal in it, is refused', {
  skip: whyWithout('root'),
}, async (t) => {
  const rig = stage(t);
  chownSync(rig.state, OTHER, OTHER);
  assert.match(
    await refused(rig),
    /state: is owned by uid 12345, expected root \(uid 0\), the user of batond; change/,
  );
  const second = stage(t);
  const journal = join(second.state, 'journal.ndjson');
  writeFileSync(journal, '');
  chownSync(journal, OTHER, OTHER);
  assert.match(
    await refused(second),
    /journal\.ndjson: is owned by uid 12345, expected root \(uid 0\)/,
  );
});

for (const [what, plant] of [
  ['symbolic link', symlinkSync],
  ['second name', linkSync],
] as const) {
  for (const where of ['state', 'socket'] as const) {
    test(`a lock of the ${where} that is a ${what} of another file is refused, and the file is left as it was`, async (t) => {
      const rig = stage(t);
      const precious = join(rig.directory, 'precious');
      writeFileSync(precious, 'precious\n', { mode: 0o600 });
      const lock = where === 'state' ? join(rig.state, 'lock') : `${rig.socket}.lock`;
      plant(precious, lock);
      const said = await refused(rig);
      assert.ok(said.includes(`${lock}: is a link or owned by another user`), said);
      assert.equal(readFileSync(precious, 'utf8'), 'precious\n');
    });
  }
}

test('a user without a passwd entry and without HOME is told to name a state directory', {
  skip: whyWithout('root'),
}, (t) => {
  const rig = stage(t);
  chmodSync(rig.directory, 0o755);
  chownSync(rig.configFile, OTHER, OTHER);
  const batond = join(publish(rig.directory), 'dist/daemon/batond.cjs');
  const as = ['--reuid', String(OTHER), '--regid', String(OTHER), '--clear-groups', '--'];
  const run = (...args: readonly string[]) =>
    spawnSync('setpriv', [...as, process.execPath, batond, ...args], {
      env: { PATH: process.env['PATH'] ?? '' },
      encoding: 'utf8',
    });
  const without = run('--config', rig.configFile, '--socket', rig.socket);
  assert.equal(without.status, 78);
  assert.match(
    without.stderr,
    /^batond: no state directory: uid 12345 has no entry in passwd, and HOME is not set; name a directory with --state DIR\n$/,
  );
  const unconfigured = run('--state', rig.state);
  assert.equal(unconfigured.status, 78);
  assert.match(
    unconfigured.stderr,
    /^batond: no configuration: there is no \/etc\/baton\/config\.json; [^\n]+\n$/,
  );
});
