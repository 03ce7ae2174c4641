/**
 * When the waiting runs are going to start, and all of them to end: the scheduler itself plays on
 * from here, on a copy of the state, with every run taking as long as it usually does. So the
 * forecast knows every policy without asking one. Pure.
 *
 * What is not known stays unsaid: a run whose duration nobody knows never ends here, and what waits
 * for it has no start. The work is bounded, because a daemon answers others meanwhile: the furthest
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

/** Steady milliseconds. */
export interface Expected {
  readonly startMs?: number;
  readonly endMs?: number;
}

export interface ForecastContext {
  readonly state: ReadonlyState;
  readonly catalog: Catalog;
  readonly now: Stamp;
  readonly worldAround: (target: TargetName) => World;
  /** A better word on when a running run ends, in steady milliseconds, where there is one. */
  readonly endOf?: (run: RunId) => number | undefined;
}

/** Members of groups that are looked at in all. */
const WORK_MAX = 20_000;
/**
 * Times that one run is looked at anew while nothing starts or ends; a foreign lock asks for a look
 * every two seconds.
 */
const IDLE_LOOKS_MAX = 10;

export function* forecast(
  context: ForecastContext,
): CooperativeSteps<ReadonlyMap<RunId, Expected>> {
  const play = new Play(context);
  yield;
  yield* play.begin();
  while (yield* play.step()) {
    // One thing after another happens.
  }
  return play.expected;
}

class Play {
  readonly expected = new Map<RunId, Expected>();
  readonly #context: ForecastContext;
  readonly #state: State;
  readonly #worlds = new Map<TargetName, World>();
  /** When each run is looked at anew; several policies may each ask for a time of their own. */
  readonly #looks = new Map<RunId, Set<number>>();
  /** How many of them were asked for since something last started or ended. */
  readonly #idleLooks = new Map<RunId, number>();
  readonly #timers = new TimerQueue();
  /** Runs whose start is to be foreseen yet. */
  readonly #waiting = new Set<RunId>();
  /** Targets of which more runs wait than are looked at. */
  readonly #cut: ReadonlySet<TargetName>;
  /** Steady; the timers go by elapsed time, and nobody can foresee that the machine sleeps. */
  #nowMs: number;
  readonly #asleepMs: number;
  #work = 0;
  /** The seen end of a queue is reached. */
  #isAtEnd = false;

  constructor(context: ForecastContext) {
    this.#context = context;
    this.#state = snapshotOf(context.state);
    this.#nowMs = context.now.steadyMs;
    this.#asleepMs = context.now.asleepMs ?? 0;
    const cut = [...this.#state.targetStates].filter(([, { beyond = 0 }]) => beyond > 0);
    this.#cut = new Set(cut.map(([name]) => name));
  }

  /** What is under way, and the first look at everybody. */
  *begin(): CooperativeSteps<void> {
    const targets = new Set<TargetName>();
    const seen = new Set<string>();
    for (const run of [...this.#state.runs.values()]) {
      yield;
      if (run.state === 'running') this.#expectEnd(run);
      if (run.state === 'starting') this.#keep(run.run, run.attempt);
      if (run.state !== 'queued') continue;
      this.#waiting.add(run.run);
      // A look at one target is a look at all that share a group with it.
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

  /** The next thing happens; false: nothing more does, or it is too much work to see. */
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

  /** Lets start what may. Each start may let others go. */
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

  /** What is not as it should be now stays so, as far as anybody can tell. */
  #foreseen(target: TargetName): World {
    const world = this.#worlds.get(target) ?? {
      ...this.#context.worldAround(target),
      isAssumed: true as const,
    };
    this.#worlds.set(target, world);
    return world;
  }

  /** Nothing more can be foreseen: it is too much work, or the seen end of a queue is reached. */
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

  /** Decides and applies; returns the targets that this concerns. */
  #decide(input: CommandInput): readonly TargetName[] {
    const { catalog, now } = this.#context;
    const wallMs = now.wallMs + this.#nowMs - now.steadyMs;
    // Nothing of this is ever journaled, so that nobody has to know it again.
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

  /** By what was usual when the forecast was made, never later than the timeout. */
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
