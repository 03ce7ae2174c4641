/**
 * What clients are shown of the state: targets, chains, the past. Reads only; the sentences come
 * from the policies and from the table of outcomes. All of it is made in pieces, between which the
 * state may go on: whoever wants the targets or a chain of one moment gives an excerpt of it.
 */
import type { Level } from '../../core/policy.ts';
import { type ReadonlyState, type Run, waitingIn } from '../../core/state.ts';
import type { RunView, TargetView } from '../../protocol/request.ts';
import type { Request } from '../../protocol/request-schema.ts';
import type { Pieces } from '../../shared/cooperative.ts';
import { elapsedMs } from '../../shared/elapsed.ts';
import type { RunId, TargetName } from '../../shared/run.ts';
import { type Prospect, pastOf, prospectOf, type Scenery, viewRun, waitsOf } from './run-view.ts';

/** Most waiting runs of one target that `status` names; the rest are counted. */
const QUEUED_SHOWN_MAX = 10;
/** The same of all targets together, for each costs the loop its time; but one of each. */
const QUEUED_SHOWN_ALL_MAX = 1_000;
/** Most levels of an order that are named: those next to the target's own. */
const LEVELS_SHOWN_MAX = 20;
/** Longest chain that `why` follows. */
const CHAIN_RUNS_MAX = 50;
/** Runs of the past that are looked at in a piece; to pass one over costs next to nothing. */
const PIECE_RUNS = 100;

/** Every configured target, and those that are gone from the configuration but not from memory. */
export function* viewTargets(scenery: Scenery): Pieces<readonly TargetView[]> {
  const { state, catalog } = scenery;
  const names = new Set([...catalog.targets.keys(), ...state.lanes.keys()]);
  const prospect = yield* prospectOf(scenery);
  const share = Math.max(1, Math.floor(QUEUED_SHOWN_ALL_MAX / Math.max(1, names.size)));
  const shown = Math.min(QUEUED_SHOWN_MAX, share);
  const views: TargetView[] = [];
  for (const name of names) {
    views.push(yield* viewTarget(name, prospect, shown));
    yield;
  }
  return views;
}

function* viewTarget(name: TargetName, scenery: Prospect, queuedMax: number): Pieces<TargetView> {
  const { state, catalog } = scenery;
  const target = catalog.targets.get(name);
  const lane = state.lanes.get(name);
  const levels = target?.bindings.flatMap((it) => it.policy.level?.(it.options) ?? []);
  const level = levels?.[0];
  const shown = level === undefined ? undefined : near(level);
  const usual = scenery.usual(name);
  const active = yield* viewRuns(lane?.active ?? [], scenery);
  const queued = yield* viewRuns(lane?.queue ?? [], scenery, queuedMax);
  const [last] = yield* viewRuns([latestEnded(state, name) ?? []].flat(), scenery);
  return {
    target: name,
    ...(target?.description === undefined ? {} : { description: target.description }),
    runner: target?.runner.type ?? 'removed from the configuration',
    groups: target?.bindings.map(({ key }) => key) ?? [],
    ...(shown === undefined ? {} : { level: shown }),
    paused: lane?.paused ?? false,
    ...(target === undefined ? { removed: true } : {}),
    ...(lane?.late ? { late: true } : {}),
    ...(lane?.freshAt === undefined ? {} : { freshAtMs: lane.freshAt.wallMs }),
    ...(lane?.ignored ? { ignored: lane.ignored } : {}),
    ...(target?.broken === undefined ? {} : { broken: target.broken }),
    active,
    queued,
    waiting: lane === undefined ? 0 : waitingIn(lane),
    ...(last === undefined ? {} : { last }),
    counts: lane?.counts ?? [],
    ...(usual === undefined ? {} : { usual }),
  };
}

/** Named by each of thousands, a long order would fill the answer. */
function near({ name, order }: Level): Level {
  const from = Math.min(
    order.indexOf(name) - LEVELS_SHOWN_MAX / 2,
    order.length - LEVELS_SHOWN_MAX,
  );
  const first = Math.max(0, from);
  return { name, order: order.slice(first, first + LEVELS_SHOWN_MAX) };
}

function* viewRuns(
  numbers: Iterable<RunId>,
  scenery: Prospect,
  max = Number.POSITIVE_INFINITY,
): Pieces<readonly RunView[]> {
  const views: RunView[] = [];
  for (const number of numbers) {
    if (views.length >= max) break;
    const run = scenery.state.runs.get(number);
    if (run !== undefined) views.push(viewRun(run, scenery));
    yield;
  }
  return views;
}

/** The run asked about, then the runs in its way, then those in theirs; each once. */
export function* viewChain(first: Run, scenery: Scenery): Pieces<readonly RunView[]> {
  const prospect = yield* prospectOf(scenery);
  const { state } = scenery;
  const chain = new Map<RunId, Run>([[first.run, first]]);
  for (const run of chain.values()) {
    if (run.state !== 'queued' || chain.size >= CHAIN_RUNS_MAX) continue;
    yield;
    for (const { behind } of waitsOf(run, prospect)) {
      for (const number of behind) {
        const other = state.runs.get(number);
        if (other !== undefined) chain.set(number, other);
      }
    }
  }
  const views: RunView[] = [];
  for (const run of chain.values()) {
    views.push(viewRun(run, prospect));
    yield;
  }
  return views;
}

type HistoryRequest = Extract<Request, { readonly type: 'history' }>;

/**
 * The newest runs that have ended and that were asked for, newest first. Of the state as it is at
 * every piece: one that ends meanwhile may be among them or not, and each is shown as it ended.
 */
export function* viewHistory(
  scenery: Scenery,
  request: HistoryRequest,
): Pieces<readonly RunView[]> {
  const { state, now } = scenery;
  const { limit, target, sinceMs = Number.POSITIVE_INFINITY, outcome } = request;
  const prospect = pastOf(scenery);
  const views: RunView[] = [];
  let looked = 0;
  for (const number of newestFirst(state, target)) {
    if (views.length >= limit) break;
    if (++looked % PIECE_RUNS === 0) yield;
    const run = state.runs.get(number);
    if (run?.state !== 'ended') continue;
    if (elapsedMs(now) - elapsedMs(run.ended) > sinceMs) continue;
    if (outcome !== undefined && run.verdict !== outcome && run.outcome.kind !== outcome) continue;
    views.push(viewRun(run, prospect));
  }
  return views;
}

/** Numbers that runs of this target, or of any, may have. */
function* newestFirst(state: ReadonlyState, target: TargetName | undefined): Generator<RunId> {
  if (target !== undefined) {
    // Not by way of all runs there are.
    const numbers = [...(state.lanes.get(target)?.ended ?? [])];
    yield* numbers.sort((one, other) => other - one);
    return;
  }
  const [oldest = 0] = state.runs.keys();
  for (let number = state.nextRun - 1; number >= oldest; number--) yield number;
}

/** The run that a target's name stands for: one that runs, else one that waits, else the last. */
export function runOf(state: ReadonlyState, target: TargetName): Run | undefined {
  const lane = state.lanes.get(target);
  const [active] = lane?.active ?? new Set<RunId>();
  const [queued] = lane?.queue ?? new Set<RunId>();
  const number = active ?? queued ?? latestEnded(state, target);
  return number === undefined ? undefined : state.runs.get(number);
}

function latestEnded(state: ReadonlyState, target: TargetName): RunId | undefined {
  return state.lanes.get(target)?.latest;
}
