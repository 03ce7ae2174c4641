/** Plans as `batond --plan` may make them: one small night, and random hostile ones. */
import fc from 'fast-check';
import { changesOf } from '../../client/report/plan-changes.ts';
import type { PlanPage } from '../../client/report/plan-page.ts';
import type { ReadLines } from '../../client/report/plan-story.ts';
import type { Chances, Planned, PlannedRun, TargetChances } from '../../daemon/protocol/planned.ts';
import { hostileText } from './nights.ts';

const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
/** Local midnight, in any time zone. */
export const MIDNIGHT_MS = new Date(2027, 0, 4).getTime();
export const DAY = { fromMs: MIDNIGHT_MS, untilMs: MIDNIGHT_MS + 24 * HOUR_MS };

/** One run waits for another, which takes too long; one never starts, two are refused. */
export const NIGHT: Planned = {
  ...DAY,
  runs: [
    {
      ...{ run: 1, target: 'daily', askedAtMs: MIDNIGHT_MS + 3 * HOUR_MS },
      ...{ startedAtMs: MIDNIGHT_MS + 5 * HOUR_MS, endedAtMs: MIDNIGHT_MS + 6 * HOUR_MS },
      ...{ outcome: 'exited', verdict: 'ok', text: 'exited with 0' },
      waits: [
        { fromMs: MIDNIGHT_MS + 3 * HOUR_MS, reason: 'settles' },
        {
          fromMs: MIDNIGHT_MS + 3 * HOUR_MS + 2_000,
          ...{ reason: 'waits for run 2 (weekly), which is running', behind: ['weekly'] },
        },
      ],
    },
    {
      ...{ run: 2, target: 'weekly', askedAtMs: MIDNIGHT_MS + 3 * HOUR_MS },
      ...{ startedAtMs: MIDNIGHT_MS + 3 * HOUR_MS, endedAtMs: MIDNIGHT_MS + 5 * HOUR_MS },
      ...{ outcome: 'timed-out', verdict: 'failed', text: 'timed out' },
    },
    {
      ...{ run: 3, target: 'closed', askedAtMs: MIDNIGHT_MS },
      waits: [{ fromMs: MIDNIGHT_MS, reason: 'waits for its window' }],
    },
  ],
  refused: [4, 4.1].map((hours) => {
    return { target: 'daily', atMs: MIDNIGHT_MS + hours * HOUR_MS, reason: 'it waits already' };
  }),
  late: [{ target: 'weekly', atMs: MIDNIGHT_MS + 9 * HOUR_MS }],
  endsAtMs: MIDNIGHT_MS + 6 * HOUR_MS,
  unknown: ['daily'],
  durations: [],
  assumed: [{ condition: 'the mount point /mnt/a', targets: ['daily'] }],
};
export const NO_LINES: ReadLines = {
  lines: 3,
  atBoot: ['/etc/crontab:7'],
  left: [],
  unclear: [],
  conditional: [],
};

/** For two of its targets. */
export const CHANCES: Chances = {
  ...{ seed: 7, atMs: MIDNIGHT_MS + 8 * HOUR_MS, plays: 1_000 },
  targets: [
    {
      ...{ target: 'daily', startsLate: 0.5, expired: 0.004, refused: 0, failed: 0, late: 0 },
      ...{ running: 0.996, waiting: 0 },
      waitMs: { medianMs: 0, slowMs: 90 * MINUTE_MS, mostMs: 2 * HOUR_MS },
      endsAtMs: { medianMs: 0, slowMs: MIDNIGHT_MS + 7.5 * HOUR_MS, mostMs: 0 },
    },
    {
      ...{ target: 'closed', startsLate: 1, expired: 0, refused: 0, failed: 0, late: 0 },
      ...{ running: 0, waiting: 1, waitMs: { medianMs: 0, slowMs: 0, mostMs: 0 } },
    },
  ],
  endsAtMs: {
    ...{ medianMs: MIDNIGHT_MS + 6 * HOUR_MS, slowMs: MIDNIGHT_MS + 7.5 * HOUR_MS },
    mostMs: MIDNIGHT_MS + 9 * HOUR_MS,
  },
};

