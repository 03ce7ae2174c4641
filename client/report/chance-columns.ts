/** The chances of `baton plan --worst`, in words and by columns. Pure. */
import {
  type Chances,
  PLAYS_MAX,
  type Spread,
  type TargetChances,
} from '../../daemon/protocol/planned.ts';
import { showDuration } from '../../daemon/protocol/request.ts';
import { showClock, showMoment } from '../terminal/calendar.ts';

export interface ChanceColumn {
  readonly title: string;
  /** A shorter form. */
  readonly brief: string;
  readonly textOf: (target: TargetChances) => string;
}

/** What may happen to a target; without any such target there is no column. */
const BEFALLS = [
  ['expired', 'Given up', 'GIVEN UP'],
  ['refused', 'Refused', 'REFUSED'],
  ['failed', 'Fails', 'FAILS'],
  ['late', 'No success', 'NO SUCCESS'],
] as const;

/** In words: how many simulations there are, and when they end. */
export function tellPlays({ plays, seed, endsAtMs }: Chances): string {
  if (plays === 0) return 'no simulations with random durations: the plan is too large';
  const few = plays < PLAYS_MAX ? ` (the plan is too large for ${PLAYS_MAX})` : '';
  const made = `simulated ${plays} times with random durations, seed ${seed}${few}`;
  if (endsAtMs === undefined) return `${made}: no run ever ends`;
  const { medianMs, slowMs, mostMs } = endsAtMs;
  const half = `the last run ends by ${showMoment(medianMs)} in half of the simulations`;
  return `${made}: ${half}, by ${showMoment(slowMs)} in 9 of 10, by ${showMoment(mostMs)} in all`;
}

/** The values of each target. */
export function chanceColumns({ targets, atMs }: Chances): readonly ChanceColumn[] {
  const clock = showClock(atMs);
  const part = (name: Part, title: string, brief: string): ChanceColumn => {
    return { title, brief, textOf: (target) => showPart(target[name]) };
  };
  const seen = BEFALLS.filter(([name]) => targets.some((target) => target[name] > 0));
  const waits = targets.some(({ waiting }) => waiting > 0);
  return [
    part('startsLate', 'Starts late', 'LATE'),
    { title: 'Wait (9 of 10)', brief: 'WAIT', textOf: ({ waitMs }) => showWait(waitMs) },
    ...seen.map(([name, title, brief]) => part(name, title, brief)),
    ...(waits ? [part('waiting', `Waits at ${clock}`, `WAITS ${clock}`)] : []),
    part('running', `Runs at ${clock}`, `RUNS ${clock}`),
    {
      ...{ title: 'Last end (9 of 10)', brief: 'ENDS (9 OF 10)' },
      textOf: ({ endsAtMs }) => showEnd(endsAtMs),
    },
  ];
}

type Part = Exclude<keyof TargetChances, 'target' | 'waitMs' | 'endsAtMs'>;

/** Neither 0% nor 100% may be shown for something that is not certain. */
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
