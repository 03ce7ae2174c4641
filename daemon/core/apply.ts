/**
 * How events change the state: `apply` folds one event into it, deterministically, and is its only
 * writer. It changes the state in place, because copying 100,000 queued runs for every event would
 * be too slow. At start-up the journal goes through the same `apply`, so replay and live cannot
 * differ. Runs are written as literals: spreading the common fields would double the time to replay
 * a long journal.
 *
 *                    started:false, or the daemon died before `started`
 *                        ┌───────────────────────────┐
 *                        v                           │
 *   accepted ──> queued ──starting──> starting ──started──> running ──stopping──> running, stopping
 *                  │                     │                     │                        │
 *                  └───────ended─────────┴────────ended────────┴───────────ended────────┘
 *                                                │
 *                             ended {heldBy: pids} ──released──> ended ──forgotten──> (gone)
 *                                │            ^
 *                                └──stopping──┘
 *
 * `requeued` takes a run from `starting` or `running` back to `queued`: if `retry` gives it another
 * attempt, if it cannot be retried beside runs that were found, or if its conditions must be
 * checked again. `stopping` because of a shutdown also leads back to `starting`, at the next boot.
 * A run holds its place in the policies from `starting` until `ended`, or until `released` if
 * processes of a lost run are still alive. An event that is not in the diagram is a bug or a forged
 * journal: `apply` throws.
 */

import type { Nonce } from '../shared/run.ts';
import type { Event, EventOf } from './event.ts';
import { requeue, vainBefore } from './requeue.ts';
import { expectNotCancelled, expectRun, expectState, impossible } from './run-checks.ts';
import {
  type Ended,
  expiryOf,
  expiryOfJob,
  extraOf,
  isCancelled,
  type Queued,
  type Running,
  type Starting,
  type State,
  startedBy,
  triesBefore,
  triesOf,
} from './state.ts';
import {
  enter,
  forgetEnd,
  latest,
  leave,
  note,
  noteEnd,
  notePause,
  targetStateOf,
} from './target-state.ts';

/** Folds one event into the state. Throws if the diagram above has no such transition. */
export function apply(state: State, event: Event): void {
  switch (event.type) {
    case 'journal':
      return;
    case 'base':
      state.nextRun = Math.max(state.nextRun, event.nextRun);
      return;
    case 'booted':
      return boot(state, event);
    case 'accepted':
      return accept(state, event);
    case 'joined':
      return join(state, event);
    case 'starting':
      return begin(state, event);
    case 'started':
      return go(state, event);
    case 'requeued':
      return requeue(state, event);
    case 'stopping':
      return stop(state, event);
    case 'ended':
      return end(state, event);
    case 'released':
      return release(state, event);
    case 'forgotten':
      return forget(state, event);
    case 'ignored':
    case 'remembered':
    case 'watched':
    case 'late':
      return note(state, event);
    case 'paused':
    case 'resumed':
      return notePause(state, event);
    default:
      throw new Error(`Internal error: unknown event ${JSON.stringify(event satisfies never)}`);
  }
}

function accept(state: State, event: EventOf<'accepted'>): void {
  const { run, target } = event;
  if (run < state.nextRun)
    throw impossible(event, `has a number below ${state.nextRun}, the next to be given`);
  takeToken(state, event);
  state.nextRun = run + 1;
  state.runs.set(run, {
    state: 'queued',
    run,
    target,
    accepted: event.at,
    merged: event.merged,
    ...extraOf(event),
    tokens: [event.token],
    overtaken: event.overtaken ?? 0,
    ...(event.expiresAtMs === undefined ? {} : { expiresAtMs: event.expiresAtMs }),
    ...(event.attempts === undefined ? {} : { attempts: event.attempts }),
    ...(event.vain === undefined ? {} : { vain: event.vain }),
    ...startedBy(event.startNonce),
    ...(event.notBeforeMs === undefined ? {} : { notBeforeMs: event.notBeforeMs }),
  });
  const at = targetStateOf(state, target);
  at.queue.add(run);
  at.ignored = 0;
}

function join(state: State, event: EventOf<'joined'>): void {
  const run = expectRun(state, event, event.run);
  if (run.state === 'ended') throw impossible(event, 'has ended');
  takeToken(state, event);
  const tokens = [...run.tokens, event.token];
  const { expiresAtMs } = event;
  if (expiresAtMs === undefined) {
    state.runs.set(run.run, { ...run, tokens });
    return;
  }
  const { expiresAtMs: _, ...rest } = run;
  state.runs.set(run.run, { ...rest, tokens, ...(expiresAtMs === null ? {} : { expiresAtMs }) });
}

function boot(state: State, { bootId, offsetMs, sleptMs }: EventOf<'booted'>): void {
  state.boot = { bootId, offsetMs, ...(sleptMs === undefined ? {} : { sleptMs }) };
}

/** A token stands for one run only, or repeating a request could run the command twice. */
function takeToken(state: State, event: EventOf<'accepted' | 'joined'>): void {
  const other = state.tokens.get(event.token);
  if (other !== undefined) throw impossible(event, `takes the token of run ${other}`);
  state.tokens.set(event.token, event.run);
}

