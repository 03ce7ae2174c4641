/**
 * Looks at files that may be on a hanging file server. They never run on the daemon's own thread,
 * and one at a time, so that such a server blocks only one of Node's few file threads: the journal
 * needs another one.
 */
import { setTimeout as delay } from 'node:timers/promises';

const LOOK_MS_MAX = 2_000;
/** A timer that is this late was delayed by a busy thread. */
const HELD_UP_MS = 100;

/** How long the end of a process waits for checks that do not hang. */
const END_MS_MAX = 500;

/** The checks of this process that have not returned. */
const pending = new Set<Promise<unknown>>();

/** Waits until all checks have returned, but not for one that hangs. */
export async function looksReturned(): Promise<void> {
  const timer = new AbortController();
  const late = delay(END_MS_MAX, undefined, { signal: timer.signal }).catch(() => {});
  await Promise.race([Promise.allSettled(pending), late]);
  timer.abort();
}

/**
 * Ends this process with a status. While a check hangs, `process.exit` would wait forever for its
 * thread. Then SIGTERM ends the process, which is a clean exit for systemd, or SIGKILL. The first
 * process of a container, which no signal of its own ends, waits for the check.
 */
export function leave(code: number): never {
  if (pending.size > 0) {
    process.emit('exit', code);
    const signal = code === 0 ? 'SIGTERM' : 'SIGKILL';
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  process.exit(code);
}

export class BoundedLooks {
  readonly #limitMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #isOut = false;

  constructor(limitMs = LOOK_MS_MAX) {
    this.#limitMs = limitMs;
  }

  /** The result of `look`; undefined if it takes too long, or an earlier one is still pending. */
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
      pending.delete(look);
      timer.abort();
    });
    pending.add(look);
    const found = back.then((value) => ({ value }));
    for (;;) {
      const dueMs = performance.now() + this.#limitMs;
      const late = delay(this.#limitMs, undefined, { ref: false, signal: timer.signal });
      const first = await Promise.race([found, late.catch(() => found)]);
      if (first !== undefined) return first.value;
      // While this thread itself was blocked, no result could arrive.
      if (performance.now() - dueMs < HELD_UP_MS) return undefined;
    }
  }
}
