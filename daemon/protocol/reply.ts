/**
 * What the daemon replies: the other half of the wire contract (daemon/protocol/request.ts). Types
 * only. Fields that are unknown or do not apply are omitted. A released field keeps its name and
 * meaning, because scripts read `--json`; new fields are optional.
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
  /** The middle half of the runs took between `lowMs` and `highMs`. */
  readonly lowMs: number;
  readonly highMs: number;
  /** 90% took no longer. */
  readonly slowMs?: number;
  /** Number of runs that this is based on; a small number says little. */
  readonly runs: number;
}

/** How a run compares: outside that range, and by a factor that a person would notice. */
export type Pace = 'faster' | 'usual' | 'slower';

/** An attempt that was not the last one of its run. */
export interface AttemptView {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly outcome: Outcome;
  /** How it ended, as a sentence for people. */
  readonly text: string;
}

/** The Slurm job of a run. */
export interface JobView {
  /** The job number, for people only: Slurm may reuse it for another job. */
  readonly job?: string;
  /** Where its command runs. */
  readonly node?: string;
  /** Why it is not running, or what is unusual about it. */
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
  /** For a queued run: when it starts if all runs take their usual time. */
  readonly expectedStartAtMs?: number;
  /** Likewise for the end. Absent: unknown, or it has already taken longer than any success. */
  readonly expectedEndAtMs?: number;
  /** How long the last successes of its target took. */
  readonly usual?: Usual;
  /** How `tookMs` compares with that. For a running run, only "slower" is given. */
  readonly pace?: Pace;
  /** 0 to 100, taken from its output; only if the target has `progress`. */
  readonly progressPercent?: number;
  /** How many younger runs were started before it while it waits. */
  readonly overtaken?: number;
  /** The current, next or last attempt; absent: the first. */
  readonly attempt?: number;
  /** Earlier attempts that ended, if its target has `retry`. */
  readonly attempts?: readonly AttemptView[];
  /** Earliest start of its next attempt. */
  readonly nextAttemptAtMs?: number;
  /** For a queued run: when it expires. */
  readonly expiresAtMs?: number;
  /** Paused until then at least; absent: until somebody resumes it. */
  readonly pausedUntilMs?: number;
  /** It has ended, but the journal has no room to record that: how it ended and what to do. */
  readonly unrecorded?: string;
  /** For the run of a hook: what triggered it. */
  readonly cause?: Cause;
  readonly pid?: number;
  /** For a run that is or will be a Slurm job. */
  readonly slurm?: JobView;
  readonly outcome?: Outcome;
  readonly verdict?: Verdict;
  /** Exit status of `baton wait`. */
  readonly exit?: number;
  /** How it ended, as a sentence for people. */
  readonly text?: string;
  /** Why it is waiting. */
  readonly reasons?: readonly string[];
  /** The runs that it is waiting for. */
  readonly behind?: readonly RunId[];
  /** Size of its output. */
  readonly bytes?: number;
  /** How much of its output could not be written and is missing. */
  readonly lostBytes?: number;
  /** Processes that it left behind and that are still alive. */
  readonly leftovers?: readonly number[];
  /** Live processes of a lost run, which keep its place occupied. */
  readonly heldBy?: readonly number[];
}

/** What is paused: a target, all groups with this name, or everything. */
export type PauseView = PauseScope & {
  /** When the pause ends by itself; absent: somebody has to resume it. */
  readonly untilMs?: number;
};

