/**
 * Simulates the future once: expected requests, such as those of a crontab, go through the
 * scheduler itself, and every run takes as long as `drawMs` says. So a plan respects every policy
 * without knowing any of them. Pure and deterministic: a recorder is told what happens.
 *
 * Assumptions: conditions of `require` are met, no external process holds a lock, and every command
 * succeeds unless it times out. Each moment is processed as in the daemon's loop: first what is
 * due, then runs that end, then requests, and after each of them everything that can start.
 *
 * Invariants: the work is bounded, and a play that is cut off says where; ended runs are forgotten,
 * so that a long play needs memory only for what is recorded.
 */
import type { ComingRequest, KnownRun, PlanInput } from '../protocol/planned.ts';
import type { RunId, TargetName } from '../shared/run.ts';
import { stopNumber, stopOrderOf } from '../shared/stop.ts';
import { affectedTargets, groupsOf, sizeAround } from './affected.ts';
import { apply } from './apply.ts';
import type { Catalog } from './catalog.ts';
import type { Answer, Command, CommandInput, Decision, Report } from './command.ts';
import { decide } from './decide.ts';
import type { Event } from './event.ts';
import { scopeOf } from './pause-scope.ts';
import { KEEPER, knownEvents, stampAt } from './plan-known.ts';
import type { State } from './state.ts';
import { TimerQueue, timerKeyOf } from './timer-queue.ts';
import { NO_WORLD } from './world.ts';

/** Duration of a run if its target's durations are unknown. */
const UNKNOWN_MS = 0;
/** How far beyond the last request the ends of queued runs are looked for. */
export const BEYOND_MS_MAX = 28 * 86_400_000;
/** Most group members that are looked at in total. */
export const PLAN_WORK_MAX = 200_000_000;

export interface PlayOptions
  extends Pick<PlanInput, 'fromMs' | 'untilMs' | 'requests' | 'runs' | 'pauses' | 'freshAtMs'> {
  readonly catalog: Catalog;
  /** How long the next run of a target takes. */
  readonly drawMs: (target: TargetName) => number | undefined;
  /** Default: PLAN_WORK_MAX. */
  readonly workMax?: number;
}

/** Receives what happens in a play. */
export interface Recorder {
  /** Called after the event is applied. */
  note(event: Event): void;
  /** The result of a request; what happens to its run is reported by events. */
  answered(request: ComingRequest, answer: Answer): void;
  /** A run is due. */
  look?(run: RunId): void;
  /** The end of a moment. Returns the work: how many group members were looked at. */
  explain?(nowMs: number): number;
}

export class Play {
  readonly #options: PlayOptions;
  readonly #catalog: Catalog;
  readonly #state: State;
  readonly #recorder: Recorder;
  /** Targets whose durations are unknown. */
  readonly unknown = new Set<TargetName>();
  readonly #requests: readonly ComingRequest[];
  readonly #timers = new TimerQueue();
  /** When runs end by themselves. An entry counts only if `#endAt` has the same time. */
  readonly #ends = new TimerQueue();
  readonly #endAt = new Map<RunId, number>();
  /** Targets around which something may start. */
  readonly #restless = new Set<TargetName>();
  #starting: RunId[] = [];
  /** Targets of which a run has ended. */
  readonly #ended = new Set<TargetName>();
  /** Number of runs that have not ended. */
  #open = 0;
  #made = 0;
  #nowMs: number;
  #work = 0;
  #cutAtMs: number | undefined;

  /** Needs the requests ordered by time, as `requestsIn` returns them, and an empty state. */
  constructor(options: PlayOptions, state: State, recorder: Recorder) {
    this.#options = options;
    this.#catalog = options.catalog;
    this.#state = state;
    this.#recorder = recorder;
    this.#nowMs = options.fromMs;
    this.#requests = options.requests;
  }

  /** How many group members were looked at. */
  get work(): number {
    return this.#work;
  }

