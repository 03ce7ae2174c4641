/**
 * `baton plan` as text for a terminal: the drawing of `baton timeline`, of what is to come, and
 * below it who waits for whom, what does not run, and what the plan takes for granted. Pure.
 */

import type { Planned, PlannedRun } from '../../daemon/protocol/planned.ts';
import { showDuration } from '../../daemon/protocol/request.ts';
import type { Span, Timespan } from '../report/timespan.ts';
import { showMoment } from './calendar.ts';
import { showChances } from './chances-text.ts';
import { type Screen, Style } from './style.ts';
import { drawChart } from './timeline.ts';
import { showTimes } from './words.ts';

/** What is known of the lines that were read. */
export interface ReadLines {
  /** How many call baton. */
  readonly lines: number;
  /** Places of lines that are not in the plan: those of @reboot, and those that cron refuses. */
  readonly atBoot: readonly string[];
  readonly left: readonly string[];
  /** Those of which the shell decides what is asked, or of whom. */
  readonly unclear: readonly string[];
  /** Those in which the call comes after something else, or under a condition. */
  readonly conditional: readonly string[];
}

/** Shorter waits, as for a settle window, are not told of. */
const WAIT_MS_MIN = 10_000;
/** Most waits, and most other things, that are told of one by one. */
const TOLD_MAX = 20;

const MEANINGS = [
  ['waits', 'waits'],
  ['runs', 'runs'],
  ['ok', 'ends'],
  ['warning', 'does not run'],
  ['failed', 'given up, too long'],
] as const;

