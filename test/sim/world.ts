/**
 * The simulated world around one daemon: time, disk, keepers, clients. The daemon itself is real
 * (daemon/engine/daemon.ts and everything below it); its surroundings are not. Everything that can
 * happen next is a task, a seeded generator picks one, and the daemon can die at any task and
 * between any two effects. A history is a function of its seed.
 */
import assert from 'node:assert/strict';
import pino from 'pino';
import type { Catalog } from '../../daemon/core/catalog.ts';
import type { Event } from '../../daemon/core/event.ts';
import { RECENT_MS } from '../../daemon/core/retention.ts';
import type { Ended } from '../../daemon/core/state.ts';
import { Daemon } from '../../daemon/engine/daemon.ts';
import { stampOf } from '../../daemon/shared/elapsed.ts';
import type { Nonce, Outcome, RunId, Stamp, TargetName } from '../../daemon/shared/run.ts';
import type { Clock } from '../../daemon/system/clock.ts';
import { Audit } from './audit.ts';
import { SimJournal } from './journal.ts';
import { SimKeepers, type SimProcess } from './keepers.ts';
import { SimMachine } from './machine.ts';

interface Task {
  readonly atMs: number;
  /** The daemon with which the task dies, if any. */
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
  /** The journal no longer knows its run: there is no verdict. */
  isForsaken?: true;
}

export interface Hazards {
  /** Probability of a daemon's death at each effect and each task. */
  readonly crash: number;
  /** Probability that a death is a power cut. */
  readonly reboot: number;
  /** Probability of an orderly shutdown of the machine, at each task. */
  readonly shutdown: number;
  /** Probability that the journal cannot be written. */
  readonly full: number;
  /** Probability that a keeper is killed. */
  readonly keeperDeath: number;
  /** Probability that the machine falls asleep, at each task. */
  readonly sleep: number;
  /**
   * Probability that a dead daemon's journal is restored from a copy, or removed, and that a copy
   * is made.
   */
  readonly restore: number;
}

const CALM: Hazards = {
  crash: 0,
  reboot: 0,
  shutdown: 0,
  full: 0,
  keeperDeath: 0,
  sleep: 0,
  restore: 0,
};

/** Most steps shown of a failing history. */
const TRAIL_STEPS = 30;

const LOG = pino({ level: 'silent' });
/** How often a daemon is down for longer than an ended run counts as recent, and for how long. */
const LONG_DOWN = 0.05;
const DOWN_MS_MOST = 2 * RECENT_MS;
/** A night. */
const SLEEP_MS_MOST = 12 * 3_600_000;

export class World {
  readonly random: () => number;
  readonly hazards: Hazards;
  /** The current configuration; a new daemon starts with it. */
  catalog: Catalog;
  readonly journal: SimJournal;
  readonly machine: SimMachine;
  audit = new Audit();
  /** Called before time passes: nothing is left to do now. */
  onRest: () => void = () => {};
  onForget: (run: Ended) => void = () => {};
  reloads = 0;
  readonly clients: Client[] = [];
  /** By the pid of the keeper. */
  readonly processes = new Map<number, SimProcess>();
  /** Runs that were found alive, by their names in the journal that found them. */
  readonly foundAs = new Map<string, string>();
  nowMs = 1_000;
  /** The wall clock is set back and forth; only windows may depend on it. */
  wallShiftMs = 0;
  setAtMs = Number.NEGATIVE_INFINITY;
  /** `nowMs` and every task stop while the machine sleeps. */
  asleepMs = 0;
  sleeps = 0;
  sleptAtMs = Number.NEGATIVE_INFINITY;
  boot = 1;
  deaths = 0;
  shutdowns = 0;
  isGoingDown = false;
  restorations = 0;
  isCalm = false;
  /** The effects of the last steps. */
  readonly #trail: string[] = [];
  #steps = 0;
  generation = 0;
  #tasks: Task[] = [];
  /** Of a daemon that cannot continue. */
  #failure: unknown;
  readonly #retrying = new Set<TargetName>();
  #daemon: Daemon | undefined;

