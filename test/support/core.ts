/**
 * Drives the pure core as daemon/engine/loop.ts does, without a clock, a journal or a process: a
 * command is decided, its events are applied, and the affected groups are looked at until nothing
 * starts. Time moves only by `advance`, which fires what is due in chronological order. Keepers are
 * simulated: by default one is ready immediately, so that a run that starts is running when `send`
 * returns.
 */
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { affectedTargets, questionsAround } from '../../daemon/core/affected.ts';
import { apply } from '../../daemon/core/apply.ts';
import { type Binding, bind, makeCatalog, type Target } from '../../daemon/core/catalog.ts';
import type { Answer, Command, CommandInput, Decision, Report } from '../../daemon/core/command.ts';
import { decide } from '../../daemon/core/decide.ts';
import type { Event } from '../../daemon/core/event.ts';
import { groupViewMaker } from '../../daemon/core/group-view.ts';
import { minimalHistory } from '../../daemon/core/minimal-history.ts';
import type { Policy } from '../../daemon/core/policy.ts';
import { emptyState, type Run, type State } from '../../daemon/core/state.ts';
import { explain } from '../../daemon/core/waiting.ts';
import { isCondition, keyOf, NO_WORLD, type World } from '../../daemon/core/world.ts';
import { stampOf } from '../../daemon/shared/elapsed.ts';
import type { KeeperId, RunId, Stamp, TargetName } from '../../daemon/shared/run.ts';
import { policies as known } from '../../policies/index.ts';
import { Conditions } from './conditions.ts';
import { moodyPolicy } from './moody.ts';

/** One entry of `policies` as in config.json. */
export type RawPolicy = { readonly type: keyof typeof known | 'moody' } & Record<string, unknown>;

/** What is known when an event is about to be applied. */
export interface Moment {
  readonly core: Core;
  readonly command: Command;
  readonly event: Event;
}

/** Most steps between two idle states; more is an endless loop in the core. */
const STEPS_MAX = 5_000;

/** The nonce of the simulated daemon. */
export const NONCE = 'nonce';

export const EXIT_0: Report = { started: true, code: 0, signal: null, core: false };
export const NEVER_RAN: Report = { started: false, code: null, signal: null, core: false };

export function exit(code: number): Report {
  return { ...EXIT_0, code };
}

export function stamp(ms: number): Stamp {
  return { steadyMs: ms, wallMs: 1_700_000_000_000 + ms };
}

export function keeper(run: RunId, attempt: number): KeeperId {
  return { pid: 1_000 + run, startTime: attempt, bootId: 'boot' };
}

/** A target as made by daemon/config/load.ts. */
export function target(
  name: TargetName,
  policies: readonly RawPolicy[] = [],
  more: Partial<Target> = {},
): Target {
  return {
    name,
    runner: { type: 'local', options: {} },
    bindings: policies.map((raw) => bindRaw(raw, { name, ...more })),
    killAfterMs: 30_000,
    okExit: [0],
    warnExit: [],
    ...more,
  };
}

function bindRaw(raw: RawPolicy, self: Partial<Target> & { readonly name: string }): Binding {
  const policy: Policy<unknown> = raw.type === 'moody' ? moodyPolicy() : known[raw.type];
  return bind(policy, v.parse(policy.options, raw), self);
}

export function permutations<T>(list: readonly T[]): T[][] {
  if (list.length === 0) return [[]];
  return list.flatMap((first, at) =>
    permutations(list.toSpliced(at, 1)).map((rest) => [first, ...rest]),
  );
}

export function replay(events: Iterable<Event>): State {
  const state = emptyState();
  for (const event of events) apply(state, event);
  return state;
}

