/**
 * Runs in insertion order, whose first and last are known without iterating: a plain Set steps over
 * all entries that were deleted before its first, so emptying one of 100,000 from the front takes
 * minutes. It is still a Set to its readers.
 *
 * Invariant: a deleted run is never added again.
 */
import type { RunId } from '../shared/run.ts';

/** This few deleted runs are not worth a new list. */
const GONE_MIN = 64;

export interface ReadonlyRuns extends ReadonlySet<RunId> {
  readonly first: RunId | undefined;
}

export class Runs extends Set<RunId> implements ReadonlyRuns {
  /** All runs in order, with some deleted ones among them. */
  #order: RunId[] = [];
  /** All entries before this index are deleted. */
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
    // A new list, because somebody may be iterating over the old one.
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
