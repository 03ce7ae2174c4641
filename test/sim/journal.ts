/**
 * The simulated journal: what is on the disk, what a power cut would leave of it, and a copy that
 * somebody has made. It also remembers every decision that remains true, in full, whatever
 * compactions make of it: the invariants use that (audit.ts).
 */
import { apply } from '../../daemon/core/apply.ts';
import type { Catalog } from '../../daemon/core/catalog.ts';
import type { Event } from '../../daemon/core/event.ts';
import { emptyState, type State } from '../../daemon/core/state.ts';
import type { JournalPort } from '../../daemon/journal/group-commit.ts';
import type { Stamp } from '../../daemon/shared/run.ts';
import type { World } from './world.ts';

/** What was decided at one time, and the configuration at that time. */
export interface Entry {
  readonly events: readonly Event[];
  readonly catalog: Catalog;
  readonly at: Stamp;
}

/** What is written in one step, as it is read again. */
type Written = readonly Event[];

interface Content {
  readonly written: readonly Written[];
  readonly past: readonly Entry[];
}

export class SimJournal {
  readonly #world: World;
  /** What a compaction has left, and each append since. */
  #written: Written[] = [];
  /** How many of them a sync has covered. */
  #durable = 0;
  #past: Entry[] = [];
  /** Made some time ago; at first empty. */
  #copy: Content = { written: [], past: [] };
  compactions = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Every decision that is still true. */
  get past(): readonly Entry[] {
    return this.#past;
  }

  replay(): State {
    const state = emptyState();
    for (const events of this.#written) for (const event of events) apply(state, event);
    return state;
  }

  /** What was not synced may be gone. */
  cutPower(): void {
    const left = this.#world.between(this.#durable, this.#written.length);
    const lost = this.#written.length - left;
    this.#written.length = left;
    this.#past.length -= lost;
  }

  copy(): void {
    const lost = this.#written.length - this.#durable;
    this.#copy = {
      written: this.#written.slice(0, this.#durable),
      past: this.#past.slice(0, this.#past.length - lost),
    };
  }

  restore(): void {
    this.#written = [...this.#copy.written];
    this.#past = [...this.#copy.past];
    this.#durable = this.#written.length;
  }

  /** As one daemon has it open. */
  open(generation: number): JournalPort {
    const world = this.#world;
    let waiting: (() => void)[] = [];
    let isSyncing = false;
    let isCompacting = false;
    const sync = (): void => {
      isSyncing = true;
      const covered = this.#written.length;
      const callbacks = waiting;
      waiting = [];
      const finish = (): void => {
        this.#durable = Math.max(this.#durable, covered);
        isSyncing = false;
        if (world.mayDie(generation)) return;
        for (const callback of callbacks) callback();
        if (waiting.length > 0) sync();
      };
      world.later(world.between(0, 2), finish, generation);
    };
    return {
      append: (events) => {
        if (generation !== world.generation) return { ok: true }; // the dead write nothing
        if (world.chance(world.hazards.full)) return { ok: false, error: 'ENOSPC' };
        this.#append(events);
        return { ok: true };
      },
      sync: () =>
        new Promise((resolve) => {
          waiting.push(resolve);
          if (!isSyncing) sync();
        }),
      examine: () => undefined,
      get isBloated() {
        return !isCompacting && world.chance(0.05);
      },
      compact: (events) => {
        isCompacting = true;
        const begun = this.#written.length;
        const left = events[Symbol.iterator]();
        const history: Event[] = [];
        return new Promise((resolve) => {
          const step = (): void => {
            if (generation !== world.generation) return; // the dead compact nothing
            for (let count = world.between(1, 8); count > 0; count--) {
              const { done, value } = left.next();
              if (done === true) return finish();
              history.push(reread(value));
            }
            world.later(world.between(0, 2), step, generation);
          };
          /** What no sync has covered is no more durable than before, but the history is. */
          const finish = (): void => {
            if (generation !== world.generation) return;
            if (isSyncing) return void world.later(1, finish, generation);
            const unsynced = this.#written.length - this.#durable;
            this.#written = [history, ...this.#written.slice(begun)];
            this.#durable = Math.max(1, this.#written.length - unsynced);
            isCompacting = false;
            this.compactions++;
            resolve({ ok: true });
          };
          step();
        });
      },
    };
  }

  #append(events: readonly Event[]): void {
    const entry = { events, catalog: this.#world.catalog, at: this.#world.now() };
    this.#world.checkForgotten(events);
    this.#world.machine.checkStarts(entry);
    this.#world.audit.take(entry);
    this.#past.push(entry);
    this.#written.push(events.map(reread));
  }
}

function reread(event: Event): Event {
  return JSON.parse(JSON.stringify(event)) as Event;
}
