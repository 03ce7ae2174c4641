/**
 * The heart: `decide` turns a command and the state into events, `explain` says why a run waits.
 * Pure and deterministic: no clock, no I/O, no randomness; time comes with the command.
 *
 * Queues are per target, and only the head of each can start. After every event the loop asks with
 * `look` for the targets that share a group with the one concerned; `look` starts at most one run,
 * the oldest one that all its policies let go, and is asked again until it starts none. So a
 * request costs the same with 1 and with 100,000 runs waiting.
 *
 * No guarantee of fairness for a run that needs room in two groups at once: younger runs that need
 * only one of them may keep it out. `maxWait` bounds that.
 */
import { nameRun, type QueuedRun, type Readiness } from '../policies/policy.ts';
import { type Catalog, findUnfit, type Target, WAITING_PER_TARGET_MAX } from './catalog.ts';
import {
  type Answer,
  type Command,
  type Decision,
  type Look,
  NOTHING,
  type Report,
} from './command.ts';
import type { Event, Outcome, RunId, Stamp, TargetName, Verdict } from './event.ts';
import { withHooks } from './hooks.ts';
import { overdue, watch, withWatch } from './lateness.ts';
import { type SceneOf, sceneMaker } from './scene.ts';
import type { Queued, ReadonlyState, Run, Running } from './state.ts';

/**
 * Targets whose groups an event concerns: the run's own target, and one of each group in which it
 * held a place, should a reload have moved it. To be asked before the event is applied.
 */
export function concerned(
  state: ReadonlyState,
  event: Event,
  catalog: Catalog,
): readonly TargetName[] {
  if ('target' in event) return [event.target];
  const run = 'run' in event ? state.runs.get(event.run) : undefined;
  if (run === undefined) return [];
  const groups = run.state === 'queued' ? [] : run.groups;
  const members = groups.flatMap((key) => catalog.groups.get(key)?.members[0]?.target ?? []);
  return [run.target, ...members];
}

export function decide(state: ReadonlyState, command: Command, catalog: Catalog): Decision {
  const decision = withWatch(state, decideOne(state, command, catalog), catalog);
  return withHooks(state, decision, command.at, catalog);
}

function decideOne(state: ReadonlyState, command: Command, catalog: Catalog): Decision {
  switch (command.type) {
    case 'submit':
      return submit(state, command, catalog);
    case 'cancel':
      return cancel(state, command, catalog);
    case 'pause':
    case 'resume':
      return hold(state, command, catalog);
    case 'kept':
      return kept(state, command, catalog);
    case 'reported':
      return reported(state, command, catalog);
    case 'gone':
      return gone(state, command, catalog);
    case 'vacated': {
      const run = state.runs.get(command.run);
      if (run?.state !== 'ended' || run.heldBy.length === 0) return NOTHING;
      return { ...NOTHING, events: [{ type: 'released', run: run.run }] };
    }
    case 'due':
      return due(state, command, catalog);
    case 'look':
      return look(state, command, catalog);
    case 'recover': {
      const run = state.runs.get(command.run);
      if (run?.state !== 'starting') return NOTHING;
      return { ...NOTHING, events: [startAgain(run, command.at)] };
    }
    case 'configured':
      return configured(state, command, catalog);
    case 'overdue':
      return overdue(state, command, catalog);
    case 'retain':
      return retain(state, command);
    default:
      throw new Error(`Internal error: command ${JSON.stringify(command satisfies never)}`);
  }
}

type Of<T extends Command['type']> = Extract<Command, { readonly type: T }>;

