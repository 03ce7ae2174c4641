/**
 * What counts while the machine sleeps: how long a run has waited and how old a success is, but not
 * how long a command has run, nor times that are meant for processes.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Expected, forecast } from '../../../daemon/core/forecast.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { RECENT_MS } from '../../../daemon/core/retention.ts';
import { NO_WORLD } from '../../../daemon/core/world.ts';
import { runToEnd } from '../../../daemon/shared/cooperative.ts';
import { elapsedMs } from '../../../daemon/shared/elapsed.ts';
import type { RunId, Stamp } from '../../../daemon/shared/run.ts';
import { Core, EXIT_0, exit, replay, target } from '../../support/core.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DISK = [{ type: 'cardinality', group: 'disk' }] as const;

function pair(): { core: Core; first: RunId; second: RunId } {
  const core = new Core([target('first', DISK), target('second', DISK, { maxWaitMs: 2 * HOUR })]);
  const [first, second] = [core.ask('first'), core.ask('second')];
  core.advance(HOUR);
  return { core, first, second };
}

test('a run that waited while the machine slept has waited, and is given up', () => {
  const { core, first, second } = pair();
  core.sleep(HOUR - 1);
  core.advance(HOUR);
  core.expect(second, 'queued');
  core.advance(HOUR + 1);
  assert.deepEqual(core.expect(second, 'ended').outcome, { kind: 'expired', waitedMs: 2 * HOUR });
  core.expect(first, 'running');
});

test('a run whose turn comes before its deadline is looked at does not start after it', () => {
  const { core, first, second } = pair();
  core.sleep(5 * HOUR);
  core.end(first);
  assert.deepEqual(core.expect(second, 'ended').outcome, { kind: 'expired', waitedMs: 6 * HOUR });
});

test('a deadline that lies behind a sleep is found again by the next daemon', () => {
  for (const isCompacted of [false, true]) {
    const { core, second } = pair();
    core.sleep(5 * HOUR);
    if (isCompacted) core.compact();
    else core.restart();
    core.advance(core.nowMs);
    assert.equal(core.expect(second, 'ended').outcome.kind, 'expired');
  }
});

test('a request that is made after a sleep waits as long as any other', () => {
  const { core } = pair();
  core.sleep(5 * HOUR);
  const third = core.ask('second');
  core.advance(core.nowMs + 2 * HOUR - 1);
  assert.ok(core.state.runs.get(third)?.state === 'queued');
  core.advance(core.nowMs + 1);
  assert.equal(core.expect(third, 'ended').outcome.kind, 'expired');
});

test('a run that is joined after a sleep waits as long as the last request may', () => {
  const policies = [...DISK, { type: 'cardinality', whenFull: 'join' }] as const;
  const core = new Core([target('first', DISK), target('second', policies)]);
  core.ask('first');
  const ask = { type: 'submit', target: 'second', merged: true, maxWaitMs: HOUR } as const;
  core.send({ ...ask, token: 'before' });
  core.sleep(HOUR / 2);
  assert.deepEqual(core.send({ ...ask, token: 'after' }), { type: 'joined', run: 2 });
  core.sleep(HOUR - 1);
  core.advance(0);
  core.expect(2, 'queued');
  core.advance(1);
  assert.equal(core.expect(2, 'ended').outcome.kind, 'expired');
});

test('a timeout is the time that the command had, also where the machine slept in between', () => {
  const core = new Core([target('job', [], { timeoutMs: HOUR })]);
  const job = core.ask('job');
  core.advance(10 * MINUTE);
  core.sleep(5 * HOUR);
  core.advance(HOUR - 1);
  assert.equal(core.expect(job, 'running').stopping, undefined);
  core.advance(HOUR);
  assert.equal(core.expect(job, 'running').stopping?.why, 'timed-out');
});

test('how long a run took is the time that its command had', () => {
  const core = new Core([target('job')]);
  const job = core.ask('job');
  core.advance(10 * MINUTE);
  core.sleep(5 * HOUR);
  core.end(job);
  assert.deepEqual(core.state.targetStates.get('job')?.tookMs, [10 * MINUTE]);
});

test('a target becomes late over a sleep', () => {
  const core = new Core([
    target('daily', [], { lateAfterMs: 26 * HOUR, hooks: { onLate: 'tell' } }),
    target('tell'),
  ]);
  core.send({ type: 'configured' });
  core.end(core.ask('daily'));
  core.advance(HOUR);
  core.sleep(25 * HOUR - 1);
  core.advance(HOUR);
  assert.equal(core.state.targetStates.get('daily')?.late, false);
  core.advance(HOUR + 1);
  assert.equal(core.state.targetStates.get('daily')?.late, true);
  const [told] = core.runs('running');
  assert.match(told?.cause?.text ?? '', /no success for 1 d 2 h, longer than its lateAfter/);
});

test('a success before a sleep is as old as the sleep was long, however late it is told', () => {
  const core = new Core([target('job', [], { lateAfterMs: 26 * HOUR })]);
  core.send({ type: 'configured' });
  core.advance(HOUR);
  core.sleep(HOUR);
  const job = core.ask('job');
  core.advance(HOUR + 10 * MINUTE);
  const endedAtMs = core.nowMs;
  const wallMs = core.expect(job, 'running').started.wallMs + 10 * MINUTE;
  core.sleep(20 * HOUR);
  core.advance(endedAtMs + 250);
  const ended = { tookMs: 10 * MINUTE, steadyMs: endedAtMs, wallMs };
  core.end(job, { ...EXIT_0, ended });
  const at: Stamp = { steadyMs: endedAtMs, wallMs, asleepMs: HOUR };
  assert.deepEqual(core.state.targetStates.get('job')?.freshAt, at);
  core.advance(core.nowMs + 6 * HOUR - 251);
  assert.equal(core.state.targetStates.get('job')?.late, false);
  core.advance(core.nowMs + 1);
  assert.equal(core.state.targetStates.get('job')?.late, true);
});

test('a clock that is set while a run goes on makes it neither older nor younger', () => {
  for (const wallShiftMs of [-3 * HOUR, 3 * HOUR]) {
    const core = new Core([target('job')]);
    core.sleep(HOUR);
    const job = core.ask('job');
    core.advance(MINUTE);
    core.wallShiftMs += wallShiftMs;
    const wallMs = core.expect(job, 'running').started.wallMs + MINUTE + wallShiftMs;
    core.end(job, exit(0));
    const again = core.ask('job');
    core.end(again, { ...EXIT_0, ended: { tookMs: 0, steadyMs: MINUTE, wallMs } });
    for (const run of [job, again])
      assert.equal(elapsedMs(core.expect(run, 'ended').ended), HOUR + MINUTE);
  }
});

test('the journal tells of sleep only where there was one, and forgets none', () => {
  const { core, first } = pair();
  assert.doesNotMatch(JSON.stringify(core.events), /asleepMs/);
  core.sleep(5 * HOUR);
  core.end(first);
  const { ended } = core.expect(first, 'ended');
  assert.equal(ended.asleepMs, 5 * HOUR);
  const told = JSON.parse(JSON.stringify([...minimalHistory(core.state)]));
  assert.deepEqual(replay(told), core.state);
});

test('what gives processes time is not over because the machine slept', () => {
  const interval = (name: string) =>
    target(name, [{ type: 'rsnapshot', interval: name, order: ['low', 'high'], settle: '2s' }]);
  const core = new Core([interval('low'), interval('high')]);
  const low = core.ask('low');
  core.advance(500);
  core.sleep(8 * HOUR);
  core.advance(1_999);
  core.expect(low, 'queued');
  core.advance(2_000);
  core.expect(low, 'running');
});

test('output is kept for days on the calendar, and a while for clients that slept as well', () => {
  const core = new Core([target('job')]);
  const [old] = [core.ask('job'), core.ask('job'), core.ask('job')];
  for (const { run } of core.runs('running')) core.end(run);
  core.sleep(48 * HOUR);
  const retain = { type: 'retain', target: 'job', keep: { runs: 100, ms: 24 * HOUR } } as const;
  core.send(retain);
  assert.ok(core.state.runs.has(old ?? 0));
  core.advance(RECENT_MS);
  core.send(retain);
  assert.deepEqual([...core.state.runs.keys()], [3], 'the latest is always kept');
});

function expectedIn({ state, catalog, nowMs, asleepMs }: Core): ReadonlyMap<RunId, Expected> {
  const now: Stamp = { steadyMs: nowMs, wallMs: 0, asleepMs };
  return runToEnd(forecast({ state, catalog, now, worldAround: () => NO_WORLD }));
}

test('what is expected after a sleep is what is left to do, and no start after a deadline', () => {
  const core = new Core([target('first', DISK), target('second', DISK, { maxWaitMs: 8 * HOUR })]);
  core.end(core.ask('first'), exit(0));
  const warm = core.ask('first');
  core.advance(HOUR);
  core.end(warm);
  const [first, second, third] = [core.ask('first'), core.ask('second'), core.ask('second')];
  core.sleep(5 * HOUR);
  const expected = expectedIn(core);
  const usualMs = (expected.get(first)?.endMs ?? 0) - core.nowMs;
  assert.ok(usualMs > 0 && usualMs <= HOUR, `${usualMs}`);
  assert.equal(expected.get(second)?.startMs, core.nowMs + usualMs);
  assert.equal(expected.has(third), false, 'nobody knows how long the second takes');
  core.sleep(3 * HOUR);
  assert.equal(expectedIn(core).has(second), false);
});
