/**
 * The machine around a simulated daemon, as policies see it: conditions change randomly over time;
 * checking one takes time, and some checks never end by themselves. Answers are remembered and
 * compared with every start.
 */
import assert from 'node:assert/strict';
import { hasConditions } from '../../daemon/core/catalog.ts';
import { type Condition, isCondition, isSlow, keyOf } from '../../daemon/core/world.ts';
import { elapsedMs } from '../../daemon/shared/elapsed.ts';
import type { RunId } from '../../daemon/shared/run.ts';
import type { Answer, WorldPort } from '../../daemon/system/machine.ts';
import { FRESH_MS } from '../../policies/require.ts';
import type { Entry } from './journal.ts';
import type { World } from './world.ts';

/** How long a condition stays as it is. */
const STEADY_MS = 700;
/** Longer than the longest `every`, plus a hanging check that is killed, plus another one. */
const PATIENCE_MS = 20_000;
/** One of this many checks never ends by itself. */
const HANGING = 10;

export class SimMachine {
  readonly #world: World;
  /** When the latest successful check of a condition began, in each daemon's life. */
  readonly #seenMs = new Map<string, number>();
  /** The time in this life since which nothing has been in the way of a run. */
  readonly #freeSince = new Map<RunId, number>();
  #life = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** In a calm world all conditions are met. */
  holds(condition: Condition): boolean {
    const { isCalm, nowMs } = this.#world;
    if (isCalm) return true;
    return noise(`${keyOf(condition)} ${Math.floor(nowMs / STEADY_MS)}`) > 0.4;
  }

  /** As one daemon sees it. */
  open(generation: number): WorldPort {
    const world = this.#world;
    return {
      holders: () => new Map(),
      look: (conditions) => new Map(conditions.map((it) => [keyOf(it), this.#answer(it)])),
      check: (condition, done) => {
        const begunMs = elapsedMs(world.now());
        const early = this.#answer(condition);
        let cancel = (): void => {};
        // If killed, most end at once, and some much later.
        const kill = (mostMs: number) => () => {
          cancel();
          cancel = world.later(world.between(0, mostMs), () => done(early), generation);
        };
        const end = (): void => {
          const answer = world.chance(0.5) ? early : this.#answer(condition);
          if (answer.holds) this.#seenMs.set(`${generation} ${keyOf(condition)}`, begunMs);
          done(answer);
        };
        if (world.chance(1 / HANGING)) {
          return kill(5_000);
        }
        cancel = world.later(world.between(0, world.isCalm ? 100 : 400), end, generation);
        return kill(10);
      },
      showTime: (wallMs) => String(wallMs),
    };
  }

  #answer(condition: Condition): Answer {
    const holds = this.holds(condition);
    return { holds, text: `${condition.kind} is ${holds ? 'right' : 'wrong'}` };
  }

  /**
   * The machine was in the way of a run, and no longer is: nobody need notice before the next look
   * at the run, within PATIENCE_MS.
   */
  isSoon(run: RunId, isFree: boolean): boolean {
    const { nowMs, generation } = this.#world;
    if (generation !== this.#life) this.#freeSince.clear();
    this.#life = generation;
    if (!isFree) this.#freeSince.delete(run);
    else if (!this.#freeSince.has(run)) this.#freeSince.set(run, nowMs);
    return nowMs - (this.#freeSince.get(run) ?? nowMs) <= PATIENCE_MS;
  }

  /** No run starts, for the first time or again, unless its conditions are met. */
  checkStarts({ events, catalog, at }: Entry): void {
    const { audit, generation } = this.#world;
    const isFound = events.some(({ type }) => type === 'started');
    for (const event of events) {
      if (event.type !== 'starting') continue;
      // It may return to its queue.
      this.#freeSince.delete(event.run);
      if (isFound) continue;
      const { target: name = '', accepted = at } = audit.state.runs.get(event.run) ?? {};
      const waitedMs = elapsedMs(at) - elapsedMs(accepted);
      const target = catalog.targets.get(name);
      if (!hasConditions(target)) continue;
      for (const it of target?.bindings.flatMap(({ asks }) => asks).filter(isCondition) ?? []) {
        const what = `run ${event.run} (${name}) starts, and ${keyOf(it)}`;
        if (!isSlow(it)) {
          assert.ok(this.holds(it), `${what} is not so`);
          continue;
        }
        const seenMs = this.#seenMs.get(`${generation} ${keyOf(it)}`) ?? Number.NaN;
        const agoMs = elapsedMs(at) - seenMs;
        assert.ok(agoMs <= waitedMs, `${what} was seen before it was asked for`);
        assert.ok(agoMs <= it.timeoutMs + FRESH_MS, `${what} was seen ${agoMs} ms ago`);
      }
    }
  }
}

/** From 0 up to 1, derived from a text. */
function noise(text: string): number {
  let hash = 2_166_136_261;
  for (const char of text) hash = Math.imul(hash ^ char.charCodeAt(0), 16_777_619);
  hash = Math.imul(hash ^ (hash >>> 15), 2_246_822_507);
  return ((hash ^ (hash >>> 13)) >>> 0) / 4_294_967_296;
}
