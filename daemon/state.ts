/**
 * What is known now: the fold of all events. `apply` is deterministic and the only writer; it
 * changes the state in place, because copying 100,000 waiting runs for every event would not be
 * honest about cost. Everybody else sees ReadonlyState. Start-up feeds the journal through the
 * same `apply`, so replay and live cannot differ. Runs are written out as literals: to spread what is
 * common would make the replay of a long journal twice as long.
 *
 *                    started:false, or the daemon died before `started`
 *                        ┌───────────────────────────┐
 *                        v                           │
 *   accepted ──> queued ──starting──> starting ──started──> running ──stopping──> running, stopping
 *                  │                     │                     │                        │
 *                  └───────ended─────────┴────────ended────────┴───────────ended────────┘
 *                                                │
 *                             ended {heldBy: pids} ──released──> ended ──forgotten──> (gone)
 *
 * A run holds its place in the policies from `starting` until `ended`, or until `released` where
 * processes of a lost run are still alive. An event that the diagram does not have is a bug or a
 * forged journal: `apply` throws.
 */
import type {
  Cause,
  Event,
  KeeperId,
  Outcome,
  ProcessId,
  RunId,
  Stamp,
  StopReason,
  TargetName,
  Verdict,
} from './event.ts';

interface Request {
  readonly run: RunId;
  readonly target: TargetName;
  readonly accepted: Stamp;
  readonly merged: boolean;
  readonly args?: readonly string[];
  readonly tokens: readonly string[];
  /** It is the run of a hook. */
  readonly cause?: Cause;
}

export interface Queued extends Request {
  readonly state: 'queued';
  readonly overtaken: number;
  readonly expiresAtMs?: number;
}

/** What holds a place in its groups, also if a reload has moved or removed its target. */
interface Placed extends Request {
  readonly groups: readonly string[];
}

export interface Starting extends Placed {
  readonly state: 'starting';
  readonly attempt: number;
  readonly starting: Stamp;
}

export interface Running extends Placed {
  readonly state: 'running';
  readonly attempt: number;
  readonly started: Stamp;
  readonly keeper: KeeperId;
  readonly timeoutAtMs?: number;
  readonly stopping?: { readonly why: StopReason; readonly at: Stamp };
}

interface Ended extends Placed {
  readonly state: 'ended';
  readonly started?: Stamp;
  readonly ended: Stamp;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  /** Living processes of a lost run; empty once the place is free. */
  readonly heldBy: readonly number[];
  readonly heldStarts?: readonly number[];
  readonly bytes?: number;
  readonly leftovers?: readonly ProcessId[];
}

export type Run = Queued | Starting | Running | Ended;

/** The runs of one target, each set in the order of entry. */
export interface Lane {
  readonly queue: ReadonlySet<RunId>;
  /** Starting, running, or lost with living processes: what holds a place in the policies. */
  readonly active: ReadonlySet<RunId>;
  readonly ended: ReadonlySet<RunId>;
  /** The last of `ended`, which a set cannot tell without a walk. */
  readonly latest?: RunId;
  /** How long the last successes took, oldest first; at most TOOK_MAX, whatever was forgotten. */
  readonly tookMs: readonly number[];
  readonly paused: boolean;
  /** How many requests in a row were ignored since the last accepted one. */
  readonly ignored: number;
  /** The last success, or since when it is looked out for; only while it is. */
  readonly freshAt?: Stamp;
  readonly late: boolean;
}

/** So many durations tell what is usual, and follow when it changes. */
export const TOOK_MAX = 20;

export interface ReadonlyState {
  readonly nextRun: RunId;
  /** In the order of their numbers. A run is never changed, but replaced by what became of it. */
  readonly runs: ReadonlyMap<RunId, Run>;
  readonly lanes: ReadonlyMap<TargetName, Lane>;
  /** The runs that hold a place in a group, by the group's key. */
  readonly groups: ReadonlyMap<string, ReadonlySet<RunId>>;
  readonly tokens: ReadonlyMap<string, RunId>;
  readonly boot?: { readonly bootId: string; readonly offsetMs: number };
}

interface MutableLane extends Lane {
  readonly queue: Set<RunId>;
  readonly active: Set<RunId>;
  readonly ended: Set<RunId>;
  latest?: RunId;
  tookMs: readonly number[];
  paused: boolean;
  ignored: number;
  freshAt?: Stamp;
  late: boolean;
}

/** Only `apply` may write to it. */
export interface State extends ReadonlyState {
  nextRun: RunId;
  readonly runs: Map<RunId, Run>;
  readonly lanes: Map<TargetName, MutableLane>;
  readonly groups: Map<string, Set<RunId>>;
  readonly tokens: Map<string, RunId>;
  boot?: { readonly bootId: string; readonly offsetMs: number };
}

