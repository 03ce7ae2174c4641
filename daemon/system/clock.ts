/**
 * The only place that reads clocks. Steady time is the kernel's monotonic clock plus an offset that
 * the journal keeps for the duration of a boot, so that it continues across restarts of the daemon
 * and never jumps when somebody sets the clock. Wall time is for people only.
 *
 * The monotonic clock stops while the machine sleeps. The difference to the kernel's uptime
 * (CLOCK_BOOTTIME) is how long it slept; after the next boot, steady time has caught up. A pause
 * that a hypervisor hides from the kernel is on no clock of this machine.
 */

import { uptime } from 'node:os';
import type { Event } from '../core/event.ts';
import type { Boot, ReadonlyState, Run } from '../core/state.ts';
import { elapsedMs, SLEEP_MS_MIN, stampOf } from '../shared/elapsed.ts';
import type { Stamp } from '../shared/run.ts';

export interface Clock {
  now(): Stamp;
  /** The steady time of a moment in this boot, given as CLOCK_MONOTONIC in milliseconds. */
  steadyAt(monotonicMs: number): number;
  /** Calls back once, at least `delayMs` from now; the result cancels it. */
  after(delayMs: number, callback: () => void): () => void;
  /** Calls back once, after the current work. */
  soon(callback: () => void): void;
}

/** Longest delay of a timer in Node; longer ones fire immediately. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The clocks of the kernel, in milliseconds. */
export interface Kernel {
  /** CLOCK_MONOTONIC: since boot, the same for all processes, without time asleep. */
  monotonicMs(): number;
  wallMs(): number;
  /** Since boot, including time asleep; from /proc/uptime, in steps of 10 ms. */
  uptimeMs(): number;
}

const KERNEL: Kernel = {
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
  uptimeMs: () => uptime() * 1e3,
};

export class SystemClock implements Clock {
  readonly #kernel: Kernel;
  readonly #offsetMs: number;
  /** The kernel's count of sleep when `#asleepMs` was 0. */
  readonly #sleptMs: number;
  #asleepMs = 0;
  /** The wall clock minus the monotonic one: changes with a sleep, or if the clock is set. */
  #apartMs: number;

  constructor({ offsetMs, sleptMs }: Pick<Boot, 'offsetMs' | 'sleptMs'>, kernel: Kernel = KERNEL) {
    this.#kernel = kernel;
    this.#offsetMs = offsetMs;
    this.#sleptMs = sleptMs ?? sleptSoFar(kernel);
    this.#apartMs = kernel.wallMs() - kernel.monotonicMs();
    this.#noticeSleep();
  }

  now(): Stamp {
    const monotonicMs = this.#kernel.monotonicMs();
    const wallMs = this.#kernel.wallMs();
    const apartMs = wallMs - monotonicMs;
    // Reading the uptime takes a hundred times as long as reading the time.
    if (Math.abs(apartMs - this.#apartMs) >= SLEEP_MS_MIN) {
      this.#apartMs = apartMs;
      this.#noticeSleep();
    }
    return stampOf(this.steadyAt(monotonicMs), wallMs, this.#asleepMs);
  }

  #noticeSleep(): void {
    const asleepMs = Math.round(sleptSoFar(this.#kernel) - this.#sleptMs);
    if (asleepMs - this.#asleepMs >= SLEEP_MS_MIN) this.#asleepMs = asleepMs;
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

/** The event that sets the clocks of this boot, or undefined if the journal already has it. */
export function bootEvent(
  state: ReadonlyState,
  bootId: string,
  kernel: Kernel = KERNEL,
): Event | undefined {
  const { boot } = state;
  const sleptMs = sleptSoFar(kernel);
  const monotonicMs = kernel.monotonicMs();
  // Elapsed time never goes backwards, not even after a boot with a wrong clock.
  const latestMs = latestOf(state);
  if (boot?.bootId !== bootId) {
    const offsetMs = Math.round(Math.max(kernel.wallMs(), latestMs) - monotonicMs);
    return { type: 'booted', bootId, offsetMs, sleptMs: Math.round(sleptMs) };
  }
  const aheadMs = Math.max(0, latestMs - (monotonicMs + boot.offsetMs));
  const asleepMs = sleptMs - (boot.sleptMs ?? Number.POSITIVE_INFINITY);
  // A container that is restarted within one boot may restart its uptime.
  if (asleepMs > aheadMs - SLEEP_MS_MIN) return undefined;
  // What an older version did not count is not added later: its stamps do not contain it.
  return {
    type: 'booted',
    bootId,
    offsetMs: boot.offsetMs,
    sleptMs: Math.round(sleptMs - aheadMs),
  };
}

/** From the kernel, in this boot. */
function sleptSoFar(kernel: Kernel): number {
  // In this order: a sleep in between is counted next time, and a delay never.
  const uptimeMs = kernel.uptimeMs();
  return uptimeMs - kernel.monotonicMs();
}

function latestOf({ runs, targetStates }: ReadonlyState): number {
  let latestMs = Number.NEGATIVE_INFINITY;
  for (const run of runs.values()) latestMs = Math.max(latestMs, elapsedMs(lastOf(run)));
  for (const { freshAt } of targetStates.values()) {
    if (freshAt !== undefined) latestMs = Math.max(latestMs, elapsedMs(freshAt));
  }
  return latestMs;
}

function lastOf(run: Run): Stamp {
  switch (run.state) {
    case 'queued':
      return run.accepted;
    case 'starting':
      return run.starting;
    case 'running':
      return run.stopping?.at ?? run.started;
    case 'ended':
      return run.ended;
    default:
      return run satisfies never;
  }
}
