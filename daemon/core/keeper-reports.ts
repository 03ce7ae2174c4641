/**
 * Reports of a keeper about its run: it is ready, it has recorded an outcome, or it is gone. Pure.
 *
 * Reports about a run that is over, or about an attempt that is not the current one, are ignored: a
 * keeper may report twice, and one that was given up may report late.
 */

import { elapsedAt, elapsedMs, stampOf } from '../shared/elapsed.ts';
import type { KeeperId, Outcome, RunId, Stamp, StopReason } from '../shared/run.ts';
import { stopNumber, stopOrderOf } from '../shared/stop.ts';
import { type Catalog, hasConditions, type Target } from './catalog.ts';
import { closingWakeups } from './closing.ts';
import {
  type CommandOf,
  type Decision,
  decided,
  type EndTime,
  NOTHING,
  type Report,
} from './command.ts';
import type { EventOf } from './event.ts';
import { restAfterVain, retryAfter } from './retry.ts';
import { isCancelled, type ReadonlyState, type Running, type Starting, triesOf } from './state.ts';
import { cancelled, cancelledOf, ended, expired, withEarlier } from './termination.ts';

export function kept(state: ReadonlyState, command: CommandOf<'kept'>, catalog: Catalog): Decision {
  const run = keptRun(state, command);
  if (run?.state !== 'starting') return NOTHING;
  const { attempt, keeper, at } = command;
  // A full disk or a sleep of the machine may have delayed both this and its deadline.
  const end = expired(run, at, catalog);
  if (end !== undefined) return decided(end);
  const timeoutMs = timeoutOf(catalog.targets.get(run.target), keeper);
  const event = { type: 'started', run: run.run, attempt, at, keeper } as const;
  const wakeups = closingWakeups({ ...run, started: at }, at, catalog);
  if (timeoutMs === undefined) return { ...decided(event), wakeups };
  const timeoutAtMs = at.steadyMs + timeoutMs;
  const timeout = { run: run.run, atMs: elapsedAt(at, timeoutAtMs) };
  return { ...decided({ ...event, timeoutAtMs }), wakeups: [timeout, ...wakeups] };
}

/** A keeper in a Slurm job enforces the timeout itself, from the start of the job. */
export function timeoutOf(target: Target | undefined, keeper: KeeperId): number | undefined {
  return keeper.kind === 'slurm' ? undefined : target?.timeoutMs;
}

export function reported(
  state: ReadonlyState,
  command: CommandOf<'reported'>,
  catalog: Catalog,
): Decision {
  const { report, at } = command;
  const run = keptRun(state, command);
  if (run === undefined) return NOTHING;
  const endedAt = endOf(state, run, report, at);
  const why = report.isTimedOut === true ? 'timed-out' : whyOf(run, endedAt);
  if (!report.started) {
    const isUnwanted = run.state === 'running' && isCancelled(run);
    if (!isUnwanted && why !== 'timed-out') return startAgain(state, run, at, catalog);
    const outcome = isUnwanted ? cancelledOf(run, replacerOf(run)) : timedOut(run);
    return over(run, ended(run, at, outcome, catalog), catalog);
  }
  const { bytes, lostBytes, leftovers = [] } = report;
  const own = ended(run, endedAt, outcomeOf(run, report, why, catalog), catalog);
  const event = wasInterrupted(report, why, own) ? interrupted(run, endedAt, report, catalog) : own;
  if (event.outcome.kind === 'interrupted' && mayRetry(run, [], catalog)) {
    return startAgain(state, run, at, catalog, 'interrupted');
  }
  const whole = {
    ...event,
    ...(bytes === undefined ? {} : { bytes }),
    ...(lostBytes === undefined ? {} : { lostBytes }),
    ...(leftovers.length === 0 ? {} : { leftovers }),
  };
  return over(run, whole, catalog);
}

/** An attempt is over: the run gets another one, or this was its last. */
function over(run: Starting | Running, end: EventOf<'ended'>, catalog: Catalog): Decision {
  const again = retryAfter(run, end, catalog);
  return again === undefined ? decided(withEarlier(run, end)) : requeued(again);
}

function requeued(event: EventOf<'requeued'>): Decision {
  const { run, notBeforeMs, expiresAtMs } = event;
  const wakeups = [notBeforeMs, expiresAtMs].flatMap((atMs) =>
    atMs === undefined ? [] : [{ run, atMs }],
  );
  return { ...decided(event), wakeups };
}

