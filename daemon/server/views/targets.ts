/**
 * The state as clients see it: targets, chains of waiting runs, history. Read only; the texts come
 * from the policies and from the table of outcomes. All of it is computed in steps, between which
 * the state may change: pass a snapshot to see the targets or a chain at one moment.
 */

import { pausesOf } from '../../core/pauses.ts';
import type { Level } from '../../core/policy.ts';
import { type Pause, type ReadonlyState, type Run, waitingIn } from '../../core/state.ts';
import type { PauseView, RunView, TargetView } from '../../protocol/request.ts';
import type { Request } from '../../protocol/request-schema.ts';
import type { CooperativeSteps } from '../../shared/cooperative.ts';
import { elapsedMs, wallOf } from '../../shared/elapsed.ts';
import type { RunId, Stamp, TargetName } from '../../shared/run.ts';
import {
  type ForecastView,
  forecastViewOf,
  pastOf,
  type ViewContext,
  viewRun,
  waitsOf,
} from './run-view.ts';

/** Most queued runs of one target that `status` lists; the rest are only counted. */
const QUEUED_SHOWN_MAX = 10;
/** The same for all targets together, to save time; but at least one of each. */
const QUEUED_SHOWN_ALL_MAX = 1_000;
/** Most levels of an order that are listed: those closest to the target's own. */
const LEVELS_SHOWN_MAX = 20;
/** Longest chain that `why` shows. */
const CHAIN_RUNS_MAX = 50;
/** Past runs that are examined per step; skipping one costs almost nothing. */
const PIECE_RUNS = 100;
/** The same for runs of which only the number is read. */
const PIECE_NUMBERS = 1_000;

/**
 * Every configured target, and those that were removed from the configuration but still have state.
 * `hasDurations`: include every stored duration.
 */
export function* viewTargets(
  context: ViewContext,
  hasDurations = false,
): CooperativeSteps<readonly TargetView[]> {
  const { state, catalog } = context;
  // A paused fleet has an entry under its name, but is not a target.
  const past = [...state.targetStates.keys()].filter((name) => !catalog.fleets.has(name));
  const names = new Set([...catalog.targets.keys(), ...past]);
  const view = yield* forecastViewOf(context);
  const share = Math.max(1, Math.floor(QUEUED_SHOWN_ALL_MAX / Math.max(1, names.size)));
  const shown = Math.min(QUEUED_SHOWN_MAX, share);
  const views: TargetView[] = [];
  for (const name of names) {
    const target = yield* viewTarget(name, view, shown);
    const tookMs = hasDurations ? (state.targetStates.get(name)?.tookMs ?? []) : [];
    views.push(tookMs.length === 0 ? target : { ...target, tookMs });
    yield;
  }
  return views;
}

/** Field by field, like `viewRun`. */
function* viewTarget(
  name: TargetName,
  context: ForecastView,
  queuedMax: number,
): CooperativeSteps<TargetView> {
  const { state, catalog } = context;
  const target = catalog.targets.get(name);
  const targetState = state.targetStates.get(name);
  const levels = target?.bindings.flatMap((it) => it.policy.level?.(it.options) ?? []);
  const level = levels?.[0];
  const shown = level === undefined ? undefined : near(level);
  const usual = context.usual(name);
  const pauses = pausesOf(state, name, catalog);
  const active = yield* viewRuns(targetState?.active ?? [], context);
  const queued = yield* viewRuns(targetState?.queue ?? [], context, queuedMax);
  const [last] = yield* viewRuns([latestEnded(state, name) ?? []].flat(), context);
  const view: { -readonly [K in keyof TargetView]: TargetView[K] } = {
    target: name,
    runner: target?.runner.type ?? 'removed from the configuration',
    groups: target?.bindings.map(({ key }) => key) ?? [],
    paused: pauses.length > 0,
    active,
    queued,
    waiting: targetState === undefined ? 0 : waitingIn(targetState),
    counts: targetState?.counts ?? [],
  };
  if (target === undefined) view.removed = true;
  if (target?.description !== undefined) view.description = target.description;
  if (target?.fleet !== undefined) view.fleet = target.fleet;
  if (target?.broken !== undefined) view.broken = target.broken;
  if (shown !== undefined) view.level = shown;
  if (pauses.length > 0) view.pauses = pauses.map((it) => viewPause(it, context.now));
  if (targetState?.late) view.late = true;
  if (targetState?.freshAt !== undefined) view.freshAtMs = targetState.freshAt.wallMs;
  if (targetState?.ignored) view.ignored = targetState.ignored;
  if (targetState?.retries !== undefined) view.retries = targetState.retries;
  if (last !== undefined) view.last = last;
  if (usual !== undefined) view.usual = usual;
  return view;
}

