/** The plan, compared with the scheduler driven by the same requests and durations. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeCatalog, type Target } from '../../../daemon/core/catalog.ts';
import { BEYOND_MS_MAX } from '../../../daemon/core/plan-play.ts';
import { type PlannedRuns, WAITS_MAX } from '../../../daemon/core/plan-rows.ts';
import { planRuns } from '../../../daemon/core/plan-runs.ts';
import { NO_WORLD, type World } from '../../../daemon/core/world.ts';
import type { PlanInput } from '../../../daemon/protocol/planned.ts';
import type { Stamp } from '../../../daemon/shared/run.ts';
import { targets } from '../../support/arbitraries.ts';
import { Core, EXIT_0, target } from '../../support/core.ts';

/** A Tuesday, 22:13:20 in UTC: the windows of random catalogs are around that time. */
const FROM_MS = 1_700_000_000_000;
const HOUR_MS = 3_600_000;

type Asked = readonly [afterMs: number, target: string];

function plan(
  catalog: readonly Target[],
  asked: readonly Asked[],
  tookMs: Readonly<Record<string, number>>,
  more: Partial<PlanInput> & { readonly workMax?: number } = {},
): PlannedRuns {
  const requests = asked.map(([ms, name]) => ({ atMs: FROM_MS + ms, target: name }));
  const span = { fromMs: FROM_MS, untilMs: FROM_MS + 24 * HOUR_MS };
  return planRuns({ catalog: makeCatalog(catalog), ...span, requests, tookMs, ...more });
}

/** A run as target, requested, started and ended, in ms after the beginning. */
function times({ runs }: PlannedRuns): readonly (readonly unknown[])[] {
  const after = (ms: number | undefined): number | undefined => ms && ms - FROM_MS;
  return runs.map((run) => [
    ...[run.target, after(run.askedAtMs), after(run.startedAtMs), after(run.endedAtMs)],
  ]);
}

const level = (interval: string) => ({ type: 'rsnapshot', interval }) as const;
const disk = (more: object = {}) => ({ type: 'cardinality', group: 'disk', ...more }) as const;

test('intervals of the same minute run highest first, and say whom they wait for', () => {
  const names = ['daily', 'weekly', 'monthly'];
  const catalog = [...names, 'yearly'].map((name) => target(name, [level(name)]));
  const asked = names.map((name): Asked => [0, name]);
  const planned = plan(catalog, asked, { daily: 1_000, weekly: 200, monthly: 30 });
  assert.deepEqual(times(planned), [
    ['daily', 0, 2_230, 3_230],
    ['weekly', 0, 2_030, 2_230],
    ['monthly', 0, 2_000, 2_030],
  ]);
  const waits = planned.runs[0]?.waits?.map(({ fromMs, behind }) => [fromMs - FROM_MS, behind]);
  assert.deepEqual(waits?.slice(-2), [
    [2_000, ['monthly']],
    [2_030, ['weekly']],
  ]);
  assert.equal(planned.endsAtMs, FROM_MS + 3_230);
  assert.deepEqual([planned.unknown, planned.refused, planned.late], [[], [], []]);
});

test('what is refused, ignored, shared, unknown, given up or too long is told of', () => {
  const catalog = [
    target('a', [{ type: 'cardinality', whenFull: 'refuse' }], { timeoutMs: 500 }),
    target('b', [{ type: 'cardinality', whenFull: 'ignore' }]),
    target('c', [{ type: 'cardinality', whenFull: 'join' }]),
    target('d', [disk()]),
    target('e', [disk()], { maxWaitMs: 100 }),
  ];
  const asked = ['a', 'a', 'b', 'b', 'c', 'c', 'd', 'e', 'x'].map((name): Asked => [5, name]);
  const planned = plan(catalog, asked, { a: 1_000, b: 10, d: 300, e: 1 });
  const refused = planned.refused.map((it) => [it.target, it.isIgnored === true]);
  assert.deepEqual(refused, [
    ['a', false],
    ['b', true],
    ['x', false],
  ]);
  assert.deepEqual(times(planned), [
    ['a', 5, 5, 505],
    ['b', 5, 5, 15],
    ['c', 5, 5, 5],
    ['d', 5, 5, 305],
    ['e', 5, undefined, 105],
  ]);
  const outcomes = planned.runs.map(({ outcome, verdict }) => `${outcome} ${verdict}`);
  assert.equal(outcomes[0], 'timed-out failed');
  assert.equal(outcomes[4], 'expired failed');
  assert.equal(planned.runs[2]?.joined, 1);
  assert.deepEqual(planned.unknown, ['c']);
});

