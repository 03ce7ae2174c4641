/**
 * Targets around which something may start, and the looks at them: a look starts at most one run,
 * and is repeated until it starts none, within the limits of one turn of the loop.
 */
import { groupsOf } from '../core/affected.ts';
import type { Catalog } from '../core/catalog.ts';
import type { Decision } from '../core/command.ts';
import type { TargetName } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { ROOM_RETRY_MS } from './unrecorded.ts';

interface Parts {
  readonly clock: Clock;
  readonly catalog: () => Catalog;
  /** What can start around a target now. */
  readonly decide: (target: TargetName) => Decision;
  /** Which other targets are affected; to be called before `record`. */
  readonly affected: (decision: Decision) => readonly TargetName[];
  /** False: the journal has no room for it. */
  readonly record: (decision: Decision) => boolean;
  /** Whether the turn has done this much work. */
  readonly isTired: (workMax: number) => boolean;
  /** Requests another turn. */
  readonly again: () => void;
}

export class Evaluations {
  readonly #parts: Parts;
  readonly #restless = new Set<TargetName>();
  /** Targets around which something starts as soon as the journal has room. */
  readonly #deferred = new Set<TargetName>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#restless.size;
  }

  add(targets: readonly TargetName[]): void {
    for (const target of targets) this.#restless.add(target);
  }

  clear(): void {
    this.#restless.clear();
  }

  /** Starts everything that can start, as far as it fits into the turn. */
  run(workMax: number): void {
    // A look at one target covers all that share a group with it.
    const rested = new Set<string>();
    for (const target of this.#restless) {
      if (this.#parts.isTired(workMax)) return;
      const keys = groupsOf(target, this.#parts.catalog());
      this.#restless.delete(target);
      if (keys.length > 0 && keys.every((key) => rested.has(key))) continue;
      while (this.#startOne(target, workMax)) rested.clear();
      for (const key of keys) rested.add(key);
    }
  }

  /** Starts one run around a target; false if there is none. */
  #startOne(target: TargetName, workMax: number): boolean {
    const { decide, affected, record, isTired } = this.#parts;
    const decision = decide(target);
    const [event] = decision.events;
    const around = affected(decision);
    if (!record(decision)) {
      this.#defer(target);
      return false;
    }
    for (const name of around) if (name !== target) this.#restless.add(name);
    if (event !== undefined && isTired(workMax)) this.#restless.add(target);
    return event !== undefined && !isTired(workMax);
  }

  /** Repeats the whole look: nothing is known of the runs behind the one without room. */
  #defer(target: TargetName): void {
    this.#deferred.add(target);
    if (this.#deferred.size > 1) return;
    this.#parts.clock.after(ROOM_RETRY_MS, () => {
      this.add([...this.#deferred]);
      this.#deferred.clear();
      this.#parts.again();
    });
  }
}
