/** What is usual for a target, and the resulting estimate for a running run. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apply } from '../../../daemon/core/apply.ts';
import { expectedMs, paceOf, usualOf } from '../../../daemon/core/estimate.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { TOOK_MAX } from '../../../daemon/core/state.ts';
import { Core, exit, replay, stamp, target } from '../../support/core.ts';

const durations = fc.array(fc.nat(100_000_000), { minLength: 1, maxLength: TOOK_MAX });

test('the usual duration is the median, its range the middle half', () => {
  assert.equal(usualOf([]), undefined);
  assert.deepEqual(usualOf([7]), { medianMs: 7, lowMs: 7, highMs: 7, slowMs: 7, runs: 1 });
  const known = usualOf([50, 10, 30, 20, 40]);
  assert.deepEqual(known, { medianMs: 30, lowMs: 20, highMs: 40, slowMs: 46, runs: 5 });
  const two = { medianMs: 15, lowMs: 13, highMs: 18, slowMs: 19, runs: 2 };
  assert.deepEqual(usualOf([10, 20]), two);
});

test('one run out of many that took for ever does not change what is usual', () => {
  assert.equal(usualOf([60, 61, 62, 63, 1_000_000])?.medianMs, 62);
});

test('the usual duration lies within its range, the range within what was seen, in any order', () => {
  fc.assert(
    fc.property(durations, (tookMs) => {
      const usual = usualOf(tookMs);
      assert.ok(usual);
      const { lowMs, medianMs, highMs, slowMs = 0 } = usual;
      const most = Math.max(...tookMs);
      const inOrder = [Math.min(...tookMs), lowMs, medianMs, highMs, slowMs, most];
      assert.deepEqual(
        inOrder,
        inOrder.toSorted((a, b) => a - b),
      );
      assert.ok(inOrder.every(Number.isInteger));
      assert.deepEqual(usualOf(tookMs.toReversed()), usual);
    }),
  );
});

test('a run is expected to end later than now, and the later the longer it has been running', () => {
  fc.assert(
    fc.property(durations, fc.nat(100_000_000), fc.nat(1_000_000), (tookMs, elapsedMs, moreMs) => {
      const whole = expectedMs(tookMs, elapsedMs);
      const later = expectedMs(tookMs, elapsedMs + moreMs);
      if (whole === undefined) assert.ok(Math.max(...tookMs) <= elapsedMs);
      else assert.ok(whole > elapsedMs && whole <= Math.max(...tookMs));
      if (later !== undefined) assert.ok(whole !== undefined && later >= whole);
    }),
  );
});

test('a run is called slow or fast only beyond the range and by half', () => {
  const usual = { medianMs: 100, lowMs: 90, highMs: 200, runs: 9 };
  const cases: readonly [tookMs: number, isOver: boolean, pace: string | undefined][] = [
    [100, true, 'usual'],
    [160, true, 'usual'],
    [201, true, 'slower'],
    [201, false, 'slower'],
    [50, true, 'faster'],
    [80, true, 'usual'],
    [50, false, undefined],
    [150, false, undefined],
  ];
  for (const [tookMs, isOver, pace] of cases) assert.equal(paceOf(usual, tookMs, isOver), pace);
  assert.equal(paceOf({ ...usual, runs: 2 }, 1_000_000, true), undefined);
});

test('the durations of the last successes are known, also when the runs are forgotten', () => {
  const core = new Core([target('a', [], { warnExit: [2] })]);
  const take = (ms: number, code: number) => {
    const run = core.ask('a');
    core.advance(core.nowMs + ms);
    core.end(run, exit(code));
  };
  const known = () => core.state.targetStates.get('a')?.tookMs;
  take(10, 0);
  take(20, 2);
  take(30, 1);
  core.send({ type: 'cancel', runs: [core.ask('a')] });
  assert.deepEqual(known(), [10, 20], 'a warning is a success, a failure is none');
  core.advance(400_000);
  take(40, 0);
  core.advance(800_000);
  core.send({ type: 'retain', target: 'a', keep: { runs: 1 } });
  assert.equal(core.runs('ended').length, 1);
  assert.deepEqual(known(), [10, 20, 40]);
  core.compact();
  assert.deepEqual(known(), [10, 20, 40]);
  for (let ms = 100; ms < 100 + TOOK_MAX; ms++) take(ms, 0);
  assert.deepEqual([known()?.length, known()?.[0], known()?.at(-1)], [TOOK_MAX, 100, 119]);
});

test('how many runs ended how is counted on, whatever is forgotten and however often compacted', () => {
  const core = new Core([target('a', [], { warnExit: [2] })]);
  const counts = () => core.state.targetStates.get('a')?.counts;
  for (const code of [0, 2, 1, 0]) core.end(core.ask('a'), exit(code));
  core.lose(core.ask('a'));
  const expected = [
    { outcome: 'exited', verdict: 'ok', runs: 2 },
    { outcome: 'exited', verdict: 'warning', runs: 1 },
    { outcome: 'exited', verdict: 'failed', runs: 1 },
    { outcome: 'lost', verdict: 'failed', runs: 1 },
  ];
  assert.deepEqual(counts(), expected);
  core.compact();
  assert.deepEqual(counts(), expected, 'what the journal still tells of is not counted twice');
  core.advance(400_000);
  core.send({ type: 'retain', target: 'a', keep: { runs: 1 } });
  assert.equal(core.runs('ended').length, 1);
  core.compact();
  assert.deepEqual(counts(), expected);
  core.end(core.ask('a'), exit(0));
  assert.deepEqual(counts()?.[0], { outcome: 'exited', verdict: 'ok', runs: 3 });
});

test('a compacted journal that names durations has the last word on them', () => {
  const core = new Core([target('a')]);
  core.end(core.ask('a'));
  const tookMs = Array.from({ length: TOOK_MAX + 5 }, (_, ms) => ms);
  apply(core.state, { type: 'remembered', target: 'a', tookMs });
  assert.deepEqual(core.state.targetStates.get('a')?.tookMs, tookMs.slice(-TOOK_MAX));
  assert.deepEqual(replay(minimalHistory(core.state)), core.state);
});

test('a clock that went back does not make a duration negative', () => {
  const core = new Core([target('a')]);
  core.advance(50);
  const run = core.ask('a');
  const outcome = { kind: 'exited', code: 0 } as const;
  apply(core.state, { type: 'ended', run, at: stamp(10), outcome, verdict: 'ok' });
  assert.deepEqual(core.state.targetStates.get('a')?.tookMs, [0]);
});
