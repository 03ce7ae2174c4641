/**
 * Daemons, keepers and machines that die: no run is lost, none runs twice, no exit status is wrong,
 * and no other process is harmed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Event } from '../../daemon/core/event.ts';
import { Journal } from '../../daemon/journal/journal.ts';
import type { Reply } from '../../daemon/protocol/request.ts';
import type { KeeperId, RunId } from '../../daemon/shared/run.ts';
import { bootId, statOf } from '../../daemon/system/proc.ts';
import { type Puppet, Puppets } from '../support/puppet.ts';
import { Rig, type Session } from '../support/rig.ts';

/** `free` has no policies, `one` runs one at a time. */
async function stage(t: TestContext): Promise<{ rig: Rig; puppets: Puppets }> {
  const puppets = await Puppets.open();
  const rig = new Rig();
  t.after(async () => {
    await rig.close();
    puppets.close();
  });
  const target = (name: string, more: object = {}) => ({
    runner: { type: 'local', args: puppets.args(name) },
    ...more,
  });
  const alone = { policies: [{ type: 'cardinality' }] };
  rig.configure({
    targets: {
      free: target('free'),
      one: target('one', alone),
      brief: target('brief', { timeout: '5s', killAfter: '100ms' }),
      stubborn: target('stubborn', { killAfter: '200ms', ...alone }),
    },
  });
  return { rig, puppets };
}

/** Kills the daemon and starts another. */
async function revive(rig: Rig): Promise<Session> {
  assert.equal(await rig.end('SIGKILL'), 'SIGKILL');
  await rig.boot();
  return await rig.open();
}

async function submit(session: Session, target: string): Promise<RunId> {
  return (await session.ask({ type: 'run', target }, 'accepted')).run;
}

async function waitFor(session: Session, run: RunId) {
  return await session.ask({ type: 'wait', run }, 'ended');
}

async function keeperOf(session: Session, run: RunId): Promise<number> {
  const { targets } = await session.ask({ type: 'status' }, 'status');
  const view = targets.flatMap(({ active }) => active).find((active) => active.run === run);
  assert.ok(view?.pid !== undefined);
  return view.pid;
}

function outputOf(replies: readonly Reply[]): string {
  return replies
    .map((reply) =>
      reply.type === 'output' ? Buffer.from(reply.data, reply.encoding ?? 'utf8') : '',
    )
    .join('');
}

/** Writes a journal as an earlier daemon would have left it. */
function leave(rig: Rig, events: readonly Event[]): void {
  mkdirSync(rig.state, { recursive: true });
  const opened = Journal.open(rig.state, () => {});
  assert.ok(opened.ok);
  assert.ok(opened.value.journal.append(events).ok);
  opened.value.journal.close();
}

const at = { steadyMs: 1_000, wallMs: 1_700_000_000_000 };

const accepted = (run: RunId, target: string): Event => ({
  type: 'accepted',
  run,
  target,
  at,
  token: `token ${run}`,
  merged: true,
});

const running = (run: RunId, target: string, keeper: KeeperId): readonly Event[] => [
  accepted(run, target),
  { type: 'starting', run, attempt: 1, at, groups: [`cardinality:target ${target}`] },
  { type: 'started', run, attempt: 1, at, keeper },
];

test('a run outlives its daemon: it runs once, and who waits gets every byte and the true code', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const first = await rig.open();
  const id = first.send({ type: 'run', target: 'free', wait: true });
  const { run } = await first.reply('accepted', id);
  const puppet = await puppets.next();
  await puppet.print('out', 'one ');
  await first.reply('output', id);
  const second = await revive(rig);
  await puppet.print('out', 'two ');
  const offset = Buffer.byteLength(outputOf(first.replies));
  const waiting = second.send({ type: 'wait', run, from: { out: offset, err: 0 } });
  await second.reply('output', waiting);
  await puppet.print('out', 'three');
  puppet.exit(97);
  const { exit, outcome } = await second.reply('ended', waiting);
  assert.deepEqual([exit, outcome], [97, { kind: 'exited', code: 97 }]);
  assert.equal(outputOf([...first.replies, ...second.replies]), 'one two three');
  assert.deepEqual(puppets.order, ['free']);
});

