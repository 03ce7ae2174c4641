/** An SSH keeper that cannot be spawned now is spawned later; only permanent errors end a run. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandInput } from '../../../daemon/core/command.ts';
import type { SshPlan } from '../../../daemon/core/plan.ts';
import { observe } from '../../../daemon/keepers/observe.ts';
import { RunDirectories } from '../../../daemon/keepers/run-directories.ts';
import {
  type Listener,
  type NoConnection,
  openConnection,
} from '../../../daemon/keepers/ssh-connection.ts';
import { SshKeepers } from '../../../daemon/keepers/ssh-keepers.ts';
import { sshOther } from '../../../daemon/protocol/outcome-text.ts';
import type { KeeperId } from '../../../daemon/shared/run.ts';
import { bootId, statOf } from '../../../daemon/system/proc.ts';
import {
  KEEPER_VERSION,
  SOCKET_NAME,
  type ToKeeper,
} from '../../../runners/ssh/keeper-protocol.ts';
import { directory } from '../../support/config.ts';
import { withFew } from '../../support/descriptors.ts';
import { ManualClock, SpokenLog } from '../../support/parts.ts';
import { whyWithout } from '../../support/tools.ts';

const LISTENER = { take: () => {}, closed: () => {} };

function failing(code: string): () => ChildProcess {
  return () => {
    const child = Object.assign(new EventEmitter(), { stdio: [], unref: () => {} });
    process.nextTick(() => child.emit('error', Object.assign(new Error(code), { code })));
    return child as unknown as ChildProcess;
  };
}

function throwing(code: string): () => ChildProcess {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

function dying(script: string): (directory: string, log: number) => ChildProcess {
  return (_, log) => {
    const child = spawn('/bin/sh', ['-c', script], { stdio: ['ignore', log, log, 'pipe'] });
    return Object.assign(child, { unref: () => {} }); // nothing else keeps this test alive
  };
}

for (const [what, spawnIt, passes, why] of [
  ['meets EAGAIN', failing('EAGAIN'), true, /\(EAGAIN\)/],
  ['meets EMFILE', failing('EMFILE'), true, /\(EMFILE\)/],
  ['throws ENOMEM', throwing('ENOMEM'), true, /\(ENOMEM\)/],
  ['meets ENOENT', failing('ENOENT'), false, /\(ENOENT\)/],
  ['is aborted, as Node is without threads,', dying('kill -ABRT $$'), true, /ended with SIGABRT/],
  ['ends by itself', dying('exit 3'), false, /ended with 3/],
] as const) {
  const end = passes ? 'passes by itself' : 'does not pass by itself';
  test(`the spawn of an SSH keeper that ${what} is named with the log, and ${end}`, async (t) => {
    const state = directory(t);
    const none = await openConnection(state, true, LISTENER, spawnIt);
    assert.ok('why' in none);
    assert.match(none.why, /^the SSH keeper could not be started/);
    assert.match(none.why, why);
    assert.ok(none.why.endsWith(`see ${join(state, 'ssh.log')}`));
    assert.equal(none.passes, passes);
  });
}

test('without enough free descriptors an SSH keeper cannot be had now, however many are free', {
  skip: whyWithout('prlimit'),
}, async (t) => {
  const state = directory(t);
  const spawnIt = dying('exit 3');
  const found = await withFew(20, () => openConnection(state, true, LISTENER, spawnIt));
  const words = found.map((none) => ('why' in none ? `${none.passes} ${none.why}` : 'connected'));
  const kinds = words.map((word) =>
    word.replace(/.*(true|false).*(EMFILE|ended with 3).*/s, '$1 $2'),
  );
  assert.deepEqual([...new Set(kinds)], ['true EMFILE', 'false ended with 3']);
});

test('a state directory that is gone is a reason, and no end of the daemon', async (t) => {
  const none = await openConnection(join(directory(t), 'gone'), true, LISTENER);
  assert.ok('why' in none && none.why.includes('ENOENT') && !none.passes);
});

const NONCE = 'nonce';
const RUN = { run: 1, target: 'far', merged: true, startNonce: NONCE };
const PLAN = { keeper: 'ssh', session: {} } as unknown as SshPlan;

/** A state directory, and its content. */
function places(t: { after(done: () => void): void }, log: SpokenLog) {
  const state = directory(t);
  const directories = new RunDirectories({ directory: state, nonce: NONCE, log: log.pino });
  return { directory: state, directories };
}

