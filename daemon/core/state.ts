/**
 * The current state: the runs, and indexes by target, group and token. It is the fold of all
 * events. Only daemon/core/apply.ts, which has the diagram of all state changes, writes to it. All
 * other code gets a ReadonlyState.
 */
import type {
  Cause,
  Count,
  Earlier,
  KeeperId,
  Nonce,
  Outcome,
  PauseScope,
  ProcessId,
  RunId,
  Stamp,
  StopReason,
  TargetName,
  Verdict,
} from '../shared/run.ts';
import type { ReadonlyRuns, Runs } from './run-set.ts';

interface Request {
  readonly run: RunId;
  readonly target: TargetName;
  readonly accepted: Stamp;
  readonly merged: boolean;
  /** With the number, identifies the run. Absent: accepted by an older version. */
  readonly nonce?: Nonce;
  readonly args?: readonly string[];
  readonly tokens: readonly string[];
  /** Set for the run of a hook. */
  readonly cause?: Cause;
  /** Set if it is retried. */
  readonly earlier?: Earlier;
}

/** In elapsed time: a run whose command has not started by then expires. */
interface Expiry {
  readonly expiresAtMs?: number;
}

export interface Queued extends Request, Expiry {
  readonly state: 'queued';
  readonly overtaken: number;
  /** Of a requeued run: number of attempts, and how many never reached the command. */
  readonly attempts?: number;
  readonly vain?: number;
  /** As in `Placed`. */
  readonly startNonce?: Nonce;
  /** In elapsed time: earliest start of its next attempt. */
  readonly notBeforeMs?: number;
}

/** Earlier attempts of a queued run that reached the command. */
export function triesBefore({ attempts = 0, vain = 0 }: Queued): number {
  return attempts - vain;
}

/** A run that holds a place in its groups, even if a reload has moved or removed its target. */
export interface Placed extends Request {
  readonly groups: readonly string[];
  /** Of the daemon that first started it: marks its directory. */
  readonly startNonce?: Nonce;
}

/** Attempts number the keepers of a run. */
interface Attempted extends Placed, Expiry {
  readonly attempt: number;
  /** How many earlier attempts never reached the command. */
  readonly vain?: number;
}

/** Attempts that reached the command, including the current one. */
export function triesOf({ attempt, vain = 0 }: Pick<Attempted, 'attempt' | 'vain'>): number {
  return attempt - vain;
}

export interface Starting extends Attempted {
  readonly state: 'starting';
  readonly starting: Stamp;
}

/** Why it is being stopped; `by` is the run that replaces it, `reason` a policy's reason. */
interface Stopping {
  readonly why: StopReason;
  readonly at: Stamp;
  readonly by?: RunId;
  readonly reason?: string;
  /** Somebody has cancelled it since: no further attempt. */
  readonly isFinal?: true;
}

export interface Running extends Attempted {
  readonly state: 'running';
  readonly started: Stamp;
  readonly keeper: KeeperId;
  readonly timeoutAtMs?: number;
  readonly stopping?: Stopping;
  /** It was started in an earlier journal: its policies were not asked. */
  readonly found?: true;
}

/** Somebody cancelled it, either first or after it was stopped for another reason. */
export function isCancelled({ stopping }: Running): boolean {
  return stopping?.why === 'cancelled' || stopping?.isFinal === true;
}

export interface Ended extends Placed {
  readonly state: 'ended';
  /** Number of attempts, if there was more than one. */
  readonly tries?: number;
  readonly started?: Stamp;
  readonly ended: Stamp;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  /** Living processes of a lost run; empty once the place is free. */
  readonly heldBy: readonly number[];
  readonly heldStarts?: readonly number[];
  /** Only while its place is held: used to find and to end its processes. */
  readonly keeper?: KeeperId;
  readonly timeoutAtMs?: number;
  readonly stopping?: Stopping;
  readonly bytes?: number;
  readonly lostBytes?: number;
  readonly leftovers?: readonly ProcessId[];
}

export type Run = Queued | Starting | Running | Ended;

/** When a run did something. */
export interface Moment {
  readonly run: RunId;
  readonly at: Stamp;
}