export function emptyState(): State {
  return { nextRun: 1, runs: new Map(), lanes: new Map(), groups: new Map(), tokens: new Map() };
}

/** Folds one event into the state. Throws if the diagram above has no such transition. */
export function apply(state: State, event: Event): void {
  switch (event.type) {
    case 'journal':
      return;
    case 'base':
      state.nextRun = Math.max(state.nextRun, event.nextRun);
      return;
    case 'booted':
      state.boot = { bootId: event.bootId, offsetMs: event.offsetMs };
      return;
    case 'accepted':
      accept(state, event);
      return;
    case 'joined': {
      const run = expectRun(state, event, event.run);
      if (run.state === 'ended') throw impossible(event, 'has ended');
      takeToken(state, event);
      state.runs.set(run.run, { ...run, tokens: [...run.tokens, event.token] });
      return;
    }
    case 'ignored':
      lane(state, event.target).ignored += event.times;
      return;
    case 'starting':
      beginStart(state, event);
      return;
    case 'started': {
      const run = expectState(state, event, event.run, 'starting');
      if (event.attempt !== run.attempt) throw impossible(event, `is at attempt ${run.attempt}`);
      const { target, accepted, merged, tokens, groups } = run;
      state.runs.set(run.run, {
        state: 'running',
        run: run.run,
        target,
        accepted,
        merged,
        ...extraOf(run),
        tokens,
        groups,
        attempt: event.attempt,
        started: event.at,
        keeper: event.keeper,
        ...(event.timeoutAtMs === undefined ? {} : { timeoutAtMs: event.timeoutAtMs }),
      });
      return;
    }
    case 'stopping': {
      const run = expectState(state, event, event.run, 'running');
      if (run.stopping !== undefined) throw impossible(event, 'is being stopped already');
      state.runs.set(run.run, { ...run, stopping: { why: event.why, at: event.at } });
      return;
    }
    case 'ended':
      end(state, event);
      return;
    case 'released': {
      const run = expectState(state, event, event.run, 'ended');
      if (run.heldBy.length === 0) throw impossible(event, 'holds no place');
      lane(state, run.target).active.delete(run.run);
      leave(state, run);
      const { heldStarts: _, ...rest } = run;
      state.runs.set(run.run, { ...rest, groups: [], heldBy: [] });
      return;
    }
    case 'forgotten':
      for (const number of event.runs) {
        forget(state, event, expectState(state, event, number, 'ended'));
      }
      return;
    case 'remembered':
      lane(state, event.target).tookMs = event.tookMs.slice(-TOOK_MAX);
      return;
    case 'watched':
      watch(state, event);
      return;
    case 'late': {
      const at = lane(state, event.target);
      if (at.freshAt === undefined) throw impossible(event, 'is not looked out for');
      at.late = true;
      return;
    }
    case 'paused':
      lane(state, event.target).paused = true;
      return;
    case 'resumed':
      lane(state, event.target).paused = false;
      tidy(state, event.target);
      return;
    default:
      throw new Error(`Internal error: unknown event ${JSON.stringify(event satisfies never)}`);
  }
}

function accept(state: State, event: Extract<Event, { type: 'accepted' }>): void {
  const { run, target } = event;
  if (run < state.nextRun) throw impossible(event, `the next number is ${state.nextRun}`);
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
  });
  const at = lane(state, target);
  at.queue.add(run);
  at.ignored = 0;
}

/** What a request has only sometimes. */
export function extraOf({
  args,
  cause,
}: Pick<Request, 'args' | 'cause'>): Pick<Request, 'args' | 'cause'> {
  return { ...(args === undefined ? {} : { args }), ...(cause === undefined ? {} : { cause }) };
}

function watch(state: State, event: Extract<Event, { type: 'watched' }>): void {
  const { freshAt: _, ...at } = lane(state, event.target);
  const fresh = event.at === undefined ? {} : { freshAt: event.at };
  state.lanes.set(event.target, { ...at, ...fresh, late: false });
  tidy(state, event.target);
}

/** A token stands for one run, or asking again could run twice. */
function takeToken(state: State, event: Extract<Event, { type: 'accepted' | 'joined' }>): void {
  const other = state.tokens.get(event.token);
  if (other !== undefined) throw impossible(event, `takes the token of run ${other}`);
  state.tokens.set(event.token, event.run);
}