export function showPlan(planned: Planned, read: ReadLines, screen: Screen): string {
  const style = new Style(screen);
  const timespan = timespanOf(planned);
  const { chances } = planned;
  const parts = [
    style.paragraph(headline(planned)),
    timespan.rows.length === 0 ? '' : drawChart(timespan, screen, MEANINGS),
    chances === undefined ? '' : showChances(chances, screen),
    list(waitsIn(planned), screen.isUnicode ? '·' : '.', style, 'shorter waits'),
    list(troubleIn(planned), '!', style, 'more'),
    remarks(planned, read)
      .map((text) => style.paragraph(text))
      .join(''),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function headline({ fromMs, untilMs, runs, refused, endsAtMs }: Planned): string {
  const waiting = runs.filter((run) => waitOf(run) >= WAIT_MS_MIN).length;
  const counts = [
    `${runs.length} run${runs.length === 1 ? '' : 's'}`,
    ...(waiting === 0 ? [] : [`${waiting} of them ${waiting === 1 ? 'waits' : 'wait'}`]),
    ...(refused.length === 0 ? [] : [`${refused.length} refused or ignored`]),
    ...(endsAtMs === undefined ? [] : [`the last one ends ${showMoment(endsAtMs)}`]),
  ];
  return `${showMoment(fromMs)} to ${showMoment(untilMs)}: ${counts.join(', ')}`;
}

/** The model of the drawing. */
function timespanOf({ fromMs, untilMs, endsAtMs = 0, runs, refused }: Planned): Timespan {
  const toMs = Math.max(untilMs, endsAtMs);
  const spans = new Map<string, Span[]>();
  const put = (target: string, span: Span): void => {
    const its = spans.get(target);
    if (its === undefined) spans.set(target, [span]);
    else its.push(span);
  };
  for (const run of runs) put(run.target, spanOf(run, toMs));
  for (const { target, atMs } of refused) {
    const run = { run: 0, target, state: 'ended', acceptedAtMs: atMs, waitedMs: 0 } as const;
    put(target, { run, mark: 'warning', askedAtMs: atMs, untilMs: atMs });
  }
  const rows = [...spans].map(([target, its]) => ({ target, spans: its, waiting: 0 }));
  return { fromMs, toMs, rows };
}

function spanOf(planned: PlannedRun, toMs: number): Span {
  const { run, target, askedAtMs, startedAtMs, endedAtMs } = planned;
  const view = { run, target, state: 'ended', acceptedAtMs: askedAtMs, waitedMs: 0 } as const;
  const isOpen = endedAtMs === undefined;
  const mark = isOpen && startedAtMs === undefined ? 'warning' : isBad(planned) ? 'failed' : 'ok';
  const started = startedAtMs === undefined ? {} : { startedAtMs };
  return { run: view, mark, askedAtMs, ...started, untilMs: endedAtMs ?? toMs };
}

function isBad({ verdict }: PlannedRun): boolean {
  return verdict === 'failed';
}

function waitOf({ askedAtMs, startedAtMs = askedAtMs }: PlannedRun): number {
  return startedAtMs - askedAtMs;
}

/** Who waits for whom, the longest waits. */
function waitsIn({ runs }: Planned): readonly Told[] {
  return runs
    .filter((run) => waitOf(run) >= WAIT_MS_MIN)
    .sort((a, b) => waitOf(b) - waitOf(a))
    .map((run) => {
      const { target, askedAtMs, startedAtMs = askedAtMs } = run;
      const whole = `waits ${showDuration(waitOf(run))} and starts ${showMoment(startedAtMs)}`;
      const why = reasonsOf(run);
      const text = `${showMoment(askedAtMs)} ${target}: ${whole}${why === '' ? '' : `: ${why}`}`;
      return { atMs: askedAtMs, text };
    });
}

/** "30 min for rsnap-monthly, 12 min for rsnap-weekly" */
function reasonsOf({ waits = [], startedAtMs = 0 }: PlannedRun): string {
  const pieces = waits.map(({ fromMs, reason, behind }, at) => {
    const ms = (waits[at + 1]?.fromMs ?? startedAtMs) - fromMs;
    const what = behind === undefined ? `(${reason})` : `for ${behind.join(', ')}`;
    return { ms, text: `${showDuration(ms)} ${what}` };
  });
  const long = pieces.filter(({ ms }) => ms >= WAIT_MS_MIN);
  return (long.length > 0 ? long : pieces).map(({ text }) => text).join(', ');
}

interface Told {
  readonly atMs: number;
  readonly text: string;
}

/** What does not run, or not as it should; the same of one target once. */
function troubleIn({ runs, refused, late }: Planned): readonly Told[] {
  const found = new Map<string, { atMs: number; times: number }>();
  const tell = (atMs: number, target: string, what: string): void => {
    const text = `${target}: ${what}`;
    const { atMs: firstMs, times } = found.get(text) ?? { atMs, times: 0 };
    found.set(text, { atMs: Math.min(firstMs, atMs), times: times + 1 });
  };
  for (const run of runs) {
    const { target, askedAtMs, startedAtMs, endedAtMs, text = '', waits = [] } = run;
    if (isBad(run)) tell(endedAtMs ?? askedAtMs, target, text);
    else if (endedAtMs !== undefined) continue;
    else if (startedAtMs !== undefined) tell(startedAtMs, target, 'starts, and does not end');
    else tell(askedAtMs, target, `never starts: ${waits.at(-1)?.reason ?? 'nobody knows why'}`);
  }
  for (const { target, atMs, reason, isIgnored } of refused) {
    tell(atMs, target, `is ${isIgnored === true ? 'ignored' : 'refused'}: ${reason}`);
  }
  for (const { target, atMs } of late) {
    tell(atMs, target, 'is late: without a success for longer than its lateAfter');
  }
  const told = Array.from(found, ([text, { atMs, times }]) => {
    const again = times === 1 ? '' : `, ${showTimes(times)} from then on`;
    return { atMs, text: `${showMoment(atMs)} ${text}${again}` };
  });
  return told.sort((a, b) => a.atMs - b.atMs);
}

/** The first ones, in the order of time. */
function list(told: readonly Told[], sign: string, style: Style, rest: string): string {
  const shown = told.slice(0, TOLD_MAX).toSorted((a, b) => a.atMs - b.atMs);
  const more = told.length - shown.length;
  const lines = shown.map(({ text }) => style.paragraph(text, sign));
  if (more > 0) lines.push(style.paragraph(`${more} ${rest}: see --json`));
  return lines.join('');
}

/** What the plan takes for granted, and what it leaves out. */
export function remarks(
  { unknown, assumed, cutAtMs }: Planned,
  read: ReadLines,
): readonly string[] {
  const conditions = assumed.map(({ condition, targets }) => `${condition} (${names(targets)})`);
  const [first = ''] = unknown;
  return [
    ...(cutAtMs === undefined
      ? []
      : [`from ${showMoment(cutAtMs)} on nothing is known: there is too much to work out`]),
    ...(unknown.length === 0
      ? []
      : [
          `these durations are not known and count as 0 s: ${names(unknown)}; ` +
            `give them with --assume ${first}=10m`,
        ]),
    ...(conditions.length === 0 ? [] : [`taken as met: ${conditions.join(', ')}`]),
    ...(read.lines === 0 ? ['no line of the crontabs runs baton'] : []),
    ...(read.atBoot.length === 0 ? [] : [`at boot, not planned: ${names(read.atBoot)}`]),
    ...(read.left.length === 0
      ? []
      : [`cron does not run these: ${names(read.left)}; see baton check-crontab`]),
    ...(read.unclear.length === 0
      ? []
      : [
          'not planned, because the shell decides which target they ask for, or because they ask ' +
            `another daemon: ${names(read.unclear)}`,
        ]),
    ...(read.conditional.length === 0
      ? []
      : [
          'planned as if the call was made at once and in any case, though other commands come ' +
            `before it: ${names(read.conditional)}`,
        ]),
  ];
}

/** The first few of them. */
function names(all: readonly string[]): string {
  const more = all.length - TOLD_MAX;
  return `${all.slice(0, TOLD_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
