/**
 * Random, invented replies of a daemon about a night, for all drawings of it. Names and sentences
 * are as hostile as a configuration and another machine can make them.
 */
import fc from 'fast-check';
import { type Timespan, timespanOf } from '../../client/report/timespan.ts';
import type { RunView, StatusReply, TargetView } from '../../daemon/protocol/request.ts';

export const HOUR_MS = 3_600_000;
/** Monday morning. */
export const NOW_MS = Date.parse('2026-11-23T07:40:00Z');

export const hostileText = fc.oneof(
  fc.constantFrom(
    ...['</script><script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "'--><!--", ']]>'],
    ...[
      '</title></style></pre>',
      '&lt;&amp;&#60;',
      '{{x}}',
      'a\u202eb\u2066c',
      '\u001b[31mred\u0007',
    ],
    ...[
      '\ud800',
      '\0\u0080\u009f\uffff',
      'データベース',
      'e\u0301e\u0301',
      '👩‍👩‍👧‍👦',
      'a b\\"\nc',
      'x'.repeat(100),
    ],
  ),
  fc.string({ minLength: 1, unit: 'binary' }),
  fc.string({ minLength: 1, unit: 'grapheme' }),
);

export function view(more: Partial<TargetView> & { readonly target: string }): TargetView {
  const nothing = { active: [], queued: [], waiting: 0 };
  return { runner: 'local', groups: [], paused: false, ...nothing, ...more };
}

export function status(targets: readonly TargetView[]): StatusReply {
  return {
    type: 'status',
    version: '0.1.0',
    pid: 17,
    startedAtMs: NOW_MS - 9 * HOUR_MS,
    nowMs: NOW_MS,
    requests: 1,
    running: 0,
    queued: 0,
    executing: [],
    config: '/etc/baton/config.json',
    targets,
  };
}

/** An ended run; times in hours before now. */
export function past(
  run: number,
  target: string,
  [asked, started, ended]: readonly [number, number | undefined, number],
  more: Partial<RunView> = {},
): RunView {
  const at = (hours: number): number => NOW_MS - hours * HOUR_MS;
  const began =
    started === undefined
      ? {}
      : { startedAtMs: at(started), tookMs: Math.max(0, started - ended) * HOUR_MS };
  return {
    ...{ run, target, state: 'ended', acceptedAtMs: at(asked), endedAtMs: at(ended) },
    waitedMs: (asked - (started ?? ended)) * HOUR_MS,
    ...began,
    ...{ outcome: { kind: 'exited', code: 0 }, verdict: 'ok', exit: 0, text: 'exited with 0' },
    ...more,
  };
}

const verdict = fc.constantFrom('ok', 'warning', 'failed');
const hours = fc.double({ min: -1, max: 30, noNaN: true });

const pastRun = fc
  .record({
    times: fc.tuple(hours, fc.option(hours, { nil: undefined }), hours),
    verdict,
    text: hostileText,
  })
  .map(
    ({ times, ...more }) =>
      (run: number, target: string) =>
        past(run, target, times, more),
  );

const liveRun = fc
  .record({
    asked: hours,
    took: fc.option(hours),
    reasons: fc.array(hostileText, { maxLength: 2 }),
  })
  .map(({ asked, took, reasons }) => (run: number, target: string): RunView => {
    const acceptedAtMs = NOW_MS - asked * HOUR_MS;
    const base = { run, target, acceptedAtMs, waitedMs: Math.max(0, asked) * HOUR_MS };
    if (took === null) return { ...base, state: 'queued', reasons };
    const startedAtMs = NOW_MS - took * HOUR_MS;
    return { ...base, state: 'running', startedAtMs, tookMs: Math.max(0, took) * HOUR_MS };
  });

const someTarget = fc.record({
  description: hostileText,
  past: fc.array(pastRun, { maxLength: 12 }),
  live: fc.array(liveRun, { maxLength: 3 }),
  paused: fc.boolean(),
  broken: fc.option(hostileText),
  more: fc.nat(3),
});

export interface Told {
  readonly status: StatusReply;
  readonly history: readonly RunView[];
  readonly timespan: Timespan;
}

/** The replies of a daemon with these targets, and the resulting night. */
export function told(name: fc.Arbitrary<string> = hostileText): fc.Arbitrary<Told> {
  return fc
    .tuple(
      fc.uniqueArray(fc.tuple(name, someTarget), { maxLength: 6, selector: ([it]) => it }),
      fc.constantFrom(1, 12, 24, 24 * 7),
    )
    .map(([targets, sinceHours]) => {
      let number = 1;
      const views: TargetView[] = [];
      const history: RunView[] = [];
      for (const [target, { past: ended, live, broken, more, ...rest }] of targets) {
        const runs = ended.map((make) => make(number++, target));
        const present = live.map((make) => make(number++, target));
        const queued = present.filter(({ state }) => state === 'queued');
        const active = present.filter(({ state }) => state === 'running');
        const waiting = queued.length === 0 ? 0 : queued.length + more;
        const last = runs.at(-1);
        views.push({
          ...view({ target, ...rest, queued, active, waiting }),
          ...(broken === null ? {} : { broken }),
          ...(last === undefined ? {} : { last }),
        });
        history.push(...runs);
      }
      const said = status(views);
      const sinceMs = sinceHours * HOUR_MS;
      return { status: said, history, timespan: timespanOf(said, history, sinceMs, 10_000) };
    });
}

/** One night of a small machine: something failed, something waits, something runs. */
export function sampleNight(sinceHours = 24): Told {
  const exit = (code: number, verdict: 'warning' | 'failed'): Partial<RunView> => {
    const outcome = { kind: 'exited', code } as const;
    return { outcome, verdict, exit: code, text: `exited with ${code}`, bytes: 60 };
  };
  const history = [
    ...Array.from({ length: 12 }, (_, at) =>
      past(
        1 + at,
        'db-dump',
        [23 - 2 * at, 23 - 2 * at, 22.9 - 2 * at],
        at === 7 ? exit(1, 'failed') : {},
      ),
    ),
    past(21, 'rsnap-alpha', [8.6, 8.6, 8]),
    past(22, 'rsnap-alpha', [4.6, 3, 2.4]),
    past(23, 'rsnap-beta', [4.6, 4.6, 3], exit(2, 'warning')),
    past(24, 'photos', [5.6, 5.6, 5], {
      ...exit(255, 'failed'),
      text: 'could not connect: connect ECONNREFUSED 192.0.2.7:22',
    }),
  ];
  const offsite = 'offsite-replication-of-everything';
  const runs: RunView = {
    ...{ run: 25, target: offsite, state: 'running' },
    ...{ acceptedAtMs: NOW_MS - 3 * HOUR_MS, startedAtMs: NOW_MS - 2 * HOUR_MS },
    ...{ waitedMs: HOUR_MS, tookMs: 2 * HOUR_MS },
  };
  const waits: RunView = {
    ...{ run: 26, target: offsite, state: 'queued', acceptedAtMs: NOW_MS - HOUR_MS },
    ...{ waitedMs: HOUR_MS, reasons: [`run 25 of ${offsite} is running`] },
  };
  const said = status([
    ...['db-dump', 'rsnap-alpha', 'rsnap-beta'].map((target) => view({ target })),
    view({ target: 'rsnap-gamma', late: true, freshAtMs: NOW_MS - 50 * HOUR_MS }),
    view({ target: 'photos', paused: true }),
    view({ target: offsite, active: [runs], queued: [waits], waiting: 1 }),
  ]);
  history.sort((a, b) => (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0));
  return {
    status: said,
    history,
    timespan: timespanOf(said, history, sinceHours * HOUR_MS, 10_000),
  };
}

/** Tags with the names of their attributes, without all text and all values. */
export function skeleton(page: string): readonly string[] {
  const tags = page.match(/<[^>]*>/g) ?? [];
  return tags.map((tag) => tag.replace(/="[^"]*"/g, ''));
}