test('retries after a timeout, hooks and lateness are part of the plan', () => {
  const retry = { attempts: 2, delayMs: 100, growth: 1, on: ['timed-out'] };
  const catalog = [
    target('a', [], { timeoutMs: 50, retry, hooks: { onFailure: 'tell' }, lateAfterMs: HOUR_MS }),
    target('tell', []),
  ];
  const planned = plan(catalog, [[0, 'a']], { a: 70, tell: 3 });
  assert.deepEqual(times(planned), [
    ['a', 0, 150, 200],
    ['tell', 200, 200, 203],
  ]);
  assert.equal(planned.runs[0]?.attempts, 2);
  assert.deepEqual(planned.runs[1]?.hookOf, { target: 'a', why: 'failure' });
  assert.deepEqual(planned.late, [{ target: 'a', atMs: FROM_MS + HOUR_MS }]);
});

test('what runs, waits and is paused now comes first, and the past counts', () => {
  const catalog = [
    target('a', [disk()]),
    target('b', [disk()]),
    target('c', [{ type: 'spacing', least: '1h' }], { lateAfterMs: 2 * HOUR_MS }),
    target('d'),
    target('e'),
  ];
  const ended = {
    atMs: FROM_MS - 100,
    verdict: 'ok',
  } as const;
  const planned = plan(
    catalog,
    [
      [0, 'c'],
      [0, 'd'],
    ],
    { a: 1_000, b: 5, c: 7, d: 1 },
    {
      runs: [
        { run: 9, target: 'e', askedAtMs: FROM_MS - 300, startedAtMs: FROM_MS - 300, ended },
        { run: 12, target: 'b', askedAtMs: FROM_MS - 50 },
        { run: 11, target: 'a', askedAtMs: FROM_MS - 400, startedAtMs: FROM_MS - 400 },
        { run: 10, target: 'c', askedAtMs: FROM_MS - 200, startedAtMs: FROM_MS - 200, ended },
      ],
      pauses: [{ target: 'd', untilMs: FROM_MS + 9_000 }],
      freshAtMs: { c: FROM_MS - 100 },
    },
  );
  assert.deepEqual(times(planned), [
    ['a', -400, -400, 600],
    ['b', -50, 600, 605],
    ['c', 0, HOUR_MS - 200, HOUR_MS - 193],
    ['d', 0, 9_000, 9_001],
  ]);
  assert.deepEqual(planned.late, [{ target: 'c', atMs: FROM_MS + 3 * HOUR_MS - 193 }]);
  assert.deepEqual(planned.unknown, [], 'nothing of e is planned');
});

test('present runs keep their own time to be given up, and the time of their next attempt', () => {
  const retry = { attempts: 3, delayMs: 100, growth: 1, on: ['timed-out'], withinMs: 1_000 };
  const catalog = [target('a', [], { timeoutMs: 50, retry }), target('b'), target('c', [disk()])];
  const known = { askedAtMs: FROM_MS - 500 };
  const planned = plan(
    catalog,
    [],
    { a: 70, b: 1, c: 900 },
    {
      runs: [
        { run: 1, target: 'a', ...known, attempt: 2, notBeforeMs: FROM_MS + 300 },
        { run: 2, target: 'c', ...known, startedAtMs: FROM_MS - 500 },
        { run: 3, target: 'c', ...known, expiresAtMs: FROM_MS + 200 },
        { run: 4, target: 'a', ...known, attempt: 3, startedAtMs: FROM_MS - 10 },
        {
          run: 5,
          target: 'a',
          ...known,
          startedAtMs: FROM_MS - 20,
          firstStartedAtMs: FROM_MS - 900,
        },
      ],
    },
  );
  assert.deepEqual(times(planned), [
    // Starts when it may, times out after 50 ms, and has one attempt left.
    ['a', -500, 450, 500],
    ['c', -500, -500, 400],
    ['c', -500, undefined, 200],
    ['a', -500, -10, 40],
    // The time for its retries is over before another attempt could start.
    ['a', -500, -20, 30],
  ]);
  const attempts = planned.runs.map((run) => [run.outcome, run.attempts]);
  assert.deepEqual(attempts, [
    ['timed-out', 3],
    ['exited', undefined],
    ['expired', undefined],
    ['timed-out', 3],
    ['timed-out', undefined],
  ]);
});

test('conditions are taken as met, and named', () => {
  const catalog = [target('a', [{ type: 'require', mounted: '/mnt/a', free: '1GB' }]), target('b')];
  const planned = plan(catalog, [[0, 'a']], { a: 1 });
  assert.deepEqual(times(planned), [['a', 0, 0, 1]]);
  assert.deepEqual(planned.assumed, [
    { condition: 'the mount point /mnt/a', targets: ['a'] },
    { condition: 'the free space of /mnt/a', targets: ['a'] },
  ]);
});

