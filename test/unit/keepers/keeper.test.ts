/**
 * A keeper that is unavailable now is started later: a run never ends for a shortage of processes,
 * files or memory, nor for the end of the fork server, and never starts twice for it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandInput } from '../../../daemon/core/command.ts';
import type { ProcessPlan } from '../../../daemon/core/plan.ts';
import { REAL_SPAWN, type Spawn } from '../../../daemon/keepers/fork-server.ts';
import { ProcessKeepers } from '../../../daemon/keepers/process-keepers.ts';
import { RunDirectories } from '../../../daemon/keepers/run-directories.ts';
import { seemsAlive } from '../../../daemon/system/proc.ts';
import { directory } from '../../support/config.ts';
import { ManualClock, SpokenLog } from '../../support/parts.ts';

const NONCE = 'nonce';
const RUN = { run: 1, target: 'hello', merged: true, startNonce: NONCE };

/** Keepers in a directory of their own, whose first spawn is this one; the others are real. */
function stage(t: TestContext, first: Spawn = REAL_SPAWN) {
  const posts: CommandInput[] = [];
  t.after(() => keepersGone(posts));
  const state = directory(t);
  const runs = join(state, 'runs');
  const clock = new ManualClock();
  const log = new SpokenLog();
  const directories = new RunDirectories({ directory: state, nonce: NONCE, log: log.pino });
  const servers: ChildProcess[] = [];
  let spawns = 0;
  const keepers = new ProcessKeepers({
    directories,
    clock,
    log: log.pino,
    post: (input) => posts.push(input),
    spawn: (...call) => {
      const server = spawns++ === 0 ? first(...call) : REAL_SPAWN(...call);
      servers.push(server);
      return server;
    },
  });
  /** Lets time pass until there is one; the real processes need some real time, too. */
  const found = async <T>(look: () => T | undefined): Promise<T> => {
    for (;;) {
      const one = look();
      if (one !== undefined) return one;
      await sleep(1);
      clock.advance(50);
    }
  };
  const posted = <T extends CommandInput['type']>(type: T, run = 1) =>
    found(() =>
      posts.find(
        (input): input is Extract<CommandInput, { type: T; run: number }> =>
          input.type === type && 'run' in input && input.run === run,
      ),
    );
  const said = (msg: string) => found(() => log.lines.find((line) => line['msg'] === msg));
  const plan: ProcessPlan = {
    keeper: 'process',
    env: {},
    args: ['/bin/sh', '-c', 'echo once >> $BATON_RUN_DIR/ran'],
  };
  return { keepers, clock, posts, posted, said, found, plan, runs, servers };
}

/** As Node reports a failed spawn: by an event, without a process. */
function failing(code: string): Spawn {
  return () => {
    const child = Object.assign(new EventEmitter(), { pid: undefined, stdio: [], unref: () => {} });
    process.nextTick(() => child.emit('error', Object.assign(new Error(code), { code })));
    return child as unknown as ChildProcess;
  };
}

/** The last of them writes into the directory of the test. */
async function keepersGone(posts: readonly CommandInput[]): Promise<void> {
  for (const input of posts) {
    while (input.type === 'kept' && seemsAlive(input.keeper)) await sleep(1);
  }
}

interface Pose {
  readonly say: (line: string) => void;
  readonly end: () => void;
}

/** A fork server that handles its requests as the test wants, and forks nothing. */
function posing(act: (order: readonly string[], pose: Pose) => void): Spawn {
  return () => {
    const socket = new Duplex({
      read: () => {},
      write: (frame: Buffer, _, done) => {
        const order = frame.subarray(4).toString().split('\0');
        act(order, {
          say: (line) => socket.push(`${line}\n`),
          end: () => setImmediate(() => socket.destroy()),
        });
        done();
      },
    });
    const stdio = [null, null, null, Object.assign(socket, { unref: () => {} })];
    const child = Object.assign(new EventEmitter(), { pid: 1, stdio, unref: () => {} });
    return child as unknown as ChildProcess;
  };
}

/** Of a process that has ended. */
const GONE = spawnSync('/bin/true').pid;

for (const errno of ['EAGAIN', 'ENFILE', 'EMFILE', 'ENOMEM']) {
  test(`${errno} on the spawn of a keeper is said, and the same attempt is tried again`, async (t) => {
    const { keepers, posts, posted, said, plan, runs } = stage(t, failing(errno));
    await keepers.start(RUN, 1, plan);
    assert.deepEqual(posts, [], 'nothing has ended');
    const line = await said('start is retried');
    assert.deepEqual([line['target'], line['errno']], ['hello', errno]);
    const kept = await posted('kept');
    assert.equal(kept.attempt, 1);
    keepers.go(1);
    const reported = await posted('reported');
    assert.equal(reported.report.code, 0);
    assert.ok(existsSync(join(runs, '1', 'ran')));
  });
}

