/**
 * Builds what a policy sees of its group. Pure. Costs one step per target of the group and one per
 * run that holds a place, however many runs wait.
 */
import type { ActiveRun, EndedRun, Holder, Member, QueuedRun, Scene } from '../policies/policy.ts';
import type { Catalog } from './catalog.ts';
import type { RunId, TargetName } from './event.ts';
import { type Lane, type ReadonlyState, type Run, waitingIn } from './state.ts';

/** Who holds a lockfile, by its path. */
export type Holders = ReadonlyMap<string, Holder>;

interface Group {
  readonly scene: Omit<Scene<unknown>, 'self'>;
  readonly byTarget: ReadonlyMap<TargetName, Member<unknown>>;
}

export type SceneOf = (key: string, self: TargetName) => Scene<unknown>;

/** Looks at each group once, however many of its targets ask; good until the next event. */
export function sceneMaker(
  state: ReadonlyState,
  catalog: Catalog,
  nowMs: number,
  holders: Holders = new Map(),
): SceneOf {
  const groups = new Map<string, Group>();
  const group = (key: string): Group => {
    const scene = makeGroup(state, catalog, key, { nowMs, holders });
    // To look for each member would be a million steps in a group of a thousand.
    const byTarget = new Map(scene.members.map((member) => [member.target, member]));
    const made = { scene, byTarget };
    groups.set(key, made);
    return made;
  };
  return (key, self) => {
    const { scene, byTarget } = groups.get(key) ?? group(key);
    const own = byTarget.get(self);
    if (own === undefined) throw new Error(`Internal error: ${self} is not in the group ${key}`);
    return { ...scene, self: own };
  };
}

function makeGroup(
  state: ReadonlyState,
  catalog: Catalog,
  key: string,
  seen: { readonly nowMs: number; readonly holders: Holders },
): Omit<Scene<unknown>, 'self'> {
  const members = (catalog.groups.get(key)?.members ?? []).map(({ target, options }) =>
    makeMember(state, target, options),
  );
  return {
    ...seen,
    members,
    active: [...placesIn(state, catalog, key)].map((run) => activeRun(state, run)),
    waiting: members.reduce((sum, member) => sum + member.waiting, 0),
  };
}

/**
 * The runs that hold a place in a group: those that began in it, and those whose target the
 * configuration in force puts there, whatever their groups were called when they began. A reload
 * neither frees a place nor hides who holds it.
 */
export function placesIn(state: ReadonlyState, catalog: Catalog, key: string): ReadonlySet<RunId> {
  const runs = new Set(state.groups.get(key));
  for (const { target } of catalog.groups.get(key)?.members ?? []) {
    for (const run of state.lanes.get(target)?.active ?? []) runs.add(run);
  }
  return runs;
}

const NO_LANE: Lane = {
  queue: new Set(),
  active: new Set(),
  ended: new Set(),
  endedBytes: 0,
  tookMs: [],
  counts: [],
  paused: false,
  ignored: 0,
  late: false,
};

function makeMember(state: ReadonlyState, target: TargetName, options: unknown): Member<unknown> {
  const lane = state.lanes.get(target) ?? NO_LANE;
  const { queue, active, paused, latest, ignored } = lane;
  const last = endedRun(state, latest);
  const [oldest] = queue;
  const first = queuedRun(state, oldest);
  return {
    target,
    options,
    ...(first === undefined ? {} : { first }),
    ...(first === undefined || paused ? {} : { head: first }),
    waiting: waitingIn(lane),
    ignored,
    active: [...active].map((run) => activeRun(state, run)),
    ...(last === undefined ? {} : { last }),
  };
}

function endedRun(state: ReadonlyState, number: RunId | undefined): EndedRun | undefined {
  const run = number === undefined ? undefined : state.runs.get(number);
  if (run?.state !== 'ended') return undefined;
  return { run: run.run, verdict: run.verdict, endedAtMs: run.ended.steadyMs };
}

function queuedRun(state: ReadonlyState, number: RunId | undefined): QueuedRun | undefined {
  const run = number === undefined ? undefined : state.runs.get(number);
  if (run?.state !== 'queued') return undefined;
  const { target, overtaken, accepted } = run;
  return { run: run.run, target, overtaken, queuedAtMs: accepted.steadyMs };
}

function activeRun(state: ReadonlyState, number: RunId): ActiveRun {
  const run = state.runs.get(number);
  return { run: number, target: run?.target ?? '', state: holding(run) };
}

function holding(run: Run | undefined): ActiveRun['state'] {
  if (run?.state === 'running') return run.stopping === undefined ? 'running' : 'stopping';
  return run?.state === 'starting' ? 'starting' : 'lost';
}
