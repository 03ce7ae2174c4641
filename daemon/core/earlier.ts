/** What a run that is tried again has behind it. A part of daemon/core/apply.ts. Pure. */
import type { Attempt, Earlier, Outcome, ProcessId } from '../shared/run.ts';
import type { EventOf } from './event.ts';
import type { Running, Starting } from './state.ts';

/** Attempts of a run that are remembered one by one; all of them are counted. */
export const ATTEMPTS_KEPT_MAX = 20;
/** Processes that are remembered of all that its attempts have left. */
const LEFTOVERS_KEPT_MAX = 100;

type Ending = Pick<EventOf<'requeued'>, 'at' | 'bytes' | 'lostBytes' | 'leftovers'>;

/** With the attempt that has just ended. */
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

/** What of the output of all attempts is missing, with those of one more. */
export function lostIn(
  earlier: Earlier | undefined,
  lostBytes: number | undefined,
): number | undefined {
  if (earlier?.lostBytes === undefined) return lostBytes;
  return earlier.lostBytes + (lostBytes ?? 0);
}

/** What all attempts have left, with that of one more. */
export function leftIn(
  earlier: Earlier | undefined,
  leftovers: readonly ProcessId[] | undefined,
): readonly ProcessId[] | undefined {
  if (earlier?.leftovers === undefined) return leftovers;
  return [...earlier.leftovers, ...(leftovers ?? [])].slice(-LEFTOVERS_KEPT_MAX);
}

/** The first tells since when the run is tried. */
function boundedTo(most: number, attempts: readonly Attempt[]): readonly Attempt[] {
  return attempts.length <= most
    ? attempts
    : [...attempts.slice(0, 1), ...attempts.slice(1 - most)];
}
