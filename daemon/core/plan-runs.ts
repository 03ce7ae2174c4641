/**
 * The night before it happens: requests that are going to be made, such as those of a crontab, are
 * played through the scheduler itself, with every run taking as long as it usually does. So the
 * plan knows every policy without asking one. Pure and deterministic.
 *
 * Taken as they should be: conditions of `require`, locks of others, and that every command
 * succeeds unless its time is over. Each moment is played as the loop of the daemon does it: what
 * is due, then runs that end, then requests, and after each of them whatever may start.
 *
 * Invariants: the work is bounded, and a plan that is cut says where; ended runs are forgotten, so
 * that a long plan takes room for its rows only.
 */
import type { ComingRequest, KnownRun, PlanInput, Planned } from '../protocol/planned.ts';
import type { RunId, TargetName } from '../shared/run.ts';
import { stopNumber, stopOrderOf } from '../shared/stop.ts';
import { affectedTargets, groupsOf, sizeAround } from './affected.ts';
import { apply } from './apply.ts';
import type { Catalog } from './catalog.ts';
import type { Command, CommandInput, Decision, Report } from './command.ts';
import { decide } from './decide.ts';
import type { Event } from './event.ts';
import { scopeOf } from './pause-scope.ts';
import { PlanRows } from './plan-rows.ts';
import { emptyState, type State } from './state.ts';
import { TimerQueue, timerKeyOf } from './timer-queue.ts';
import { NO_WORLD } from './world.ts';

/** How long a run takes of whose target nobody knows it. */
const UNKNOWN_MS = 0;
/** So long after the last request is looked for the ends of what waits. */
export const BEYOND_MS_MAX = 28 * 86_400_000;
/** Members of groups that are looked at in all. */
const PLAN_WORK_MAX = 200_000_000;

const ENDED = { keeper: { pid: 0, startTime: 0, bootId: '' } } as const;

export interface PlanOptions extends PlanInput {
  readonly catalog: Catalog;
  /** PLAN_WORK_MAX where absent. */
  readonly workMax?: number;
}

export function planRuns(options: PlanOptions): Planned {
  const play = new Play(options);
  play.begin();
  while (play.step()) {
    // One moment after another.
  }
  return play.end();
}

class Play {
  readonly #options: PlanOptions;
  readonly #catalog: Catalog;
  readonly #state: State = emptyState();
  readonly #rows: PlanRows;
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

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#catalog = options.catalog;
    this.#nowMs = options.fromMs;
    this.#requests = options.requests
      .filter(({ atMs }) => atMs >= options.fromMs && atMs < options.untilMs)
      .toSorted((a, b) => a.atMs - b.atMs);
    this.#rows = new PlanRows(this.#state, options.catalog);
  }

  /** What the daemon has now. */
  begin(): void {
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
  step(): boolean {
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
    this.#work += this.#rows.explain(this.#nowMs);
    this.#retain();
    return true;
  }

  end(): Planned {
    const { fromMs, untilMs } = this.#options;
    const cut = this.#cutAtMs === undefined ? {} : { cutAtMs: this.#cutAtMs };
    return { fromMs, untilMs, ...this.#rows.close(), ...cut };
  }

  /** One that is there already, told by the events that have brought it about. */
  #know({ run, target, askedAtMs, startedAtMs, ended, endsAtMs }: KnownRun): void {
    if (run < this.#state.nextRun) return;
    const { maxWaitMs, timeoutMs, bindings = [] } = this.#catalog.targets.get(target) ?? {};
    const at = stampAt(askedAtMs);
    const expiry = maxWaitMs === undefined ? {} : { expiresAtMs: askedAtMs + maxWaitMs };
    const known = { run, target, at, token: `run ${run}`, merged: true } as const;
    this.#apply({ type: 'accepted', ...known, ...expiry });
    if (maxWaitMs !== undefined) this.#timers.add(run, askedAtMs + maxWaitMs);
    if (startedAtMs !== undefined) {
      const begun = { run, attempt: 1, at: stampAt(startedAtMs) } as const;
      const timeoutAtMs = startedAtMs + (timeoutMs ?? Number.POSITIVE_INFINITY);
      const limit = timeoutMs === undefined ? {} : { timeoutAtMs };
      this.#apply({ type: 'starting', ...begun, groups: bindings.map(({ key }) => key) });
      this.#starting = [];
      this.#apply({ type: 'started', ...begun, ...ENDED, ...limit });
      if (ended === undefined && timeoutMs !== undefined) this.#timers.add(run, timeoutAtMs);
      if (ended === undefined && endsAtMs !== undefined) this.#expectEnd(run, endsAtMs);
    }
    if (ended === undefined) return;
    const { atMs, verdict } = ended;
    const outcome = { kind: 'exited', code: verdict === 'failed' ? 1 : 0 } as const;
    this.#apply({ type: 'ended', run, at: stampAt(atMs), outcome, verdict });
    this.#rows.drop(run);
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
      for (const run of runs) this.#rows.look(run);
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
    this.#rows.answered(request, answer);
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
      this.#decide({ type: 'kept', run, attempt: of.attempt, ...ENDED });
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
    return this.#decide({ type: 'evaluate', target, world: NO_WORLD }).events.length > 0;
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
    this.#rows.note(event);
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
    const { tookMs } = this.#options;
    const known = Object.hasOwn(tookMs, target) ? tookMs[target] : undefined;
    if (known === undefined) this.#rows.unknown.add(target);
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

/** No machine sleeps or sets its clock here, so all clocks show the same. */
function stampAt(ms: number) {
  return { steadyMs: ms, wallMs: ms };
}
