/**
 * Steady time stands still while the machine sleeps; elapsed time goes on. What a person would tell
 * by a watch is elapsed time: how long a run has waited, how old a success is, and every moment at
 * which the loop looks again. What measures work is steady time: how long a run took, its timeout,
 * and what policies go by, whose settle windows give processes time. Pure.
 */
import type { Stamp } from './run.ts';

/** Shorter sleeps are not noticed: a busy machine and the clocks' own steps look the same. */
export const SLEEP_MS_MIN = 1_000;

export function elapsedMs({ steadyMs, asleepMs = 0 }: Stamp): number {
  return steadyMs + asleepMs;
}

/** The elapsed time of a moment of steady time, if the machine does not sleep until then. */
export function elapsedAt({ asleepMs = 0 }: Stamp, steadyMs: number): number {
  return steadyMs + asleepMs;
}

/** What the clock on the wall shows at a moment of elapsed time, unless somebody sets it. */
export function wallOf(atMs: number, now: Stamp): number {
  return Math.round(now.wallMs + atMs - elapsedMs(now));
}

/** A stamp of steady time, which says nothing of sleep where there was none. */
export function stampOf(steadyMs: number, wallMs: number, asleepMs: number): Stamp {
  return asleepMs === 0 ? { steadyMs, wallMs } : { steadyMs, wallMs, asleepMs };
}