function submit(state: ReadonlyState, command: Of<'submit'>, catalog: Catalog): Decision {
  const answer = (of: Answer): Decision => ({ ...NOTHING, answer: of });
  const again = state.tokens.get(command.token);
  if (again !== undefined) {
    const run = state.runs.get(again);
    if (run?.target === command.target) {
      const isOwn = run.tokens[0] === command.token;
      return answer({ type: isOwn ? 'accepted' : 'joined', run: again });
    }
    return answer({ type: 'refused', reason: `the token was used for run ${again} already` });
  }
  const target = catalog.targets.get(command.target);
  if (target === undefined) return answer({ type: 'unknown-target' });
  if (target.broken !== undefined) return answer({ type: 'broken', reason: target.broken });
  const { args = [] } = command;
  const unfit = findUnfit(target, args);
  if (unfit !== undefined) return answer({ type: 'not-permitted', reason: unfit });
  const { size } = state.lanes.get(target.name)?.queue ?? { size: 0 };
  if (size >= WAITING_PER_TARGET_MAX) {
    return answer({
      type: 'refused',
      reason: `${size} runs of it wait already, the most allowed; see what they wait for: baton why`,
    });
  }
  let joins: RunId | undefined;
  const sceneOf = sceneMaker(state, catalog, command.at.steadyMs);
  for (const { policy, key } of target.bindings) {
    const admission = policy.admit(sceneOf(key, target.name));
    if (admission.type === 'refuse') return answer({ type: 'refused', reason: admission.reason });
    if (admission.type === 'ignore') {
      const events: Event[] = [{ type: 'ignored', target: target.name, times: 1 }];
      return { ...NOTHING, events, answer: { type: 'ignored', reason: admission.reason } };
    }
    if (admission.type === 'join') joins ??= admission.run;
  }
  const { token, at, merged } = command;
  // A run with other arguments is another run.
  const joined = joins === undefined ? undefined : state.runs.get(joins);
  if (joins !== undefined && JSON.stringify(joined?.args ?? []) === JSON.stringify(args)) {
    const events: Event[] = [{ type: 'joined', run: joins, token }];
    return { ...NOTHING, events, answer: { type: 'joined', run: joins } };
  }
  const run = state.nextRun;
  const given = args.length === 0 ? {} : { args };
  const limits = [target.maxWaitMs, command.maxWaitMs].filter((ms) => ms !== undefined);
  const expiry = limits.length === 0 ? {} : { expiresAtMs: at.steadyMs + Math.min(...limits) };
  return {
    events: [
      { type: 'accepted', run, target: target.name, at, token, merged, ...given, ...expiry },
    ],
    answer: { type: 'accepted', run },
    touched: [],
    looks: expiry.expiresAtMs === undefined ? [] : [{ run, atMs: expiry.expiresAtMs }],
  };
}

function cancel(
  state: ReadonlyState,
  { run: number, at }: Of<'cancel'>,
  catalog: Catalog,
): Decision {
  const run = state.runs.get(number);
  if (run === undefined) return { ...NOTHING, answer: { type: 'unknown-run' } };
  switch (run.state) {
    case 'queued':
    case 'starting':
      return { ...NOTHING, events: [ended(run, at, { kind: 'cancelled' }, catalog)] };
    case 'running':
      if (run.stopping !== undefined) return NOTHING;
      return { ...NOTHING, events: [{ type: 'stopping', run: number, at, why: 'cancelled' }] };
    case 'ended':
      return { ...NOTHING, answer: { type: 'ended' } };
    default:
      return run satisfies never;
  }
}

function hold(state: ReadonlyState, command: Of<'pause' | 'resume'>, catalog: Catalog): Decision {
  const { target, type } = command;
  const lane = state.lanes.get(target);
  if (lane === undefined && !catalog.targets.has(target)) {
    return { ...NOTHING, answer: { type: 'unknown-target' } };
  }
  if ((lane?.paused ?? false) === (type === 'pause')) return NOTHING;
  const event = { type: type === 'pause' ? 'paused' : 'resumed', target } as const;
  return { ...NOTHING, events: [event], touched: [target] };
}

function kept(state: ReadonlyState, command: Of<'kept'>, catalog: Catalog): Decision {
  const run = state.runs.get(command.run);
  if (run?.state !== 'starting' || run.attempt !== command.attempt) return NOTHING;
  const { attempt, keeper, at } = command;
  const { timeoutMs } = catalog.targets.get(run.target) ?? {};
  const timeout = timeoutMs === undefined ? {} : { timeoutAtMs: at.steadyMs + timeoutMs };
  return {
    ...NOTHING,
    events: [{ type: 'started', run: run.run, attempt, at, keeper, ...timeout }],
    looks: timeout.timeoutAtMs === undefined ? [] : [{ run: run.run, atMs: timeout.timeoutAtMs }],
  };
}

