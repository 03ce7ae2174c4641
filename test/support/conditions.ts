/**
 * Simulated conditions for the pure core: the test determines what is true, mounts are seen
 * immediately, and the others when the core asks for them.
 */
import type { Catalog } from '../../daemon/core/catalog.ts';
import type { Ask } from '../../daemon/core/command.ts';
import { subjectOf } from '../../daemon/core/describe-condition.ts';
import {
  type Condition,
  type Finding,
  isCondition,
  isSlow,
  keyOf,
} from '../../daemon/core/world.ts';
import { elapsedMs } from '../../daemon/shared/elapsed.ts';
import type { Stamp } from '../../daemon/shared/run.ts';

/** True for some time and then not, each condition with its own period. */
export function flaky(condition: Condition, { steadyMs }: Stamp): boolean {
  const period = Math.floor(steadyMs / 700) + keyOf(condition).length;
  return period % 3 !== 0;
}

interface Known {
  readonly holds: boolean;
  readonly at: Stamp;
}

export class Conditions {
  /** Whether it is met now. */
  truth: (condition: Condition, now: Stamp) => boolean = () => true;
  /** Nothing is answered before `Core.answer`. */
  isManual = false;
  /** All questions so far. */
  readonly asked: Ask[] = [];
  /** Questions without an answer yet. */
  open: Ask[] = [];
  readonly #known = new Map<string, Known>();
  readonly #seenMs = new Map<string, number>();

  /** Takes the questions; returns whether they already have answers. */
  ask(asks: readonly Ask[], now: Stamp): boolean {
    this.asked.push(...asks);
    this.open.push(...asks);
    if (!this.isManual) this.answer(now);
    return !this.isManual;
  }

  answer(now: Stamp): readonly Ask[] {
    const asks = this.open;
    this.open = [];
    for (const { condition } of asks) {
      if (this.truth(condition, now)) this.#seenMs.set(keyOf(condition), elapsedMs(now));
      this.#known.set(keyOf(condition), { holds: this.truth(condition, now), at: now });
    }
    return asks;
  }

  /** How long ago it was seen to be met, including time asleep; -1: not at all. */
  seenAgoMs(condition: Condition, now: Stamp): number {
    if (!isSlow(condition)) return this.truth(condition, now) ? 0 : -1;
    const seenMs = this.#seenMs.get(keyOf(condition));
    return seenMs === undefined ? -1 : elapsedMs(now) - seenMs;
  }

  /** A new daemon knows nothing. */
  forget(): void {
    this.#known.clear();
    this.open = [];
  }

  findings({ targets }: Catalog, now: Stamp): ReadonlyMap<string, Finding> {
    const found = new Map<string, Finding>();
    for (const { bindings } of targets.values()) {
      for (const condition of bindings.flatMap(({ asks }) => asks).filter(isCondition)) {
        const key = keyOf(condition);
        const instant = { holds: this.truth(condition, now), at: now };
        const known = isSlow(condition) ? this.#known.get(key) : instant;
        if (known !== undefined) found.set(key, finding(condition, known, now));
      }
    }
    return found;
  }
}

function finding(condition: Condition, { holds, at }: Known, now: Stamp): Finding {
  const text = `${subjectOf(condition)} is ${holds ? 'right' : 'wrong'}`;
  const seen = new Date(at.wallMs).toISOString().slice(11, 19);
  return { holds, text, agoMs: elapsedMs(now) - elapsedMs(at), seen };
}
