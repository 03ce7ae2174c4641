/**
 * Looks at files that may lie on a file server that hangs. None is made on the daemon's own thread,
 * and there is one at a time, so that such a server holds up one of the few threads that Node has
 * for files: the journal needs another.
 */
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS_MAX = 2_000;
/** A timer that is so late has waited for the thread. */
const HELD_UP_MS = 100;

export class BoundedLooks {
  readonly #limitMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #isOut = false;

  constructor(limitMs = LOOK_MS_MAX) {
    this.#limitMs = limitMs;
  }

  /** What `look` finds; undefined where that takes too long, or an earlier one is still out. */
  at<T>(look: () => Promise<T>): Promise<T | undefined> {
    const found = this.#last.then(() => (this.#isOut ? undefined : this.#bound(look())));
    this.#last = found.catch(() => undefined);
    return found;
  }

  async #bound<T>(look: Promise<T>): Promise<T | undefined> {
    this.#isOut = true;
    const timer = new AbortController();
    const back = look.finally(() => {
      this.#isOut = false;
      timer.abort();
    });
    const found = back.then((value) => ({ value }));
    for (;;) {
      const dueMs = performance.now() + this.#limitMs;
      const late = delay(this.#limitMs, undefined, { ref: false, signal: timer.signal });
      const first = await Promise.race([found, late.catch(() => found)]);
      if (first !== undefined) return first.value;
      // While this thread itself was held up, what was found could not be told.
      if (performance.now() - dueMs < HELD_UP_MS) return undefined;
    }
  }
}
