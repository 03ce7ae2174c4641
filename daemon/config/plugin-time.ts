/**
 * Bounds the time of calls into plugins, which run in the daemon's one thread: one that loops for
 * ever is interrupted. What waits in the kernel (execFileSync, say) is not.
 *
 * By a script that calls the function, since only scripts can be interrupted. That costs 0.2 ms
 * a call, which only plugins pay.
 */
import { type Context, createContext, Script } from 'node:vm';

/** Longest that a plugin may take for one answer. */
export const ANSWER_MS_MAX = 1_000;

export class TimeLimit {
  readonly #ms: number;
  /** Holds the function for as long as it is called. */
  readonly #cell: Context = createContext({});
  readonly #script = new Script('call()');

  constructor(ms = ANSWER_MS_MAX) {
    this.#ms = ms;
  }

  /** What the function returns or throws; `isLate` tells what is thrown for its time. */
  readonly bounded = (call: () => unknown): unknown => {
    this.#cell['call'] = call;
    try {
      return this.#script.runInContext(this.#cell, { timeout: this.#ms, displayErrors: false });
    } finally {
      this.#cell['call'] = undefined;
    }
  };
}

/** The error is one of the script's own realm, so it is no `Error` here. */
export function isLate(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
