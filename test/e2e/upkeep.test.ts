/** Changes and damage by an administrator around a running daemon. */
import assert from 'node:assert/strict';
import { existsSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findKeeperTrouble } from '../../daemon/keepers/perl.ts';
import { directory } from '../support/config.ts';
import { Rig } from '../support/rig.ts';

const LIMIT = { timeout: 60_000 };
const TARGETS = { hello: { runner: { type: 'local', args: ['/bin/echo', 'hello'] } } };

function stage(t: TestContext): Rig {
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: TARGETS });
  return rig;
}

async function runOnce(rig: Rig): Promise<number> {
  const session = await rig.open();
  const { run } = await session.ask({ type: 'run', target: 'hello', wait: true }, 'ended');
  session.close();
  return run;
}

test('a reload puts the level of the log in force, and takes it back', LIMIT, async (t) => {
  const rig = stage(t);
  await rig.boot();
  const quiet = { log: { level: 'error' }, targets: TARGETS };
  const session = await rig.open();
  rig.configure(quiet);
  await session.ask({ type: 'reload' }, 'done');
  const unsaid = await runOnce(rig);
  rig.configure({ targets: TARGETS });
  await session.ask({ type: 'reload' }, 'done');
  const said = await runOnce(rig);
  await rig.logged('ended', 0, ({ run }) => run === said);
  assert.ok(!rig.log.some(({ run }) => run === unsaid), 'the first run was not to be told of');
});

test('the level of the command line stays, whatever is reloaded', LIMIT, async (t) => {
  const rig = stage(t);
  await rig.boot(['--log-level', 'info']);
  rig.configure({ log: { level: 'silent' }, targets: TARGETS });
  const session = await rig.open();
  await session.ask({ type: 'reload' }, 'done');
  const run = await runOnce(rig);
  await rig.logged('ended', 0, (line) => line['run'] === run);
});

test('a daemon without perl says so when it starts, with what to install', LIMIT, async (t) => {
  const rig = stage(t);
  const bin = directory(t);
  symlinkSync('/usr/bin/flock', join(bin, 'flock'));
  await rig.boot([], { PATH: bin });
  const { reason, level } = await rig.logged('no local run can be started');
  assert.equal(level, 'error');
  assert.equal(reason, `keepers need perl, which is not in PATH (${bin}); install perl-base`);
  const session = await rig.open();
  const ended = await session.ask({ type: 'run', target: 'hello', wait: true }, 'ended');
  assert.equal(ended.exit, 126);
  assert.match(ended.text, /keepers need perl, which is not in PATH .*; install perl-base/);
});

test('a target whose PATH has no perl is run all the same', LIMIT, async (t) => {
  const rig = stage(t);
  const runner = { type: 'local', args: ['/bin/echo', 'hello'], env: { PATH: '/nowhere' } };
  rig.configure({ targets: { hello: { runner } } });
  await rig.boot();
  const session = await rig.open();
  const ended = await session.ask({ type: 'run', target: 'hello', wait: true }, 'ended');
  assert.deepEqual([ended.exit, ended.text], [0, 'exited with 0']);
});

test('a keeper.pl that is missing is named with what to do', (t) => {
  const script = join(directory(t), 'keeper.pl');
  const trouble = findKeeperTrouble('/usr/bin', script);
  assert.equal(trouble, `${script} is missing or cannot be read; reinstall baton`);
  assert.equal(findKeeperTrouble('/usr/bin'), undefined);
});

test(
  'a target that was removed after a failure is marked, alarms nobody, and can be forgotten',
  LIMIT,
  async (t) => {
    const rig = stage(t);
    const old = { runner: { type: 'local', args: ['/bin/false'] } };
    rig.configure({ targets: { ...TARGETS, old } });
    await rig.boot();
    await rig.baton('run', 'old', '--wait');
    const refused = await rig.baton('forget', 'old');
    assert.equal(refused.status, 75);
    assert.match(
      refused.errors,
      /^baton: old: it is still configured; remove it from the configuration first/,
    );
    assert.match((await rig.baton('status')).text, /^0 running, 0 waiting, 1 failed\n/);
    rig.configure({ targets: TARGETS });
    assert.equal((await rig.baton('reload')).status, 0);
    const { text } = await rig.baton('status');
    assert.match(text, /^0 running, 0 waiting\n/);
    assert.match(
      text,
      /old +removed +no longer configured; "baton forget old" deletes its history/,
    );
    assert.doesNotMatch((await rig.baton('metrics')).text, /"old"/);
    assert.equal((await rig.baton('forget', 'old')).status, 0);
    assert.doesNotMatch((await rig.baton('status')).text, /old/);
    await rig.end();
    await rig.boot();
    assert.ok(!existsSync(join(rig.state, 'runs/1')), 'nor does its output stay');
    assert.doesNotMatch((await rig.baton('status')).text, /old/);
    assert.equal((await rig.baton('forget', 'old')).status, 78);
  },
);
