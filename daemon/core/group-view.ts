/**
 * Builds a policy's view of its group. Pure. Costs one step for each target of the group if the
 * policy looks at all of them, and one for each run that holds a place if it looks at those; the
 * number of queued runs does not matter.
 */

import { chanceOf } from '../shared/chance.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import type { RunId, Stamp, TargetName } from '../shared/run.ts';
import type { Binding, Catalog, Group as CatalogGroup } from './catalog.ts';
import { isPaused } from './pauses.ts';
import type {
  ActiveRun,
  ActiveRuns,
  EndedRun,
  GroupView,
  Member,
  PastMoment,
  Policy,
  QueuedRun,
  SharedView,
} from './policy.ts';
import { Runs } from './run-set.ts';
import {
  type Moment,
  type Queued,
  type ReadonlyState,
  type Run,
  type TargetState,
  waitingIn,
} from './state.ts';
import { NO_WORLD, type World } from './world.ts';

/** The arguments of a policy's functions. */
interface Seen {
  readonly view: GroupView<unknown>;
  /** The result of `Policy.survey`. */
  survey(): unknown;
}

/** The group of a binding, as one of its targets sees it. */
export type GroupViewOf = (binding: Binding, self: TargetName) => Seen;

/** Builds each group once for all of its targets; valid until the next event. */
export function groupViewMaker(
  state: ReadonlyState,
  catalog: Catalog,
  at: Stamp,
  world: World = NO_WORLD,
): GroupViewOf {
  const groups = new Map<string, Group>();
  return (binding, self) => {
    const { key } = binding;
    const group = groups.get(key) ?? new Group(state, catalog, key, at, world);
    groups.set(key, group);
    const view = new OwnView(group, group.member(self));
    return { view, survey: () => group.surveyedBy(binding.policy) };
  };
}

/** A group; only what its policy asks for is built. */
class Group implements SharedView<unknown> {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly world: World;
  readonly #state: ReadonlyState;
  readonly #catalog: Catalog;
  readonly #group: CatalogGroup;
  readonly #at: Stamp;
  readonly #byTarget = new Map<TargetName, Member<unknown>>();
  #members: readonly Member<unknown>[] | undefined;
  #active: ActiveRuns | undefined;
  #waiting: number | undefined;
  #survey: { readonly made: unknown } | undefined;

  constructor(state: ReadonlyState, catalog: Catalog, key: string, at: Stamp, world: World) {
    this.nowMs = at.steadyMs;
    this.wallMs = at.wallMs;
    this.world = world;
    this.#state = state;
    this.#catalog = catalog;
    this.#at = at;
    this.#group = catalog.groups.get(key) ?? { key, members: [], options: new Map() };
  }

  get members(): readonly Member<unknown>[] {
    this.#members ??= this.#group.members.map(({ target }) => this.member(target));
    return this.#members;
  }

  get active(): ActiveRuns {
    const { key } = this.#group;
    this.#active ??= activeRuns(this.#state, placesIn(this.#state, this.#catalog, key));
    return this.#active;
  }

