/**
 * One play of what is to come: requests that are going to be made, such as those of a crontab, go
 * through the scheduler itself, and every run takes as long as `drawMs` says. So a plan knows every
 * policy without asking one. Pure and deterministic: what happens is told to a recorder.
 *
 * Taken as they should be: conditions of `require`, locks of others, and that every command
 * succeeds unless its time is over. Each moment is played as the loop of the daemon does it: what
 * is due, then runs that end, then requests, and after each of them whatever may start.
 *
 * Invariants: the work is bounded, and a play that is cut says where; ended runs are forgotten, so
 * that a long play takes room for what is recorded only.
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

/** How long a run takes of whose target nobody knows it. */
const UNKNOWN_MS = 0;
/** So long after the last request is looked for the ends of what waits. */
export const BEYOND_MS_MAX = 28 * 86_400_000;
/** Members of groups that are looked at in all. */
export const PLAN_WORK_MAX = 200_000_000;

export interface PlayOptions
  extends Pick<PlanInput, 'fromMs' | 'untilMs' | 'requests' | 'runs' | 'pauses' | 'freshAtMs'> {
  readonly catalog: Catalog;
  /** How long the next run of a target takes. */
  readonly drawMs: (target: TargetName) => number | undefined;
  /** PLAN_WORK_MAX where absent. */
  readonly workMax?: number;
}

/** What a play tells. */
export interface Recorder {
  /** Once the event is applied. */
  note(event: Event): void;
  /** What has become of a request; what makes a run is told by its events. */
  answered(request: ComingRequest, answer: Answer): void;
  /** The time of a run has come. */
  look?(run: RunId): void;
  /** The end of a moment. Returns its work: how many members of groups were looked at. */
  explain?(nowMs: number): number;
}

export class Play {
  readonly #options: PlayOptions;
  readonly #catalog: Catalog;
  readonly #state: State;
  readonly #recorder: Recorder;
  /** Targets of which nobody knows how long they take. */
  readonly unknown = new Set<TargetName>();
  readonly #requests: readonly ComingRequest[];
  readonly #timers = new TimerQueue();
  /** When runs end by themselves. An entry counts only while `#endAt` says the same. */
  readonly #ends = new TimerQueue();
  readonly #endAt = new Map<RunId, number>();
  /** Around these something may start. */
  readonly #restless = new Set<TargetName>();
  #starting: RunId[] = [];
  /** Of these something has ended. */
  readonly #ended = new Set<TargetName>();
  /** Runs that have not ended. */
  #open = 0;
  #made = 0;
  #nowMs: number;
  #work = 0;
  #cutAtMs: number | undefined;

  /** The requests by time, as `requestsIn` gives them; the state is empty. */
  constructor(options: PlayOptions, state: State, recorder: Recorder) {
    this.#options = options;
    this.#catalog = options.catalog;
    this.#state = state;
    this.#recorder = recorder;
    this.#nowMs = options.fromMs;
    this.#requests = options.requests;
  }

  /** How many members of groups were looked at. */
  get work(): number {
    return this.#work;
  }

  /** From here on nothing is known. */
  get cutAtMs(): number | undefined {
    return this.#cutAtMs;
  }

  play(): void {
    this.#begin();
    while (this.#step()) {
      // One moment after another.
    }
  }

  /** What the daemon has now. */
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

  /** The next moment; false: there is none, or it is too much work to know it. */
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

  /** One that is there already. What has ended before the play is no part of it. */
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

  /** Looks that were asked for; each may ask for another one at once. */
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

  /** Lets start what may, and its keepers stand ready at once. */
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
    // A look at one target is a look at all that share a group with it.
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

  /** Decides, and applies what follows. */
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
    // What is told to end does so at once.
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

  /** Of each target the last ended run stays, by which policies go. */
  #retain(): void {
    for (const target of this.#ended) {
      this.#decide({ type: 'retain', target, keep: { runs: 1 } });
    }
    this.#ended.clear();
  }
}
