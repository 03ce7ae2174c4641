/**
 * What is known of a target besides its runs, and of the groups in which they hold places. Part of
 * daemon/core/apply.ts; not for use elsewhere.
 *
 * Invariant: the state of a target or a group exists as long as it holds information.
 */

import { elapsedMs } from '../shared/elapsed.ts';
import type { Count, TargetName } from '../shared/run.ts';
import type { EventOf } from './event.ts';
import { pauseKey, scopeOf } from './pause-scope.ts';
import { Runs } from './run-set.ts';
import {
  type Ended,
  type Moment,
  type MutableTargetState,
  type Queued,
  type Run,
  type Running,
  type Starting,
  type State,
  TOOK_MAX,
} from './state.ts';

/** Folds an event that is about a target, not about one of its runs. */
export function note(
  state: State,
  event: EventOf<'ignored' | 'remembered' | 'watched' | 'late'>,
): void {
  const targetState = targetStateOf(state, event.target);
  switch (event.type) {
    case 'ignored':
      targetState.ignored += event.times;
      return;
    case 'remembered':
      targetState.tookMs = event.tookMs.slice(-TOOK_MAX);
      targetState.counts = event.counts ?? targetState.counts;
      if (event.lastStart !== undefined) targetState.lastStart = event.lastStart;
      if (event.lastEnd !== undefined) targetState.lastEnd = event.lastEnd;
      if (event.failures !== undefined) targetState.failures = event.failures;
      if (event.retries !== undefined) targetState.retries = event.retries;
      return;
    case 'watched':
      if (event.at === undefined) delete targetState.freshAt;
      else targetState.freshAt = event.at;
      targetState.late = false;
      return tidy(state, event.target);
    case 'late':
      if (targetState.freshAt === undefined) {
        const what = `Internal error: event ${JSON.stringify(event)} cannot happen`;
        throw new Error(`${what}: its target is not looked out for`);
      }
      targetState.late = true;
      return;
    default:
      return event satisfies never;
  }
}

/** Folds the start or the end of a pause. A paused target counts as known. */
export function notePause(state: State, event: EventOf<'paused' | 'resumed'>): void {
  const scope = scopeOf(event);
  const key = pauseKey(scope);
  if (event.type === 'paused') {
    const { untilMs } = event;
    state.pauses.set(key, untilMs === undefined ? scope : { ...scope, untilMs });
    if ('target' in scope) targetStateOf(state, scope.target);
    return;
  }
  state.pauses.delete(key);
  if ('target' in scope) tidy(state, scope.target);
}

/** The state of a target; a new one if nothing was known of it. */
export function targetStateOf(state: State, target: TargetName): MutableTargetState {
  const known = state.targetStates.get(target);
  if (known !== undefined) return known;
  const fresh = {
    queue: new Runs(),
    active: new Runs(),
    ended: new Runs(),
    endedBytes: 0,
    began: new Map<string, number>(),
    tookMs: [],
    counts: [],
    ignored: 0,
    late: false,
  };
  state.targetStates.set(target, fresh);
  return fresh;
}

/** Removes the state of a target of which nothing is known. */
function tidy(state: State, target: TargetName): void {
  const { queue, active, ended, freshAt } = targetStateOf(state, target);
  const isPaused = state.pauses.has(pauseKey({ target }));
  const isKnown = queue.size + active.size + ended.size > 0 || isPaused || freshAt !== undefined;
  if (!isKnown) state.targetStates.delete(target);
}

/** Puts a run that holds a place back into the queue, at its old position. Builds new sets. */
export function returnToQueue(state: State, held: Starting | Running): void {
  const { run, target, groups } = held;
  leave(state, held);
  for (const key of groups) {
    const holders = state.groups.get(key);
    if (holders !== undefined) state.groups.set(key, new Runs(holders));
  }
  const targetState = targetStateOf(state, target);
  targetState.active = new Runs([...targetState.active].filter((other) => other !== run));
  targetState.queue = new Runs([...targetState.queue, run].sort((a, b) => a - b));
}

