/**
 * Ends that no keeper reports: by request, by the clock or by a shutdown; and how the target rates
 * every end: its verdict. A lost run whose processes are alive already has an outcome, but its
 * processes can be stopped like any others. Pure.
 */

import { elapsedAt, elapsedMs } from '../shared/elapsed.ts';
import type { Outcome, RunId, Stamp, TargetName, Verdict } from '../shared/run.ts';
import type { Catalog, Target } from './catalog.ts';
import { closingOf, closingWakeups } from './closing.ts';
import {
  type CommandOf,
  type Decision,
  ENDED_AT_ONCE_MAX,
  NOTHING,
  type Wakeup,
} from './command.ts';
import { leftIn, lostIn } from './earlier.ts';
import type { Event, EventOf } from './event.ts';
import { lastOutcome } from './retry.ts';
import {
  type Ended,
  isCancelled,
  type Queued,
  type ReadonlyState,
  type Run,
  type Running,
  type Starting,
  triesBefore,
  triesOf,
} from './state.ts';

/** Removes runs from the queue, or has their processes stopped; a part of them at a time. */
export function cancel(
  state: ReadonlyState,
  { runs, done = { runs: 0, cancelled: [] }, at }: CommandOf<'cancel'>,
  catalog: Catalog,
): Decision {
  const next = done.runs + ENDED_AT_ONCE_MAX;
  const now = knownOf(state, runs.slice(done.runs, next));
  const events = now.flatMap((run) => cancelOne(run, at, catalog));
  const isOver = (run: Run): boolean => run.state === 'ended' && !hasProcesses(run);
  const these = now.filter((run) => !isOver(run)).map(({ run }) => run);
  const cancelled = [...done.cancelled, these];
  if (next < runs.length) {
    return { ...NOTHING, events, rest: { type: 'cancel', runs, done: { runs: next, cancelled } } };
  }
  return { ...NOTHING, events, answer: { type: 'cancelled', runs: cancelled.flat() } };
}

/**
 * Removes one run from its queue, or has its processes stopped; no events if that was already done.
 * `by` is the run that replaces it.
 */
export function cancelOne(
  run: Run,
  at: Stamp,
  catalog: Catalog,
  by?: RunId,
): readonly EventOf<'ended' | 'stopping'>[] {
  if (run.state === 'queued' || run.state === 'starting') {
    return [unstarted(run, at, cancelledOf(run, by), catalog)];
  }
  if (!hasProcesses(run)) return [];
  // A run that is being stopped for another reason must not be retried after that.
  if (run.stopping !== undefined && !mayGoOn(run, catalog)) return [];
  const why = { why: 'cancelled', ...(by === undefined ? {} : { by }) } as const;
  return [{ type: 'stopping', run: run.run, at, ...why }];
}

/** Whether it could get another attempt, as far as known now. */
function mayGoOn(run: Running | Ended, catalog: Catalog): boolean {
  if (run.state === 'ended' || isCancelled(run)) return false;
  const { retry, onLost } = catalog.targets.get(run.target) ?? {};
  return retry !== undefined || onLost === 'retry';
}

/** `signal` is absent if the command never ran. */
export function cancelled(replacedBy: RunId | undefined, signal?: number): Outcome {
  return {
    kind: 'cancelled',
    ...(signal === undefined ? {} : { signal }),
    ...(replacedBy === undefined ? {} : { replacedBy }),
  };
}

/** For a run whose command is not running now, though it may have run before. */
export function cancelledOf(
  run: Queued | Starting | Running,
  replacedBy: RunId | undefined,
): Outcome {
  const attempts = run.state === 'queued' ? triesBefore(run) : triesOf(run) - 1;
  return { ...cancelled(replacedBy), ...(attempts > 0 ? { attempts } : {}) };
}

