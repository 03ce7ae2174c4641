/**
 * Steady time stops while the machine sleeps; elapsed time does not. Elapsed time is for what a
 * person would measure with a watch: how long a run has waited, how old a success is, and when the
 * loop looks again. Steady time is for what measures work: how long a run took, its timeout, and
 * what policies use, because their settle windows give processes time to run. Pure.
 */
import type { Stamp } from './run.ts';

/** Shorter sleeps are ignored: a busy machine and clock adjustments look the same. */
export const SLEEP_MS_MIN = 1_000;

export function elapsedMs({ steadyMs, asleepMs = 0 }: Stamp): number {
  return steadyMs + asleepMs;
}

/** Converts a steady time to elapsed time, assuming that the machine does not sleep until then. */
export function elapsedAt({ asleepMs = 0 }: Stamp, steadyMs: number): number {
  return steadyMs + asleepMs;
}

/** Converts an elapsed time to wall-clock time, assuming that nobody sets the clock. */
export function wallOf(atMs: number, now: Stamp): number {
  return Math.round(now.wallMs + atMs - elapsedMs(now));
}

/** A stamp that omits `asleepMs` if there was no sleep. */
export function stampOf(steadyMs: number, wallMs: number, asleepMs: number): Stamp {
  return asleepMs === 0 ? { steadyMs, wallMs } : { steadyMs, wallMs, asleepMs };
}
