/**
 * When runs want another look: a binary heap by time, so that 100,000 waiting runs with a deadline
 * cost a logarithm each. An entry may come due for a run that no longer cares; that is harmless.
 */
import type { RunId } from './event.ts';

interface Entry {
  readonly run: RunId;
  readonly atMs: number;
}

export class Agenda {
  readonly #heap: Entry[] = [];
  /** The earliest entry of each run: a later one for the same moment adds nothing. */
  readonly #earliest = new Map<RunId, number>();

  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  add(run: RunId, atMs: number): void {
    if (this.#earliest.get(run) === atMs) return;
    this.#earliest.set(run, Math.min(atMs, this.#earliest.get(run) ?? atMs));
    const heap = this.#heap;
    let at = heap.push({ run, atMs }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#at(parent) <= this.#at(at)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Takes out every run that is due. */
  *due(nowMs: number): Generator<RunId> {
    while ((this.nextMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const first = this.#pop();
      if (first === undefined) return;
      if (this.#earliest.get(first.run) === first.atMs) this.#earliest.delete(first.run);
      yield first.run;
    }
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    heap[0] = last;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const least = this.#at(left + 1) < this.#at(left) ? left + 1 : left;
      if (this.#at(least) >= this.#at(at)) return first;
      this.#swap(at, least);
      at = least;
    }
  }

  #at(index: number): number {
    return this.#heap[index]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return;
    [this.#heap[a], this.#heap[b]] = [second, first];
  }
}
