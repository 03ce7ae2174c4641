/**
 * A keeper that cannot be spawned now is spawned later: the run is never ended for a shortage of
 * processes, files or memory, and never begun twice for it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Wish } from '../../daemon/command.ts';
import { Keepers } from '../../daemon/keeper.ts';
import { REAL_SPAWN, type Spawn } from '../../daemon/keeperprocess.ts';
import type { ProcessPlan } from '../../runners/runner.ts';
import { directory } from '../support/config.ts';
import { ManualClock, SpokenLog } from '../support/parts.ts';

const RUN = { run: 1, target: 'hello', merged: true };

/** Keepers in a directory of their own, whose first spawn is this one; the rest are real. */
function stage(t: TestContext, first: Spawn) {
  const runs = directory(t);
  const clock = new ManualClock();
  const log = new SpokenLog();
  const posts: Wish[] = [];
  let spawns = 0;
  const keepers = new Keepers({
    directory: runs,
    clock,
    log: log.pino,
    post: (wish) => posts.push(wish),
    spawn: (...call) => (spawns++ === 0 ? first(...call) : REAL_SPAWN(...call)),
  });
  /** Lets time go on until there is one; the real processes need some real time, too. */
  const found = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const one = look();
      if (one !== undefined) return one;
      await sleep(1);
      clock.advance(50);
    }
  };
  const posted = (type: Wish['type']): Promise<Wish> =>
    found(() => posts.find((wish) => wish.type === type));
  const said = (msg: string) => found(() => log.lines.find((line) => line['msg'] === msg));
  const plan: ProcessPlan = {
    keeper: 'process',
    env: {},
    args: ['/bin/sh', '-c', 'echo once >> $BATON_RUN_DIR/ran'],
  };
  return { keepers, clock, posts, posted, said, plan, ran: join(runs, '1', 'ran') };
}

/** As Node tells of a spawn that failed: by an event, without a process. */
function failing(code: string): Spawn {
  return () => {
    const child = Object.assign(new EventEmitter(), { pid: undefined, stdio: [], unref: () => {} });
    process.nextTick(() => child.emit('error', Object.assign(new Error(code), { code })));
    return child as unknown as ChildProcess;
  };
}

/** A keeper of which this is all that is done. */
function posing(script: string): Spawn {
  return (_, args, options) => {
    const stdio = [...options.stdio];
    return spawn('/bin/sh', ['-c', script, 'sh', args[2] ?? ''], { ...options, stdio });
  };
}

for (const errno of ['EAGAIN', 'ENFILE', 'EMFILE', 'ENOMEM']) {
  test(`${errno} on the spawn of a keeper is said, and the same attempt is tried again`, async (t) => {
    const { keepers, posts, posted, said, plan, ran } = stage(t, failing(errno));
    await keepers.start(RUN, 1, plan);
    assert.deepEqual(posts, [], 'nothing has ended');
    const line = await said('start is tried again');
    assert.deepEqual([line['target'], line['errno']], ['hello', errno]);
    const kept = await posted('kept');
    assert.ok(kept.type === 'kept' && kept.attempt === 1);
    keepers.go(1);
    const reported = await posted('reported');
    assert.ok(reported.type === 'reported' && reported.report.code === 0);
    assert.ok(existsSync(ran));
  });
}

test('ENOMEM that spawn throws is no other than one that it tells', async (t) => {
  const throwing: Spawn = () => {
    throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' });
  };
  const { keepers, posted, said, plan } = stage(t, throwing);
  await keepers.start(RUN, 1, plan);
  await said('start is tried again');
  await posted('kept');
  keepers.drop(1);
});

test('a run that is dropped while its keeper cannot be spawned is not tried again', async (t) => {
  const { keepers, clock, posts, said, plan } = stage(t, failing('EAGAIN'));
  await keepers.start(RUN, 1, plan);
  await said('start is tried again');
  keepers.drop(1);
  clock.advance(1_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(posts, []);
});

test('without perl a run ends as not started, with what to install', async (t) => {
  const { keepers, posted, plan } = stage(t, failing('ENOENT'));
  await keepers.start(RUN, 1, plan);
  const reported = await posted('reported');
  assert.ok(reported.type === 'reported');
  const { failure } = reported.report;
  assert.ok(failure?.kind === 'not-started');
  assert.match(failure.detail, /needs perl, which was not found: install perl-base/);
});

const status = (errno: number, stage = 'system') =>
  `read go <&3; echo begun >&3; echo '{"started":true,"code":127,"signal":null,"core":false,"stage":"${stage}","errno":${errno}}' > "$1"`;

for (const [what, script, why] of [
  ['cannot fork (EAGAIN)', status(11), 'EAGAIN'],
  ['cannot execute its command for now (ENFILE)', status(23, 'command'), 'ENFILE'],
  ['did not come up', 'exit 2', 'its keeper did not come up'],
  ['was killed before it read go', 'kill -9 $$', 'its keeper did not come up'],
] as const) {
  test(`a run whose keeper ${what} has not run, and is begun again after a while`, async (t) => {
    const { keepers, clock, posted, said, plan } = stage(t, posing(script));
    await keepers.start(RUN, 1, plan);
    await posted('kept');
    keepers.go(1);
    assert.equal((await said('start is tried again'))['errno'], why);
    const saidAtMs = clock.now().steadyMs;
    const reported = await posted('reported');
    const waitedMs = clock.now().steadyMs - saidAtMs;
    assert.ok(waitedMs >= 900, `after ${waitedMs} ms: tried as fast as it fails`);
    assert.ok(reported.type === 'reported');
    assert.deepEqual(reported.report, { started: false, code: null, signal: null, core: false });
  });
}

test('a keeper that dies after it has begun is lost: its command may have run', async (t) => {
  const { keepers, posted, plan } = stage(t, posing('read go <&3; echo begun >&3; kill -9 $$'));
  await keepers.start(RUN, 1, plan);
  await posted('kept');
  keepers.go(1);
  const gone = await posted('gone');
  assert.deepEqual(gone, {
    ...{ type: 'gone', run: 1, attempt: 1, rebooted: false },
    ...{ survivors: [], startTimes: [] },
  });
});
