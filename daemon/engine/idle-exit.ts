/**
 * Ends a daemon that nobody needs: no connection, nothing queued, starting or running, no process
 * of a lost run alive, for a while. With socket activation an idle machine then holds no process,
 * and the next request starts a daemon again.
 *
 * No request is lost in the race: libuv accepts a connection and tells of it in one step, so where
 * the timer sees none, those to come are still in the kernel's queue of a socket that systemd
 * holds.
 */

import type { ReadonlyState } from '../core/state.ts';
import type { Clock } from '../system/clock.ts';

export class Idle {
  readonly #afterMs: number;
  readonly #clock: Clock;
  readonly #isBusy: () => boolean;
  readonly #exit: () => void;
  #cancel = (): void => {};

  constructor(options: {
    readonly afterMs: number;
    readonly clock: Clock;
    readonly isBusy: () => boolean;
    readonly exit: () => void;
  }) {
    this.#afterMs = options.afterMs;
    this.#clock = options.clock;
    this.#isBusy = options.isBusy;
    this.#exit = options.exit;
  }

  /**
   * Something has come to an end: a connection, a run. The time begins anew. Who is busy then is
   * heard of again when that ends, so a busy daemon has no timer for it.
   */
  touch(): void {
    this.#cancel();
    this.#cancel = (): void => {};
    if (this.#isBusy()) return;
    this.#cancel = this.#clock.after(this.#afterMs, () => {
      // On a busy machine the time may be over before the sockets were looked at for the first
      // time: who waits in one is seen in the turn that comes.
      this.#clock.soon(() => {
        if (!this.#isBusy()) this.#exit();
      });
    });
  }
}

/** Is there a run that a daemon has to look after, now or at some time? */
export function hasWork(state: ReadonlyState): boolean {
  for (const targetState of state.targetStates.values()) {
    if (targetState.queue.size > 0 || targetState.active.size > 0) return true;
  }
  return false;
}