  constructor(seed: number, catalog: Catalog, hazards: Partial<Hazards>) {
    this.random = mulberry32(seed);
    this.catalog = catalog;
    this.#noteRetries();
    this.hazards = { ...CALM, ...hazards };
    this.journal = new SimJournal(this);
    this.machine = new SimMachine(this);
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

  /** Something that will happen; with `of`, only if that daemon is still alive. */
  later(delayMs: number, what: () => void, of?: number): () => void {
    const task: Task = { atMs: this.nowMs + delayMs, of, what };
    this.#tasks.push(task);
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task);
    };
  }

  /** Kills the daemon with the given probability; true if it is dead now. */
  mayDie(generation: number): boolean {
    if (generation !== this.generation || this.#daemon === undefined) return true;
    if (!this.chance(this.hazards.crash)) return false;
    this.kill();
    return true;
  }

  /**
   * Everything is told to end, in random order; or the daemon first, which ends the runs. Then the
   * rest is killed, written data stays written, and the machine is restarted.
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
    // A daemon exits shortly after its own TERM.
    this.later(this.between(800, 1_500), () => this.#cut());
  }

  now(): Stamp {
    const wallMs = this.nowMs + this.asleepMs + this.wallShiftMs;
    return stampOf(this.nowMs, wallMs, this.asleepMs);
  }

  /** Of the wall, relative to the time it would show. */
  setClock(byMs: number): void {
    this.wallShiftMs = byMs;
    this.setAtMs = this.nowMs;
  }

  /** Nobody notices: it happens between two instants of everything else. */
  sleep(ms: number): void {
    this.asleepMs += ms;
    this.sleeps++;
    this.sleptAtMs = this.nowMs;
  }

  #cut(): void {
    this.shutdowns++;
    this.boot++;
    this.isGoingDown = false;
    this.#bury();
    for (const process of this.processes.values()) process.cutPower();
  }

  /** SIGKILL, or a power cut: unsynced data may be gone, and so is every process. */
  kill(): void {
    this.#bury();
    const reboot = this.chance(this.hazards.reboot);
    if (reboot) {
      this.boot++;
      this.journal.cutPower();
      this.#audit();
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
    const isLong = this.random() < LONG_DOWN;
    this.later(this.between(0, isLong ? DOWN_MS_MOST : 400), () => {
      if (generation === this.generation && this.#daemon === undefined) this.start();
    });
  }

  /** The keepers continue, and so do the clients. */
  #restore(): void {
    this.restorations++;
    this.journal.restore();
    this.#audit();
  }

  /** Starts again, after something was undone. */
  #audit(): void {
    this.audit = new Audit();
    for (const entry of this.journal.past) this.audit.take(entry);
  }

  start(): void {
    const state = this.journal.replay();
    const { generation } = this;
    const daemon: Daemon = new Daemon({
      state,
      catalog: this.catalog,
      journal: this.journal.open(generation),
      clock: this.#clock(generation),
      nonce: this.nonce,
      log: LOG,
      world: this.machine.open(generation),
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

  /** Of the current daemon. */
  get nonce(): Nonce {
    return `life ${this.generation}`;
  }

  /** A run of the current daemon, unique across all of them. */
  nameOf(run: RunId): string {
    return `${run} ${this.#daemon?.loop.state.runs.get(run)?.nonce}`;
  }

  /** A reload. */
  configure(catalog: Catalog): void {
    this.reloads++;
    this.catalog = catalog;
    this.#noteRetries();
    this.#daemon?.loop.configure(catalog);
  }

  /** Whether the runs of a target were ever retried. */
  mayRetry(target: TargetName | undefined): boolean {
    return target !== undefined && this.#retrying.has(target);
  }

  /** A copy of the journal contains neither the request that ended a run, nor its last attempt. */
  mayForget({ told, target }: Client): boolean {
    return this.restorations > 0 && (told?.kind !== 'exited' || this.mayRetry(target));
  }

  #noteRetries(): void {
    for (const { name, onLost, retry } of this.catalog.targets.values()) {
      if (onLost === 'retry' || retry !== undefined) this.#retrying.add(name);
    }
  }

  /** A client that sends a request, and repeats it with the same token until it gets an answer. */
  submit(target: string): void {
    const client: Client = { target, token: `token ${this.clients.length}` };
    this.clients.push(client);
    this.#attend(client);
  }

  /** The last steps in columns: number, time, daemon, and effects. */
  get trail(): string {
    return ['   step    time  life  what', ...this.#trail].join('\n');
  }

  /** Does one thing that can happen now, or lets time pass until something can. */
  async step(): Promise<boolean> {
    const { deaths, restorations, reloads, sleeps } = this;
    const { compactions, past } = this.journal;
    const known = past.length;
    const isOn = await this.#step();
    const brought = [
      ...(this.deaths > deaths ? [this.#daemon === undefined ? 'it dies' : 'it is born anew'] : []),
      ...(this.restorations > restorations ? ['a journal is restored'] : []),
      ...(this.reloads > reloads ? ['a reload'] : []),
      ...(this.sleeps > sleeps ? ['the machine sleeps'] : []),
      ...(this.journal.compactions > compactions ? ['a compaction'] : []),
      ...this.journal.past.slice(known).flatMap(({ events }) => events.map(showEvent)),
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
    if (firstMs > this.nowMs) this.onRest();
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
    if (this.chance(this.hazards.restore)) this.journal.copy();
    return true;
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

  /** Nobody waits for a forgotten run. */
  checkForgotten(events: readonly Event[]): void {
    const forgotten = events.flatMap((event) => (event.type === 'forgotten' ? event.runs : []));
    for (const number of forgotten) {
      const run = this.audit.state.runs.get(number);
      const waiting = this.clients.find((client) => {
        const isMine = client.run === number && client.nonce === run?.nonce;
        return isMine && client.told === undefined && !client.isForsaken;
      });
      assert.equal(waiting?.token, undefined, `run ${number} is forgotten, and waited for`);
      if (run?.state === 'ended') this.onForget(run);
    }
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
    if (!this.mayForget(client)) assert.deepEqual(outcome, client.told, 'told two outcomes');
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
}

function showEvent(event: Event): string {
  if (!('run' in event)) return event.type;
  const about = 'attempt' in event ? `.${event.attempt}` : '';
  const how = event.type === 'ended' ? ` ${event.outcome.kind}` : '';
  return `${event.type} ${event.run}${about}${how}`;
}

/** A small generator of good quality; the whole history depends on its seed. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