test('ENOMEM that spawn throws is no other than one that it tells', async (t) => {
  const throwing: Spawn = () => {
    throw Object.assign(new Error('spawn ENOMEM'), { code: 'ENOMEM' });
  };
  const { keepers, posted, said, plan } = stage(t, throwing);
  await keepers.start(RUN, 1, plan);
  await said('start is retried');
  await posted('kept');
  keepers.drop(1);
});

test('a run that is dropped while its keeper cannot be spawned is not tried again', async (t) => {
  const { keepers, clock, posts, said, plan } = stage(t, failing('EAGAIN'));
  await keepers.start(RUN, 1, plan);
  await said('start is retried');
  keepers.drop(1);
  clock.advance(1_000);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(posts, []);
});

test('without perl a run ends as not started, with what to install', async (t) => {
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
  });
  process.env['PATH'] = '/nowhere';
  const { keepers, posted, plan } = stage(t);
  await keepers.start(RUN, 1, plan);
  const { failure } = (await posted('reported')).report;
  assert.ok(failure?.kind === 'not-started');
  assert.match(failure.detail, /need perl, which is not in PATH \(\/nowhere\); install perl-base/);
  assert.ok(!('errno' in failure), 'no system call has failed');
});

test('a user that does not exist is no errno, and a command that does not exist is one', async (t) => {
  const { keepers, posted, plan } = stage(t);
  await keepers.start(RUN, 1, { ...plan, user: 'nobody-of-this-name' });
  const { failure } = (await posted('reported')).report;
  assert.ok(failure?.kind === 'not-started' && failure.stage === 'user' && !('errno' in failure));
  await keepers.start({ ...RUN, run: 2 }, 1, { ...plan, nice: 1, args: ['/nowhere/at/all'] });
  const { failure: missing } = (await posted('reported', 2)).report;
  assert.ok(missing?.kind === 'not-started' && missing.errno === 'ENOENT');
});

test('a file of the output that is no plain file is told without a code that no system call gives', async (t) => {
  const { keepers, posted, plan, runs } = stage(t);
  mkdirSync(join(runs, '1', 'out'), { recursive: true });
  writeFileSync(join(runs, '1', `nonce.${NONCE}`), '');
  await keepers.start(RUN, 1, plan);
  const { failure } = (await posted('reported')).report;
  assert.ok(failure?.kind === 'not-started');
  assert.match(failure.detail, /^the system cannot start a process \(E\w+\)/);
  assert.ok(failure.errno === undefined || failure.errno in constants.errno);
});

test('what nobody can read of a fork server is passed over, and what follows is heard', async (t) => {
  const nonsense = [
    'null',
    'kept',
    'none 1',
    'none 1 0',
    'none 1 x',
    'none 1 99999999999',
    'what 1',
  ];
  const first = posing(([order, key = ''], { say }) => {
    if (order !== 'keep') return;
    for (const line of [...nonsense, '', `kept ${key} 0`, `kept ${key} x`]) say(line);
    say(`none ${key} 11`);
  });
  const { keepers, said, plan } = stage(t, first);
  await keepers.start(RUN, 1, plan);
  assert.equal((await said('start is retried'))['errno'], 'EAGAIN');
  keepers.drop(1);
});

test('a keeper that cannot be forked (EAGAIN) is forked later, for the same attempt', async (t) => {
  const first = posing(([, key], { say, end }) => {
    say(`none ${key} 11`);
    end();
  });
  const { keepers, posted, said, plan } = stage(t, first);
  await keepers.start(RUN, 1, plan);
  assert.equal((await said('start is retried'))['errno'], 'EAGAIN');
  assert.equal((await posted('kept')).attempt, 1);
  keepers.drop(1);
});

const NO_COMMAND = (errno: number, stage: string) =>
  `{"started":true,"code":127,"signal":null,"core":false,"stage":"${stage}","errno":${errno}}`;

for (const [what, why, act] of [
  [
    'cannot fork (EAGAIN)',
    'EAGAIN',
    ([, , , statusFile = '']: readonly string[]) => {
      writeFileSync(statusFile, NO_COMMAND(11, 'system'));
    },
  ],
  [
    'cannot execute its command for now (ENFILE)',
    'ENFILE',
    ([, , , statusFile = '']: readonly string[]) => {
      writeFileSync(statusFile, NO_COMMAND(23, 'command'));
    },
  ],
  ['dies before it is let go', 'its keeper did not come up', () => {}],
] as const) {
  test(`a run whose keeper ${what} has not run, and is begun again after a while`, async (t) => {
    const first = posing((order, { say }) => {
      if (order[0] !== 'keep') return;
      act(order);
      say(`kept ${order[1]} ${GONE}`);
      say(`closed ${order[1]}`);
    });
    const { keepers, clock, posted, said, plan } = stage(t, first);
    await keepers.start(RUN, 1, plan);
    assert.equal((await said('start is retried'))['errno'], why);
    const saidAtMs = clock.now().steadyMs;
    const { report } = await posted('reported');
    const waitedMs = clock.now().steadyMs - saidAtMs;
    assert.ok(waitedMs >= 900, `after ${waitedMs} ms: tried as fast as it fails`);
    assert.deepEqual(report, { started: false, code: null, signal: null, core: false });
  });
}

