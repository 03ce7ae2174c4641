/**
 * Which runs' commands wait for other runs, for as long as their clients are connected. Not in the
 * journal: a client that reconnects to a new daemon says again what it waits for.
 */
import type { CallerWait } from '../core/deadlock.ts';
import type { ReadonlyState } from '../core/state.ts';
import type { RunId } from '../shared/run.ts';

/** Most waits that are known at a time; above that, a deadlock may go undetected, nothing worse. */
export const CALLER_WAITS_MAX = 100;

/** What is waited for: a run, or the run of a request by its token. */
type Awaited = { readonly run: RunId } | { readonly token: string };

export class CallerWaits {
  readonly #waits = new Set<{ readonly caller: RunId; readonly of: Awaited }>();

  /** Returns a function that removes the wait; it may be called more than once. */
  add(caller: RunId, of: Awaited): () => void {
    if (this.#waits.size >= CALLER_WAITS_MAX) return () => {};
    const wait = { caller, of };
    this.#waits.add(wait);
    return () => {
      this.#waits.delete(wait);
    };
  }

  /** Waits for runs, without those for requests that have not become runs. */
  pairs(state: ReadonlyState): readonly CallerWait[] {
    return [...this.#waits].flatMap(({ caller, of }) => {
      const run = 'run' in of ? of.run : state.tokens.get(of.token);
      return run === undefined ? [] : [{ caller, run }];
    });
  }
}