function reported(state: ReadonlyState, command: Of<'reported'>, catalog: Catalog): Decision {
  const { report, at } = command;
  const run = state.runs.get(command.run);
  if (run === undefined || run.state === 'queued' || run.state === 'ended') return NOTHING;
  if (run.attempt !== command.attempt) return NOTHING;
  const stopping = run.state === 'running' ? run.stopping : undefined;
  if (!report.started) {
    if (stopping === undefined) return { ...NOTHING, events: [startAgain(run, at)] };
    const outcome: Outcome =
      stopping.why === 'timed-out' ? { kind: 'timed-out' } : { kind: 'cancelled' };
    return { ...NOTHING, events: [ended(run, at, outcome, catalog)] };
  }
  const { bytes, leftovers } = report;
  const event = {
    ...ended(run, at, outcomeOf(report, stopping), catalog),
    ...(bytes === undefined ? {} : { bytes }),
    ...(leftovers === undefined || leftovers.length === 0 ? {} : { leftovers }),
  };
  return { ...NOTHING, events: [event] };
}

/** TERM is what a cancelled run was told; it may have answered with a code of its own. */
const SIGTERM = 15;

function outcomeOf(report: Report, stopping: Running['stopping']): Outcome {
  const { code, signal, core, failure } = report;
  if (failure !== undefined) return failure;
  if (stopping?.why === 'timed-out') return { kind: 'timed-out' };
  if (stopping?.why === 'cancelled') return { kind: 'cancelled', signal: signal ?? SIGTERM };
  if (signal !== null) return { kind: 'signalled', signal, core };
  return code === null ? { kind: 'lost' } : { kind: 'exited', code };
}

function gone(state: ReadonlyState, command: Of<'gone'>, catalog: Catalog): Decision {
  const { attempt, rebooted, survivors, startTimes, at } = command;
  const run = state.runs.get(command.run);
  if (run === undefined || run.state === 'queued' || run.state === 'ended') return NOTHING;
  if (run.attempt !== attempt) return NOTHING;
  // Without `started` in the journal nobody was told to go: the command never ran.
  if (run.state === 'starting') return { ...NOTHING, events: [startAgain(run, at)] };
  if (mayRetry(run, survivors, catalog)) return { ...NOTHING, events: [startAgain(run, at)] };
  const outcome: Outcome = { kind: rebooted ? 'interrupted' : 'lost' };
  const event = ended(run, at, outcome, catalog);
  if (survivors.length === 0 || rebooted) return { ...NOTHING, events: [event] };
  const starts = startTimes === undefined ? {} : { heldStarts: startTimes };
  return { ...NOTHING, events: [{ ...event, heldBy: survivors, ...starts }] };
}

/** Most attempts at a run that is lost each time. */
const LOST_ATTEMPTS_MAX = 3;

/** By the target's own wish only: the command may have done a part of its work already. */
function mayRetry(run: Running, survivors: readonly number[], catalog: Catalog): boolean {
  const { onLost } = catalog.targets.get(run.target) ?? {};
  if (onLost !== 'retry' || run.stopping !== undefined) return false;
  return survivors.length === 0 && run.attempt < LOST_ATTEMPTS_MAX;
}

function due(state: ReadonlyState, { run: number, at }: Of<'due'>, catalog: Catalog): Decision {
  const run = state.runs.get(number);
  if (run?.state === 'queued') {
    if (run.expiresAtMs === undefined || run.expiresAtMs > at.steadyMs) {
      return { ...NOTHING, touched: [run.target] };
    }
    const waitedMs = at.steadyMs - run.accepted.steadyMs;
    return { ...NOTHING, events: [ended(run, at, { kind: 'expired', waitedMs }, catalog)] };
  }
  if (run?.state !== 'running' || run.stopping !== undefined) return NOTHING;
  if (run.timeoutAtMs === undefined || run.timeoutAtMs > at.steadyMs) return NOTHING;
  return { ...NOTHING, events: [{ type: 'stopping', run: number, at, why: 'timed-out' }] };
}