test('a real client waits through two deaths of the daemon and exits as the command did', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const { ended } = rig.client(['run', 'free', '--wait']);
  const puppet = await puppets.next();
  for (const word of ['a', 'b']) {
    await puppet.print('out', word);
    await revive(rig);
  }
  await puppet.print('out', 'c');
  puppet.exit(41);
  const { status, text, errors } = await ended;
  assert.deepEqual([status, text, errors], [41, 'abc', '']);
  assert.deepEqual(puppets.order, ['free']);
});

test('a run that ended while there was no daemon is found, with its code', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const run = await submit(await rig.open(), 'free');
  const puppet = await puppets.next();
  await rig.end('SIGKILL');
  await puppet.print('out', 'last words');
  puppet.exit(17);
  await puppet.gone();
  await rig.boot();
  const session = await rig.open();
  assert.equal((await waitFor(session, run)).exit, 17);
  assert.equal(outputOf(session.replies), 'last words');
});

test('a run that was killed while there was no daemon is found, with its signal', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const run = await submit(await rig.open(), 'free');
  const puppet = await puppets.next();
  await rig.end('SIGKILL');
  puppet.die('KILL');
  await puppet.gone();
  await rig.boot();
  const { outcome } = await waitFor(await rig.open(), run);
  assert.deepEqual(outcome, { kind: 'signalled', signal: 9, core: false });
});

test('runs that wait keep their order, and a living run holds its place', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const session = await rig.open();
  const runs: RunId[] = [];
  for (let count = 0; count < 5; count++) runs.push(await submit(session, 'one'));
  let puppet = await puppets.next();
  for (const [index, run] of runs.entries()) {
    const fresh = await revive(rig);
    const { targets } = await fresh.ask({ type: 'status' }, 'status');
    const one = targets.find(({ target }) => target === 'one');
    assert.deepEqual(
      [one?.active.map((view) => view.run), one?.queued.map((view) => view.run)],
      [[run], runs.slice(index + 1)],
    );
    assert.equal(puppet.run, run);
    assert.equal(puppets.unasked, 0, 'nothing starts beside it');
    puppet.exit(index);
    assert.equal((await waitFor(fresh, run)).exit, index);
    if (index < runs.length - 1) puppet = await puppets.next();
  }
  assert.equal(puppets.order.length, 5);
});

test('a run whose keeper is killed is lost soon, and holds its place while a process of it lives', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const session = await rig.open();
  const run = await submit(session, 'one');
  const next = await submit(session, 'one');
  const puppet = await puppets.next();
  const keeper = await keeperOf(session, run);
  const lost = waitFor(session, run);
  const killedAtMs = performance.now();
  process.kill(keeper, 'SIGKILL');
  const { outcome, exit } = await lost;
  const tookMs = performance.now() - killedAtMs;
  assert.ok(tookMs < 20_000, `${tookMs} ms`);
  assert.deepEqual([outcome, exit], [{ kind: 'lost' }, 125]);
  await held(session, { run, next, puppet });
  const fresh = await revive(rig);
  await held(fresh, { run, next, puppet });
  puppet.exit(0);
  const second = await puppets.next();
  assert.equal(second.run, next);
  second.exit(3);
  assert.equal((await waitFor(fresh, next)).exit, 3);
});

/** `next` waits for the lost `run`, and `why` names the process in the way. */
async function held(
  session: Session,
  { run, next, puppet }: { run: RunId; next: RunId; puppet: Puppet },
): Promise<void> {
  const { chain } = await session.ask({ type: 'why', of: next }, 'why');
  assert.deepEqual(
    chain.map((view) => [view.run, view.state, view.heldBy]),
    [
      [next, 'queued', undefined],
      [run, 'ended', [puppet.pid]],
    ],
  );
  assert.match(chain[0]?.reasons?.[0] ?? '', /was lost but still has processes/);
}

test('a run whose keeper is killed while there is no daemon is lost, and holds its place as well', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const before = await rig.open();
  const run = await submit(before, 'one');
  const next = await submit(before, 'one');
  const puppet = await puppets.next();
  const keeper = await keeperOf(before, run);
  await rig.end('SIGKILL');
  process.kill(keeper, 'SIGKILL');
  await rig.boot();
  const session = await rig.open();
  assert.equal((await waitFor(session, run)).exit, 125);
  await held(session, { run, next, puppet });
  puppet.exit(0);
  const second = await puppets.next();
  assert.equal(second.run, next);
  second.exit(0);
  await waitFor(session, next);
});

