/**
 * Estimates for a run, based on how long the last successes of its target took. Pure. Estimates are
 * for people: no decision depends on them.
 */
import type { Pace, Usual } from '../protocol/reply.ts';

/** With fewer runs than this, there is no pace. */
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
 * The expected total duration of a run that has been running for `elapsedMs`: the median of those
 * that took longer than that. Undefined if none did.
 */
export function expectedMs(tookMs: readonly number[], elapsedMs: number): number | undefined {
  return usualOf(tookMs.filter((ms) => ms > elapsedMs))?.medianMs;
}

/** `isOver`: a run that is still running cannot be called fast yet. */
export function paceOf(usual: Usual, tookMs: number, isOver: boolean): Pace | undefined {
  const { medianMs, lowMs, highMs, runs } = usual;
  if (runs < PACE_RUNS_MIN) return undefined;
  if (tookMs > highMs && tookMs > medianMs * PACE_FACTOR) return 'slower';
  if (!isOver) return undefined;
  return tookMs < lowMs && tookMs * PACE_FACTOR < medianMs ? 'faster' : 'usual';
}

/** Interpolates between two values. */
function quantile(sorted: readonly number[], part: number): number {
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)] ?? 0;
  const above = sorted[Math.ceil(at)] ?? 0;
  return Math.round(below + (above - below) * (at - Math.floor(at)));
}