/** Starts the oldest waiting run around this target that all its policies let go, if any. */
function look(state: ReadonlyState, command: Of<'look'>, catalog: Catalog): Decision {
  const { target, at, holders } = command;
  const looks: Look[] = [];
  const sceneOf = sceneMaker(state, catalog, at.steadyMs, holders);
  for (const run of candidates(state, target, catalog)) {
    const skip = skipped(run, catalog, sceneOf);
    if (skip !== undefined) {
      return { ...NOTHING, events: [ended(run, at, { kind: 'skipped', ...skip }, catalog)], looks };
    }
    const waits = hindrances(run, catalog, sceneOf);
    if (waits.length === 0) {
      return { ...NOTHING, events: [start(state, run, at, catalog, sceneOf)], looks };
    }
    for (const { untilMs } of waits) {
      if (untilMs !== undefined) looks.push({ run: run.run, atMs: untilMs });
    }
  }
  return { ...NOTHING, looks };
}

/** The heads of all queues that share a group with this target, oldest first. */
function candidates(state: ReadonlyState, name: TargetName, catalog: Catalog): readonly Queued[] {
  const names = new Set([name]);
  for (const { key } of catalog.targets.get(name)?.bindings ?? []) {
    for (const { target } of catalog.groups.get(key)?.members ?? []) names.add(target);
  }
  return [...names].flatMap((target) => headOf(state, target) ?? []).sort((a, b) => a.run - b.run);
}

function headOf(state: ReadonlyState, target: TargetName): Queued | undefined {
  const lane = state.lanes.get(target);
  if (lane === undefined || lane.paused) return undefined;
  const [first] = lane.queue;
  const run = first === undefined ? undefined : state.runs.get(first);
  return run?.state === 'queued' ? run : undefined;
}

type Wait = Extract<Readiness, { type: 'wait' }>;

function hindrances(run: Queued, catalog: Catalog, sceneOf: SceneOf): readonly Wait[] {
  return readinesses(run, catalog, sceneOf).filter((it) => it.type === 'wait');
}

/** Why a policy will not let it run any more. */
function skipped(run: Queued, catalog: Catalog, sceneOf: SceneOf): { reason: string } | undefined {
  const skip = readinesses(run, catalog, sceneOf).find((it) => it.type === 'skip');
  return skip === undefined ? undefined : { reason: skip.reason };
}

function readinesses(run: Queued, catalog: Catalog, sceneOf: SceneOf): readonly Readiness[] {
  const asked: QueuedRun = { ...run, queuedAtMs: run.accepted.steadyMs };
  const bindings = catalog.targets.get(run.target)?.bindings ?? [];
  return bindings.map(({ policy, key }) => policy.ready(asked, sceneOf(key, run.target)));
}

function start(
  state: ReadonlyState,
  run: Queued,
  at: Stamp,
  catalog: Catalog,
  sceneOf: SceneOf,
): Event {
  const target = catalog.targets.get(run.target);
  if (target === undefined) {
    const reason = 'the target was removed from the configuration';
    return ended(run, at, { kind: 'skipped', reason }, catalog);
  }
  if (target.broken !== undefined) {
    return ended(run, at, { kind: 'skipped', reason: target.broken }, catalog);
  }
  // Only where a policy lets it go first: a run that waits for a full disk is not overtaken by what
  // needs no disk, and must not win a place before a higher rsnapshot interval by that.
  const { run: number } = run;
  const overtook = candidates(state, run.target, catalog)
    .filter((other) => other.run < number)
    .filter((other) => hindrances(other, catalog, sceneOf).some((w) => w.behind.includes(number)))
    .map((other) => other.run);
  return {
    type: 'starting',
    run: number,
    attempt: 1,
    at,
    groups: target.bindings.map(({ key }) => key),
    ...(overtook.length > 0 ? { overtook } : {}),
  };
}