test('a run whose keeper and processes are all killed is lost and gives its place back', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const before = await rig.open();
  const run = await submit(before, 'one');
  const next = await submit(before, 'one');
  const puppet = await puppets.next();
  const keeper = await keeperOf(before, run);
  await rig.end('SIGKILL');
  process.kill(keeper, 'SIGKILL');
  puppet.die('KILL');
  await puppet.gone();
  await rig.boot();
  const session = await rig.open();
  assert.equal((await waitFor(session, run)).outcome.kind, 'lost');
  (await puppets.next()).exit(0);
  assert.equal((await waitFor(session, next)).exit, 0);
});

for (const stopping of [false, true]) {
  const what = stopping ? 'that is being stopped ' : '';
  test(`a run ${what}whose keeper's pid is a stranger's by now is lost, and the stranger is left alone`, async (t) => {
    const { rig, puppets } = await stage(t);
    // The leader of a session with a child in it, like a shell or a daemon.
    const [command, ...args] = puppets.args('stranger');
    const child = spawn(command, args, { detached: true, stdio: 'ignore', env: {} });
    const stranger = await puppets.next();
    t.after(() => stranger.exit(0));
    await stranger.tell(`spawn exec perl ${args[0]} ${puppets.socket} offspring`);
    const offspring = await puppets.next();
    t.after(() => offspring.exit(0));
    assert.equal(child.pid, stranger.pid);
    const startTime = (statOf(stranger.pid)?.startTime ?? 0) - 1;
    leave(rig, [
      { type: 'booted', bootId: bootId(), offsetMs: 0 },
      ...running(1, 'stubborn', { pid: stranger.pid, startTime, bootId: bootId() }),
      ...(stopping ? [{ type: 'stopping', run: 1, at, why: 'cancelled' } as const] : []),
      accepted(2, 'stubborn'),
    ]);
    await rig.boot();
    const session = await rig.open();
    assert.equal((await waitFor(session, 1)).outcome.kind, 'lost');
    const puppet = await puppets.next();
    assert.equal(puppet.run, 2, 'no stranger holds a place');
    puppet.exit(0);
    await waitFor(session, 2);
    assert.equal(await stranger.tell('umask'), await offspring.tell('umask'), 'both live');
  });
}

test('a place that processes of a lost run held is not held by strangers who have their pids by now', async (t) => {
  const { rig, puppets } = await stage(t);
  const keeper = { pid: 2 ** 22 - 1, startTime: 1, bootId: bootId() };
  const lost = (heldStarts: object): Event => ({
    type: 'ended',
    run: 1,
    at,
    outcome: { kind: 'lost' },
    verdict: 'failed',
    heldBy: [process.pid],
    ...heldStarts,
  });
  leave(rig, [
    { type: 'booted', bootId: bootId(), offsetMs: 0 },
    ...running(1, 'one', keeper),
    lost({ heldStarts: [(statOf(process.pid)?.startTime ?? 0) - 1] }),
    accepted(2, 'one'),
  ]);
  await rig.boot();
  const puppet = await puppets.next();
  assert.equal(puppet.run, 2);
  puppet.exit(0);
  await waitFor(await rig.open(), 2);
});

test('after a reboot, what ran was interrupted, what was starting starts, and no place is held', async (t) => {
  const { rig, puppets } = await stage(t);
  const keeper = {
    pid: process.pid,
    startTime: statOf(process.pid)?.startTime ?? 0,
    bootId: 'old',
  };
  const offsetMs = Date.now() + 86_400_000; // steady time continues from there
  leave(rig, [
    { type: 'booted', bootId: 'old', offsetMs },
    ...running(1, 'free', keeper),
    ...running(2, 'stubborn', keeper),
    { type: 'stopping', run: 2, at, why: 'timed-out' },
    ...running(3, 'one', keeper),
    {
      type: 'ended',
      run: 3,
      at,
      outcome: { kind: 'lost' },
      verdict: 'failed',
      heldBy: [process.pid],
      heldStarts: [0],
    },
    accepted(4, 'free'),
    { type: 'starting', run: 4, attempt: 1, at, groups: [] },
    accepted(5, 'one'),
  ]);
  await rig.boot();
  const session = await rig.open();
  for (const run of [1, 2]) {
    const { outcome, exit, text } = await waitFor(session, run);
    assert.deepEqual([outcome, exit], [{ kind: 'interrupted' }, 125]);
    assert.match(text, /the machine was restarted/);
  }
  const [one, two] = [await puppets.next(), await puppets.next()];
  assert.deepEqual([one.run, two.run].sort(), [4, 5]);
  for (const puppet of [one, two]) puppet.exit(puppet.run);
  for (const run of [4, 5]) assert.equal((await waitFor(session, run)).exit, run);
});