export interface TargetView {
  readonly target: string;
  readonly description?: string;
  readonly runner: string;
  readonly groups: readonly string[];
  /**
   * Its position in an order, such as "weekly" in an rsnapshot.conf; lowest first. If there are
   * more than 20 levels, only its neighbours are listed.
   */
  readonly level?: { readonly name: string; readonly order: readonly string[] };
  readonly paused: boolean;
  /** The pauses that apply to it; each one is sufficient. Absent: not paused. */
  readonly pauses?: readonly PauseView[];
  /** The fleet that it belongs to. */
  readonly fleet?: string;
  /** No longer configured; everything known about it is from the past. */
  readonly removed?: true;
  /** Its last success is older than its lateAfter. */
  readonly late?: true;
  /** For a target with lateAfter: the last success, or the time since which one is expected. */
  readonly freshAtMs?: number;
  /** How many requests in a row were ignored since the last accepted one. */
  readonly ignored?: number;
  readonly broken?: string;
  readonly active: readonly RunView[];
  readonly queued: readonly RunView[];
  /** Number of queued runs; `queued` lists only the first few. */
  readonly waiting: number;
  readonly last?: RunView;
  /** How long its last successes took, including forgotten runs. */
  readonly usual?: Usual;
  /** Each duration, oldest first; only if `durations` was requested. */
  readonly tookMs?: readonly number[];
  /** How many of its runs ended in which way, including forgotten runs. */
  readonly counts?: readonly Count[];
  /** How many attempts were followed by another attempt of the same run; absent: none. */
  readonly retries?: number;
}

export interface StatusReply {
  readonly type: 'status';
  readonly version: string;
  readonly pid: number;
  /** When the daemon started, wall-clock milliseconds. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Requests answered since then, and runs that hold a place now; as in py9tor's status. */
  readonly requests: number;
  readonly running: number;
  readonly queued: number;
  readonly executing: readonly string[];
  readonly config: string;
  /** Why new requests are not accepted. */
  readonly trouble?: string;
  /** Pauses of groups and of everything; absent: none. */
  readonly pauses?: readonly PauseView[];
  readonly targets: readonly TargetView[];
}

export interface WhyReply {
  readonly type: 'why';
  /** The requested run first, then the runs that it is waiting for. */
  readonly chain: readonly RunView[];
  /** For a fleet: the runs of its targets; they come first in `chain`. */
  readonly members?: readonly RunId[];
  readonly target?: string;
  readonly nowMs?: number;
}

interface RunName {
  readonly run: RunId;
  readonly target: string;
  /** To be sent with later requests for this run, because its number may be reused. */
  readonly nonce?: Nonce;
}

/** The run of one target of a fleet, or why there is none. */
export type FleetRun =
  | ({ readonly type: 'accepted' | 'joined' | 'found' } & RunName)
  | { readonly type: 'ignored'; readonly target: string; readonly reason: string };

export type Reply = { readonly id?: string | number } & (
  | ({ readonly type: 'accepted' } & RunName)
  | ({ readonly type: 'joined' } & RunName)
  /** The run to wait for, or whose output is sent. */
  | ({ readonly type: 'found' } & RunName)
  | { readonly type: 'ignored'; readonly reason: string }
  /** The runs of a fleet; the client waits for each one by its number. */
  | { readonly type: 'fleet'; readonly target: string; readonly runs: readonly FleetRun[] }
  | { readonly type: 'refused'; readonly exit: number; readonly reason: string }
  | { readonly type: 'started'; readonly run: RunId }
  /** A message about a run before it ends, printed to stderr by a client that waits. */
  | {
      readonly type: 'notice';
      readonly run: RunId;
      readonly text: string;
      /** Not a problem yet: only for clients that watch interactively. */
      readonly isNews?: true;
    }
  | {
      readonly type: 'output';
      readonly run: RunId;
      readonly stream: 'out' | 'err';
      /** Position of `data` in the stream, in bytes. */
      readonly offset: number;
      /** How many bytes `data` represents. */
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
      /** True if `text` is about more than the child's own exit code: the client prints it. */
      readonly tell: boolean;
    }
  | { readonly type: 'done'; readonly runs?: readonly RunId[]; readonly text?: string }
  | { readonly type: 'history'; readonly runs: readonly RunView[] }
  /** The result of checking a target's machine; nothing was run. */
  | {
      readonly type: 'probed';
      readonly target: string;
      readonly exit: number;
      readonly lines: readonly string[];
    }
  /** Reply to `ping`. */
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