function startAgain(run: { readonly run: RunId; readonly attempt: number }, at: Stamp): Event {
  return { type: 'starting', run: run.run, attempt: run.attempt + 1, at };
}

function configured(state: ReadonlyState, { at }: Of<'configured'>, catalog: Catalog): Decision {
  const events: Event[] = [];
  for (const [name, { queue }] of state.lanes) {
    if (catalog.targets.has(name)) continue;
    const reason = 'the target was removed from the configuration';
    for (const number of queue) {
      const run = state.runs.get(number);
      if (run) events.push(ended(run, at, { kind: 'skipped', reason }, catalog));
    }
  }
  const watched = watch(state, at, catalog);
  return { ...watched, events: [...events, ...watched.events], touched: [...state.lanes.keys()] };
}

/** However little is to be kept: a client may still be on its way back to it. */
export const RECENT_MS = 300_000;

function retain(state: ReadonlyState, { target, keep, at }: Of<'retain'>): Decision {
  const past = [...(state.lanes.get(target)?.ended ?? [])].flatMap((number) => {
    const run = state.runs.get(number);
    return run?.state === 'ended' ? [run] : [];
  });
  let left = past.length;
  let bytes = past.reduce((sum, run) => sum + (run.bytes ?? 0), 0);
  const runs: RunId[] = [];
  for (const run of past.slice(0, -1)) {
    const ageMs = at.steadyMs - run.ended.steadyMs;
    const isOver =
      left > keep.runs ||
      ageMs > (keep.ms ?? Number.POSITIVE_INFINITY) ||
      bytes > (keep.bytes ?? Number.POSITIVE_INFINITY);
    if (!isOver) break;
    if (ageMs < RECENT_MS || run.heldBy.length > 0) continue;
    runs.push(run.run);
    left--;
    bytes -= run.bytes ?? 0;
  }
  return runs.length === 0 ? NOTHING : { ...NOTHING, events: [{ type: 'forgotten', runs }] };
}

type EndedEvent = Extract<Event, { type: 'ended' }>;

function ended(run: Run, at: Stamp, outcome: Outcome, catalog: Catalog): EndedEvent {
  const verdict = judge(outcome, catalog.targets.get(run.target));
  return { type: 'ended', run: run.run, at, outcome, verdict };
}

function judge(outcome: Outcome, target: Target | undefined): Verdict {
  if (outcome.kind !== 'exited') return 'failed';
  if ((target?.okExit ?? [0]).includes(outcome.code)) return 'ok';
  return target?.warnExit.includes(outcome.code) ? 'warning' : 'failed';
}

/** Why a run has not started, and what it stands behind. Empty if it is about to start. */
export function explain(
  state: ReadonlyState,
  run: Queued,
  catalog: Catalog,
  sceneOf: SceneOf,
): readonly Wait[] {
  const lane = state.lanes.get(run.target);
  const reasons: Wait[] = [];
  if (lane?.paused) {
    const reason = `target ${run.target} is paused; "baton resume ${run.target}" lets it go on`;
    reasons.push({ type: 'wait', reason, behind: [] });
  }
  const [first] = lane?.queue ?? new Set<RunId>();
  if (first !== undefined && first !== run.run) {
    const reason = `waits for ${nameRun({ run: first, target: run.target })}, which was asked for earlier`;
    reasons.push({ type: 'wait', reason, behind: [first] });
  } else {
    reasons.push(...hindrances(run, catalog, sceneOf));
  }
  return reasons;
}

/** The lockfiles whose holders matter to what waits around this target, if any does. */
export function lockfilesAround(
  state: ReadonlyState,
  target: TargetName,
  catalog: Catalog,
): readonly string[] {
  if (!catalog.hasLocks) return [];
  const waiting = candidates(state, target, catalog);
  const bindings = waiting.flatMap((run) => catalog.targets.get(run.target)?.bindings ?? []);
  return [
    ...new Set(
      bindings.flatMap(({ lockfile, key }) =>
        lockfile === undefined || state.groups.has(key) ? [] : [lockfile.path],
      ),
    ),
  ];
}
