/**
 * Schedules the relays of output. Each one does a little at a time, but there may be hundreds: as
 * many as fit into a few milliseconds run in sequence, then the event loop handles sockets, timers
 * and keepers, and the others continue in the same order. So delays for others do not grow with the
 * number of readers.
 */

/** Longest time without handling sockets, apart from what one relay does at a time. */
const TURN_MS = 5;

export class FairQueue {
  /** In order of arrival. */
  readonly #waiting = new Set<() => void>();
  #next: NodeJS.Immediate | undefined;

  /** Calls back once, in a later turn of the event loop; the result cancels it. */
  add(callback: () => void): () => void {
    // A new function, because the same callback may be added twice.
    const entry = (): void => callback();
    this.#waiting.add(entry);
    this.#schedule();
    return () => {
      this.#waiting.delete(entry);
    };
  }

  #schedule(): void {
    this.#next ??= setImmediate(() => {
      this.#next = undefined;
      try {
        this.#turn();
      } finally {
        if (this.#waiting.size > 0) this.#schedule();
      }
    });
  }

  #turn(): void {
    const untilMs = performance.now() + TURN_MS;
    // Callbacks that are added meanwhile wait for the next turn.
    let left = this.#waiting.size;
    for (const entry of this.#waiting) {
      this.#waiting.delete(entry);
      entry();
      if (--left <= 0 || performance.now() >= untilMs) return;
    }
  }
}
