/**
 * A plan in words: how many runs there are, which ones wait for which, what does not run, and what
 * the plan assumes. Pure. For the terminal and for the page.
 */
import type { Planned, PlannedRun, PlannedWait } from '../../daemon/protocol/planned.ts';
import { showDuration } from '../../daemon/protocol/request.ts';
import { showMoment } from '../terminal/calendar.ts';
import { showTimes } from '../terminal/words.ts';

/** Facts about the lines that were read. */
export interface ReadLines {
  /** Number of lines that call baton. */
  readonly lines: number;
  /** Places of lines that are not in the plan: @reboot lines, and lines that cron refuses. */
  readonly atBoot: readonly string[];
  readonly left: readonly string[];
  /** Lines in which the shell determines what is requested, or from which daemon. */
  readonly unclear: readonly string[];
  /** Lines in which the call follows something else, or has a condition. */
  readonly conditional: readonly string[];
  /** Names of systemd timers that cannot be predicted exactly; undefined: none were requested. */
  readonly timers?: {
    readonly timeless: readonly string[];
    readonly delayed: readonly { readonly name: string; readonly ms: number }[];
    readonly persistent: readonly string[];
    /** What systemd did not answer; each a sentence. */
    readonly failed: readonly string[];
  };
}

/** Shorter waits, such as settle windows, are not mentioned. */
export const WAIT_MS_MIN = 10_000;
/** Most names in one remark. */
const NAMES_MAX = 20;

/** "12 runs, 3 of them wait, 1 refused or ignored, the last one ends Mon 23 Nov 06:00" */
export function countsOf({ runs, refused, endsAtMs }: Planned): string {
  const waiting = runs.filter((run) => waitOf(run) >= WAIT_MS_MIN).length;
  return [
    `${runs.length} run${runs.length === 1 ? '' : 's'}`,
    ...(waiting === 0 ? [] : [`${waiting} of them ${waiting === 1 ? 'waits' : 'wait'}`]),
    ...(refused.length === 0 ? [] : [`${refused.length} refused or ignored`]),
    ...(endsAtMs === undefined ? [] : [`the last one ends ${showMoment(endsAtMs)}`]),
  ].join(', ');
}

export function isBad({ verdict }: PlannedRun): boolean {
  return verdict === 'failed';
}

export function waitOf({ askedAtMs, startedAtMs = askedAtMs }: PlannedRun): number {
  return startedAtMs - askedAtMs;
}

/** A wait that is worth mentioning. */
export interface Wait {
  readonly run: PlannedRun;
  readonly target: string;
  readonly askedAtMs: number;
  readonly startedAtMs: number;
  readonly ms: number;
  /** "30 min for rsnap-monthly, 12 min for rsnap-weekly", or nothing. */
  readonly why: string;
}

/** Which runs wait for which, longest waits first. */
export function waitsIn({ runs }: Planned): readonly Wait[] {
  return runs
    .filter((run) => waitOf(run) >= WAIT_MS_MIN)
    .sort((a, b) => waitOf(b) - waitOf(a))
    .map((run) => {
      const { target, askedAtMs, startedAtMs = askedAtMs } = run;
      const why = reasonsOf(run.waits ?? [], startedAtMs);
      return { run, target, askedAtMs, startedAtMs, ms: waitOf(run), why };
    });
}

function reasonsOf(waits: readonly PlannedWait[], startedAtMs: number): string {
  const pieces = waits.map(({ fromMs, reason, behind }, at) => {
    const ms = (waits[at + 1]?.fromMs ?? startedAtMs) - fromMs;
    const what = behind === undefined ? `(${reason})` : `for ${behind.join(', ')}`;
    return { ms, text: `${showDuration(ms)} ${what}` };
  });
  const long = pieces.filter(({ ms }) => ms >= WAIT_MS_MIN);
  return (long.length > 0 ? long : pieces).map(({ text }) => text).join(', ');
}

/** Something that does not run, or not as it should. */
export interface Trouble {
  readonly atMs: number;
  readonly target: string;
  readonly kind: 'fails' | 'endless' | 'never-starts' | 'refused' | 'ignored' | 'late';
  /** The rest of a sentence that begins with the target. */
  readonly text: string;
}