  /** Nothing is known from this time on. */
  get cutAtMs(): number | undefined {
    return this.#cutAtMs;
  }

  play(): void {
    this.#begin();
    while (this.#step()) {
      // One moment after another.
    }
  }

  /** Adds what the daemon has now. */
  #begin(): void {
    const { runs = [], pauses = [], freshAtMs = {} } = this.#options;
    for (const run of runs.toSorted((a, b) => a.run - b.run)) this.#know(run);
    for (const [target, ms] of Object.entries(freshAtMs)) {
      if (!this.#catalog.targets.has(target)) continue;
      this.#apply({ type: 'watched', target, at: stampAt(ms) });
    }
    for (const pause of pauses) {
      const until = pause.untilMs === undefined ? {} : { untilMs: pause.untilMs };
      this.#apply({ type: 'paused', ...scopeOf(pause), ...until });
    }
    this.#decide({ type: 'configured' });
    this.#settle();
  }

  /** The next moment; false if there is none, or if it would be too much work. */
  #step(): boolean {
    if (this.#cutAtMs !== undefined) return false;
    const request = this.#requests[this.#made];
    const nextMs = Math.min(
      request?.atMs ?? Number.POSITIVE_INFINITY,
      this.#timers.nextMs ?? Number.POSITIVE_INFINITY,
      this.#ends.nextMs ?? Number.POSITIVE_INFINITY,
    );
    const { untilMs } = this.#options;
    if (nextMs > (this.#open > 0 ? untilMs + BEYOND_MS_MAX : untilMs)) return false;
    this.#nowMs = Math.max(this.#nowMs, nextMs);
    this.#fire();
    this.#endRuns();
    for (let next = request; next?.atMs === nextMs; next = this.#requests[++this.#made]) {
      this.#ask(next);
    }
    this.#work += this.#recorder.explain?.(this.#nowMs) ?? 0;
    this.#retain();
    return true;
  }

  /** Adds an existing run. Runs that ended before the play are ignored. */
  #know(known: KnownRun): void {
    if (known.run < this.#state.nextRun) return;
    const target = this.#catalog.targets.get(known.target);
    const { events, timersMs } = knownEvents(known, target);
    for (const event of events) {
      if (known.ended === undefined) this.#apply(event);
      else apply(this.#state, event);
    }
    // It has started.
    this.#starting = [];
    for (const atMs of timersMs) this.#timers.add(known.run, atMs);
    const { startedAtMs, endsAtMs } = known;
    if (startedAtMs !== undefined && endsAtMs !== undefined) this.#expectEnd(known.run, endsAtMs);
  }

  /** Requested looks; each may request another one immediately. */
  #fire(): void {
    for (;;) {
      const due = [...this.#timers.due(this.#nowMs)];
      if (due.length === 0) return;
      const runs = due.filter((key) => typeof key === 'number');
      for (const key of due) {
        if (typeof key === 'string') this.#decide({ type: 'overdue', target: key });
        else if (typeof key === 'symbol') this.#decide({ type: 'pause-due' });
      }
      if (runs.length > 0) this.#decide({ type: 'due', runs });
      for (const run of runs) this.#recorder.look?.(run);
      this.#settle();
    }
  }

  #endRuns(): void {
    for (;;) {
      const due = [...this.#ends.due(this.#nowMs)].filter((key) => typeof key === 'number');
      if (due.length === 0) return;
      for (const run of due.sort((a, b) => a - b)) this.#report(run);
    }
  }

  #report(number: RunId): void {
    const run = this.#state.runs.get(number);
    if (run?.state !== 'running' || (this.#endAt.get(number) ?? Infinity) > this.#nowMs) return;
    const target = this.#catalog.targets.get(run.target);
    const okExit = target?.okExit[0] ?? 0;
    const signal = stopNumber(stopOrderOf(target).signal);
    const how = run.stopping ? { code: null, signal } : { code: okExit, signal: null };
    const report: Report = { started: true, ...how, core: false };
    this.#decide({ type: 'reported', run: number, attempt: run.attempt, report });
    this.#settle();
  }

  #ask(request: ComingRequest): void {
    const { target, args, only, maxWaitMs } = request;
    const { answer } = this.#decide({
      ...{ type: 'submit', target, token: `request ${this.#made}`, merged: true },
      ...(args === undefined ? {} : { args }),
      ...(only === undefined ? {} : { only }),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
    });
    this.#recorder.answered(request, answer);
    this.#settle();
  }

  /** Starts everything that can start; its keepers are ready immediately. */
  #settle(): void {
    for (;;) {
      this.#evaluate();
      const run = this.#starting.shift();
      if (run === undefined) return;
      const of = this.#state.runs.get(run);
      if (of?.state !== 'starting') continue;
      this.#decide({ type: 'kept', run, attempt: of.attempt, ...KEEPER });
    }
  }

