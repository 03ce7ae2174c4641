/**
 * Limits the time of calls into plugins, which run in the daemon's only thread: an endless loop is
 * interrupted. A call that waits in the kernel (execFileSync, say) is not.
 *
 * The function is called by a script, because only scripts can be interrupted. That costs 0.2 ms a
 * call, for plugins only.
 */
import { type Context, createContext, Script } from 'node:vm';

/** Longest time that a plugin may take for one answer. */
export const ANSWER_MS_MAX = 1_000;

export class TimeLimit {
  readonly #ms: number;
  /** Holds the function during a call. */
  readonly #cell: Context = createContext({});
  readonly #script = new Script('call()');

  constructor(ms = ANSWER_MS_MAX) {
    this.#ms = ms;
  }

  /** Returns or throws what the function does; `isLate` recognizes an exceeded limit. */
  readonly bounded = (call: () => unknown): unknown => {
    this.#cell['call'] = call;
    try {
      return this.#script.runInContext(this.#cell, { timeout: this.#ms, displayErrors: false });
    } finally {
      this.#cell['call'] = undefined;
    }
  };
}

/** The error belongs to the script's own realm, so it is no `Error` here. */
export function isLate(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
