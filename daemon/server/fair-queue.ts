/**
 * Which relay of output has the next turn. Each does a little at a time, but there may be hundreds;
 * so many follow one another as fit into some milliseconds, then the event loop looks at its
 * sockets, timers and keepers, and the rest goes on in the same order. So what others wait for does
 * not grow with the number of those who read.
 */

/** Longest stretch without a look at the sockets, but for what one of them does at a time. */
const TURN_MS = 5;

export class FairQueue {
  /** In the order of their coming. */
  readonly #waiting = new Set<() => void>();
  #next: NodeJS.Immediate | undefined;

  /** Calls back once, in a later turn of the event loop; the result takes it back. */
  add(callback: () => void): () => void {
    // One of its own, since the same may be added twice.
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
    // Those that are added meanwhile wait for the next turn.
    let left = this.#waiting.size;
    for (const entry of this.#waiting) {
      this.#waiting.delete(entry);
      entry();
      if (--left <= 0 || performance.now() >= untilMs) return;
    }
  }
}
