/**
 * What to expect of a run by how long the last successes of its target took. Pure. An estimate is
 * for people: nothing is decided by it.
 */
import type { Pace, Usual } from '../protocol/reply.ts';

/** Fewer runs than this have no pace to compare with. */
const PACE_RUNS_MIN = 3;
const PACE_FACTOR = 1.5;

export function usualOf(tookMs: readonly number[]): Usual | undefined {
  if (tookMs.length === 0) return undefined;
  const sorted = tookMs.toSorted((a, b) => a - b);
  return {
    medianMs: quantile(sorted, 0.5),
    lowMs: quantile(sorted, 0.25),
    highMs: quantile(sorted, 0.75),
    slowMs: quantile(sorted, 0.9),
    runs: sorted.length,
  };
}

/**
 * How long a run that has been running for `elapsedMs` is going to take in all: the median of those
 * that took longer than that. Undefined where none did, or none is known.
 */
export function expectedMs(tookMs: readonly number[], elapsedMs: number): number | undefined {
  return usualOf(tookMs.filter((ms) => ms > elapsedMs))?.medianMs;
}

/** `isOver`: a run that goes on cannot be called fast yet. */
export function paceOf(usual: Usual, tookMs: number, isOver: boolean): Pace | undefined {
  const { medianMs, lowMs, highMs, runs } = usual;
  if (runs < PACE_RUNS_MIN) return undefined;
  if (tookMs > highMs && tookMs > medianMs * PACE_FACTOR) return 'slower';
  if (!isOver) return undefined;
  return tookMs < lowMs && tookMs * PACE_FACTOR < medianMs ? 'faster' : 'usual';
}

/** Between two values the one in proportion. */
function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)] ?? 0;
  const above = sorted[Math.ceil(at)] ?? 0;
  return Math.round(below + (above - below) * (at - Math.floor(at)));
}
