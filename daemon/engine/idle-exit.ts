/**
 * Ends an idle daemon: no connection, nothing queued, starting or running, and no live process of a
 * lost run, for some time. With socket activation, no process then runs on an idle machine, and the
 * next request starts a daemon again.
 *
 * No request is lost in the race: libuv accepts a connection and reports it in one step, so if the
 * timer sees none, later ones are still queued by the kernel, for a socket that systemd holds.
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
   * A connection or a run has ended, so the time starts again. A busy daemon needs no timer: this
   * is called again when whatever keeps it busy has ended.
   */
  touch(): void {
    this.#cancel();
    this.#cancel = (): void => {};
    if (this.#isBusy()) return;
    this.#cancel = this.#clock.after(this.#afterMs, () => {
      // On a busy machine the time may be over before the sockets were polled for the first time: a
      // client that waits there is seen in the next turn.
      this.#clock.soon(() => {
        if (!this.#isBusy()) this.#exit();
      });
    });
  }
}

/** Whether a run needs a daemon, now or later. */
export function hasWork(state: ReadonlyState): boolean {
  for (const targetState of state.targetStates.values()) {
    if (targetState.queue.size > 0 || targetState.active.size > 0) return true;
  }
  return false;
}
