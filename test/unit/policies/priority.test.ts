/** The priority policy in examples: alone, with limits, and with other reasons to wait. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { apply } from '../../../daemon/core/apply.ts';
import { priority, RANK_MAX } from '../../../policies/priority.ts';
import { Core, type RawPolicy, target } from '../../support/core.ts';

const HOUR = 3_600_000;
const DISK: RawPolicy = { type: 'cardinality', group: 'disk' };

function rank(value: number, more: Omit<RawPolicy, 'type'> = {}): RawPolicy {
  return { type: 'priority', group: 'disk', rank: value, ...more };
}

/** A busy disk, and what waits for it: a low rank, one without, and higher ones. */
function busy(...more: Parameters<typeof target>[]): Core {
  const all = [
    target('busy', [DISK]),
    target('low', [DISK, rank(-5)]),
    target('none', [DISK]),
    target('mid', [DISK, rank(0)]),
    target('high', [DISK, rank(5)]),
  ];
  const core = new Core([...all, ...more.map((one) => target(...one))]);
  core.ask('busy');
  return core;
}

/** And "held", which ranks above them all and waits for a tape. */
function busyTape(): Core {
  const tape: RawPolicy = { type: 'cardinality', group: 'tape' };
  const core = busy(['held', [DISK, rank(9), tape]], ['tape', [tape]]);
  core.ask('tape');
  return core;
}

test('the highest rank starts first, even if it was requested later', () => {
  const core = busy();
  for (const name of ['low', 'mid', 'high']) core.ask(name);
  core.drain();
  assert.deepEqual(core.order(), ['busy', 'high', 'mid', 'low']);
});

test('equal ranks go in the order of their requests, and so do the runs of a target', () => {
  const core = busy(['other', [DISK, rank(5)]]);
  const runs = ['other', 'high', 'other', 'high'].map((name) => core.ask(name));
  core.drain();
  const started = core.events.flatMap((event) => (event.type === 'started' ? event.run : []));
  assert.deepEqual(started.slice(1), runs);
});

test('no younger run goes before one that has no rank', () => {
  for (const [asked, order] of [
    [
      ['none', 'low', 'high'],
      ['none', 'high', 'low'],
    ],
    // The low one goes behind the high one, which stays behind what was requested before it.
    [
      ['low', 'none', 'high'],
      ['none', 'high', 'low'],
    ],
  ] as const) {
    const core = busy();
    for (const name of asked) core.ask(name);
    core.drain();
    assert.deepEqual(core.order(), ['busy', ...order]);
  }
});

test('runs without a rank do not starve behind those of a high one', () => {
  const core = busy();
  core.ask('low');
  const none = core.ask('none');
  core.ask('high');
  core.end(1);
  core.expect(none, 'running');
});

test('a higher rank that cannot start does not lend its place to an outsider', () => {
  const core = busyTape();
  const low = core.ask('low');
  core.ask('none');
  core.ask('held');
  core.end(1);
  core.expect(low, 'running');
});

test('which run starts first does not depend on which group is looked at first', () => {
  const tape: RawPolicy = { type: 'cardinality', group: 'tape' };
  for (const first of ['low', 'older', 'high']) {
    const core = new Core(
      [target('low', [rank(0)]), target('older', [tape]), target('high', [rank(5), tape])],
      { manualKeepers: true },
    );
    core.send({ type: 'pause', all: true });
    const [low, older, high] = ['low', 'older', 'high'].map((name) => core.ask(name));
    apply(core.state, { type: 'resumed', all: true });
    for (const name of [first, 'low', 'older', 'high']) core.touch(name);
    core.expect(low ?? 0, 'starting');
    core.expect(older ?? 0, 'starting');
    core.expect(high ?? 0, 'queued');
  }
});

test('a higher rank that something else holds back keeps no place empty', () => {
  const core = busyTape();
  const held = core.ask('held');
  const low = core.ask('low');
  core.end(1);
  core.expect(low, 'running');
  core.expect(held, 'queued');
});

test('a rank makes nobody wait where there is room', () => {
  const core = new Core([target('low', [rank(-5)]), target('high', [rank(5)])]);
  core.send({ type: 'pause', target: 'high' });
  core.ask('high');
  core.expect(core.ask('low'), 'running');
});

test('why names who goes first, and that waiting has lifted a run', () => {
  const core = busy();
  const low = core.ask('low');
  core.advance(3 * HOUR);
  core.ask('mid');
  core.ask('high');
  assert.deepEqual(core.why(low), [
    'waits for run 1 (busy), which is running (group "disk")',
    'run 4 (high) goes first, by rank 5 over rank -2 (-5, and 3 for its wait)',
  ]);
  core.send({ type: 'pause', target: 'high' });
  assert.equal(
    core.why(low)[1],
    'run 3 (mid) goes first, by rank 0 over rank -2 (-5, and 3 for its wait)',
  );
});

test('waiting lifts a run by a rank an hour, asleep or awake, so that it starts at last', () => {
  const core = busy();
  const low = core.ask('low');
  let running = 1;
  for (let hours = 1; hours <= 9; hours++) {
    if (hours === 4) core.sleep(HOUR);
    else core.advance(core.nowMs + HOUR);
    const high = core.ask('high');
    core.end(running);
    core.expect(high, 'running');
    running = high;
  }
  // Ten hours have lifted it from -5 to 5, and it was requested first.
  core.advance(core.nowMs + HOUR);
  core.ask('high');
  core.end(running);
  core.expect(low, 'running');
});

test('nothing wakes the daemon for a rank', () => {
  const core = busy();
  core.ask('low');
  core.ask('high');
  assert.deepEqual(core.timers, []);
});

test('a rank has a limit, on both sides', () => {
  const takes = (value: number): boolean => v.safeParse(priority.options, rank(value)).success;
  assert.deepEqual([RANK_MAX, -RANK_MAX].map(takes), [true, true]);
  assert.deepEqual([RANK_MAX + 1, -RANK_MAX - 1, 0.5].map(takes), [false, false, false]);
});