function beginStart(state: State, event: Extract<Event, { type: 'starting' }>): void {
  const run = expectRun(state, event, event.run);
  if (run.state === 'ended') throw impossible(event, 'has ended');
  if (run.state === 'running' && run.stopping !== undefined) {
    throw impossible(event, 'is being stopped');
  }
  const at = lane(state, run.target);
  if (run.state === 'queued') {
    at.queue.delete(run.run);
    at.active.add(run.run);
  } else if (event.attempt <= run.attempt) {
    throw impossible(event, `is at attempt ${run.attempt} already`);
  }
  const groups = run.state === 'queued' ? (event.groups ?? []) : run.groups;
  for (const key of groups) {
    const holders = state.groups.get(key) ?? new Set();
    state.groups.set(key, holders.add(run.run));
  }
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
    attempt: event.attempt,
    starting: event.at,
  });
  for (const number of event.overtook ?? []) {
    const other = expectState(state, event, number, 'queued');
    state.runs.set(number, { ...other, overtaken: other.overtaken + 1 });
  }
}

function end(state: State, event: Extract<Event, { type: 'ended' }>): void {
  const run = expectRun(state, event, event.run);
  if (run.state === 'ended') throw impossible(event, 'has ended');
  const at = lane(state, run.target);
  const heldBy = event.heldBy ?? [];
  if (heldBy.length > 0 && run.state !== 'running') throw impossible(event, `is ${run.state}`);
  at.queue.delete(run.run);
  if (heldBy.length === 0) {
    at.active.delete(run.run);
    leave(state, run);
  }
  at.ended.add(run.run);
  at.latest = run.run;
  if (run.state === 'running' && event.verdict !== 'failed') {
    const tookMs = Math.max(0, event.at.steadyMs - run.started.steadyMs);
    at.tookMs = [...at.tookMs, tookMs].slice(-TOOK_MAX);
    if (at.freshAt !== undefined) [at.freshAt, at.late] = [event.at, false];
  }
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
    ...(run.state === 'running' ? { started: run.started } : {}),
    ended: event.at,
    outcome: event.outcome,
    verdict: event.verdict,
    heldBy,
    ...(event.heldStarts === undefined ? {} : { heldStarts: event.heldStarts }),
    ...(event.bytes === undefined ? {} : { bytes: event.bytes }),
    ...(event.leftovers === undefined ? {} : { leftovers: event.leftovers }),
  });
}

/** Gives its places in the groups back. */
function leave(state: State, run: Run): void {
  if (run.state === 'queued') return;
  for (const key of run.groups) {
    const holders = state.groups.get(key);
    holders?.delete(run.run);
    if (holders?.size === 0) state.groups.delete(key);
  }
}

function forget(state: State, event: Event, run: Ended): void {
  if (run.heldBy.length > 0) throw impossible(event, 'holds a place');
  for (const token of run.tokens) state.tokens.delete(token);
  const at = lane(state, run.target);
  at.ended.delete(run.run);
  if (at.latest === run.run) {
    const latest = [...at.ended].at(-1);
    if (latest === undefined) delete at.latest;
    else at.latest = latest;
  }
  state.runs.delete(run.run);
  tidy(state, run.target);
}

/** A target that nothing is known of leaves no trace. */
function tidy(state: State, target: TargetName): void {
  const { queue, active, ended, paused, freshAt } = lane(state, target);
  const isKnown = queue.size + active.size + ended.size > 0 || paused || freshAt !== undefined;
  if (!isKnown) state.lanes.delete(target);
}

function lane(state: State, target: TargetName): MutableLane {
  const known = state.lanes.get(target);
  if (known !== undefined) return known;
  const fresh = {
    queue: new Set<RunId>(),
    active: new Set<RunId>(),
    ended: new Set<RunId>(),
    tookMs: [],
    paused: false,
    ignored: 0,
    late: false,
  };
  state.lanes.set(target, fresh);
  return fresh;
}

function expectRun(state: State, event: Event, number: RunId): Run {
  const run = state.runs.get(number);
  if (run === undefined) throw impossible(event, 'is not known');
  return run;
}

function expectState<S extends Run['state']>(
  state: State,
  event: Event,
  number: RunId,
  wanted: S,
): Extract<Run, { state: S }> {
  const run = expectRun(state, event, number);
  if (!isIn(run, wanted)) throw impossible(event, `is ${run.state}, not ${wanted}`);
  return run;
}

function isIn<S extends Run['state']>(run: Run, wanted: S): run is Extract<Run, { state: S }> {
  return run.state === wanted;
}

function impossible(event: Event, why: string): Error {
  return new Error(`Internal error: event ${JSON.stringify(event)} cannot happen: its run ${why}`);
}
