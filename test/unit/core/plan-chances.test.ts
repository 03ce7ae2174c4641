/** Random durations through the scheduler, compared with what follows from each of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeCatalog, type Target } from '../../../daemon/core/catalog.ts';
import { type ChanceOptions, planChances } from '../../../daemon/core/plan-chances.ts';
import { planRuns } from '../../../daemon/core/plan-runs.ts';
import type { Chances, TargetChances } from '../../../daemon/protocol/planned.ts';
import { targets } from '../../support/arbitraries.ts';
import { target } from '../../support/core.ts';

const FROM_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;
const SPAN = { fromMs: FROM_MS, untilMs: FROM_MS + 24 * HOUR_MS };
const PLAYS = 200;

function chances(
  catalog: readonly Target[],
  asked: readonly string[],
  pastMs: Readonly<Record<string, readonly number[]>>,
  more: Partial<ChanceOptions> = {},
): Chances {
  const requests = asked.map((name) => ({ atMs: FROM_MS, target: name }));
  const options = { ...SPAN, seed: 1, atMs: FROM_MS + 2 * HOUR_MS, plays: PLAYS };
  return planChances({ ...options, catalog: makeCatalog(catalog), requests, pastMs, ...more });
}

function of({ targets: all }: Chances, name: string): TargetChances {
  const found = all.find((it) => it.target === name);
  assert.ok(found, name);
  return found;
}

const disk = { type: 'cardinality', group: 'disk' } as const;
const TWO = [target('weekly', [disk]), target('daily', [disk], { maxWaitMs: 2.5 * HOUR_MS })];
const PAST = { weekly: [HOUR_MS, 3 * HOUR_MS], daily: [1_000] };

test('what follows from one of two durations has the chance of that duration', () => {
  const found = chances(TWO, ['weekly', 'daily'], PAST);
  const [weekly, daily] = [of(found, 'weekly'), of(found, 'daily')];
  assert.equal(found.plays, PLAYS);
  const long = weekly.running;
  assert.ok(long > 0.4 && long < 0.6, `${long}`);
  // About half of 200 plays have the long one: then daily waits at two, and expires at half past.
  assert.deepEqual([daily.waiting, daily.expired, daily.running], [long, long, 0]);
  assert.deepEqual([daily.startsLate, weekly.startsLate], [1 - long, 0].map(Number));
  assert.deepEqual(daily.waitMs, {
    ...{ medianMs: daily.waitMs.medianMs, slowMs: 2.5 * HOUR_MS, mostMs: 2.5 * HOUR_MS },
  });
  assert.deepEqual(weekly.endsAtMs?.mostMs, FROM_MS + 3 * HOUR_MS);
  assert.deepEqual(found.endsAtMs?.mostMs, FROM_MS + 3 * HOUR_MS);
});

test('the same seed draws the same, another one something else', () => {
  const ask = (seed: number): Chances => chances(TWO, ['weekly', 'daily'], PAST, { seed });
  assert.deepEqual(ask(7), ask(7));
  const shares = [1, 2, 3, 4, 5].map((seed) => of(ask(seed), 'weekly').running);
  assert.ok(new Set(shares).size > 1, `${shares}`);
});

test('a run that runs takes longer than it has, and what has ended is past', () => {
  const began = { askedAtMs: FROM_MS - 2 * HOUR_MS, startedAtMs: FROM_MS - 2 * HOUR_MS };
  const ended = { atMs: FROM_MS - HOUR_MS, verdict: 'failed' } as const;
  const found = chances(TWO, ['daily'], PAST, {
    atMs: FROM_MS + HOUR_MS - 1,
    runs: [
      { run: 1, target: 'daily', ...began, ended },
      { run: 2, target: 'weekly', ...began },
    ],
  });
  const { running, startsLate, endsAtMs } = of(found, 'weekly');
  assert.deepEqual([running, startsLate, endsAtMs?.mostMs], [1, 0, FROM_MS + HOUR_MS]);
  assert.deepEqual([of(found, 'daily').failed, of(found, 'daily').startsLate], [0, 1]);
});

test('refusals, timeouts and lateness are counted, once for each play', () => {
  const catalog = [
    target('a', [{ type: 'cardinality', whenFull: 'refuse' }], { timeoutMs: 500 }),
    target('b', [], { lateAfterMs: HOUR_MS }),
  ];
  const found = chances(catalog, ['a', 'a', 'a', 'x'], { a: [400, 600] });
  const a = of(found, 'a');
  assert.deepEqual([a.refused, of(found, 'x').refused, of(found, 'b').late], [1, 1, 1]);
  assert.ok(a.failed > 0.3 && a.failed < 0.7, `${a.failed}`);
});

test('more work than is allowed makes fewer plays, and says how many', () => {
  const asked = Array.from({ length: 20 }, () => 'daily');
  const all = chances(TWO, asked, PAST).plays;
  const some = chances(TWO, asked, PAST, { workMax: 10_000 }).plays;
  assert.ok(all === PLAYS && some > 0 && some < PLAYS, `${some} of ${all}`);
  const none = chances(TWO, asked, PAST, { workMax: 1 });
  assert.deepEqual([none.plays, none.targets.every(({ running }) => running === 0)], [0, true]);
});

test('where each target has one duration, every play is the plan', () => {
  const took = fc.array(fc.nat(8_000), { minLength: 6, maxLength: 6 });
  const asked = fc.array(fc.nat(5), { maxLength: 20 });
  fc.assert(
    fc.property(targets, asked, took, (catalog, numbers, all) => {
      const names = numbers.map((at) => `t${at}`);
      const tookMs = Object.fromEntries(all.map((ms, at) => [`t${at}`, ms]));
      const pastMs = Object.fromEntries(all.map((ms, at) => [`t${at}`, [ms]]));
      const requests = names.map((name) => ({ atMs: FROM_MS, target: name }));
      const plan = planRuns({ ...SPAN, catalog: makeCatalog(catalog), requests, tookMs });
      const found = chances(catalog, names, pastMs, { plays: 3 });
      const { endsAtMs } = found;
      const lastMs = plan.endsAtMs;
      const expected = { medianMs: lastMs, slowMs: lastMs, mostMs: lastMs };
      assert.deepEqual(endsAtMs, lastMs === undefined ? undefined : expected);
      for (const { target: name, expired, startsLate, waitMs } of found.targets) {
        const runs = plan.runs.filter((run) => run.target === name);
        assert.equal(expired, Number(runs.some(({ outcome }) => outcome === 'expired')), name);
        const waits = runs.flatMap(({ startedAtMs, endedAtMs, askedAtMs, outcome, attempts }) => {
          const untilMs = outcome === 'expired' ? endedAtMs : startedAtMs;
          return untilMs === undefined || attempts !== undefined ? [] : [untilMs - askedAtMs];
        });
        assert.ok(waitMs.mostMs >= Math.max(0, ...waits), name);
        if (startsLate === 0) assert.ok(waits.every((ms) => ms <= 60_000) || expired === 1, name);
      }
    }),
    { numRuns: 200 },
  );
});