  get waiting(): number {
    this.#waiting ??= this.#group.members.reduce(
      (sum, { target }) => sum + waitingIn(targetStateIn(this.#state, target)),
      0,
    );
    return this.#waiting;
  }

  surveyedBy(policy: Policy<unknown>): unknown {
    this.#survey ??= { made: policy.survey?.(this) };
    return this.#survey.made;
  }

  member(target: TargetName): Member<unknown> {
    const known = this.#byTarget.get(target);
    if (known !== undefined) return known;
    const { options, key } = this.#group;
    if (!options.has(target))
      throw new Error(`Internal error: ${target} is not in the group ${key}`);
    const seen = { catalog: this.#catalog, at: this.#at };
    const made = makeMember(this.#state, target, options.get(target), seen);
    this.#byTarget.set(target, made);
    return made;
  }
}

/** A group, as one of its targets sees it. */
class OwnView implements GroupView<unknown> {
  readonly nowMs: number;
  readonly wallMs: number;
  readonly world: World;
  readonly self: Member<unknown>;
  readonly #group: Group;

  constructor(group: Group, self: Member<unknown>) {
    this.nowMs = group.nowMs;
    this.wallMs = group.wallMs;
    this.world = group.world;
    this.self = self;
    this.#group = group;
  }

  get members(): readonly Member<unknown>[] {
    return this.#group.members;
  }

  get active(): ActiveRuns {
    return this.#group.active;
  }

  get waiting(): number {
    return this.#group.waiting;
  }
}

/**
 * The runs that hold a place in a group: those that started in it, and those whose target the
 * current configuration puts there, whatever their groups were called when they started. A reload
 * neither frees a place nor hides who holds it. Counts them without looking at each.
 */
export function placesIn(state: ReadonlyState, catalog: Catalog, key: string): Places {
  const began: ReadonlySet<RunId> = state.groups.get(key) ?? NO_STATE.active;
  const strayed: ReadonlySet<RunId>[] = [];
  let { size } = began;
  for (const { target } of catalog.groups.get(key)?.members ?? []) {
    const targetState = state.targetStates.get(target);
    const strays =
      targetState === undefined ? 0 : targetState.active.size - (targetState.began.get(key) ?? 0);
    if (targetState === undefined || strays === 0) continue;
    size += strays;
    strayed.push(targetState.active);
  }
  return {
    size,
    *[Symbol.iterator]() {
      yield* began;
      for (const active of strayed) for (const run of active) if (!began.has(run)) yield run;
    },
  };
}

interface Places extends Iterable<RunId> {
  readonly size: number;
}

function activeRuns(state: ReadonlyState, places: Places): ActiveRuns {
  if (places.size === 0) return [];
  return {
    length: places.size,
    *[Symbol.iterator]() {
      for (const run of places) yield activeRun(state, run);
    },
  };
}

const NO_STATE: TargetState = {
  queue: new Runs(),
  active: new Set(),
  ended: new Set(),
  endedBytes: 0,
  began: new Map(),
  tookMs: [],
  counts: [],
  ignored: 0,
  late: false,
};

function targetStateIn(state: ReadonlyState, target: TargetName): TargetState {
  return state.targetStates.get(target) ?? NO_STATE;
}

function makeMember(
  state: ReadonlyState,
  target: TargetName,
  options: unknown,
  { catalog, at }: { readonly catalog: Catalog; readonly at: Stamp },
): Member<unknown> {
  const targetState = targetStateIn(state, target);
  const { queue, active, latest, ignored, lastStart, lastEnd } = targetState;
  const last = endedRun(state, latest);
  const first = queuedRun(state, queue.first, at);
  return {
    target,
    options,
    ...(first === undefined ? {} : { first }),
    ...(first === undefined || isPaused(state, target, catalog) ? {} : { head: first }),
    waiting: waitingIn(targetState),
    ignored,
    active: activeRuns(state, active),
    ...(last === undefined ? {} : { last }),
    ...(lastStart === undefined ? {} : { lastStart: pastMoment(lastStart, at) }),
    ...(lastEnd === undefined ? {} : { lastEnd: pastMoment(lastEnd, at) }),
  };
}

function endedRun(state: ReadonlyState, number: RunId | undefined): EndedRun | undefined {
  const run = number === undefined ? undefined : state.runs.get(number);
  if (run?.state !== 'ended') return undefined;
  return { run: run.run, verdict: run.verdict, endedAtMs: run.ended.steadyMs };
}

function pastMoment({ run, at }: Moment, now: Stamp): PastMoment {
  return { run, agoMs: elapsedMs(now) - elapsedMs(at), chance: chanceOf(run, at) };
}

function queuedRun(
  state: ReadonlyState,
  number: RunId | undefined,
  at: Stamp,
): QueuedRun | undefined {
  const run = number === undefined ? undefined : state.runs.get(number);
  return run?.state === 'queued' ? asQueued(run, at) : undefined;
}

function asQueued({ run, target, overtaken, accepted, earlier }: Queued, at: Stamp): QueuedRun {
  const waitedMs = elapsedMs(at) - elapsedMs(accepted);
  const queuedMs = elapsedMs(at) - elapsedMs(earlier?.attempts.at(-1)?.ended ?? accepted);
  return { run, target, overtaken, queuedAtMs: accepted.steadyMs, waitedMs, queuedMs };
}

function activeRun(state: ReadonlyState, number: RunId): ActiveRun {
  const run = state.runs.get(number);
  return { run: number, target: run?.target ?? '', state: holding(run) };
}

function holding(run: Run | undefined): ActiveRun['state'] {
  if (run?.state === 'running') return run.stopping === undefined ? 'running' : 'stopping';
  return run?.state === 'starting' ? 'starting' : 'lost';
}