/** What does not run, or not as it should; the same problem of a target only once. */
export function troubleIn({ runs, refused, late }: Planned): readonly Trouble[] {
  const found = new Map<string, { readonly first: Trouble; readonly times: number }>();
  const tell = (atMs: number, target: string, kind: Trouble['kind'], text: string): void => {
    const key = JSON.stringify([target, text]);
    const { first, times } = found.get(key) ?? { first: { atMs, target, kind, text }, times: 0 };
    const earliest = { ...first, atMs: Math.min(first.atMs, atMs) };
    found.set(key, { first: earliest, times: times + 1 });
  };
  for (const run of runs) {
    const { target, askedAtMs, startedAtMs, endedAtMs, text = '', waits = [] } = run;
    if (isBad(run)) tell(endedAtMs ?? askedAtMs, target, 'fails', text);
    else if (endedAtMs !== undefined) continue;
    else if (startedAtMs !== undefined) {
      tell(startedAtMs, target, 'endless', 'starts, and does not end');
    } else {
      const why = waits.at(-1)?.reason ?? 'for an unknown reason';
      tell(askedAtMs, target, 'never-starts', `never starts: ${why}`);
    }
  }
  for (const { target, atMs, reason, isIgnored } of refused) {
    const kind = isIgnored === true ? 'ignored' : 'refused';
    tell(atMs, target, kind, `is ${kind}: ${reason}`);
  }
  for (const { target, atMs } of late) {
    tell(atMs, target, 'late', 'is late: no success for longer than its lateAfter');
  }
  const told = Array.from(found.values(), ({ first, times }) => {
    const again = times === 1 ? '' : `, ${showTimes(times)} from then on`;
    return { ...first, text: `${first.text}${again}` };
  });
  return told.sort((a, b) => a.atMs - b.atMs);
}

/** What the plan assumes, and what it leaves out. */
export function remarks(
  { unknown, assumed, cutAtMs }: Planned,
  read: ReadLines,
): readonly string[] {
  const conditions = assumed.map(({ condition, targets }) => `${condition} (${names(targets)})`);
  const [first = ''] = unknown;
  return [
    ...(cutAtMs === undefined ? [] : [`the plan is too large: it ends at ${showMoment(cutAtMs)}`]),
    ...(unknown.length === 0
      ? []
      : [
          `unknown durations, counted as 0 s: ${names(unknown)}; give them with --assume ` +
            `${first}=10m`,
        ]),
    ...(conditions.length === 0 ? [] : [`assumed to be met: ${conditions.join(', ')}`]),
    ...(read.lines === 0 ? [runsNothing(read.timers)] : []),
    ...missing(read.timers),
    ...(read.atBoot.length === 0 ? [] : [`at boot, not planned: ${names(read.atBoot)}`]),
    ...(read.left.length === 0
      ? []
      : [`not run by cron: ${names(read.left)}; see baton check-crontab`]),
    ...(read.unclear.length === 0
      ? []
      : [
          'not planned, because the shell determines the target, or another daemon is called: ' +
            `${names(read.unclear)}`,
        ]),
    ...(read.conditional.length === 0
      ? []
      : [
          'planned as if called immediately and unconditionally, although other commands or ' +
            `conditions come first: ${names(read.conditional)}`,
        ]),
    ...timerRemarks(read.timers),
  ];
}

/** Does not mention timers if they were not checked. */
function runsNothing(timers: ReadLines['timers']): string {
  const isSure = timers !== undefined && timers.failed.length === 0;
  return `no line of the crontabs ${isSure ? 'and no timer ' : ''}runs baton`;
}

/** What is missing in the plan, although it should be there. */
export function missing(timers: ReadLines['timers']): readonly string[] {
  const failed = timers?.failed ?? [];
  if (failed.length === 0) return [];
  const remark = `systemd timers are missing from the plan, because ${names(failed)}`;
  return [`${remark}; run it by hand to see more`];
}

function timerRemarks(timers: ReadLines['timers']): readonly string[] {
  const { timeless = [], delayed = [], persistent = [] } = timers ?? {};
  const late = delayed.map(({ name, ms }) => `${name} (up to ${showDuration(ms)})`);
  const told = [
    ['not planned, because their times are not known in advance', timeless],
    ['systemd may start these later than planned', late],
    [
      'if missed while the machine is off, these start after the next boot, which is not ' +
        'planned',
      persistent,
    ],
  ] as const;
  return told.flatMap(([what, all]) => (all.length === 0 ? [] : [`${what}: ${names(all)}`]));
}

/** The first few of them. */
function names(all: readonly string[]): string {
  const more = all.length - NAMES_MAX;
  return `${all.slice(0, NAMES_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
