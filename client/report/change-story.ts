/** How a changed configuration affects a plan, in words. Pure. For the terminal and the page. */
import { showDuration } from '../../daemon/protocol/request.ts';
import { showMoment } from '../terminal/calendar.ts';
import type { LateChange, PlanChange, PlanChanges, What } from './plan-changes.ts';

const BAD: readonly What[] = ['refused', 'given-up', 'fails', 'never-starts'];

/** The kinds of changes, in a word or two. */
export const COUNTS = {
  earlier: 'earlier',
  later: 'later',
  refused: 'now refused',
  ignored: 'now ignored',
  'given-up': 'now given up',
  fails: 'now failing',
  'never-starts': 'now never starting',
  runs: 'now running',
  new: 'new',
  gone: 'gone',
  late: 'now late',
  'not-late': 'no longer late',
} as const satisfies Readonly<Record<What | LateChange['what'], string>>;

/** "1 earlier, 2 now refused; the last run ends Mon 23 Nov 06:00, as before" */
export function countChanges({ before, after, changes, late }: PlanChanges): string {
  const count = (what: What): readonly string[] => {
    const runs = changes.filter((change) => change.what === what).length;
    return runs === 0 ? [] : [`${runs} ${COUNTS[what]}`];
  };
  const counts = [
    ...(['earlier', 'later', ...BAD, 'ignored', 'runs', 'new', 'gone'] as const).flatMap(count),
    ...(['late', 'not-late'] as const).flatMap((what) => {
      const targets = late.filter((change) => change.what === what).length;
      return targets === 0 ? [] : [`${targets} ${COUNTS[what]}`];
    }),
  ];
  const said = counts.length === 0 ? 'no start time changes' : counts.join(', ');
  return `${said}; ${endsOf(before.endsAtMs, after.endsAtMs)}`;
}

function endsOf(before: number | undefined, after: number | undefined): string {
  if (after === undefined) return 'no run ends';
  const ends = `the last run ends ${showMoment(after)}`;
  if (before === undefined) return ends;
  return showMoment(before) === showMoment(after)
    ? `${ends}, as before`
    : `${ends} instead of ${showMoment(before)}`;
}

export interface ToldChange {
  readonly atMs: number;
  readonly target: string;
  readonly what: What | LateChange['what'];
  /** The rest of a sentence that begins with the target. */
  readonly text: string;
  readonly isBad: boolean;
}

/** Changes for the worse first, then the largest shifts. */
export function tellChanges({ changes, late }: PlanChanges): readonly ToldChange[] {
  const bad = changes.filter(({ what }) => BAD.includes(what));
  const rest = changes.filter(({ what }) => !BAD.includes(what));
  const moved = rest.toSorted((a, b) => movedMs(b) - movedMs(a));
  const isLate = (change: LateChange): boolean => change.what === 'late';
  return [
    ...bad.map((change) => tell(change, true)),
    ...late.filter(isLate).map(tellLate),
    ...moved.map((change) => tell(change, false)),
    ...late.filter((it) => !isLate(it)).map(tellLate),
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

function tell(change: PlanChange, isBad: boolean): ToldChange {
  const { askedAtMs, target, what } = change;
  return { atMs: askedAtMs, target, what, text: happens(change), isBad };
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
      return `is now ${what}${why}`;
    case 'given-up':
      return `is now given up${why}`;
    case 'fails':
      return `now fails${why}`;
    case 'never-starts':
      return `now never starts${why}`;
    case 'runs':
      return `now runs${at}; before, it ${wasOf(before)}`;
    case 'new':
      return `is new${at}`;
    case 'gone':
      return 'no longer has a run';
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

function tellLate({ target, what, atMs }: LateChange): ToldChange {
  const isBad = what === 'late';
  const text = isBad
    ? 'is now late: no success for longer than its lateAfter'
    : 'is no longer late';
  return { atMs, target, what, text, isBad };
}