/** SSH keepers that get this first; later there is a keeper that accepts everything. */
function stage(t: { after(done: () => void): void }, first: NoConnection) {
  const clock = new ManualClock();
  const log = new SpokenLog();
  const posts: CommandInput[] = [];
  const told: ToKeeper[] = [];
  let opened = 0;
  const keepers = new SshKeepers({
    ...places(t, log),
    clock,
    log: log.pino,
    post: (input) => posts.push(input),
    open: async () => {
      if (opened++ === 0) return first;
      return { pid: process.pid, send: (message) => told.push(message), close: () => {} };
    },
  });
  return { keepers, clock, log, posts, told };
}

test('a run whose SSH keeper cannot be spawned now is not ended, and prepared later', async (t) => {
  const { keepers, clock, log, posts, told } = stage(t, { why: 'EAGAIN', passes: true });
  await keepers.start(RUN, 1, PLAN);
  const [line] = log.lines;
  assert.deepEqual(
    [line?.['msg'], line?.['target'], line?.['errno']],
    ['start is retried', 'far', 'EAGAIN'],
  );
  clock.advance(1_000);
  while (told.length === 0) await sleep(1);
  assert.deepEqual([told[0]?.type, posts], ['prepare', []]);
});

test('a run that is dropped while there is no SSH keeper is not prepared', async (t) => {
  const { keepers, clock, told } = stage(t, { why: 'EAGAIN', passes: true });
  await keepers.start(RUN, 1, PLAN);
  keepers.drop(1);
  clock.advance(1_000);
  await sleep(1);
  assert.deepEqual(told, []);
});

test('a run whose SSH keeper can never be spawned ends as not started, and says why', async (t) => {
  const { keepers, posts } = stage(t, { why: 'it ended with 3', passes: false });
  await keepers.start(RUN, 1, PLAN);
  const [reported] = posts;
  assert.ok(reported?.type === 'reported');
  const { failure } = reported.report;
  assert.deepEqual(failure, { kind: 'not-started', stage: 'system', detail: 'it ended with 3' });
});

test('an SSH keeper that the system lets nobody start ends a run with what the system said', async (t) => {
  const none = { why: 'no (ENOENT)', passes: false, errno: 'ENOENT' } as const;
  const { keepers, posts } = stage(t, none);
  await keepers.start(RUN, 1, PLAN);
  const [reported] = posts;
  assert.ok(reported?.type === 'reported' && reported.report.failure?.kind === 'not-started');
  assert.equal(reported.report.failure.errno, 'ENOENT');
});

const ORDER = { signal: 'INT', to: 'main', graceMs: 1_000 } as const;
const HELLO = JSON.stringify({ type: 'hello', version: KEEPER_VERSION, pid: 7 });
const NONSENSE = ['null', '7', 'nonsense', '{}', '{"type":"what"}', '{"type":"ready","run":"1"}'];

test('an SSH keeper leaves a daemon that it does not understand, and serves the others', async (t) => {
  const state = directory(t);
  const link = await openConnection(state, true, LISTENER);
  assert.ok(!('why' in link), 'there is a keeper');
  t.after(() => process.kill(link.pid, 'SIGKILL'));
  for (const line of [...NONSENSE, '{"type":"prepare","run":1,"attempt":1,"nonce":"n"}']) {
    const socket = createConnection(join(state, SOCKET_NAME));
    socket.write(`${line}\n`);
    socket.resume();
    await once(socket, 'close');
  }
  const other = await openConnection(state, false, LISTENER);
  assert.ok(!('why' in other) && other.pid === link.pid);
});

/** A listener on the socket of the state directory, which sends this to every client. */
async function speaker(t: TestContext, lines: readonly string[]) {
  const state = directory(t);
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => heard.push(...`${data}`.trim().split('\n')));
    for (const line of lines) socket.write(`${line}\n`);
  });
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(join(state, SOCKET_NAME), resolve));
  return { state, heard };
}

/** What is accepted of these lines until the connection is closed. */
async function takenFrom(t: TestContext, lines: readonly string[]): Promise<readonly unknown[]> {
  const { state } = await speaker(t, lines);
  const taken: unknown[] = [];
  await new Promise<void>((closed) => {
    void openConnection(state, false, { take: (message) => taken.push(message), closed });
  });
  return taken;
}

for (const line of NONSENSE) {
  test(`"${line}" in place of what the SSH keeper says is no end of the daemon`, async (t) => {
    const { state, heard } = await speaker(t, [line]);
    const none = await openConnection(state, false, LISTENER);
    assert.ok('why' in none && none.why === sshOther());
    while (heard.length === 0) await sleep(1);
    assert.deepEqual(heard, ['{"type":"retire"}']);
  });

  test(`an SSH keeper that says "${line}" is left: what became of its runs is looked for`, async (t) => {
    assert.deepEqual(await takenFrom(t, [HELLO, line, '{"type":"ready"}']), []);
  });
}

