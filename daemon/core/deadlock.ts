/**
 * Finds deadlocks: whether a run that the command of another run waits for could ever start. A
 * command that runs `baton run OTHER --wait` holds its own place until OTHER has ended: if OTHER
 * needs that place, both would wait for ever, and block everything behind them. The same can happen
 * through a run that waits for the caller, or through runs that cannot start before. Pure.
 *
 * Such a request is refused, rather than only explained by `baton why`: the deadlock is known
 * before anything waits, nobody looks at `why` at night, and the requesting job ends with a
 * sentence that says what to change. Only what cannot succeed while the callers wait is refused:
 * the policies themselves are asked, as if nothing else ran or waited in their groups. So one case
 * is not detected: a run of an rsnapshot group has to let another run go first, which in turn wants
 * a place in a second group that the caller holds.
 */

import { waitsForItself, waitsInCircle } from '../protocol/refusal-text.ts';
import type { RunId, Stamp, TargetName } from '../shared/run.ts';
import { apply } from './apply.ts';
import type { Catalog } from './catalog.ts';
import { groupViewMaker } from './group-view.ts';
import { nameRun, type RunName } from './policy.ts';
import { emptyState, type ReadonlyState } from './state.ts';
import { readinesses } from './waiting.ts';

/** A run whose command waits for the end of another run. */
export interface CallerWait {
  readonly caller: RunId;
  readonly run: RunId;
}

export interface Asked {
  readonly at: Stamp;
  /** The run whose command makes the request. */
  readonly caller: RunId;
  /** Existing waits. */
  readonly waits: readonly CallerWait[];
  /** What it would wait for: a run by its number, or the next run of a target. */
  readonly of: RunId | TargetName;
  /** Runs that the request would end: they keep nobody waiting. */
  readonly ends?: readonly RunId[];
}

/** Why the caller would wait for ever, as a sentence; undefined if it may end. */
export function findDeadlock(
  state: ReadonlyState,
  catalog: Catalog,
  { at, caller, waits, of, ends = [] }: Asked,
): string | undefined {
  const stuck = new Map<RunId, RunName>();
  for (const number of [caller, ...waits.map((wait) => wait.caller)]) {
    // If a run would be replaced by its own request, ending it also ends the request.
    if (number !== caller && ends.includes(number)) continue;
    const run = activeRun(state, number);
    if (run !== undefined) stuck.set(number, run);
  }
  const self = stuck.get(caller);
  if (self === undefined) return undefined;
  const inTheWay = (awaited: RunId | TargetName): RunName | undefined => {
    if (typeof awaited === 'string') return hindrance(state, catalog, stuck, awaited, at);
    const target = queuedTarget(state, awaited);
    return target === undefined ? stuck.get(awaited) : hindrance(state, catalog, stuck, target, at);
  };
  // All waiting runs are assumed to be stuck, until each is shown not to be.
  const all = [...waits.map((wait) => ({ ...wait, of: wait.run })), { caller, of }];
  for (let before = 0; before !== stuck.size; ) {
    before = stuck.size;
    for (const number of [...stuck.keys()]) {
      const own = all.filter((wait) => wait.caller === number);
      if (own.every((wait) => inTheWay(wait.of) === undefined)) stuck.delete(number);
    }
  }
  const behind = stuck.has(caller) ? inTheWay(of) : undefined;
  if (behind === undefined) return undefined;
  const isActive = typeof of === 'number' && queuedTarget(state, of) === undefined;
  const say = isActive ? waitsForItself : waitsInCircle;
  return say(nameRun(self), nameRun(behind));
}

/** Which of the stuck runs keeps a target from starting, if nothing else ran or waited. */
function hindrance(
  state: ReadonlyState,
  catalog: Catalog,
  stuck: ReadonlyMap<RunId, RunName>,
  target: TargetName,
  at: Stamp,
): RunName | undefined {
  const alone = emptyState();
  const accept = (run: RunId, of: TargetName): void =>
    apply(alone, { type: 'accepted', run, target: of, at, token: String(run), merged: true });
  for (const number of [...stuck.keys()].sort((one, other) => one - other)) {
    const run = state.runs.get(number);
    if (run === undefined || run.state === 'queued') continue;
    accept(number, run.target);
    apply(alone, { type: 'starting', run: number, attempt: 1, at, groups: run.groups });
  }
  const number = state.nextRun;
  accept(number, target);
  const next = alone.runs.get(number);
  if (next?.state !== 'queued') return undefined;
  const said = readinesses(next, catalog, groupViewMaker(alone, catalog, at));
  const behind = said.flatMap((it) => (it.type === 'wait' ? it.behind : []));
  return behind.flatMap((number) => stuck.get(number) ?? [])[0];
}

function activeRun(state: ReadonlyState, number: RunId): RunName | undefined {
  const run = state.runs.get(number);
  if (run?.state !== 'starting' && run?.state !== 'running') return undefined;
  // A run that is being stopped ends, whatever it waits for.
  if (run.state === 'running' && run.stopping !== undefined) return undefined;
  return { run: number, target: run.target };
}

function queuedTarget(state: ReadonlyState, number: RunId): TargetName | undefined {
  const run = state.runs.get(number);
  return run?.state === 'queued' ? run.target : undefined;
}
