/**
 * The one place that reads clocks. Steady time is the kernel's monotonic clock plus an offset that
 * the journal keeps for the length of a boot, so that it goes on across restarts of the daemon and
 * never jumps when somebody sets the clock. Wall time is for people only.
 */

import type { ReadonlyState, Run } from '../core/state.ts';
import type { Event, Stamp } from '../shared/run.ts';

export interface Clock {
  now(): Stamp;
  /** The steady time of a moment of this boot, by CLOCK_MONOTONIC in milliseconds. */
  steadyAt(monotonicMs: number): number;
  /** Calls back once, at least `delayMs` from now; the result cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back once, when what goes on now is over. */
  soon(callback: () => void): void;
}

/** Longest delay that a timer of Node takes; longer ones fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export class SystemClock implements Clock {
  readonly #offsetMs: number;

  constructor(offsetMs: number) {
    this.#offsetMs = offsetMs;
  }

  now(): Stamp {
    return { steadyMs: this.steadyAt(monotonicMs()), wallMs: Date.now() };
  }

  steadyAt(monotonicMs: number): number {
    return Math.round(monotonicMs + this.#offsetMs);
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = setTimeout(callback, Math.min(Math.max(0, Math.ceil(delayMs)), TIMER_MS_MAX));
    return () => clearTimeout(timer);
  }

  soon(callback: () => void): void {
    setImmediate(callback);
  }
}

/** The event that gives this boot its offset, or undefined if the journal has it already. */
export function bootEvent(state: ReadonlyState, bootId: string): Event | undefined {
  if (state.boot?.bootId === bootId) return undefined;
  // Steady time never runs backwards, not even after a boot with a wrong clock.
  let latestMs = Date.now();
  for (const run of state.runs.values()) {
    latestMs = Math.max(latestMs, latestOf(run));
  }
  for (const { freshAt } of state.lanes.values()) {
    latestMs = Math.max(latestMs, freshAt?.steadyMs ?? 0);
  }
  return { type: 'booted', bootId, offsetMs: Math.round(latestMs - monotonicMs()) };
}

function latestOf(run: Run): number {
  switch (run.state) {
    case 'queued':
      return run.accepted.steadyMs;
    case 'starting':
      return run.starting.steadyMs;
    case 'running':
      return (run.stopping?.at ?? run.started).steadyMs;
    case 'ended':
      return run.ended.steadyMs;
    default:
      return run satisfies never;
  }
}

/** CLOCK_MONOTONIC in milliseconds: since boot, the same for all processes. */
function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
