/**
 * What the daemon answers: the other half of the wire contract (daemon/protocol/request.ts). Types
 * only; a field that is not known or means nothing is left out. A released field keeps its name and
 * its meaning, because scripts read `--json`; new ones are optional.
 */
import type { Cause, Count, Nonce, Outcome, PauseScope, RunId, Verdict } from '../shared/run.ts';

export type ErrorCode =
  | 'malformed'
  | 'line-too-long'
  | 'invalid'
  | 'version'
  | 'unknown-target'
  | 'unknown-group'
  | 'unknown-run'
  | 'other-run'
  | 'broken-target'
  | 'bad-config'
  | 'unavailable'
  | 'no-output'
  | 'no-probe'
  | 'busy'
  | 'not-permitted'
  | 'disk-full'
  | 'no-journal'
  | 'too-large';

/** How long the last successes of a target took, in whole milliseconds. */
export interface Usual {
  readonly medianMs: number;
  /** The middle half of the runs took from `lowMs` to `highMs`. */
  readonly lowMs: number;
  readonly highMs: number;
  /** Nine of ten took no longer. */
  readonly slowMs?: number;
  /** Of how many runs; few say little. */
  readonly runs: number;
}

/** How a run compares: beyond the range, and by a factor that a person would notice. */
export type Pace = 'faster' | 'usual' | 'slower';

/** An attempt of a run that was not its last one. */
export interface AttemptView {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: Outcome;
  /** The sentence for people: how it ended. */
  readonly text: string;
}

/** The job of Slurm that a run is. */
export interface JobView {
  /** Its number, for people: Slurm may give it to another job. */
  readonly job?: string;
  /** Where its command runs. */
  readonly node?: string;
  /** Why it does not run, or what is odd about it. */
  readonly waits?: string;
}

/** One run as `status` and `history` show it. Times are wall-clock milliseconds. */
export interface RunView {
  readonly run: RunId;
  readonly target: string;
  readonly state: 'queued' | 'starting' | 'running' | 'stopping' | 'ended';
  readonly acceptedAtMs: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** From acceptance to start, or until now. */
  readonly waitedMs: number;
  /** From start to end, or until now. */
  readonly tookMs?: number;
  /** Of one that waits: when it starts if all runs take as long as they usually do. */
  readonly expectedStartAtMs?: number;
  /** The same of the end. Absent: not known, or it runs longer than any success before. */
  readonly expectedEndAtMs?: number;
  /** How long the last successes of its target took. */
  readonly usual?: Usual;
  /** How `tookMs` compares with that. Of one that runs only "slower" is told. */
  readonly pace?: Pace;
  /** From 0 to 100, as its own output says; only where the target says `progress`. */
  readonly progressPercent?: number;
  /** How many younger runs were let start before it, while it waits. */
  readonly overtaken?: number;
  /** Which attempt at its command this is, the next or the last one; absent: the first. */
  readonly attempt?: number;
  /** Those before it that ended, where its target has it tried again (`retry`). */
  readonly attempts?: readonly AttemptView[];
  /** Its next attempt begins no sooner. */
  readonly nextAttemptAtMs?: number;
  /** Of one that waits: it is given up then. */
  readonly expiresAtMs?: number;
  /** It is paused until then at least; absent where somebody has to resume it. */
  readonly pausedUntilMs?: number;
  /** It has ended, and the journal has no room for that: how, and what to do. */
  readonly unrecorded?: string;
  /** Of the run of a hook: what it is told. */
  readonly cause?: Cause;
  readonly pid?: number;
  /** Of one that Slurm runs or is to run. */
  readonly slurm?: JobView;
  readonly outcome?: Outcome;
  readonly verdict?: Verdict;
  /** What `baton wait` exits with. */
  readonly exit?: number;
  /** The sentence for people: how it ended. */
  readonly text?: string;
  /** Why it waits. */
  readonly reasons?: readonly string[];
  /** The runs that it waits for. */
  readonly behind?: readonly RunId[];
  /** Size of its output. */
  readonly bytes?: number;
  /** How much of its output could not be written, and is missing. */
  readonly lostBytes?: number;
  /** Processes that it left behind and that are still alive. */
  readonly leftovers?: readonly number[];
  /** Processes of a lost run that are alive and hold its place. */
  readonly heldBy?: readonly number[];
}

/** What is paused: a target, the groups of a name, or everything. */
export type PauseView = PauseScope & {
  /** It ends by itself then; absent: somebody has to resume it. */
  readonly untilMs?: number;
};

