/**
 * What is known now: the runs, and by target, group and token the ways to find them. It is the fold
 * of all events, and daemon/core/apply.ts, which draws how a run comes from one of these states
 * into the next, is the only one to write to it. Everybody else sees ReadonlyState.
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
  /** With its number: which run this is. Absent: it was accepted by an older version. */
  readonly nonce?: Nonce;
  readonly args?: readonly string[];
  readonly tokens: readonly string[];
  /** It is the run of a hook. */
  readonly cause?: Cause;
  /** Its target has it tried again. */
  readonly earlier?: Earlier;
}

/** In elapsed time: a run whose command has not begun by then is given up. */
interface Expiry {
  readonly expiresAtMs?: number;
}

export interface Queued extends Request, Expiry {
  readonly state: 'queued';
  readonly overtaken: number;
  /** Of one that waits again: how many there were, and how many of them its command never saw. */
  readonly attempts?: number;
  readonly vain?: number;
  /** As with `Placed`. */
  readonly startNonce?: Nonce;
  /** In elapsed time: its next attempt begins no sooner. */
  readonly notBeforeMs?: number;
}

/** Attempts at its command that a queued run has behind it. */
export function triesBefore({ attempts = 0, vain = 0 }: Queued): number {
  return attempts - vain;
}

/** What holds a place in its groups, also if a reload has moved or removed its target. */
export interface Placed extends Request {
  readonly groups: readonly string[];
  /** Of the daemon that started it first: marks its directory. */
  readonly startNonce?: Nonce;
}

/** Attempts number the keepers of a run. */
interface Attempted extends Placed, Expiry {
  readonly attempt: number;
  /** How many attempts before this one its command never saw. */
  readonly vain?: number;
}

/** Attempts at its command, with the present one. */
export function triesOf({ attempt, vain = 0 }: Pick<Attempted, 'attempt' | 'vain'>): number {
  return attempt - vain;
}

export interface Starting extends Attempted {
  readonly state: 'starting';
  readonly starting: Stamp;
}

/** Why it is being ended; `by` is the run that takes its place, `reason` a policy's. */
interface Stopping {
  readonly why: StopReason;
  readonly at: Stamp;
  readonly by?: RunId;
  readonly reason?: string;
  /** Somebody has cancelled it since: there is no further attempt. */
  readonly isFinal?: true;
}

export interface Running extends Attempted {
  readonly state: 'running';
  readonly started: Stamp;
  readonly keeper: KeeperId;
  readonly timeoutAtMs?: number;
  readonly stopping?: Stopping;
  /** It was started in another life: nobody has asked its policies. */
  readonly found?: true;
}

/** Somebody wants it to end, be it for this or after it was told to end for another reason. */
export function isCancelled({ stopping }: Running): boolean {
  return stopping?.why === 'cancelled' || stopping?.isFinal === true;
}

export interface Ended extends Placed {
  readonly state: 'ended';
  /** Attempts at its command, where there was more than one. */
  readonly tries?: number;
  readonly started?: Stamp;
  readonly ended: Stamp;
  readonly outcome: Outcome;
  readonly verdict: Verdict;
  /** Living processes of a lost run; empty once the place is free. */
  readonly heldBy: readonly number[];
  readonly heldStarts?: readonly number[];
  /** Only while its place is held: what finds its processes, and what ends them. */
  readonly keeper?: KeeperId;
  readonly timeoutAtMs?: number;
  readonly stopping?: Stopping;
  readonly bytes?: number;
  readonly lostBytes?: number;
  readonly leftovers?: readonly ProcessId[];
}

export type Run = Queued | Starting | Running | Ended;

/** When which run did something. */
export interface Moment {
  readonly run: RunId;
  readonly at: Stamp;
}

/** The runs of one target, each set in the order of entry. */
export interface TargetState {
  readonly queue: ReadonlyRuns;
  /** Only in a snapshot: how many more wait behind those of `queue`. */
  readonly beyond?: number;
  /** Starting, running, or lost with living processes: what holds a place in the policies. */
  readonly active: ReadonlySet<RunId>;
  readonly ended: ReadonlySet<RunId>;
  /** How many of `active` began in a group, by its key. */
  readonly began: ReadonlyMap<string, number>;
  /** Of the output of all of them. */
  readonly endedBytes: number;
  /** The last of `ended`. */
  readonly latest?: RunId;
  /** How long the last successes took, oldest first; at most TOOK_MAX, whatever was forgotten. */
  readonly tookMs: readonly number[];
  /** How many runs ended how, whatever was forgotten; each way once. */
  readonly counts: readonly Count[];
  /** How many runs in a row have failed; a cancelled one is none of them. Absent: none. */
  readonly failures?: number;
  /** How many attempts were followed by another one of their run. Absent: none. */
  readonly retries?: number;
  /** How many requests in a row were ignored since the last accepted one. */
  readonly ignored: number;
  /** The last success, or since when it is looked out for; only while it is. */
  readonly freshAt?: Stamp;
  readonly late: boolean;
  /** The latest start, and the latest end of what had started, whatever was forgotten. */
  readonly lastStart?: Moment;
  readonly lastEnd?: Moment;
}

/** So many durations tell what is usual, and follow when it changes. */
export const TOOK_MAX = 20;

/** How many wait, named in `queue` or not. */
export function waitingIn({ queue, beyond = 0 }: Pick<TargetState, 'queue' | 'beyond'>): number {
  return queue.size + beyond;
}

/** With `untilMs`, in elapsed time, it ends by itself. */
export type Pause = PauseScope & { readonly untilMs?: number };

/** Where the clocks of this boot began; see daemon/system/clock.ts. */
export interface Boot {
  readonly bootId: string;
  readonly offsetMs: number;
  /** Absent: an older version has begun this boot. */
  readonly sleptMs?: number;
}

export interface ReadonlyState {
  readonly nextRun: RunId;
  /** In the order of their numbers. A run is never changed, but replaced by what became of it. */
  readonly runs: ReadonlyMap<RunId, Run>;
  readonly targetStates: ReadonlyMap<TargetName, TargetState>;
  /** The runs that hold a place in a group, by the group's key. */
  readonly groups: ReadonlyMap<string, ReadonlySet<RunId>>;
  readonly tokens: ReadonlyMap<string, RunId>;
  /** By what they hold up: see daemon/core/pause-scope.ts. */
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

/** What a request has only sometimes. */
export function extraOf({ nonce, args, cause, earlier }: Extra): Extra {
  return {
    ...(nonce === undefined ? {} : { nonce }),
    ...(args === undefined ? {} : { args }),
    ...(cause === undefined ? {} : { cause }),
    ...(earlier === undefined ? {} : { earlier }),
  };
}

/** Where its command may begin long after it was let go: its job waits in Slurm. */
export function expiryOfJob(run: Starting, { kind }: KeeperId): Expiry {
  return kind === 'slurm' ? expiryOf(run) : {};
}

export function expiryOf({ expiresAtMs }: Expiry): Expiry {
  return expiresAtMs === undefined ? {} : { expiresAtMs };
}

export function startedBy(startNonce: Nonce | undefined): Pick<Placed, 'startNonce'> {
  return startNonce === undefined ? {} : { startNonce };
}
