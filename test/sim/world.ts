/**
 * The world around one daemon, simulated: time, disk, keepers, clients. The daemon in it is the
 * real one (daemon/engine/daemon.ts and all below it); what it touches is not. Everything that can
 * happen next is a task, a seeded generator picks which, and the daemon can die at any task and
 * between any two effects. A history is a function of its seed.
 */
import assert from 'node:assert/strict';
import pino from 'pino';
import { apply } from '../../daemon/core/apply.ts';
import type { Catalog } from '../../daemon/core/catalog.ts';
import type { Event } from '../../daemon/core/event.ts';
import { minimalHistory } from '../../daemon/core/minimal-history.ts';
import { emptyState, type State } from '../../daemon/core/state.ts';
import { Daemon } from '../../daemon/engine/daemon.ts';
import type { JournalPort } from '../../daemon/journal/group-commit.ts';
import { stampOf } from '../../daemon/shared/elapsed.ts';
import type { Nonce, Outcome, RunId, Stamp } from '../../daemon/shared/run.ts';
import type { Clock } from '../../daemon/system/clock.ts';
import { SimKeepers, type SimProcess } from './keepers.ts';

interface Task {
  readonly atMs: number;
  /** The daemon that it dies with, or none. */
  readonly of: number | undefined;
  readonly what: () => void;
}

export interface Client {
  readonly target: string;
  readonly token: string;
  run?: RunId;
  /** Of the daemon that accepted it. */
  nonce?: Nonce;
  refused?: string;
  told?: Outcome;
  /** The journal knows nothing of its run any more: it has no verdict. */
  isForsaken?: true;
}

export interface Hazards {
  /** Chance of a daemon's death at each effect and each task. */
  readonly crash: number;
  /** Chance that a death is a power cut. */
  readonly reboot: number;
  /** Chance of an orderly shutdown of the machine, at each task. */
  readonly shutdown: number;
  /** Chance that the journal cannot be written. */
  readonly full: number;
  /** Chance that a keeper is killed. */
  readonly keeperDeath: number;
  /** Chance that the machine falls asleep, at each task. */
  readonly sleep: number;
  /**
   * Chance that a dead daemon's journal is restored from a copy, or removed, and of a copy being
   * made.
   */
  readonly restore: number;
}

/** Steps that a failing history shows. */
const TRAIL_STEPS = 30;

const LOG = pino({ level: 'silent' });
/** A night. */
const SLEEP_MS_MOST = 12 * 3_600_000;

export class World {
  readonly random: () => number;
  readonly hazards: Hazards;
  /** The configuration in force; a new daemon begins with it. */
  catalog: Catalog;
  /** Hears of every first start, before the state knows of it. */
  onStart: (run: RunId) => void = () => {};
  reloads = 0;
  readonly clients: Client[] = [];
  /** By the pid of the keeper. */
  readonly processes = new Map<number, SimProcess>();
  /** Runs that were found alive, by what they are called in the life that found them. */
  readonly foundAs = new Map<string, string>();
  /** First starts in the order of the journal. */
  readonly starts: RunId[] = [];
  nowMs = 1_000;
  /** Wall time is set back and forth; nothing may depend on it. */
  wallShiftMs = 0;
  /** `nowMs` and every task stand still while the machine sleeps. */
  asleepMs = 0;
  sleeps = 0;
  boot = 1;
  deaths = 0;
  shutdowns = 0;
  isGoingDown = false;
  compactions = 0;
  restorations = 0;
  isCalm = false;
  /** What the last steps have brought about. */
  readonly #trail: string[] = [];
  #steps = 0;
  generation = 0;
  #tasks: Task[] = [];
  #lines: string[] = [];
  #durable = 0;
  /** Of a daemon that cannot go on. */
  #failure: unknown;
  /** Of the journal, made some time ago; at first nothing. */
  #copy: readonly string[] = [];
  #daemon: Daemon | undefined;