/** When it ended; the report may come much later, if there was no daemon or no disk space. */
function endOf(state: ReadonlyState, run: Starting | Running, { ended }: Report, at: Stamp): Stamp {
  if (run.state !== 'running') return at;
  if (ended === undefined) return lastMoment(state, run, at);
  const { started } = run;
  const { steadyMs = started.steadyMs + ended.tookMs, wallMs } = ended;
  const endMs = Math.max(started.steadyMs, steadyMs);
  return stampOf(endMs, wallMs, asleepAt(endMs, started, ended, at));
}

/**
 * The latest time at which a run that nobody saw end can have ended: no later than the reboot. That
 * is when the new monotonic clock started, which has not counted any sleep.
 */
function lastMoment({ boot }: ReadonlyState, { keeper, started }: Running, at: Stamp): Stamp {
  if (boot === undefined || keeper.bootId === boot.bootId || keeper.kind === 'slurm') return at;
  const { offsetMs } = boot;
  // After a boot with a wrong clock, steady time continues from where it was.
  if (offsetMs < elapsedMs(started)) return started;
  return stampOf(offsetMs, at.wallMs - (elapsedMs(at) - offsetMs), 0);
}

/**
 * How long the machine had slept when a run ended, if it slept between its start and its end:
 * derived from the wall clock, the only one read at both times, and limited to the known sleep.
 */
function asleepAt(endMs: number, started: Stamp, ended: EndTime, at: Stamp): number {
  const { asleepMs: leastMs = 0 } = started;
  const { asleepMs: mostMs = 0 } = ended.steadyMs === undefined ? started : at;
  const sleptMs = ended.wallMs - started.wallMs - (endMs - started.steadyMs);
  return Math.max(leastMs, Math.min(leastMs + sleptMs, mostMs));
}

/** Why it was being stopped. A request that came after the end did not cause it. */
function whyOf(run: Starting | Running, endedAt: Stamp): StopReason | undefined {
  if (run.state !== 'running' || run.stopping === undefined) return undefined;
  return endedAt.steadyMs < run.stopping.at.steadyMs ? undefined : run.stopping.why;
}

/** The run that was to replace it. */
function replacerOf(run: Starting | Running): RunId | undefined {
  return run.state === 'running' ? run.stopping?.by : undefined;
}

/** `reason` is set if a policy ended it, not the target's `timeout`. */
function timedOut(run: Starting | Running): Outcome {
  const reason = run.state === 'running' ? run.stopping?.reason : undefined;
  return { kind: 'timed-out', ...(reason === undefined ? {} : { reason }) };
}

const SIGKILL = 9;

function outcomeOf(
  run: Starting | Running,
  report: Report,
  why: StopReason | undefined,
  catalog: Catalog,
): Outcome {
  const { code, signal, core, failure } = report;
  if (failure !== undefined) return failure;
  if (why === 'timed-out') return timedOut(run);
  if (why === 'cancelled') return cancelled(replacerOf(run), signal ?? toldTo(run, catalog));
  if (signal !== null) return { kind: 'signalled', signal, core };
  return code === null ? { kind: 'lost' } : { kind: 'exited', code };
}

/** The signal sent to a cancelled run, which may have exited with a code of its own. */
function toldTo({ target }: Starting | Running, { targets }: Catalog): number {
  return stopNumber(stopOrderOf(targets.get(target)).signal);
}

/** A command that was stopped by a shutdown and did not succeed counts as interrupted. */
function wasInterrupted(
  { isDown, failure }: Report,
  why: StopReason | undefined,
  { verdict }: EventOf<'ended'>,
): boolean {
  if (failure !== undefined && failure.kind !== 'lost') return false;
  if (verdict === 'ok') return false;
  return why === 'shutdown' || (why === undefined && isDown === true);
}

function interrupted(
  run: Starting | Running,
  at: Stamp,
  { code, signal }: Report,
  catalog: Catalog,
): EventOf<'ended'> {
  const by = signal === null ? (code === null ? {} : { code }) : { signal };
  return ended(run, at, { kind: 'interrupted', ...by }, catalog);
}