const LOST = {
  ...{ type: 'gone', run: 1, attempt: 1, rebooted: false },
  ...{ survivors: [], startTimes: [] },
} as const;

for (const [what, act] of [
  ['has begun', (key: string, { say }: Pose) => say(`begun ${key}\nclosed ${key}`)],
  ['may have begun, which the fork server took to its grave', (_: string, { end }: Pose) => end()],
] as const) {
  test(`a keeper that dies after it ${what} is lost: its command may have run`, async (t) => {
    const first = posing(([order, key = ''], pose) => {
      if (order === 'keep') pose.say(`kept ${key} ${GONE}`);
      if (order === 'go') act(key, pose);
    });
    const { keepers, posted, plan } = stage(t, first);
    await keepers.start(RUN, 1, plan);
    await posted('kept');
    keepers.go(1);
    assert.deepEqual(await posted('gone'), LOST);
  });
}

test('a fork server that ends before it answers: the attempt never runs, the next one does', async (t) => {
  const { keepers, posted, said, plan } = stage(
    t,
    posing((_, { end }) => end()),
  );
  await keepers.start(RUN, 1, plan);
  assert.equal((await said('start is retried'))['errno'], 'the fork server ended');
  const { report, attempt } = await posted('reported');
  assert.deepEqual([attempt, report.started], [1, false]);
  await keepers.start(RUN, 2, plan);
  assert.equal((await posted('kept')).attempt, 2);
  keepers.drop(1);
});

test('a fork server that will not come again ends the run, with what to do', async (t) => {
  const path = process.env['PATH'];
  t.after(() => {
    process.env['PATH'] = path;
  });
  const first = posing((_, { end }) => {
    process.env['PATH'] = '/nowhere';
    end();
  });
  const { keepers, posted, plan } = stage(t, first);
  await keepers.start(RUN, 1, plan);
  const { failure } = (await posted('reported')).report;
  assert.ok(failure?.kind === 'not-started');
  assert.match(failure.detail, /install perl-base/);
});

test('SIGKILL of the fork server harms no run: what runs runs on, what waits never ran', async (t) => {
  const { keepers, posted, plan, runs, found, servers } = stage(t);
  await keepers.start({ ...RUN, run: 2 }, 1, plan);
  await posted('kept', 2);
  const release = join(runs, 'release');
  const script = `until [ -e ${release} ]; do sleep .01; done; echo once >> $BATON_RUN_DIR/ran; exit 7`;
  await keepers.start(RUN, 1, {
    ...plan,
    args: ['/bin/sh', '-c', `echo > $BATON_RUN_DIR/up; ${script}`],
  });
  await posted('kept');
  keepers.go(1);
  await found(() => existsSync(join(runs, '1', 'up')) || undefined);
  servers[0]?.kill('SIGKILL');
  assert.equal((await posted('reported', 2)).report.started, false);
  await keepers.start({ ...RUN, run: 3 }, 1, plan);
  await posted('kept', 3);
  assert.equal(servers.length, 2);
  keepers.go(3);
  assert.equal((await posted('reported', 3)).report.code, 0);
  writeFileSync(release, '');
  assert.equal((await posted('reported', 1)).report.code, 7);
  assert.equal(readFileSync(join(runs, '1', 'ran'), 'utf8'), 'once\n');
  assert.equal(existsSync(join(runs, '2', 'ran')), false);
});

test('a keeper that says nothing after all of its run is ended is ended, too, and that is told', async (t) => {
  const silent = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  t.after(() => silent.kill('SIGKILL'));
  const first = posing(([order, key = ''], pose) => {
    if (order === 'keep') pose.say(`kept ${key} ${silent.pid}`);
    if (order === 'go') pose.say(`begun ${key}`);
  });
  const { keepers, clock, posted, said, plan } = stage(t, first);
  await keepers.start(RUN, 1, plan);
  await posted('kept');
  keepers.go(1);
  const gone = new Promise((resolve) => silent.once('exit', (_, signal) => resolve(signal)));
  const beganMs = clock.now().steadyMs;
  keepers.stop(1, { signal: 'TERM', to: 'tree', graceMs: 100 });
  const line = await said('keeper does not answer and is killed');
  assert.deepEqual([line['run'], line['pid']], [1, silent.pid]);
  assert.ok(clock.now().steadyMs - beganMs >= 5_000, 'it had its time');
  assert.equal(await gone, 'SIGKILL');
});
