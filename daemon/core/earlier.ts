/** The earlier attempts of a run that is retried. A part of daemon/core/apply.ts. Pure. */
import type { Attempt, Earlier, Outcome, ProcessId } from '../shared/run.ts';
import type { EventOf } from './event.ts';
import type { Running, Starting } from './state.ts';

/** Attempts of a run that are remembered individually; all of them are counted. */
export const ATTEMPTS_KEPT_MAX = 20;
/** Most leftover processes that are remembered for all attempts together. */
const LEFTOVERS_KEPT_MAX = 100;

type Ending = Pick<EventOf<'requeued'>, 'at' | 'bytes' | 'lostBytes' | 'leftovers'>;

/** Including the attempt that has just ended. */
export function earlierWith(
  run: Starting | Running,
  { at, outcome, bytes, lostBytes, leftovers }: Ending & { readonly outcome: Outcome },
): Earlier {
  const { earlier } = run;
  const started = run.state === 'running' ? run.started : run.starting;
  const attempts = [...(earlier?.attempts ?? []), { started, ended: at, outcome }];
  const size = bytes ?? earlier?.bytes;
  const lost = lostIn(earlier, lostBytes);
  const left = leftIn(earlier, leftovers);
  return {
    attempts: boundedTo(ATTEMPTS_KEPT_MAX, attempts),
    ...(size === undefined ? {} : { bytes: size }),
    ...(lost === undefined ? {} : { lostBytes: lost }),
    ...(left === undefined ? {} : { leftovers: left }),
  };
}

/** Missing output of all attempts, including one more. */
export function lostIn(
  earlier: Earlier | undefined,
  lostBytes: number | undefined,
): number | undefined {
  if (earlier?.lostBytes === undefined) return lostBytes;
  return earlier.lostBytes + (lostBytes ?? 0);
}

/** Leftover processes of all attempts, including one more. */
export function leftIn(
  earlier: Earlier | undefined,
  leftovers: readonly ProcessId[] | undefined,
): readonly ProcessId[] | undefined {
  if (earlier?.leftovers === undefined) return leftovers;
  return [...earlier.leftovers, ...(leftovers ?? [])].slice(-LEFTOVERS_KEPT_MAX);
}

/** Keeps the first one, because it says when the run was first tried. */
function boundedTo(most: number, attempts: readonly Attempt[]): readonly Attempt[] {
  return attempts.length <= most
    ? attempts
    : [...attempts.slice(0, 1), ...attempts.slice(1 - most)];
}