export interface TargetView {
  readonly target: string;
  readonly description?: string;
  readonly runner: string;
  readonly groups: readonly string[];
  /**
   * Its place in an order, such as "weekly" of an rsnapshot.conf; lowest first. Of more than 20
   * levels only those next to its own are named.
   */
  readonly level?: { readonly name: string; readonly order: readonly string[] };
  readonly paused: boolean;
  /** By what; one is enough. Absent: it is not paused. */
  readonly pauses?: readonly PauseView[];
  /** The fleet that it belongs to. */
  readonly fleet?: string;
  /** The configuration does not have it any more: what is known of it is past. */
  readonly removed?: true;
  /** Its last success is longer ago than its lateAfter. */
  readonly late?: true;
  /** The last success, or since when it is looked out for; of a target with lateAfter. */
  readonly freshAtMs?: number;
  /** How many requests in a row were ignored since the last accepted one. */
  readonly ignored?: number;
  readonly broken?: string;
  readonly active: readonly RunView[];
  readonly queued: readonly RunView[];
  /** How many wait; `queued` names the first few. */
  readonly waiting: number;
  readonly last?: RunView;
  /** How long its last successes took, also of runs that are forgotten. */
  readonly usual?: Usual;
  /** Each of them, oldest first; only if `durations` was asked for. */
  readonly tookMs?: readonly number[];
  /** How many of its runs have ended how, also of those that are forgotten. */
  readonly counts?: readonly Count[];
  /** How many attempts were followed by another one of their run; absent: none. */
  readonly retries?: number;
}

export interface StatusReply {
  readonly type: 'status';
  readonly version: string;
  readonly pid: number;
  /** When the daemon started, wall-clock milliseconds. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Requests answered since then, and how many runs hold a place now: as py9tor's status. */
  readonly requests: number;
  readonly running: number;
  readonly queued: number;
  readonly executing: readonly string[];
  readonly config: string;
  /** Why nothing new is accepted. */
  readonly trouble?: string;
  /** Pauses of groups, and of everything; absent: none. */
  readonly pauses?: readonly PauseView[];
  readonly targets: readonly TargetView[];
}

export interface WhyReply {
  readonly type: 'why';
  /** The run asked about first, then the runs that it waits for. */
  readonly chain: readonly RunView[];
  /** Of a fleet: the runs of its targets; `chain` has them first. */
  readonly members?: readonly RunId[];
  readonly target?: string;
  readonly nowMs?: number;
}

interface RunName {
  readonly run: RunId;
  readonly target: string;
  /** To be sent with later requests for this run, since its number may be given out again. */
  readonly nonce?: Nonce;
}

/** A run of one target of a fleet, or why there is none. */
export type FleetRun =
  | ({ readonly type: 'accepted' | 'joined' | 'found' } & RunName)
  | { readonly type: 'ignored'; readonly target: string; readonly reason: string };

export type Reply = { readonly id?: string | number } & (
  | ({ readonly type: 'accepted' } & RunName)
  | ({ readonly type: 'joined' } & RunName)
  /** The run that is waited for, or whose output is sent. */
  | ({ readonly type: 'found' } & RunName)
  | { readonly type: 'ignored'; readonly reason: string }
  /** The runs of a fleet, each to be waited for by its number. */
  | { readonly type: 'fleet'; readonly target: string; readonly runs: readonly FleetRun[] }
  | { readonly type: 'refused'; readonly exit: number; readonly reason: string }
  | { readonly type: 'started'; readonly run: RunId }
  /** Something about a run that is waited for, before its end: for people, on stderr. */
  | {
      readonly type: 'notice';
      readonly run: RunId;
      readonly text: string;
      /** Nothing is wrong yet: only who looks on needs to know. */
      readonly isNews?: true;
    }
  | {
      readonly type: 'output';
      readonly run: RunId;
      readonly stream: 'out' | 'err';
      /** Where `data` begins, in bytes of the stream. */
      readonly offset: number;
      /** How many bytes `data` stands for. */
      readonly bytes: number;
      readonly data: string;
      /** Absent: `data` is text. */
      readonly encoding?: 'base64';
    }
  | {
      readonly type: 'ended';
      readonly run: RunId;
      readonly target: string;
      readonly outcome: Outcome;
      readonly verdict: Verdict;
      readonly exit: number;
      readonly text: string;
      /** True where the text is not about the child's own code: the client prints it. */
      readonly tell: boolean;
    }
  | { readonly type: 'done'; readonly runs?: readonly RunId[]; readonly text?: string }
  | { readonly type: 'history'; readonly runs: readonly RunView[] }
  /** What was seen of a target's machine; nothing was run. */
  | {
      readonly type: 'probed';
      readonly target: string;
      readonly exit: number;
      readonly lines: readonly string[];
    }
  /** To `ping`. */
  | { readonly type: 'pong' }
  | StatusReply
  | WhyReply
  | {
      readonly type: 'error';
      readonly code: ErrorCode;
      readonly exit: number;
      readonly message: string;
    }
);
