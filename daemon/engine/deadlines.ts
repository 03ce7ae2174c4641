/**
 * The times at which the loop has to look at something, and the one timer for the next of them.
 * Timers stop while the machine sleeps, but the times here are elapsed time, which does not: so the
 * timer is never set further ahead than TIMER_MS_MAX, and then checks the clock again. While runs
 * are queued, this also notices changes of the system time.
 */

import { type CommandInput, ENDED_AT_ONCE_MAX } from '../core/command.ts';
import type { ReadonlyState } from '../core/state.ts';
import { PAUSES, type TimerKey, TimerQueue } from '../core/timer-queue.ts';
import { elapsedAt, elapsedMs, SLEEP_MS_MIN } from '../shared/elapsed.ts';
import type { RunId, Stamp } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';

/** How soon after a wake-up due things are noticed: as often as cron looks. */
export const TIMER_MS_MAX = 60_000;

export class Deadlines {
  readonly #clock: Clock;
  readonly #post: (input: CommandInput) => void;
  readonly #timers = new TimerQueue();
  /** The wall clock minus elapsed time: changes only if somebody sets the clock. */
  #apartMs: number;
  #timer: { readonly atMs: number; readonly cancel: () => void } | undefined;

  constructor(clock: Clock, post: (input: CommandInput) => void) {
    this.#clock = clock;
    this.#post = post;
    this.#apartMs = apartMs(clock.now());
  }

  /** In elapsed time. */
  add(key: TimerKey, atMs: number): void {
    this.#timers.add(key, atMs);
  }

  /** In steady time: the look may come too early, and then has to ask for another one. */
  addSteady(key: TimerKey, atMs: number): void {
    this.#timers.add(key, elapsedAt(this.#clock.now(), atMs));
  }

  /** Adds the times of runs that an earlier daemon accepted or started. */
  restore(state: ReadonlyState): void {
    for (const run of state.runs.values()) {
      if (run.state !== 'ended' && run.expiresAtMs !== undefined) {
        this.add(run.run, run.expiresAtMs);
      }
      if (run.state === 'queued') {
        if (run.notBeforeMs !== undefined) this.add(run.run, run.notBeforeMs);
      } else if (run.state !== 'starting' && run.timeoutAtMs !== undefined) {
        this.addSteady(run.run, run.timeoutAtMs);
      }
    }
  }

  /** Posts what is due; if there is very much, only a part, so that other work is not delayed. */
  post(): void {
    this.#noticeSetClock();
    const runs: RunId[] = [];
    for (const key of this.#timers.due(elapsedMs(this.#clock.now()))) {
      if (key === PAUSES) this.#post({ type: 'pause-due' });
      else if (typeof key === 'string') this.#post({ type: 'overdue', target: key });
      else if (runs.push(key) >= ENDED_AT_ONCE_MAX) break;
    }
    if (runs.length > 0) this.#post({ type: 'due', runs });
  }

  /** Runs that wait for a time of day have to be looked at again, as after a reload. */
  #noticeSetClock(): void {
    const nowMs = apartMs(this.#clock.now());
    if (Math.abs(nowMs - this.#apartMs) < SLEEP_MS_MIN) return;
    this.#apartMs = nowMs;
    this.#post({ type: 'configured' });
  }

  /** Sets the timer for what comes next. */
  await(): void {
    const atMs = this.#timers.nextMs;
    if (atMs === undefined || this.#timer?.atMs === atMs) return;
    this.#timer?.cancel();
    const leftMs = atMs - elapsedMs(this.#clock.now());
    const cancel = this.#clock.after(Math.min(leftMs, TIMER_MS_MAX), () => {
      this.#timer = undefined;
      this.post();
      this.await();
    });
    this.#timer = { atMs, cancel };
  }

  stop(): void {
    this.#timer?.cancel();
  }
}

function apartMs(now: Stamp): number {
  return now.wallMs - elapsedMs(now);
}