function begin(state: State, event: EventOf<'starting'>): void {
  const run = expectRun(state, event, event.run);
  if (run.state === 'ended') throw impossible(event, 'has ended');
  expectNotCancelled(event, run);
  const at = targetStateOf(state, run.target);
  const attempts = run.state === 'queued' ? (run.attempts ?? 0) : run.attempt;
  if (event.attempt <= attempts) throw impossible(event, `is at attempt ${attempts} already`);
  if (run.state === 'queued') {
    at.queue.delete(run.run);
    at.active.add(run.run);
  }
  at.lastStart = latest(at.lastStart, { run: run.run, at: event.at });
  const groups = run.state === 'queued' ? (event.groups ?? []) : run.groups;
  enter(state, groups, run);
  const { vain = vainBefore(run) } = event;
  const { target, accepted, merged, tokens } = run;
  state.runs.set(run.run, {
    state: 'starting',
    run: run.run,
    target,
    accepted,
    merged,
    ...extraOf(run),
    tokens,
    groups,
    ...startedBy(run.state === 'queued' ? firstStart(run, event) : run.startNonce),
    attempt: event.attempt,
    ...(vain === 0 ? {} : { vain }),
    ...(event.after === undefined ? expiryOf(run) : {}),
    starting: event.at,
  });
  for (const number of event.overtook ?? []) {
    const other = expectState(state, event, number, 'queued');
    state.runs.set(number, { ...other, overtaken: other.overtaken + 1 });
  }
}

/** The daemon that first started it. */
function firstStart(run: Queued, { nonce }: EventOf<'starting'>): Nonce | undefined {
  return nonce ?? run.startNonce ?? run.nonce;
}

function go(state: State, event: EventOf<'started'>): void {
  const run = expectState(state, event, event.run, 'starting');
  if (event.attempt !== run.attempt) throw impossible(event, `is at attempt ${run.attempt}`);
  const { target, accepted, merged, tokens, groups, startNonce } = run;
  const of = targetStateOf(state, target);
  of.lastStart = latest(of.lastStart, { run: run.run, at: event.at });
  state.runs.set(run.run, {
    state: 'running',
    run: run.run,
    target,
    accepted,
    merged,
    ...extraOf(run),
    tokens,
    groups,
    ...startedBy(startNonce),
    attempt: event.attempt,
    ...(run.vain === undefined ? {} : { vain: run.vain }),
    ...expiryOfJob(run, event.keeper),
    started: event.at,
    keeper: event.keeper,
    ...(event.timeoutAtMs === undefined ? {} : { timeoutAtMs: event.timeoutAtMs }),
    ...(event.found === undefined ? {} : { found: true }),
  });
}

function stop(state: State, event: EventOf<'stopping'>): void {
  const run = expectRun(state, event, event.run);
  if (run.state !== 'running' && run.state !== 'ended') throw impossible(event, `is ${run.state}`);
  if (run.state === 'ended' && run.heldBy.length === 0) throw impossible(event, 'has ended');
  const { why, at, by, reason, isFinal } = event;
  const isCancelledToo = run.state === 'running' && why === 'cancelled' && !isCancelled(run);
  if (run.stopping !== undefined && !isCancelledToo) {
    throw impossible(event, 'is being stopped already');
  }
  if (run.stopping !== undefined) {
    // The original reason for stopping it is kept.
    state.runs.set(run.run, { ...run, stopping: { ...run.stopping, isFinal: true } });
    return;
  }
  const more = {
    ...(by === undefined ? {} : { by }),
    ...(reason === undefined ? {} : { reason }),
    ...(isFinal === undefined ? {} : { isFinal }),
  };
  state.runs.set(run.run, { ...run, stopping: { why, at, ...more } });
}

function end(state: State, event: EventOf<'ended'>): void {
  const run = expectRun(state, event, event.run);
  if (run.state === 'ended') throw impossible(event, 'has ended');
  const heldBy = event.heldBy ?? [];
  if (heldBy.length > 0 && run.state !== 'running') throw impossible(event, `is ${run.state}`);
  noteEnd(state, run, event);
  const { target, accepted, merged, tokens } = run;
  state.runs.set(run.run, {
    state: 'ended',
    run: run.run,
    target,
    accepted,
    merged,
    ...extraOf(run),
    tokens,
    groups: heldBy.length === 0 || run.state === 'queued' ? [] : run.groups,
    ...startedBy(run.startNonce),
    ...triedOf(run),
    ...(run.state === 'running' ? { started: run.started } : {}),
    ended: event.at,
    outcome: event.outcome,
    verdict: event.verdict,
    heldBy,
    ...(event.heldStarts === undefined ? {} : { heldStarts: event.heldStarts }),
    ...(event.bytes === undefined ? {} : { bytes: event.bytes }),
    ...(event.lostBytes === undefined ? {} : { lostBytes: event.lostBytes }),
    ...(event.leftovers === undefined ? {} : { leftovers: event.leftovers }),
    ...(heldBy.length === 0 || run.state !== 'running' ? {} : holderOf(run)),
  });
}

function triedOf(run: Queued | Starting | Running): Pick<Ended, 'tries'> {
  const tries = run.state === 'queued' ? triesBefore(run) : triesOf(run);
  return tries > 1 ? { tries } : {};
}

function holderOf({ keeper, timeoutAtMs }: Running): Pick<Ended, 'keeper' | 'timeoutAtMs'> {
  return { keeper, ...(timeoutAtMs === undefined ? {} : { timeoutAtMs }) };
}

function release(state: State, event: EventOf<'released'>): void {
  const run = expectState(state, event, event.run, 'ended');
  if (run.heldBy.length === 0) throw impossible(event, 'holds no place');
  targetStateOf(state, run.target).active.delete(run.run);
  leave(state, run);
  const { heldStarts: _, keeper: __, timeoutAtMs: ___, stopping: ____, ...rest } = run;
  state.runs.set(run.run, { ...rest, groups: [], heldBy: [] });
}

function forget(state: State, event: EventOf<'forgotten'>): void {
  for (const number of event.runs) {
    const run = expectState(state, event, number, 'ended');
    if (run.heldBy.length > 0) throw impossible(event, 'holds a place');
    for (const token of run.tokens) state.tokens.delete(token);
    state.runs.delete(number);
    forgetEnd(state, run);
  }
}