/** The pauses of groups, and of all targets. */
export function viewPauses({ state, now }: ViewContext): readonly PauseView[] {
  const shared = [...state.pauses.values()].filter((pause) => !('target' in pause));
  return shared.map((pause) => viewPause(pause, now));
}

function viewPause(pause: Pause, now: Stamp): PauseView {
  const { untilMs } = pause;
  return untilMs === undefined ? pause : { ...pause, untilMs: wallOf(untilMs, now) };
}

/** Repeated for thousands of targets, a long order would fill the answer. */
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
  context: ForecastView,
  max = Number.POSITIVE_INFINITY,
): CooperativeSteps<readonly RunView[]> {
  const views: RunView[] = [];
  for (const number of numbers) {
    if (views.length >= max) break;
    const run = context.state.runs.get(number);
    if (run !== undefined) views.push(viewRun(run, context));
    yield;
  }
  return views;
}

/** The requested runs, then the runs that they wait for, and so on; each once. */
export function* viewChain(
  asked: readonly Run[],
  context: ViewContext,
): CooperativeSteps<readonly RunView[]> {
  if (asked.length === 0) return [];
  const view = yield* forecastViewOf(context);
  const { state } = context;
  const chain = new Map<RunId, Run>(asked.map((run) => [run.run, run]));
  for (const run of chain.values()) {
    if (run.state !== 'queued' || chain.size >= CHAIN_RUNS_MAX) continue;
    yield;
    for (const { behind } of waitsOf(run, view)) {
      for (const number of behind) {
        const other = state.runs.get(number);
        if (other !== undefined) chain.set(number, other);
      }
    }
  }
  const views: RunView[] = [];
  for (const run of chain.values()) {
    views.push(viewRun(run, view));
    yield;
  }
  return views;
}

type HistoryRequest = Extract<Request, { readonly type: 'history' }>;

/**
 * The latest ended runs that match the request, newest first. Reads the current state at every
 * step: a run that ends in the meantime may or may not be included.
 */
export function* viewHistory(
  context: ViewContext,
  request: HistoryRequest,
): CooperativeSteps<readonly RunView[]> {
  const { state, now } = context;
  const { limit, target, sinceMs = Number.POSITIVE_INFINITY, outcome } = request;
  const targets =
    target === undefined ? undefined : (context.catalog.fleets.get(target) ?? [target]);
  const isWanted = new Set(targets);
  const view = pastOf(context);
  const views: RunView[] = [];
  const seen = new Set<string>();
  let looked = 0;
  // A newer run counts for `latest` even if it has not ended.
  const isOfAll = targets === undefined || request.latest;
  const numbers = isOfAll ? numbersOf(state) : yield* endedOf(state, targets);
  for (const number of numbers) {
    if (views.length >= limit) break;
    if (++looked % PIECE_RUNS === 0) yield;
    const run = state.runs.get(number);
    if (targets !== undefined && !(run !== undefined && isWanted.has(run.target))) continue;
    if (request.latest && run !== undefined && isSeen(run, seen)) continue;
    if (run?.state !== 'ended') continue;
    if (elapsedMs(now) - elapsedMs(run.ended) > sinceMs) continue;
    if (outcome !== undefined && run.verdict !== outcome && run.outcome.kind !== outcome) continue;
    views.push(viewRun(run, view));
  }
  return views;
}

/** Whether a newer run of its target had the same arguments. */
function isSeen({ target, args = [] }: Run, seen: Set<string>): boolean {
  const key = JSON.stringify([target, args]);
  if (seen.has(key)) return true;
  seen.add(key);
  return false;
}

/** All possible run numbers, newest first. */
function* numbersOf(state: ReadonlyState): Generator<RunId> {
  const [oldest = 0] = state.runs.keys();
  for (let number = state.nextRun - 1; number >= oldest; number--) yield number;
}

/** The runs of these targets that have ended, newest first; runs of other targets cost nothing. */
function* endedOf(
  state: ReadonlyState,
  targets: readonly TargetName[],
): CooperativeSteps<Iterable<RunId>> {
  const numbers: RunId[] = [];
  for (const name of targets) {
    for (const number of state.targetStates.get(name)?.ended ?? []) {
      if (numbers.push(number) % PIECE_NUMBERS === 0) yield;
    }
  }
  // A typed array sorts numerically without calling a function for each comparison.
  return new Float64Array(numbers).sort().reverse();
}

/** The run that a target's name means: its running run, else the next queued, else the latest. */
export function runOf(state: ReadonlyState, target: TargetName): Run | undefined {
  const targetState = state.targetStates.get(target);
  const [active] = targetState?.active ?? new Set<RunId>();
  const [queued] = targetState?.queue ?? new Set<RunId>();
  const number = active ?? queued ?? latestEnded(state, target);
  return number === undefined ? undefined : state.runs.get(number);
}

function latestEnded(state: ReadonlyState, target: TargetName): RunId | undefined {
  return state.targetStates.get(target)?.latest;
}
