/**
 * Who waits for whom: runs whose commands wait for other runs, as long as their clients are there.
 * It is not in the journal: a client that comes back to a new daemon says again what it waits for.
 */
import type { CallerWait } from '../core/deadlock.ts';
import type { ReadonlyState } from '../core/state.ts';
import type { RunId } from '../shared/run.ts';

/** Most waits that are known at a time; beyond them a circle may stay unseen, and nothing else. */
export const CALLER_WAITS_MAX = 100;

/** What is waited for: a run, or what has become of a request by its token. */
type Awaited = { readonly run: RunId } | { readonly token: string };

export class CallerWaits {
  readonly #waits = new Set<{ readonly caller: RunId; readonly of: Awaited }>();

  /** Returns how to take it back, which it may be more than once. */
  add(caller: RunId, of: Awaited): () => void {
    if (this.#waits.size >= CALLER_WAITS_MAX) return () => {};
    const wait = { caller, of };
    this.#waits.add(wait);
    return () => {
      this.#waits.delete(wait);
    };
  }

  /** Those of requests that have become runs. */
  pairs(state: ReadonlyState): readonly CallerWait[] {
    return [...this.#waits].flatMap(({ caller, of }) => {
      const run = 'run' in of ? of.run : state.tokens.get(of.token);
      return run === undefined ? [] : [{ caller, run }];
    });
  }
}
