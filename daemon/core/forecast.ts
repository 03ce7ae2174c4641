/**
 * Estimates when queued runs will start and when all runs will end: runs the scheduler itself ahead
 * of time, on a copy of the state, with every run taking as long as it usually does. So the
 * forecast follows every policy without knowing any of them. Pure.
 *
 * What is unknown gets no estimate: a run of unknown duration never ends here, and a run that waits
 * for it gets no start. The work is limited, because the daemon has others to answer: the latest
 * starts are left out first.
 */

import type { CooperativeSteps } from '../shared/cooperative.ts';
import { stampOf } from '../shared/elapsed.ts';
import type { RunId, Stamp, TargetName } from '../shared/run.ts';
import { affectedTargets, sizeAround } from './affected.ts';
import { apply } from './apply.ts';
import type { Catalog } from './catalog.ts';
import { closingOf } from './closing.ts';
import type { Command, CommandInput, Decision } from './command.ts';
import { decide } from './decide.ts';
import { expectedMs } from './estimate.ts';
import type { Event } from './event.ts';
import { snapshotOf } from './snapshot.ts';
import type { ReadonlyState, Running, State } from './state.ts';
import { PAUSES, TimerQueue } from './timer-queue.ts';
import type { World } from './world.ts';

/** In steady milliseconds. */
export interface Expected {
  readonly startMs?: number;
  readonly endMs?: number;
}

export interface ForecastContext {
  readonly state: ReadonlyState;
  readonly catalog: Catalog;
  readonly now: Stamp;
  readonly worldAround: (target: TargetName) => World;
  /** A better estimate of a running run's end, in steady milliseconds, if there is one. */
  readonly endOf?: (run: RunId) => number | undefined;
}

/** Most group members that are looked at in all. */
const WORK_MAX = 20_000;
/**
 * How often one run is looked at again while nothing starts or ends; a lock that another program
 * holds asks for a look every two seconds.
 */
const IDLE_LOOKS_MAX = 10;

export function* forecast(
  context: ForecastContext,
): CooperativeSteps<ReadonlyMap<RunId, Expected>> {
  const play = new Play(context);
  yield;
  yield* play.begin();
  while (yield* play.step()) {
    // Each step simulates the next event.
  }
  return play.expected;
}

class Play {
  readonly expected = new Map<RunId, Expected>();
  readonly #context: ForecastContext;
  readonly #state: State;
  readonly #worlds = new Map<TargetName, World>();
  /** When to look at each run again; each of its policies may ask for a different time. */
  readonly #looks = new Map<RunId, Set<number>>();
  /** How many of these were requested since something last started or ended. */
  readonly #idleLooks = new Map<RunId, number>();
  readonly #timers = new TimerQueue();
  /** Runs whose start is still to be estimated. */
  readonly #waiting = new Set<RunId>();
  /** Targets with more queued runs than the snapshot contains. */
  readonly #cut: ReadonlySet<TargetName>;
  /** In steady time; timers use elapsed time, and future sleep of the machine is unknown. */
  #nowMs: number;
  readonly #asleepMs: number;
  #work = 0;
  /** The last run that the snapshot has of a longer queue has left it. */
  #isAtEnd = false;

