/**
 * Tells a client that a run has started: once for each attempt, and only once that is durable. The
 * state may have it as running before its start is on the disk; the event comes after that.
 */
import type { Event } from '../core/event.ts';

/** Returns a function that must get the run's events from now on, as they become durable. */
export function tellStarts(
  isRunning: boolean,
  whenDurable: (callback: (loss?: string) => void) => void,
  tell: () => void,
): (event: Event) => void {
  let isTold = false;
  let isDue = isRunning;
  const tellOnce = (): void => {
    if (!isTold) tell();
    [isTold, isDue] = [true, false];
  };
  if (isRunning) {
    whenDurable((loss) => {
      if (loss === undefined && isDue) tellOnce();
    });
  }
  return ({ type }) => {
    if (type === 'started' || (type === 'ended' && isDue)) tellOnce();
    else if (type === 'starting' || type === 'requeued') [isTold, isDue] = [false, false];
  };
}
