/** The chances of `baton plan --worst` as a table for a terminal. Pure. */
import {
  type Chances,
  PLAYS_MAX,
  type Spread,
  type TargetChances,
} from '../../daemon/protocol/planned.ts';
import { showDuration } from '../../daemon/protocol/request.ts';
import { showClock, showMoment } from './calendar.ts';
import { type Screen, Style } from './style.ts';
import type { Piece } from './styled-line.ts';
import { type Cell, table } from './table.ts';

interface ChanceColumn {
  readonly title: string;
  readonly textOf: (target: TargetChances) => string;
}

/** What befalls a target; those that befall none have no column. */
const BEFALLS = [
  ['expired', 'GIVEN UP'],
  ['refused', 'REFUSED'],
  ['failed', 'FAILS'],
  ['late', 'NO SUCCESS'],
] as const;

export function showChances(chances: Chances, screen: Screen): string {
  const head = new Style(screen).paragraph(headOf(chances));
  if (chances.plays === 0) return head;
  const columns = columnsOf(chances);
  const titles = ['TARGET', ...columns.map(({ title }) => title)];
  const title = titles.map((text): Piece => ({ text, tone: 'dim' }));
  const rows = chances.targets.map((target): readonly Cell[] => [
    target.target,
    ...columns.map(({ textOf }) => textOf(target)),
  ]);
  return `${head}\n${table([title, ...rows], screen)}`;
}

/** In words: how many plays there are, and when they end. */
function headOf({ plays, seed, endsAtMs }: Chances): string {
  if (plays === 0) return 'with random durations nothing is known: there is too much to work out';
  const few = plays < PLAYS_MAX ? ` (${PLAYS_MAX} are too much to work out)` : '';
  const made = `played ${plays} times with random durations of seed ${seed}${few}`;
  if (endsAtMs === undefined) return `${made}: no run ever ends`;
  const { medianMs, slowMs, mostMs } = endsAtMs;
  const half = `the last run ends by ${showMoment(medianMs)} in half of these`;
  return `${made}: ${half}, by ${showMoment(slowMs)} in 9 of 10, by ${showMoment(mostMs)} in all`;
}

/** The figures of each target. */
function columnsOf({ targets, atMs }: Chances): readonly ChanceColumn[] {
  const clock = showClock(atMs);
  const part = (name: Part, title: string): ChanceColumn => {
    return { title, textOf: (target) => showPart(target[name]) };
  };
  const seen = BEFALLS.filter(([name]) => targets.some((target) => target[name] > 0));
  const waits = targets.some(({ waiting }) => waiting > 0);
  return [
    part('startsLate', 'LATE'),
    { title: 'WAIT', textOf: ({ waitMs }) => showWait(waitMs) },
    ...seen.map(([name, title]) => part(name, title)),
    ...(waits ? [part('waiting', `WAITS ${clock}`)] : []),
    part('running', `RUNS ${clock}`),
    { title: 'ENDS (9 OF 10)', textOf: ({ endsAtMs }) => showEnd(endsAtMs) },
  ];
}

type Part = Exclude<keyof TargetChances, 'target' | 'waitMs' | 'endsAtMs'>;

/** Nothing is certain that has happened once, or once not. */
function showPart(part: number): string {
  if (part === 0) return '-';
  if (part < 0.01) return '<1%';
  if (part > 0.99 && part < 1) return '>99%';
  return `${Math.round(part * 100)}%`;
}

function showWait({ slowMs }: Spread): string {
  return slowMs < 1_000 ? '-' : showDuration(slowMs);
}

function showEnd(ends: Spread | undefined): string {
  return ends === undefined ? '-' : showMoment(ends.slowMs);
}