  constructor(context: ForecastContext) {
    this.#context = context;
    this.#state = snapshotOf(context.state);
    this.#nowMs = context.now.steadyMs;
    this.#asleepMs = context.now.asleepMs ?? 0;
    const cut = [...this.#state.targetStates].filter(([, { beyond = 0 }]) => beyond > 0);
    this.#cut = new Set(cut.map(([name]) => name));
  }

  /** Sets the timers for what is under way, and looks at all targets once. */
  *begin(): CooperativeSteps<void> {
    const targets = new Set<TargetName>();
    const seen = new Set<string>();
    for (const run of [...this.#state.runs.values()]) {
      yield;
      if (run.state === 'running') this.#expectEnd(run);
      if (run.state === 'starting') this.#keep(run.run, run.attempt);
      if (run.state !== 'queued') continue;
      this.#waiting.add(run.run);
      // A look at one target covers all that share a group with it.
      const { bindings = [] } = this.#context.catalog.targets.get(run.target) ?? {};
      if (!bindings.some(({ key }) => seen.has(key))) {
        targets.add(run.target);
        for (const { key } of bindings) seen.add(key);
      }
      if (run.expiresAtMs !== undefined) this.#timers.add(run.run, run.expiresAtMs);
      if (run.notBeforeMs !== undefined) this.#timers.add(run.run, run.notBeforeMs);
    }
    for (const { untilMs } of this.#state.pauses.values()) {
      if (untilMs !== undefined) this.#timers.add(PAUSES, untilMs);
    }
    yield* this.#look(targets);
  }

  /** Simulates the next event; false if there is none, or if nothing more can be foreseen. */
  *step(): CooperativeSteps<boolean> {
    const { nextMs } = this.#timers;
    if (nextMs === undefined || this.#waiting.size === 0 || this.#isBlind()) return false;
    this.#nowMs = Math.max(this.#nowMs, nextMs - this.#asleepMs);
    const [key] = this.#timers.due(nextMs);
    if (key === PAUSES) yield* this.#look(this.#decide({ type: 'pause-due' }));
    const number = typeof key === 'number' ? key : 0;
    const run = this.#state.runs.get(number);
    const { endMs } = this.expected.get(number) ?? {};
    if (run?.state === 'queued') yield* this.#look(this.#decide({ type: 'due', runs: [number] }));
    else if (run?.state === 'running' && endMs !== undefined && endMs <= this.#nowMs) {
      yield* this.#look(this.#decide(this.#success(run)));
    }
    return true;
  }

  #success({ run, target, attempt }: Running): CommandInput {
    const code = this.#context.catalog.targets.get(target)?.okExit[0] ?? 0;
    const report = { started: true, code, signal: null, core: false };
    return { type: 'reported', run, attempt, report };
  }

  /** Starts everything that can start; each start may make others possible. */
  *#look(names: Iterable<TargetName>): CooperativeSteps<void> {
    const targets = new Set(names);
    for (const target of targets) {
      while (!this.#isBlind()) {
        this.#work += sizeAround(target, this.#context.catalog);
        const worldAround = (name: TargetName): World => this.#foreseen(name);
        const found = this.#decide({ type: 'evaluate', target, worldAround });
        for (const name of found) targets.add(name);
        yield;
        if (found.length === 0) break;
      }
    }
  }

  /** Conditions that are known not to be met now are assumed to stay so. */
  #foreseen(target: TargetName): World {
    const world = this.#worlds.get(target) ?? {
      ...this.#context.worldAround(target),
      isAssumed: true as const,
    };
    this.#worlds.set(target, world);
    return world;
  }

  /** Nothing more can be foreseen: too much work, or the rest of a queue is not in the snapshot. */
  #isBlind(): boolean {
    return this.#isAtEnd || this.#work > WORK_MAX;
  }

  /** A run has left its queue. */
  #leave(number: RunId): void {
    this.#waiting.delete(number);
    const { target = '' } = this.#state.runs.get(number) ?? {};
    if (!this.#cut.has(target)) return;
    if (this.#state.targetStates.get(target)?.queue.size === 0) this.#isAtEnd = true;
  }

  /** Decides and applies; returns the targets that this affects. */
  #decide(input: CommandInput): readonly TargetName[] {
    const { catalog, now } = this.#context;
    const wallMs = now.wallMs + this.#nowMs - now.steadyMs;
    // The nonce is empty because nothing of this is journaled.
    const at = stampOf(this.#nowMs, wallMs, this.#asleepMs);
    const command = { ...input, at, nonce: '' } as Command;
    const { events, touched, wakeups } = decide(this.#state, command, catalog);
    const around = [...touched];
    for (const event of events) {
      around.push(...affectedTargets(this.#state, event, catalog));
      apply(this.#state, event);
      this.#note(event);
    }
    if (input.type === 'evaluate') this.#lookAgain(wakeups);
    return around;
  }

  #note(event: Event): void {
    if (event.type === 'starting' || event.type === 'ended') this.#idleLooks.clear();
    if (event.type === 'starting') {
      this.#leave(event.run);
      this.expected.set(event.run, { startMs: this.#nowMs });
      this.#keep(event.run, event.attempt);
    } else if (event.type === 'started') {
      const run = this.#state.runs.get(event.run);
      if (run?.state === 'running') this.#expectEnd(run);
    } else if (event.type === 'ended') {
      this.#leave(event.run);
    }
  }

  #keep(run: RunId, attempt: number): void {
    this.#decide({ type: 'kept', run, attempt, keeper: { pid: 0, startTime: 0, bootId: '' } });
  }

  #lookAgain(wakeups: Decision['wakeups']): void {
    for (const look of wakeups) {
      if (!('run' in look)) continue;
      const { run, atMs } = look;
      const looks = this.#looks.get(run) ?? new Set();
      const count = (this.#idleLooks.get(run) ?? 0) + 1;
      if (looks.has(atMs) || count > IDLE_LOOKS_MAX) continue;
      this.#looks.set(run, looks.add(atMs));
      this.#idleLooks.set(run, count);
      this.#timers.add(run, atMs);
    }
  }

  #expectEnd(run: Running): void {
    const endMs = this.#endOf(run);
    if (endMs === undefined) return;
    this.expected.set(run.run, { ...this.expected.get(run.run), endMs });
    this.#timers.add(run.run, endMs + this.#asleepMs);
  }

  /** From the usual durations when the forecast was made; never later than the timeout. */
  #endOf({ run, target, started, stopping, timeoutAtMs }: Running): number | undefined {
    if (stopping !== undefined) return this.#nowMs;
    const { state, endOf } = this.#context;
    const tookMs = state.targetStates.get(target)?.tookMs ?? [];
    const wholeMs = expectedMs(tookMs, this.#nowMs - started.steadyMs);
    const usualMs = wholeMs === undefined ? undefined : started.steadyMs + wholeMs;
    const endMs = endOf?.(run) ?? usualMs;
    if (endMs === undefined) return undefined;
    const closing = closingOf({ run, target, started }, this.#context.catalog);
    const { steadyMs, wallMs } = this.#context.now;
    const closesMs = closing === undefined ? endMs : closing.wallMs - wallMs + steadyMs;
    return Math.max(this.#nowMs, Math.min(endMs, timeoutAtMs ?? endMs, closesMs));
  }
}