test('a run that never starts is looked for so long, and no longer', () => {
  const closed = { type: 'window', open: ['Mon 00:00-00:01'], zone: 'UTC' } as const;
  const catalog = [
    target('a', [disk()], { killAfterMs: 1 }),
    target('b', [disk()]),
    target('c', [closed]),
  ];
  const asked: readonly Asked[] = [
    [0, 'a'],
    [1, 'b'],
    [2, 'c'],
  ];
  const planned = plan(catalog, asked, { a: BEYOND_MS_MAX + 25 * HOUR_MS, c: 1 });
  assert.equal(planned.runs[0]?.endedAtMs, undefined);
  assert.equal(planned.runs[1]?.startedAtMs, undefined);
  assert.equal(planned.runs[1]?.waits?.[0]?.behind?.[0], 'a');
  const monday = Date.UTC(2023, 10, 20);
  assert.equal(planned.runs[2]?.startedAtMs, monday);
});

test('a plan that is too much work is cut, and says where', () => {
  const catalog = [target('a', [disk()])];
  const asked = Array.from({ length: 100 }, (_, at): Asked => [at * 1_000, 'a']);
  const planned = plan(catalog, asked, { a: 5_000 }, { workMax: 100 });
  const { cutAtMs = 0 } = planned;
  assert.ok(cutAtMs > FROM_MS && cutAtMs < FROM_MS + 100_000, `${cutAtMs}`);
  assert.equal(plan(catalog, asked, { a: 5_000 }).cutAtMs, undefined);
});

test('of each run a few reasons are kept, however many it has', () => {
  const catalog = Array.from({ length: 9 }, (_, at) => target(`t${at}`, [disk()]));
  const asked = catalog.map(({ name }): Asked => [0, name]);
  const tookMs = Object.fromEntries(catalog.map(({ name }) => [name, 100]));
  const { runs } = plan(catalog, asked, tookMs);
  assert.equal(runs[8]?.waits?.length, WAITS_MAX);
  assert.equal(runs[8]?.startedAtMs, FROM_MS + 800);
});

/** A Core whose clocks are all equal, and whose runs end when they time out. */
class Clocked extends Core {
  override nowMs = FROM_MS;

  override now(): Stamp {
    return { steadyMs: this.nowMs, wallMs: this.nowMs };
  }

  override world(): World {
    return NO_WORLD;
  }

  play(asked: readonly Asked[], tookMs: Readonly<Record<string, number>>): void {
    const left = [...asked].sort(([a], [b]) => a - b);
    this.send({ type: 'configured' });
    for (;;) {
      const ends = this.runs('running').map((run) => {
        const whole = run.started.steadyMs + (tookMs[run.target] ?? 0);
        return { run, atMs: run.stopping === undefined ? whole : run.stopping.at.steadyMs };
      });
      const endMs = Math.min(...ends.map(({ atMs }) => atMs));
      const askMs = left[0] === undefined ? Infinity : FROM_MS + left[0][0];
      const timerMs = Math.min(...this.timers.map(({ atMs }) => atMs));
      const nextMs = Math.min(endMs, askMs, timerMs);
      if (nextMs > FROM_MS + 24 * HOUR_MS + BEYOND_MS_MAX) return;
      this.advance(nextMs);
      const due = ends.filter(({ atMs }) => atMs === nextMs && timerMs !== nextMs);
      if (timerMs === nextMs) continue;
      if (due.length > 0) {
        for (const { run } of due) {
          const isStopped = run.stopping !== undefined;
          this.end(run.run, isStopped ? { ...EXIT_0, code: null, signal: 15 } : EXIT_0);
        }
        continue;
      }
      for (let next = left[0]; next && FROM_MS + next[0] === nextMs; next = left[0]) {
        left.shift();
        this.submit(next[1]);
      }
    }
  }
}

const night = fc.record({
  catalog: targets,
  asked: fc.array(fc.tuple(fc.nat(60_000), fc.nat(5)), { maxLength: 30 }),
  took: fc.array(fc.nat(8_000), { minLength: 6, maxLength: 6 }),
});

test('what is planned is what the scheduler does with these requests and durations', () => {
  fc.assert(
    fc.property(night, ({ catalog, asked, took }) => {
      const requests = asked.map(([ms, at]): Asked => [ms, `t${at}`]);
      const tookMs = Object.fromEntries(took.map((ms, at) => [`t${at}`, ms]));
      const core = new Clocked(catalog);
      core.play(requests, tookMs);
      const planned = plan(catalog, requests, tookMs);
      const told = (type: 'started' | 'ended') =>
        core.events.flatMap((event) =>
          event.type === type ? [`${event.run} ${event.at.steadyMs - FROM_MS}`] : [],
        );
      const last = new Map(told('started').map((it) => it.split(' ') as [string, string]));
      const starts = planned.runs.flatMap((it) =>
        it.startedAtMs === undefined ? [] : [`${it.run} ${it.startedAtMs - FROM_MS}`],
      );
      const ends = planned.runs.flatMap((it) =>
        it.endedAtMs === undefined ? [] : [`${it.run} ${it.endedAtMs - FROM_MS}`],
      );
      assert.deepEqual(new Set(starts), new Set([...last].map((it) => it.join(' '))));
      assert.deepEqual(new Set(ends), new Set(told('ended')));
    }),
  );
});