test('a timeout goes on counting over a restart', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const run = await submit(await rig.open(), 'brief');
  const puppet = await puppets.next();
  const session = await revive(rig);
  const { exit, outcome } = await waitFor(session, run);
  assert.deepEqual([exit, outcome.kind], [124, 'timed-out']);
  await puppet.gone();
});

test('a timeout that came due while there was no daemon ends the run after the restart', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const session = await rig.open();
  const run = await submit(session, 'brief');
  const puppet = await puppets.next();
  const { targets } = await session.ask({ type: 'status' }, 'status');
  const startedAtMs = targets.flatMap(({ active }) => active)[0]?.startedAtMs ?? 0;
  await rig.end('SIGKILL');
  while (Date.now() < startedAtMs + 5_050) await puppet.tell('umask');
  await rig.boot();
  assert.equal((await waitFor(await rig.open(), run)).exit, 124);
});

test('a run that another daemon started can be cancelled', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const run = await submit(await rig.open(), 'free');
  await puppets.next();
  const session = await revive(rig);
  await session.ask({ type: 'cancel', of: run }, 'done');
  const { exit, outcome } = await waitFor(session, run);
  assert.deepEqual([exit, outcome], [143, { kind: 'cancelled', signal: 15 }]);
});

test('a run that was being stopped when the daemon died is killed by the next', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const before = await rig.open();
  const run = await submit(before, 'stubborn');
  const puppet = await puppets.next();
  await puppet.tell('trap TERM ignore');
  await before.ask({ type: 'cancel', of: run }, 'done');
  const session = await revive(rig);
  const { exit, outcome } = await waitFor(session, run);
  assert.deepEqual([exit, outcome], [137, { kind: 'cancelled', signal: 9 }]);
  await puppet.gone();
});

test('a second cancel is heard and changes nothing', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const session = await rig.open();
  const run = await submit(session, 'stubborn');
  const puppet = await puppets.next();
  await puppet.tell('trap TERM ignore');
  for (let time = 0; time < 2; time++) {
    const { runs } = await session.ask({ type: 'cancel', of: run }, 'done');
    assert.deepEqual(runs, [run]);
  }
  assert.equal((await waitFor(session, run)).exit, 137);
  const { runs } = await session.ask({ type: 'cancel', of: run }, 'done');
  assert.deepEqual(runs, [], 'what has ended cannot be cancelled');
  const about = rig.journal().filter((event) => event['run'] === run);
  assert.deepEqual(
    about.map(({ type }) => type),
    ['accepted', 'starting', 'started', 'stopping', 'ended'],
  );
});

for (const restart of [false, true]) {
  const when = restart ? ' and the daemon is killed' : '';
  test(`a run whose directory is removed${when} still ends with its true code`, async (t) => {
    const { rig, puppets } = await stage(t);
    await rig.boot();
    let session = await rig.open();
    const run = await submit(session, 'one');
    const next = await submit(session, 'one');
    const puppet = await puppets.next();
    rmSync(join(rig.state, 'runs', String(run)), { recursive: true });
    if (restart) session = await revive(rig);
    puppet.exit(55);
    assert.equal((await waitFor(session, run)).exit, 55);
    (await puppets.next()).exit(0);
    assert.equal((await waitFor(session, next)).exit, 0);
  });
}

test('a run of which the whole state directory of runs is removed is lost, and the next one starts', async (t) => {
  const { rig, puppets } = await stage(t);
  await rig.boot();
  const session = await rig.open();
  const run = await submit(session, 'one');
  const next = await submit(session, 'one');
  const puppet = await puppets.next();
  rmSync(join(rig.state, 'runs'), { recursive: true });
  puppet.exit(0);
  assert.equal((await waitFor(session, run)).exit, 125);
  (await puppets.next()).exit(0);
  assert.equal((await waitFor(session, next)).exit, 0);
});