  constructor(seed: number, catalog: Catalog, hazards: Hazards) {
    this.random = mulberry32(seed);
    this.catalog = catalog;
    this.hazards = hazards;
    this.start();
  }

  get daemon(): Daemon | undefined {
    return this.#daemon;
  }

  chance(probability: number): boolean {
    return !this.isCalm && this.random() < probability;
  }

  between(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1));
  }

  /** Something that will happen; with `of`, only if that daemon still lives. */
  later(delayMs: number, what: () => void, of?: number): () => void {
    const task: Task = { atMs: this.nowMs + delayMs, of, what };
    this.#tasks.push(task);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  }

  /** Kills the daemon if the dice say so; true if it is dead now. */
  mayDie(generation: number): boolean {
    if (generation !== this.generation || this.#daemon === undefined) return true;
    if (!this.chance(this.hazards.crash)) return false;
    this.kill();
    return true;
  }

  /**
   * Everybody is told to end, in no order; or the daemon first, which ends the runs. Then all that
   * is left is killed, what is written stays written, and the machine is started anew.
   */
  shutDown(): void {
    if (this.isGoingDown) return;
    this.isGoingDown = true;
    const tellAll = (): void => {
      for (const process of this.processes.values()) process.term();
    };
    const daemon = this.#daemon;
    if (daemon !== undefined && this.random() < 0.5) {
      daemon.endRuns(() => {});
      this.later(this.between(200, 800), tellAll);
    } else tellAll();
    // A daemon leaves within a moment of its own TERM.
    this.later(this.between(800, 1_500), () => this.#cut());
  }

  now(): Stamp {
    const wallMs = this.nowMs + this.asleepMs + this.wallShiftMs;
    return stampOf(this.nowMs, wallMs, this.asleepMs);
  }

  /** Nobody notices: it lies between two instants of everybody. */
  sleep(ms: number): void {
    this.asleepMs += ms;
    this.sleeps++;
  }

  #cut(): void {
    this.shutdowns++;
    this.boot++;
    this.isGoingDown = false;
    this.#bury();
    for (const process of this.processes.values()) process.cutPower();
  }

  /** SIGKILL, or a power cut: what was not synced may be gone, and so is every process. */
  kill(): void {
    this.#bury();
    const reboot = this.chance(this.hazards.reboot);
    if (reboot) {
      this.boot++;
      this.#lines.length = this.between(this.#durable, this.#lines.length);
    }
    for (const process of this.processes.values()) {
      if (reboot) process.cutPower();
      else process.hangUp();
    }
  }

  #bury(): void {
    this.deaths++;
    this.#daemon = undefined;
    this.generation++;
    this.#tasks = this.#tasks.filter((task) => task.of === undefined);
    if (this.chance(this.hazards.restore)) this.#restore();
    const { generation } = this;
    this.later(this.between(0, 400), () => {
      if (generation === this.generation && this.#daemon === undefined) this.start();
    });
  }

  /** The keepers go on, and so do the clients. */
  #restore(): void {
    this.restorations++;
    this.#lines = [...this.#copy];
    this.#durable = this.#lines.length;
  }

  start(): void {
    const state = this.replay();
    const { generation } = this;
    const daemon: Daemon = new Daemon({
      state,
      catalog: this.catalog,
      journal: this.#journal(generation),
      clock: this.#clock(generation),
      nonce: this.nonce,
      log: LOG,
      keepers: (post) => new SimKeepers(this, generation, post),
      notify: (event) => {
        if (!this.mayDie(generation)) this.#notify(event);
      },
      fail: (error) => {
        this.#failure ??= error;
      },
    });
    this.#daemon = daemon;
    daemon.recover([...this.processes.values()].flatMap((process) => process.letGo() ?? []));
    for (const client of this.clients) this.#attend(client);
  }

  /** Of the daemon of now. */
  get nonce(): Nonce {
    return `life ${this.generation}`;
  }

  /** A run of the life of now, among those of all lives. */
  nameOf(run: RunId): string {
    return `${run} ${this.#daemon?.loop.state.runs.get(run)?.nonce}`;
  }

  /** A reload. */
  configure(catalog: Catalog): void {
    this.reloads++;
    this.catalog = catalog;
    this.#daemon?.loop.configure(catalog);
  }

  /** A client that asks, and asks again with the same token until it hears an answer. */
  submit(target: string): void {
    const client: Client = { target, token: `token ${this.clients.length}` };
    this.clients.push(client);
    this.#attend(client);
  }

  /** The last steps in columns: which, when, in which life, and what came of it. */
  get trail(): string {
    return ['   step    time  life  what', ...this.#trail].join('\n');
  }

  /** Does one thing that can happen now, or lets time pass until something can. */
  async step(): Promise<boolean> {
    const { deaths, restorations, reloads, sleeps, compactions } = this;
    const known = this.#lines.length;
    const isOn = await this.#step();
    const brought = [
      ...(this.deaths > deaths ? [this.#daemon === undefined ? 'it dies' : 'it is born anew'] : []),
      ...(this.restorations > restorations ? ['a journal is restored'] : []),
      ...(this.reloads > reloads ? ['a reload'] : []),
      ...(this.sleeps > sleeps ? ['the machine sleeps'] : []),
      ...(this.compactions > compactions ? ['a compaction'] : []),
      ...this.#lines.slice(known).map((line) => showEvent(JSON.parse(line) as Event)),
    ];
    const columns = [`${this.#steps++}`.padStart(7), `${this.nowMs}`.padStart(7)];
    const life = `${this.generation}${this.#daemon === undefined ? ' †' : ''}`.padEnd(4);
    this.#trail.push(`${columns.join(' ')}  ${life}  ${brought.join(', ') || '-'}`);
    if (this.#trail.length > TRAIL_STEPS) this.#trail.shift();
    return isOn;
  }

  async #step(): Promise<boolean> {
    if (this.#tasks.length === 0) return false;
    const firstMs = Math.min(...this.#tasks.map((task) => task.atMs));
    this.nowMs = Math.max(this.nowMs, firstMs);
    const ready = this.#tasks.filter((task) => task.atMs <= this.nowMs);
    const task = ready[this.between(0, ready.length - 1)];
    if (task === undefined) return false;
    this.#tasks = this.#tasks.filter((other) => other !== task);
    task.what();
    for (let turn = 0; turn < 5; turn++) await undefined;
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#daemon !== undefined) this.mayDie(this.generation);
    if (this.chance(this.hazards.shutdown)) this.shutDown();
    if (this.hazards.sleep > 0 && this.chance(this.hazards.sleep)) {
      this.sleep(this.between(1, SLEEP_MS_MOST));
    }
    if (this.chance(this.hazards.restore)) this.#copy = this.#lines.slice(0, this.#durable);
    return true;
  }

  replay(): State {
    const state = emptyState();
    for (const line of this.#lines) apply(state, JSON.parse(line) as Event);
    return state;
  }

  get journalEvents(): readonly Event[] {
    return this.#lines.map((line) => JSON.parse(line) as Event);
  }

  #attend(client: Client): void {
    const daemon = this.#daemon;
    if (daemon === undefined || client.told !== undefined || client.refused !== undefined) return;
    if (client.isForsaken) return;
    if (client.run !== undefined) return this.#await(client, client.run);
    const { target, token } = client;
    daemon.loop.post({ type: 'submit', target, token, merged: true }, (answer) => {
      if (daemon !== this.#daemon) return; // the dead tell nothing
      if (answer.type === 'accepted' || answer.type === 'joined') {
        client.run = answer.run;
        client.nonce = daemon.loop.state.runs.get(answer.run)?.nonce ?? '';
        this.#await(client, answer.run);
      } else if (answer.type === 'no-room') {
        this.later(this.between(1, 500), () => this.#attend(client));
      } else client.refused = answer.type;
    });
  }

  #await(client: Client, number: RunId): void {
    const daemon = this.#daemon;
    const run = daemon?.loop.state.runs.get(number);
    if (this.restorations > 0 && run?.nonce !== client.nonce) {
      client.isForsaken = true;
      return;
    }
    assert.ok(run !== undefined, `run ${number} was accepted and is forgotten`);
    if (run.state !== 'ended') return;
    daemon?.loop.whenDurable(() => {
      if (daemon === this.#daemon) this.#tell(client, run.outcome);
    });
  }

  #notify(event: Event): void {
    if (event.type !== 'ended') return;
    for (const client of this.clients) {
      const { nonce } = this.#daemon?.loop.state.runs.get(event.run) ?? {};
      if (client.run !== event.run || client.nonce !== nonce) continue;
      this.#tell(client, event.outcome);
    }
  }

  #tell(client: Client, outcome: Outcome): void {
    client.told ??= outcome;
    // A copy of the journal knows no wish that has ended it.
    if (this.restorations === 0 || client.told.kind === 'exited') {
      assert.deepEqual(outcome, client.told, 'told two outcomes');
    }
  }

  #clock(generation: number): Clock {
    return {
      now: () => this.now(),
      steadyAt: (monotonicMs) => monotonicMs,
      after: (delayMs, callback) => this.later(Math.max(0, delayMs), callback, generation),
      soon: (callback) => {
        this.later(0, callback, generation);
      },
    };
  }

  #journal(generation: number): JournalPort {
    let waiting: (() => void)[] = [];
    let isSyncing = false;
    let isCompacting = false;
    const sync = (): void => {
      isSyncing = true;
      const covered = this.#lines.length;
      const callbacks = waiting;
      waiting = [];
      const finish = (): void => {
        this.#durable = Math.max(this.#durable, covered);
        isSyncing = false;
        if (this.mayDie(generation)) return;
        for (const callback of callbacks) callback();
        if (waiting.length > 0) sync();
      };
      this.later(this.between(0, 2), finish, generation);
    };
    const world = this;
    return {
      append: (events) => {
        if (generation !== this.generation) return { ok: true }; // the dead write nothing
        if (this.chance(this.hazards.full)) return { ok: false, error: 'ENOSPC' };
        for (const event of events) {
          // What was found has started long ago.
          const isFound = events.some(({ type }) => type === 'started');
          if (event.type === 'starting' && event.attempt === 1 && !isFound) {
            this.starts.push(event.run);
            this.onStart(event.run);
          }
          this.#lines.push(JSON.stringify(event));
        }
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
        const begun = this.#lines.length;
        const left = events[Symbol.iterator]();
        const lines: string[] = [];
        return new Promise((resolve) => {
          const step = (): void => {
            if (generation !== this.generation) return; // the dead compact nothing
            for (let count = this.between(1, 8); count > 0; count--) {
              const { done, value } = left.next();
              if (done === true) return finish();
              lines.push(JSON.stringify(value));
            }
            this.later(this.between(0, 2), step, generation);
          };
          /** What no sync has covered is no more durable than before, but the history is. */
          const finish = (): void => {
            if (generation !== this.generation) return;
            if (isSyncing) return void this.later(1, finish, generation);
            const unsynced = this.#lines.length - this.#durable;
            this.#lines = [...lines, ...this.#lines.slice(begun)];
            this.#durable = Math.max(lines.length, this.#lines.length - unsynced);
            isCompacting = false;
            this.compactions++;
            resolve({ ok: true });
          };
          step();
        });
      },
    };
  }
}

function showEvent(event: Event): string {
  if (!('run' in event)) return event.type;
  const about = 'attempt' in event ? `.${event.attempt}` : '';
  const how = event.type === 'ended' ? ` ${event.outcome.kind}` : '';
  return `${event.type} ${event.run}${about}${how}`;
}

/** The state that the compacted history leads to, for comparison. */
export function compacted(state: State): State {
  const again = emptyState();
  for (const event of minimalHistory(state)) apply(again, structuredClone(event));
  return again;
}

/** A small generator of good quality; the whole history hangs on its seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
