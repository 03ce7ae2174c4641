/**
 * Limits how many may enter at a time, first come first served. One limit for each server: sshd's
 * default MaxStartups (10:30:100) drops handshakes at random beyond ten. It counts a connection
 * until its process has reported the user as authenticated, which is after the client knows it: so
 * a connection leaves the limiter only when the server has answered something else.
 */
/** Most handshakes with one server at a time. */
export const HANDSHAKES_MAX = 8;

export class HandshakeLimiter {
  readonly #limiter = new Map<string, { inside: number; readonly waiting: (() => void)[] }>();
  readonly #max: number;

  constructor(max: number = HANDSHAKES_MAX) {
    this.#max = max;
  }

  /** Resolves with a function to leave when the caller's turn comes; undefined if it gave up. */
  async enter(name: string, abort: AbortSignal): Promise<(() => void) | undefined> {
    if (abort.aborted) return undefined;
    const gate = this.#limiter.get(name) ?? { inside: 0, waiting: [] };
    this.#limiter.set(name, gate);
    if (gate.inside < this.#max) gate.inside++;
    else if (!(await queue(gate.waiting, abort))) return undefined;
    let isOut = false;
    return () => {
      if (isOut) return;
      isOut = true;
      const next = gate.waiting.shift();
      if (next !== undefined) return next();
      if (--gate.inside === 0) this.#limiter.delete(name);
    };
  }
}

/** Whether its turn came; false if it gave up and left the queue. */
function queue(waiting: (() => void)[], abort: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const enter = (): void => {
      abort.removeEventListener('abort', leave);
      resolve(true);
    };
    const leave = (): void => {
      waiting.splice(waiting.indexOf(enter), 1);
      resolve(false);
    };
    abort.addEventListener('abort', leave, { once: true });
    waiting.push(enter);
  });
}