const hours = fc.double({ min: -1, max: 60, noNaN: true });
const at = (after: number): number => MIDNIGHT_MS + after * HOUR_MS;

const someRun = fc
  .record({
    ...{ target: hostileText, text: hostileText, reason: hostileText },
    behind: fc.option(fc.array(hostileText, { minLength: 1, maxLength: 2 })),
    times: fc.tuple(hours, hours, hours).map((them) => them.toSorted((a, b) => a - b)),
    state: fc.constantFrom('ends', 'runs', 'waits', 'expires'),
    verdict: fc.constantFrom('ok', 'failed'),
    hookOf: fc.option(fc.record({ target: hostileText, why: hostileText })),
  })
  .map(({ target, text, reason, behind, times, state, verdict, hookOf }): PlannedRun => {
    const [asked = 0, started = 0, ended = 0] = times;
    const isStarted = state === 'ends' || state === 'runs';
    const isEnded = state === 'ends' || state === 'expires';
    const how = state === 'expires' ? 'failed' : verdict;
    return {
      ...{ run: 1, target, askedAtMs: at(asked) },
      ...(isStarted ? { startedAtMs: at(started) } : {}),
      ...(isEnded ? { endedAtMs: at(ended), verdict: how, text } : {}),
      waits: [{ fromMs: at(asked), reason, ...(behind === null ? {} : { behind }) }],
      ...(hookOf === null ? {} : { hookOf }),
    };
  });

const someChances = fc.array(hostileText, { maxLength: 4 }).map((targets): Chances => {
  const spread = { medianMs: 0, slowMs: HOUR_MS, mostMs: HOUR_MS };
  const part = { startsLate: 0.5, expired: 0.2, refused: 0, failed: 0, late: 0, waiting: 0 };
  const of = (target: string): TargetChances => {
    return { target, ...part, running: 1, waitMs: spread };
  };
  return { seed: 1, atMs: at(8), plays: 1_000, targets: targets.map(of) };
});

const somePlan = fc
  .record({
    runs: fc.array(someRun, { maxLength: 12 }),
    refused: fc.array(fc.record({ target: hostileText, reason: hostileText, hour: hours })),
    late: fc.array(fc.record({ target: hostileText, hour: hours }), { maxLength: 3 }),
    unknown: fc.array(hostileText, { maxLength: 2 }),
    assumed: fc.array(fc.record({ condition: hostileText, targets: fc.tuple(hostileText) })),
    chances: fc.option(someChances),
  })
  .map(({ runs, refused, late, unknown, assumed, chances }): Planned => {
    return {
      ...{ fromMs: MIDNIGHT_MS, untilMs: at(48), runs, unknown, durations: [], assumed },
      refused: refused.map(({ hour, ...rest }) => ({ ...rest, atMs: at(hour) })),
      late: late.map(({ hour, target }) => ({ target, atMs: at(hour) })),
      ...(chances === null ? {} : { chances }),
    };
  });

/** Everything that is needed for the page of a plan; half of them compare two plans. */
export const somePlanPage: fc.Arbitrary<PlanPage> = fc
  .record({
    ...{ planned: somePlan, after: fc.option(somePlan), config: hostileText, host: hostileText },
    ...{ left: fc.array(hostileText, { maxLength: 2 }) },
  })
  .map(({ planned, after, config, host, left }): PlanPage => {
    const read = { ...NO_LINES, left };
    const changes = after === null ? undefined : changesOf(planned, after);
    const changed = changes === undefined ? {} : { changed: { changes, config } };
    return { planned, ...changed, read, host, version: '0.1.0', writtenAtMs: MIDNIGHT_MS };
  });