/** The runs of one target, each set in the order of entry. */
export interface TargetState {
  readonly queue: ReadonlyRuns;
  /** Only in a snapshot: how many more are queued behind those in `queue`. */
  readonly beyond?: number;
  /** Starting, running, or lost with living processes: the runs that hold a place. */
  readonly active: ReadonlySet<RunId>;
  readonly ended: ReadonlySet<RunId>;
  /** How many of `active` started in each group, by its key. */
  readonly began: ReadonlyMap<string, number>;
  /** Of the output of all ended runs. */
  readonly endedBytes: number;
  /** The last of `ended`. */
  readonly latest?: RunId;
  /** How long the last successes took, oldest first; at most TOOK_MAX, also of forgotten runs. */
  readonly tookMs: readonly number[];
  /** How many runs ended in each way, including forgotten runs. */
  readonly counts: readonly Count[];
  /** How many consecutive runs have failed; cancelled ones do not count. Absent: none. */
  readonly failures?: number;
  /** How many attempts were followed by another attempt of the same run. Absent: none. */
  readonly retries?: number;
  /** How many requests in a row were ignored since the last accepted one. */
  readonly ignored: number;
  /** The last success, or the start of watching; only with lateAfter. */
  readonly freshAt?: Stamp;
  readonly late: boolean;
  /** The latest start, and the latest end of a started run, including forgotten runs. */
  readonly lastStart?: Moment;
  readonly lastEnd?: Moment;
}

/** Enough to tell what is usual, and few enough to follow changes. */
export const TOOK_MAX = 20;

/** Number of queued runs, including those that are not in `queue`. */
export function waitingIn({ queue, beyond = 0 }: Pick<TargetState, 'queue' | 'beyond'>): number {
  return queue.size + beyond;
}

/** `untilMs`, in elapsed time, is when it ends by itself. */
export type Pause = PauseScope & { readonly untilMs?: number };

/** Where the clocks of this boot began; see daemon/system/clock.ts. */
export interface Boot {
  readonly bootId: string;
  readonly offsetMs: number;
  /** Absent: an older version recorded this boot. */
  readonly sleptMs?: number;
}

export interface ReadonlyState {
  readonly nextRun: RunId;
  /** Ordered by number. A run is never modified, only replaced by its next state. */
  readonly runs: ReadonlyMap<RunId, Run>;
  readonly targetStates: ReadonlyMap<TargetName, TargetState>;
  /** The runs that hold a place in a group, by the group's key. */
  readonly groups: ReadonlyMap<string, ReadonlySet<RunId>>;
  readonly tokens: ReadonlyMap<string, RunId>;
  /** By scope: see daemon/core/pause-scope.ts. */
  readonly pauses: ReadonlyMap<string, Pause>;
  readonly boot?: Boot;
}

export interface MutableTargetState extends TargetState {
  queue: Runs;
  active: Runs;
  readonly ended: Runs;
  readonly began: Map<string, number>;
  endedBytes: number;
  latest?: RunId;
  tookMs: readonly number[];
  counts: readonly Count[];
  failures?: number;
  retries?: number;
  ignored: number;
  freshAt?: Stamp;
  late: boolean;
  lastStart?: Moment;
  lastEnd?: Moment;
}

/** Only `apply` may write to it. */
export interface State extends ReadonlyState {
  nextRun: RunId;
  readonly runs: Map<RunId, Run>;
  readonly targetStates: Map<TargetName, MutableTargetState>;
  readonly groups: Map<string, Runs>;
  readonly tokens: Map<string, RunId>;
  readonly pauses: Map<string, Pause>;
  boot?: Boot;
}

export function emptyState(): State {
  return {
    nextRun: 1,
    runs: new Map(),
    targetStates: new Map(),
    groups: new Map(),
    tokens: new Map(),
    pauses: new Map(),
  };
}

type Extra = Pick<Request, 'nonce' | 'args' | 'cause' | 'earlier'>;

/** The optional fields of a request. */
export function extraOf({ nonce, args, cause, earlier }: Extra): Extra {
  return {
    ...(nonce === undefined ? {} : { nonce }),
    ...(args === undefined ? {} : { args }),
    ...(cause === undefined ? {} : { cause }),
    ...(earlier === undefined ? {} : { earlier }),
  };
}

/** Kept if its command may start long after its release: its job waits in Slurm. */
export function expiryOfJob(run: Starting, { kind }: KeeperId): Expiry {
  return kind === 'slurm' ? expiryOf(run) : {};
}

export function expiryOf({ expiresAtMs }: Expiry): Expiry {
  return expiresAtMs === undefined ? {} : { expiresAtMs };
}

export function startedBy(startNonce: Nonce | undefined): Pick<Placed, 'startNonce'> {
  return startNonce === undefined ? {} : { startNonce };
}