  #evaluate(): void {
    // A look at one target covers all that share a group with it.
    const rested = new Set<string>();
    for (const target of this.#restless) {
      const keys = groupsOf(target, this.#catalog);
      this.#restless.delete(target);
      if (keys.length > 0 && keys.every((key) => rested.has(key))) continue;
      while (this.#mayGoOn() && this.#startOne(target)) rested.clear();
      for (const key of keys) rested.add(key);
    }
  }

  #startOne(target: TargetName): boolean {
    this.#work += sizeAround(target, this.#catalog);
    return (
      this.#decide({ type: 'evaluate', target, worldAround: () => NO_WORLD }).events.length > 0
    );
  }

  #mayGoOn(): boolean {
    if (this.#work > (this.#options.workMax ?? PLAN_WORK_MAX)) this.#cutAtMs ??= this.#nowMs;
    return this.#cutAtMs === undefined;
  }

  /** Decides, and applies the events. */
  #decide(input: CommandInput): Decision {
    const command = { ...input, at: stampAt(this.#nowMs), nonce: '' } as Command;
    const decision = decide(this.#state, command, this.#catalog);
    for (const event of decision.events) {
      for (const name of affectedTargets(this.#state, event, this.#catalog)) {
        this.#restless.add(name);
      }
      this.#apply(event);
    }
    for (const name of decision.touched) this.#restless.add(name);
    for (const look of decision.wakeups) this.#timers.add(timerKeyOf(look), look.atMs);
    if (decision.rest !== undefined) this.#decide(decision.rest);
    return decision;
  }

  #apply(event: Event): void {
    apply(this.#state, event);
    this.#recorder.note(event);
    if (event.type === 'accepted') this.#open++;
    else if (event.type === 'starting') this.#starting.push(event.run);
    else if (event.type === 'started') this.#expectEnd(event.run, this.#usualEnd(event.run));
    // A run that is told to stop ends immediately.
    else if (event.type === 'stopping') this.#expectEnd(event.run, this.#nowMs);
    else if (event.type === 'ended') {
      this.#open--;
      this.#endAt.delete(event.run);
      const { target } = this.#state.runs.get(event.run) ?? {};
      if (target !== undefined) this.#ended.add(target);
    }
  }

  #usualEnd(run: RunId): number {
    const of = this.#state.runs.get(run);
    const target = of?.target ?? '';
    const startedMs = of?.state === 'running' ? of.started.steadyMs : this.#nowMs;
    const known = this.#options.drawMs(target);
    if (known === undefined) this.unknown.add(target);
    return Math.max(this.#nowMs, startedMs + (known ?? UNKNOWN_MS));
  }

  #expectEnd(run: RunId, atMs: number): void {
    const endMs = Math.max(this.#nowMs, atMs);
    this.#endAt.set(run, endMs);
    this.#ends.add(run, endMs);
  }

  /** Keeps the last ended run of each target, because policies use it. */
  #retain(): void {
    for (const target of this.#ended) {
      this.#decide({ type: 'retain', target, keep: { runs: 1 } });
    }
    this.#ended.clear();
  }
}