/** A state's sets as lists, so that a comparison includes their order. */
export function ordered(state: State) {
  return [...state.targetStates]
    .map(([name, { queue, active, ended }]) => ({
      name,
      queue: [...queue],
      active: [...active],
      ended: [...ended],
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

export class Core {
  state: State = emptyState();
  catalog;
  nowMs = 0;
  /** Simulates setting the clock; nothing may depend on it. */
  wallShiftMs = 0;
  asleepMs = 0;
  /** External processes that hold lockfiles, as the daemon would see them. */
  holders: World['holders'] = new Map();
  readonly conditions = new Conditions();
  readonly events: Event[] = [];
  /** The pending timers of the daemon: fired by `advance`. */
  timers: Decision['wakeups'][number][] = [];
  readonly #manualKeepers: boolean;
  readonly #watch: (moment: Moment) => void;
  #tokens = 0;

  constructor(
    targets: readonly Target[],
    {
      manualKeepers = false,
      watch = () => {},
    }: { manualKeepers?: boolean; watch?: (moment: Moment) => void } = {},
  ) {
    this.catalog = makeCatalog(targets);
    this.#manualKeepers = manualKeepers;
    this.#watch = watch;
  }

  now(): Stamp {
    const { steadyMs, wallMs } = stamp(this.nowMs);
    return stampOf(steadyMs, wallMs + this.wallShiftMs, this.asleepMs);
  }

  /** The machine sleeps: no timer fires, and no command continues. */
  sleep(ms: number): void {
    this.asleepMs += ms;
    this.wallShiftMs += ms;
  }

  /** Decides, applies, and looks until nothing starts any more. */
  send(input: CommandInput): Answer {
    const command: Command = { ...input, at: this.now(), nonce: NONCE };
    const decision = decide(this.state, command, this.catalog);
    const dirty = new Set(this.#absorb(decision, command));
    for (let steps = 0; dirty.size > 0; steps++) {
      if (steps > STEPS_MAX) throw new Error('The core does not come to rest');
      const [name = ''] = dirty;
      const look = {
        ...({
          type: 'evaluate',
          target: name,
          worldAround: (other: TargetName) => this.worldAround(other),
        } as const),
        ...{ at: this.now(), nonce: NONCE },
      };
      const found = this.#absorb(decide(this.state, look, this.catalog), look);
      if (found.length === 0) dirty.delete(name);
      for (const other of found) dirty.add(other);
    }
    if (!this.#manualKeepers) {
      for (let [next] = this.runs('starting'); next; [next] = this.runs('starting')) {
        this.keep(next.run);
      }
    }
    return decision.answer;
  }

  #absorb(
    { events, touched, wakeups, asks = [] }: Decision,
    command: Command,
  ): readonly TargetName[] {
    const around = [...touched];
    for (const event of events) {
      this.#watch({ core: this, command, event });
      around.push(...affectedTargets(this.state, event, this.catalog));
      apply(this.state, event);
      this.events.push(event);
    }
    for (const look of wakeups) {
      const known = this.timers.some((other) => isDeepStrictEqual(other, look));
      if (!known) this.timers.push(look);
    }
    if (asks.length > 0 && this.conditions.ask(asks, this.now())) {
      around.push(...asks.map(({ target }) => target));
    }
    return around;
  }

  submit(name: TargetName, token = `token ${++this.#tokens}`): Answer {
    return this.send({ type: 'submit', target: name, token, merged: true });
  }

  /** Submits a request that must be accepted, and returns the run's number. */
  ask(name: TargetName): RunId {
    const answer = this.submit(name);
    if (answer.type === 'accepted' || answer.type === 'joined') return answer.run;
    throw new Error(`Not accepted: ${JSON.stringify(answer)}`);
  }

  keep(run: RunId): void {
    const { attempt } = this.expect(run, 'starting');
    this.send({ type: 'kept', run, attempt, keeper: keeper(run, attempt) });
  }

  /** The keeper's report arrives. */
  end(run: RunId, report: Report = EXIT_0): void {
    const known = this.state.runs.get(run);
    const attempt = known !== undefined && 'attempt' in known ? known.attempt : 0;
    this.send({ type: 'reported', run, attempt, report });
  }

  lose(run: RunId, survivors: readonly number[] = [], rebooted = false): void {
    const known = this.state.runs.get(run);
    const attempt = known !== undefined && 'attempt' in known ? known.attempt : 0;
    this.send({ type: 'gone', run, attempt, rebooted, survivors });
  }

  world(): World {
    const findings = this.conditions.findings(this.catalog, this.now());
    return { holders: this.holders, findings };
  }

  /** As in a daemon: only conditions that somebody around the target asks for are known. */
  worldAround(name: TargetName): World {
    const questions = questionsAround(this.state, name, this.catalog);
    const world = this.world();
    if (questions.length === 0) return { ...NO_WORLD, holders: world.holders };
    const asked = new Set(questions.filter(isCondition).map(keyOf));
    return { ...world, findings: new Map([...world.findings].filter(([key]) => asked.has(key))) };
  }

  /** All open questions about the world are answered. */
  answer(): void {
    for (const { target } of this.conditions.answer(this.now())) this.touch(target);
  }

  /** Looks around a target, as after any change. */
  touch(target: TargetName): void {
    const [first] = this.state.targetStates.get(target)?.queue ?? [];
    if (first !== undefined) this.send({ type: 'due', runs: [first] });
  }

  /** Fires everything due until then, chronologically. Time is steady, the timers elapsed. */
  advance(toMs: number): void {
    for (let steps = 0; ; steps++) {
      if (steps > STEPS_MAX) throw new Error('Time does not go on');
      const next = this.timers.reduce<Decision['wakeups'][number] | undefined>(
        (best, look) => (best === undefined || look.atMs < best.atMs ? look : best),
        undefined,
      );
      if (next === undefined || next.atMs - this.asleepMs > toMs) break;
      this.timers = this.timers.filter((look) => look !== next);
      this.nowMs = Math.max(this.nowMs, next.atMs - this.asleepMs);
      if ('run' in next) this.send({ type: 'due', runs: [next.run] });
      else if ('target' in next) this.send({ type: 'overdue', target: next.target });
      else this.send({ type: 'pause-due' });
    }
    this.nowMs = Math.max(this.nowMs, toMs);
  }

  /** A new daemon: its state is the replay of all events, its timers are those in the state. */
  restart(events: Iterable<Event> = [...this.events]): void {
    this.state = replay(events);
    this.conditions.forget();
    this.timers = [...this.state.runs.values()].flatMap((run) => {
      if (run.state === 'queued') {
        const times = [run.expiresAtMs, run.notBeforeMs].filter((it) => it !== undefined);
        return times.map((atMs) => ({ run: run.run, atMs }));
      }
      return (run.state === 'running' || run.state === 'ended') && run.timeoutAtMs !== undefined
        ? [{ run: run.run, atMs: run.timeoutAtMs + this.asleepMs }]
        : [];
    });
    for (const { run } of this.runs('starting')) this.send({ type: 'recover', run });
    this.send({ type: 'configured' });
  }

  compact(): void {
    this.restart([...minimalHistory(this.state)]);
  }

  configure(targets: readonly Target[]): void {
    this.catalog = makeCatalog(targets);
    this.send({ type: 'configured' });
  }

  /** Lets everything end that can: active runs succeed, survivors die, time passes. */
  drain(): void {
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const [starting] = this.runs('starting');
      const [running] = this.runs('running');
      const held = this.runs('ended').find((run) => run.heldBy.length > 0);
      const nextMs = Math.min(...this.timers.map((look) => look.atMs));
      if (starting !== undefined) this.keep(starting.run);
      else if (running !== undefined) this.end(running.run);
      else if (held !== undefined) this.send({ type: 'vacated', run: held.run });
      else if (this.conditions.open.length > 0) this.answer();
      else if (nextMs !== Number.POSITIVE_INFINITY) this.advance(nextMs - this.asleepMs);
      else return;
    }
    throw new Error('It does not end');
  }

  runs<S extends Run['state']>(state: S): Extract<Run, { state: S }>[] {
    return [...this.state.runs.values()].filter(
      (run): run is Extract<Run, { state: S }> => run.state === state,
    );
  }

  expect<S extends Run['state']>(run: RunId, state: S): Extract<Run, { state: S }> {
    const found = this.runs(state).find((known) => known.run === run);
    if (found === undefined) {
      throw new Error(`Run ${run} is ${this.state.runs.get(run)?.state}, not ${state}`);
    }
    return found;
  }

  /** Names of the targets in the order in which their runs started. */
  order(): TargetName[] {
    return this.events.flatMap((event) =>
      event.type === 'started' ? (this.state.runs.get(event.run)?.target ?? '?') : [],
    );
  }

  /** Sentences that say why a run waits. */
  why(run: RunId): string[] {
    const queued = this.expect(run, 'queued');
    const groupViewOf = groupViewMaker(this.state, this.catalog, this.now(), this.world());
    const waits = explain(this.state, queued, this.now(), this.catalog, groupViewOf);
    return waits.map((wait) => wait.reason);
  }
}