export function gone(state: ReadonlyState, command: CommandOf<'gone'>, catalog: Catalog): Decision {
  const { rebooted, survivors, startTimes, wasEnded, detail, mayLive, at } = command;
  const run = keptRun(state, command);
  if (run === undefined) return NOTHING;
  // No `started` in the journal means that `go` was never sent: the command never ran.
  if (run.state === 'starting') return startAgain(state, run, at, catalog);
  const why = run.stopping?.why;
  const kind = rebooted || why === 'shutdown' ? 'interrupted' : 'lost';
  if (mayLive !== true && mayRetry(run, survivors, catalog)) {
    return startAgain(state, run, at, catalog, kind);
  }
  const lost: Outcome = kind === 'lost' && detail !== undefined ? { kind, detail } : { kind };
  const outcome = (wasEnded === true ? killedFor(run, why) : undefined) ?? lost;
  const event = ended(run, lastMoment(state, run, at), outcome, catalog);
  // No retry while its command may still be running.
  if (mayLive === true) return decided(withEarlier(run, event));
  if (survivors.length === 0 || rebooted) return over(run, event, catalog);
  const starts = startTimes === undefined ? {} : { heldStarts: startTimes };
  return over(run, { ...event, heldBy: survivors, ...starts }, catalog);
}

/** The daemon killed the run and its keeper: how the command reacted does not matter. */
function killedFor(run: Running, why: StopReason | undefined): Outcome | undefined {
  if (why === 'cancelled') return cancelled(replacerOf(run), SIGKILL);
  return why === 'timed-out' ? timedOut(run) : undefined;
}

/** Most attempts for a run that is lost each time. */
const LOST_ATTEMPTS_MAX = 3;

/** Only if its target wants that: the command may have done part of its work already. */
function mayRetry(
  run: Starting | Running,
  survivors: readonly number[],
  catalog: Catalog,
): boolean {
  const { onLost } = catalog.targets.get(run.target) ?? {};
  const why = run.state === 'running' ? run.stopping?.why : undefined;
  if (onLost !== 'retry' || why === 'timed-out') return false;
  if (run.state === 'running' && isCancelled(run)) return false;
  return survivors.length === 0 && triesOf(run) < LOST_ATTEMPTS_MAX;
}

export function vacated(state: ReadonlyState, command: CommandOf<'vacated'>): Decision {
  const run = state.runs.get(command.run);
  if (run?.state !== 'ended' || run.heldBy.length === 0) return NOTHING;
  return decided({ type: 'released', run: run.run });
}

/** The previous daemon died before it knew about a keeper, so it released none. */
export function recover(
  state: ReadonlyState,
  { run: number, at }: CommandOf<'recover'>,
  catalog: Catalog,
): Decision {
  const run = state.runs.get(number);
  return run?.state === 'starting' ? startAgain(state, run, at, catalog) : NOTHING;
}

/** The run that a keeper reports on, if the run is still at that keeper's attempt. */
function keptRun(
  state: ReadonlyState,
  { run: number, attempt }: CommandOf<'kept' | 'reported' | 'gone'>,
): Starting | Running | undefined {
  const run = state.runs.get(number);
  if (run === undefined || run.state === 'queued' || run.state === 'ended') return undefined;
  return run.attempt === attempt ? run : undefined;
}

/**
 * Starts again in its place, unless runs are there that the policies did not let in, or it has
 * start conditions: the machine may have been rebooted without the disk mounted. Never after it has
 * expired.
 */
function startAgain(
  state: ReadonlyState,
  run: Starting | Running,
  at: Stamp,
  catalog: Catalog,
  after?: 'lost' | 'interrupted',
): Decision {
  const why = after === undefined ? {} : { after };
  const end = after === undefined ? expired(run, at, catalog) : undefined;
  if (end !== undefined) return decided(end);
  const isAskedAgain = isCrowded(state, run) || hasConditions(catalog.targets.get(run.target));
  if (isAskedAgain) {
    const rest = after === undefined ? restAfterVain(run, at, catalog) : {};
    return requeued({ type: 'requeued', run: run.run, at, ...why, ...rest });
  }
  return decided({ type: 'starting', run: run.run, attempt: run.attempt + 1, at, ...why });
}

/** A found run took its place without asking: it, or another run, may be one too many. */
function isCrowded(state: ReadonlyState, run: Starting | Running): boolean {
  const names = run.groups.flatMap((key) => [...(state.groups.get(key) ?? [])]);
  const all = [...new Set(names)].flatMap((name) => state.runs.get(name) ?? []);
  return all.length > 1 && all.some((other) => other.state === 'running' && other.found === true);
}
