/**
 * When runs, targets that may be late, and pauses need another look, in elapsed time: a binary
 * heap, so that each of 100,000 queued runs with a deadline costs a logarithm. An entry may come
 * due for a run that no longer needs it; that is harmless.
 */
import type { RunId, TargetName } from '../shared/run.ts';
import type { Wakeup } from './command.ts';

/** Stands for all pauses: when the next one ends. */
export const PAUSES: unique symbol = Symbol('pauses');

/** Numbers are runs, names are targets. */
export type TimerKey = RunId | TargetName | typeof PAUSES;

export function timerKeyOf(look: Wakeup): TimerKey {
  if ('run' in look) return look.run;
  return 'target' in look ? look.target : PAUSES;
}

interface Entry {
  readonly key: TimerKey;
  readonly atMs: number;
}

export class TimerQueue {
  readonly #heap: Entry[] = [];
  /** The earliest entry of each key, so that equal times are not added twice. */
  readonly #earliest = new Map<TimerKey, number>();

  get nextMs(): number | undefined {
    return this.#heap[0]?.atMs;
  }

  add(key: TimerKey, atMs: number): void {
    if (this.#earliest.get(key) === atMs) return;
    this.#earliest.set(key, Math.min(atMs, this.#earliest.get(key) ?? atMs));
    const heap = this.#heap;
    let at = heap.push({ key, atMs }) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#at(parent) <= this.#at(at)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  /** Removes all entries that are due. */
  *due(nowMs: number): Generator<TimerKey> {
    while ((this.nextMs ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const first = this.#pop();
      if (first === undefined) return;
      if (this.#earliest.get(first.key) === first.atMs) this.#earliest.delete(first.key);
      yield first.key;
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