/** What a due time brings: the end of the wait, the end of the run, or another look. */
export function due(
  state: ReadonlyState,
  { runs, at }: CommandOf<'due'>,
  catalog: Catalog,
): Decision {
  const touched = new Set<TargetName>();
  const wakeups: Wakeup[] = [];
  const events = knownOf(state, runs).flatMap((run): readonly Event[] => {
    if (run.state === 'queued' || run.state === 'starting') {
      const end = expired(run, at, catalog);
      if (end === undefined && run.state === 'queued') touched.add(run.target);
      return end === undefined ? [] : [end];
    }
    if (!hasProcesses(run) || run.stopping !== undefined) return [];
    if (run.timeoutAtMs !== undefined && run.timeoutAtMs <= at.steadyMs) {
      return [{ type: 'stopping', run: run.run, at, why: 'timed-out' }];
    }
    const closing = run.state === 'running' ? closingOf(run, catalog) : undefined;
    if (closing !== undefined && closing.wallMs <= at.wallMs) {
      return [{ type: 'stopping', run: run.run, at, why: 'timed-out', reason: closing.reason }];
    }
    // The machine has slept, which the command did not notice, or the clock was set.
    if (run.timeoutAtMs !== undefined) {
      wakeups.push({ run: run.run, atMs: elapsedAt(at, run.timeoutAtMs) });
    }
    if (run.state === 'running') wakeups.push(...closingWakeups(run, at, catalog));
    return [];
  });
  return { ...NOTHING, events, touched: [...touched], wakeups };
}

/** Each once: the decision about a run does not know of an earlier one in the same command. */
function knownOf(state: ReadonlyState, runs: readonly RunId[]): readonly Run[] {
  return [...new Set(runs)].flatMap((run) => state.runs.get(run) ?? []);
}

/** The end of a run that has expired, in elapsed time; undefined if it has not. */
export function expired(
  run: Queued | Starting | Running,
  at: Stamp,
  catalog: Catalog,
): EventOf<'ended'> | undefined {
  if (run.expiresAtMs === undefined || run.expiresAtMs > elapsedMs(at)) return undefined;
  const waitedMs = elapsedMs(at) - elapsedMs(run.accepted);
  return abandoned(run, at, { kind: 'expired', waitedMs }, catalog);
}

/** The end of a run whose command does not start: the outcome of its last attempt, if any. */
export function abandoned(
  run: Queued | Starting | Running,
  at: Stamp,
  outcome: Outcome,
  catalog: Catalog,
): EventOf<'ended'> {
  return unstarted(run, at, lastOutcome(run, outcome), catalog);
}

function unstarted(
  run: Queued | Starting | Running,
  at: Stamp,
  outcome: Outcome,
  catalog: Catalog,
): EventOf<'ended'> {
  return withEarlier(run, ended(run, at, outcome, catalog));
}

/** Adds what earlier attempts have left, if there were any. */
export function withEarlier(
  { earlier }: Queued | Starting | Running,
  event: EventOf<'ended'>,
): EventOf<'ended'> {
  if (earlier === undefined) return event;
  const bytes = event.bytes ?? earlier.bytes;
  const lostBytes = lostIn(earlier, event.lostBytes);
  const leftovers = leftIn(earlier, event.leftovers);
  return {
    ...event,
    ...(bytes === undefined ? {} : { bytes }),
    ...(lostBytes === undefined ? {} : { lostBytes }),
    ...(leftovers === undefined ? {} : { leftovers }),
  };
}

/** All running runs are told to end; queued runs stay queued for the next boot. */
export function shutdown(state: ReadonlyState, { at }: CommandOf<'shutdown'>): Decision {
  const active = [...state.targetStates.values()].flatMap((targetState) => [...targetState.active]);
  const events = active.flatMap((number) => {
    const run = state.runs.get(number);
    if (run === undefined || !hasProcesses(run) || run.stopping !== undefined) return [];
    return [{ type: 'stopping', run: number, at, why: 'shutdown' } as const];
  });
  return { ...NOTHING, events };
}

/** For a lost run: those that its keeper left behind. */
function hasProcesses(run: Run): run is Running | Ended {
  return run.state === 'running' || (run.state === 'ended' && run.heldBy.length > 0);
}

/** The end of a run, with its verdict by the current configuration. */
export function ended(run: Run, at: Stamp, outcome: Outcome, catalog: Catalog): EventOf<'ended'> {
  const verdict = judge(outcome, catalog.targets.get(run.target));
  return { type: 'ended', run: run.run, at, outcome, verdict };
}

function judge(outcome: Outcome, target: Target | undefined): Verdict {
  if (outcome.kind !== 'exited') return 'failed';
  if ((target?.okExit ?? [0]).includes(outcome.code)) return 'ok';
  return target?.warnExit.includes(outcome.code) ? 'warning' : 'failed';
}
