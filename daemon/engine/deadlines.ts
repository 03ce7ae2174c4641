/**
 * The looks that the loop has to take at some time, and the one timer that waits for the next of
 * them. Timers stand still while the machine sleeps, and the times here are elapsed time, which
 * does not: so the timer is never set further ahead than TIMER_MS_MAX, and then looks at the clock
 * again. A change of the system time is noticed at the same time, while runs are queued.
 */

import { type CommandInput, ENDED_AT_ONCE_MAX } from '../core/command.ts';
import type { ReadonlyState } from '../core/state.ts';
import { PAUSES, type TimerKey, TimerQueue } from '../core/timer-queue.ts';
import { elapsedAt, elapsedMs, SLEEP_MS_MIN } from '../shared/elapsed.ts';
import type { RunId, Stamp } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';

/** So soon after a machine wakes, what is due is noticed: as often as cron looks. */
export const TIMER_MS_MAX = 60_000;

export class Deadlines {
  readonly #clock: Clock;
  readonly #post: (input: CommandInput) => void;
  readonly #timers = new TimerQueue();
  /** The clock on the wall less elapsed time: only who sets the clock moves it. */
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

  /** In steady time: the look may come too early, and has to ask for another one then. */
  addSteady(key: TimerKey, atMs: number): void {
    this.#timers.add(key, elapsedAt(this.#clock.now(), atMs));
  }

  /** Those of runs that another daemon had accepted or started. */
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

  /** Posts what is due, of very many some: others have their turn before the rest. */
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

  /** What waits for a time of day has to be looked at anew, as after a reload. */
  #noticeSetClock(): void {
    const nowMs = apartMs(this.#clock.now());
    if (Math.abs(nowMs - this.#apartMs) < SLEEP_MS_MIN) return;
    this.#apartMs = nowMs;
    this.#post({ type: 'configured' });
  }

  /** Sees to it that what comes next is posted in time. */
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
