/** `baton plan --diff` for a terminal: what a changed configuration does to a plan. Pure. */
import { showDuration } from '../../daemon/protocol/request.ts';
import type { LateChange, PlanChange, PlanChanges, What } from '../report/plan-changes.ts';
import { showMoment } from './calendar.ts';
import { type ReadLines, remarks } from './plan-text.ts';
import { type Screen, Style } from './style.ts';

/** Most changes that are told of one by one. */
const TOLD_MAX = 30;

const BAD: readonly What[] = ['refused', 'given-up', 'fails', 'never-starts'];

const COUNTS = {
  earlier: 'earlier',
  later: 'later',
  refused: 'refused now',
  ignored: 'ignored now',
  'given-up': 'given up now',
  fails: 'failing now',
  'never-starts': 'never started now',
  runs: 'running now',
  new: 'new',
  gone: 'gone',
} as const satisfies Readonly<Record<What, string>>;

/** `config` is the changed configuration. */
export function showChanges(
  changes: PlanChanges,
  config: string,
  read: ReadLines,
  screen: Screen,
): string {
  const style = new Style(screen);
  const told = tellChanges(changes);
  const more = told.length - TOLD_MAX;
  const lines = told.slice(0, TOLD_MAX).map(({ text, isBad }) => {
    return style.paragraph(text, isBad ? '!' : screen.isUnicode ? '·' : '.');
  });
  if (more > 0) lines.push(style.paragraph(`${more} more changes: see --json`));
  const parts = [
    style.paragraph(headline(changes, config)),
    lines.join(''),
    remarks(changes.after, read)
      .map((text) => style.paragraph(text))
      .join(''),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

/** One sentence. */
function headline({ before, after, changes, late }: PlanChanges, config: string): string {
  const { fromMs, untilMs } = after;
  const count = (what: What): readonly string[] => {
    const runs = changes.filter((change) => change.what === what).length;
    return runs === 0 ? [] : [`${runs} ${COUNTS[what]}`];
  };
  const counts = [
    ...(['earlier', 'later', ...BAD, 'ignored', 'runs', 'new', 'gone'] as const).flatMap(count),
    ...(['late', 'not-late'] as const).flatMap((what) => {
      const targets = late.filter((change) => change.what === what).length;
      return targets === 0 ? [] : [`${targets} ${what === 'late' ? 'late now' : 'no longer late'}`];
    }),
  ];
  const span = `${showMoment(fromMs)} to ${showMoment(untilMs)} with ${config}`;
  const said = counts.length === 0 ? 'no run starts at another time' : counts.join(', ');
  return `${span}: ${said}; ${endsOf(before.endsAtMs, after.endsAtMs)}`;
}

function endsOf(before: number | undefined, after: number | undefined): string {
  if (after === undefined) return 'no run ends';
  const ends = `the last run ends ${showMoment(after)}`;
  if (before === undefined) return ends;
  return showMoment(before) === showMoment(after)
    ? `${ends}, as before`
    : `${ends} instead of ${showMoment(before)}`;
}

interface ToldChange {
  readonly text: string;
  readonly isBad: boolean;
}

/** What is worse first, then what moves the farthest. */
function tellChanges({ changes, late }: PlanChanges): readonly ToldChange[] {
  const bad = changes.filter(({ what }) => BAD.includes(what));
  const rest = changes.filter(({ what }) => !BAD.includes(what));
  const moved = rest.toSorted((a, b) => movedMs(b) - movedMs(a));
  const isLate = (change: LateChange): boolean => change.what === 'late';
  return [
    ...bad.map((change) => ({ text: tell(change), isBad: true })),
    ...late.filter(isLate).map((change) => ({ text: tellLate(change), isBad: true })),
    ...moved.map((change) => ({ text: tell(change), isBad: false })),
    ...late.filter((it) => !isLate(it)).map((it) => ({ text: tellLate(it), isBad: false })),
  ];
}

function movedMs({ before, after }: PlanChange): number {
  if (!startsIn(before) || !startsIn(after)) return Number.POSITIVE_INFINITY;
  return Math.abs(after.startsAtMs - before.startsAtMs);
}

type Started = Extract<PlanChange['before'], { readonly startsAtMs: number }>;

function startsIn(fate: PlanChange['before']): fate is Started {
  return fate !== undefined && 'startsAtMs' in fate;
}

function tell(change: PlanChange): string {
  return `${showMoment(change.askedAtMs)} ${change.target}: ${happens(change)}`;
}

function happens({ what, before, after }: PlanChange): string {
  const why = after?.text === undefined ? '' : `: ${after.text}`;
  const at = startsIn(after) ? ` and starts ${showMoment(after.startsAtMs)}` : '';
  switch (what) {
    case 'earlier':
    case 'later': {
      const [was, is] = [before, after].map((fate) => (startsIn(fate) ? fate.startsAtMs : 0));
      const times = `${showMoment(is ?? 0)} instead of ${showMoment(was ?? 0)}`;
      return `starts ${showDuration(Math.abs((is ?? 0) - (was ?? 0)))} ${what}, ${times}`;
    }
    case 'refused':
    case 'ignored':
      return `is ${what} now${why}`;
    case 'given-up':
      return `is given up now${why}`;
    case 'fails':
      return `fails now${why}`;
    case 'never-starts':
      return `never starts now${why}`;
    case 'runs':
      return `runs now${at}; before, it ${wasOf(before)}`;
    case 'new':
      return `is new${at}`;
    case 'gone':
      return 'has no run of its own any more';
    default:
      return what satisfies never;
  }
}

function wasOf(before: PlanChange['before']): string {
  switch (before?.kind) {
    case 'refused':
    case 'ignored':
      return `was ${before.kind}`;
    case 'given-up':
      return 'was given up';
    case 'never-starts':
      return 'never started';
    case 'fails':
      return 'failed';
    case 'runs':
    case undefined:
      return 'ran';
    default:
      return before satisfies never;
  }
}

function tellLate({ target, what, atMs }: LateChange): string {
  return what === 'late'
    ? `${showMoment(atMs)} ${target}: is late now: without a success for longer than its lateAfter`
    : `${showMoment(atMs)} ${target}: is no longer late`;
}
