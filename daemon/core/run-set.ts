/**
 * Runs in the order of their entry, of which the first and the last are known without a walk: a
 * Set passes by all that was ever deleted ahead of its first, which makes emptying one of 100,000
 * from the front a matter of minutes. It is a Set still, so its readers need not know.
 *
 * Invariant: a run that was deleted does not come back.
 */
import type { RunId } from '../shared/run.ts';

/** So many that are gone are not worth a new list. */
const GONE_MIN = 64;

/** As those see it that only look. */
export interface ReadonlyRuns extends ReadonlySet<RunId> {
  readonly first: RunId | undefined;
}

export class Runs extends Set<RunId> implements ReadonlyRuns {
  /** All of them in order, and between them some that are gone. */
  #order: RunId[] = [];
  /** Nothing before it is left. */
  #head = 0;

  constructor(runs: Iterable<RunId> = []) {
    super();
    for (const run of runs) this.add(run);
  }

  get first(): RunId | undefined {
    return this.#order[this.#head];
  }

  get last(): RunId | undefined {
    return this.#order.at(-1);
  }

  override add(run: RunId): this {
    if (!this.has(run)) this.#order.push(run);
    return super.add(run);
  }

  override delete(run: RunId): boolean {
    const wasThere = super.delete(run);
    if (!wasThere) return false;
    while (this.#head < this.#order.length && this.#isGone(this.#head)) this.#head++;
    while (this.#order.length > this.#head && this.#isGone(this.#order.length - 1))
      this.#order.pop();
    // A new list, not the old one made shorter: somebody may be going through it.
    if (this.size === 0 || this.#order.length > 2 * this.size + GONE_MIN) {
      this.#order = [...this];
      this.#head = 0;
    }
    return true;
  }

  override *[Symbol.iterator](): SetIterator<RunId> {
    const order = this.#order;
    for (let at = this.#head; at < order.length; at++) {
      const run = order[at];
      if (run !== undefined && this.has(run)) yield run;
    }
  }

  #isGone(at: number): boolean {
    return !this.has(this.#order[at] ?? 0);
  }
}