/** An attempt has ended, and its run waits for the next one. */
export function noteRetry(
  state: State,
  { run, target }: Starting | Running,
  { at }: EventOf<'requeued'>,
): void {
  const targetState = targetStateOf(state, target);
  targetState.lastEnd = latest(targetState.lastEnd, { run, at });
  targetState.retries = (targetState.retries ?? 0) + 1;
}

/** A run has ended; it keeps its place while processes of it are alive. */
export function noteEnd(
  state: State,
  run: Queued | Starting | Running,
  event: EventOf<'ended'>,
): void {
  const at = targetStateOf(state, run.target);
  at.queue.delete(run.run);
  if ((event.heldBy ?? []).length === 0) {
    at.active.delete(run.run);
    leave(state, run);
  }
  at.ended.add(run.run);
  at.endedBytes += event.bytes ?? 0;
  at.latest = run.run;
  if (run.state !== 'queued') at.lastEnd = latest(at.lastEnd, { run: run.run, at: event.at });
  count(at, event);
  if (run.state === 'running' && event.verdict !== 'failed') {
    const tookMs = Math.max(0, event.at.steadyMs - run.started.steadyMs);
    at.tookMs = [...at.tookMs, tookMs].slice(-TOOK_MAX);
    // Of two runs at once, the one that ended first may be reported last.
    const isNewer = at.freshAt !== undefined && elapsedMs(event.at) >= elapsedMs(at.freshAt);
    if (isNewer) [at.freshAt, at.late] = [event.at, false];
  }
}

/** An ended run is forgotten, and perhaps its target. */
export function forgetEnd(state: State, { run, target, bytes = 0 }: Ended): void {
  const at = targetStateOf(state, target);
  at.ended.delete(run);
  at.endedBytes -= bytes;
  if (at.latest === run) {
    const last = at.ended.last;
    if (last === undefined) delete at.latest;
    else at.latest = last;
  }
  tidy(state, target);
}

/** Counts one more run that ended this way. */
function count(
  targetState: MutableTargetState,
  { outcome: { kind }, verdict }: EventOf<'ended'>,
): void {
  if (verdict !== 'failed') delete targetState.failures;
  else if (kind !== 'cancelled') targetState.failures = (targetState.failures ?? 0) + 1;
  const isSame = (it: Count): boolean => it.outcome === kind && it.verdict === verdict;
  targetState.counts = targetState.counts.some(isSame)
    ? targetState.counts.map((it) => (isSame(it) ? { ...it, runs: it.runs + 1 } : it))
    : [...targetState.counts, { outcome: kind, verdict, runs: 1 }];
}

/** The later of the two: a found run may have done this before what is known. */
export function latest(known: Moment | undefined, moment: Moment): Moment {
  return known === undefined || elapsedMs(known.at) <= elapsedMs(moment.at) ? moment : known;
}

/** Takes a place in each of these groups. */
export function enter(state: State, groups: readonly string[], { run, target }: Run): void {
  const { began } = targetStateOf(state, target);
  for (const key of groups) {
    const holders = state.groups.get(key) ?? new Runs();
    if (!holders.has(run)) began.set(key, (began.get(key) ?? 0) + 1);
    state.groups.set(key, holders.add(run));
  }
}

/** Gives up its places in the groups. */
export function leave(state: State, run: Run): void {
  if (run.state === 'queued') return;
  const { began } = targetStateOf(state, run.target);
  for (const key of run.groups) {
    const holders = state.groups.get(key);
    if (holders?.delete(run.run) !== true) continue;
    if (holders.size === 0) state.groups.delete(key);
    const left = (began.get(key) ?? 0) - 1;
    if (left > 0) began.set(key, left);
    else began.delete(key);
  }
}