test('a message of an SSH keeper ends with its newline, whatever else Unicode ends a line with', async (t) => {
  const probed = { type: 'probed', id: '1', lines: ['a\u2028b\u2029c\u0085d'] };
  assert.deepEqual(await takenFrom(t, [HELLO, JSON.stringify(probed), 'null']), [probed]);
});

test('a run is not ended because a stop looks for a keeper that has gone just then', async (t) => {
  const clock = new ManualClock();
  const log = new SpokenLog();
  const posts: CommandInput[] = [];
  const told: ToKeeper[] = [];
  let giveUp = (): void => assert.fail('nobody looks for a keeper');
  const keepers = new SshKeepers({
    ...places(t, log),
    clock,
    log: log.pino,
    post: (input) => posts.push(input),
    open: (_, mayStart) => {
      if (mayStart) {
        const send = (message: ToKeeper): unknown => told.push(message);
        return Promise.resolve({ pid: 2 ** 30, send, close: () => {} });
      }
      return new Promise((resolve) => {
        giveUp = () => resolve({ why: 'ENOENT', passes: false });
      });
    },
  });
  keepers.adopt({ ...RUN, run: 2 }, 1, {
    ...{ pid: process.pid, startTime: statOf(process.pid)?.startTime ?? 0 },
    ...{ bootId: bootId(), kind: 'ssh' },
  });
  keepers.stop(2, ORDER);
  const start = keepers.start(RUN, 1, PLAN);
  giveUp();
  await start;
  assert.deepEqual([told.map(({ type }) => type), posts], [['prepare'], []]);
  keepers.drop(2);
  keepers.drop(1);
});

/** The keeper of the stage, as in the journal. */
const KEEPER: KeeperId = {
  ...{ pid: process.pid, startTime: statOf(process.pid)?.startTime ?? 0 },
  ...{ bootId: bootId(), nonce: NONCE },
  kind: 'ssh',
};
const LEFT = { why: 'ECONNREFUSED', passes: true } as const;

test('a run is stopped with the grace of the stop, whatever becomes of what it leaves behind', async (t) => {
  const { keepers, clock, log, told } = stage(t, LEFT);
  keepers.adopt({ ...RUN, leftovers: 'kill' }, 1, KEEPER);
  keepers.stop(1, ORDER);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(log.lines[0]?.['msg'], 'SSH keeper of a run cannot be reached');
  clock.advance(1_000);
  while (told.length === 0) await sleep(1);
  assert.deepEqual(told, [{ type: 'stop', run: 1, attempt: 1, nonce: NONCE, order: ORDER }]);
});

for (const [when, isLetGo] of [
  ['before it is let go has not run, and begins again', false],
  ['after it was let go is lost', true],
] as const) {
  test(`a run whose SSH keeper dies ${when}`, async (t) => {
    const [clock, log, posts]: [ManualClock, SpokenLog, CommandInput[]] = [
      new ManualClock(),
      new SpokenLog(),
      [],
    ];
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const link = { pid: child.pid ?? 0, send: () => {}, close: () => {} };
    let listener: Listener | undefined;
    const keepers = new SshKeepers({
      ...{ ...places(t, log), clock, log: log.pino },
      post: (input) => posts.push(input),
      open: async (_, __, heard) => {
        listener = heard;
        return link;
      },
    });
    await keepers.start(RUN, 1, PLAN);
    listener?.take({ type: 'ready', run: 1, attempt: 1, nonce: NONCE });
    if (isLetGo) keepers.go(1);
    child.kill('SIGKILL');
    await once(child, 'exit');
    listener?.closed();
    while (posts.length < 2) {
      await sleep(1);
      clock.advance(250);
    }
    const [kept, end] = posts;
    assert.equal(kept?.type, 'kept');
    if (isLetGo) assert.equal(end?.type, 'gone');
    else assert.ok(end?.type === 'reported' && !end.report.started);
  });
}

test('a run whose status cannot be read for a failing disk is not lost', (t) => {
  const own = directory(t);
  const keeper = {
    pid: 2 ** 30,
    startTime: 1,
    bootId: bootId(),
    nonce: NONCE,
    kind: 'ssh',
  } as const;
  const place = { directory: own, attempt: 1, keeper, isIdle: false, clock: new ManualClock() };
  const signs = { tells: () => true, leaves: () => [], unreadable: () => {} };
  assert.deepEqual(observe(place, signs), { kind: 'gone', rebooted: false, survivors: [] });
  // A path through a file fails like a bad disk: it shows neither a file nor its absence.
  writeFileSync(join(own, 'file'), '');
  const bad = { ...place, directory: join(own, 'file') };
  assert.deepEqual(observe(bad, signs), { kind: 'unknown', errno: 'ENOTDIR' });
});
