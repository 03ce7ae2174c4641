/**
 * The facts that the journal records, in the past tense. The journal is the only source of truth: a
 * restart forgets everything that is in no event, so every fact that the scheduler uses is here.
 * Pure data, no functions with effects.
 *
 * A released version's events must be readable for ever: fields may be added (as optional), never
 * renamed or removed.
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

export type Event =
  /** First line of every journal. */
  | { readonly type: 'journal'; readonly format: number }
  /** Last line of a compacted journal: numbers below `nextRun` have been used. */
  | { readonly type: 'base'; readonly nextRun: RunId }
  /** The steady clock of this boot: steadyMs = monotonic + offsetMs. */
  | {
      readonly type: 'booted';
      readonly bootId: string;
      readonly offsetMs: number;
      /** The kernel's count of sleep at the point where `asleepMs` is 0. Absent: unknown. */
      readonly sleptMs?: number;
    }
  | {
      readonly type: 'accepted';
      readonly run: RunId;
      readonly target: TargetName;
      readonly at: Stamp;
      /** Of the daemon that accepted it. Absent in a journal of an older version. */
      readonly nonce?: Nonce;
      /** Chosen by the client: repeating a request with it never runs the command twice. */
      readonly token: string;
      /** One file for both streams (preserves their order), or one file for each. */
      readonly merged: boolean;
      /** Appended to those of the target: see `acceptArgs`. */
      readonly args?: readonly string[];
      /** In elapsed time; see daemon/shared/elapsed.ts. */
      readonly expiresAtMs?: number;
      /** Set for the run of a hook. */
      readonly cause?: Cause;
      /** Only in a compacted journal; see `overtook`. */
      readonly overtaken?: number;
      /** Only in a compacted journal; see `requeued`. */
      readonly attempts?: number;
      readonly vain?: number;
      readonly startNonce?: Nonce;
      readonly notBeforeMs?: number;
      readonly earlier?: Earlier;
    }
  /** Another request shares this run. */
  | {
      readonly type: 'joined';
      readonly run: RunId;
      readonly token: string;
      /** It would wait longer than the earlier requests, so the run expires then; null: never. */
      readonly expiresAtMs?: number | null;
    }
  /** Consecutive requests that a policy ignored; the next accepted one ends the sequence. */
  | { readonly type: 'ignored'; readonly target: TargetName; readonly times: number }
  /** The run takes its place in the policies; a keeper is being spawned. */
  | {
      readonly type: 'starting';
      readonly run: RunId;
      readonly attempt: number;
      readonly at: Stamp;
      /** Of the daemon that first started it, if another one had accepted it. */
      readonly nonce?: Nonce;
      /**
       * Where it takes a place; a reload must not free it. Absent if it already holds its place.
       */
      readonly groups?: readonly string[];
      /** How the previous attempt ended, if its command had started. */
      readonly after?: 'lost' | 'interrupted';
      /** Only in a compacted journal: how many earlier attempts never reached the command. */
      readonly vain?: number;
      /** Older runs that a policy made wait behind this one. */
      readonly overtook?: readonly RunId[];
    }
  /** A keeper is ready; it is told to go only after this event is durable. */
  | {
      readonly type: 'started';
      readonly run: RunId;
      readonly attempt: number;
      readonly at: Stamp;
      readonly keeper: KeeperId;
      /** In steady time. */
      readonly timeoutAtMs?: number;
      /** It was started in an earlier journal, and has its place whatever the policies say. */
      readonly found?: true;
    }
  /**
   * The run is queued again: for its next attempt by `retry`; or because it could have been retried
   * at once, but found runs occupy a policy's only place, or its start conditions must be checked
   * again.
   */
  | {
      readonly type: 'requeued';
      readonly run: RunId;
      readonly at: Stamp;
      /** As in `starting`. */
      readonly after?: 'lost' | 'interrupted';
      /** How the attempt ended that `retry` follows with another one. It ended at `at`. */
      readonly outcome?: Outcome;
      /** In elapsed time: the next attempt starts between these times, or never. */
      readonly notBeforeMs?: number;
      readonly expiresAtMs?: number;
      /** Of the attempt that ended, as in `ended`. */
      readonly bytes?: number;
      readonly lostBytes?: number;
      readonly leftovers?: readonly ProcessId[];
    }
  | {
      readonly type: 'stopping';
      readonly run: RunId;
      readonly at: Stamp;
      readonly why: StopReason;
      /** For a cancelled run: the run that replaces it. */
      readonly by?: RunId;
      /** For a timed-out run: a policy's reason, if it was not the target's `timeout`. */
      readonly reason?: string;
      /** Only in a compacted journal: somebody has cancelled it since, so it is not retried. */
      readonly isFinal?: true;
    }
  | {
      readonly type: 'ended';
      readonly run: RunId;
      readonly at: Stamp;
      readonly outcome: Outcome;
      readonly verdict: Verdict;
      /** Size of its output. */
      readonly bytes?: number;
      /** Output that is missing because it could not be written. */
      readonly lostBytes?: number;
      /** Processes that it left behind when it ended. */
      readonly leftovers?: readonly ProcessId[];
      /** Processes of a lost run that are still alive and keep its place occupied. */
      readonly heldBy?: readonly number[];
      /** Their start times, in the same order: a pid alone could have been reused. */
      readonly heldStarts?: readonly number[];
    }
  /** The last process of a lost run is gone; its place is free. */
  | { readonly type: 'released'; readonly run: RunId }
  /** Ended runs that the retention rules dropped. */
  | { readonly type: 'forgotten'; readonly runs: readonly RunId[] }
  /**
   * Only in a compacted journal: how long the last successes of a target took, oldest first, and
   * how many of its runs have ended in which way. The runs themselves may have been forgotten.
   */
  | {
      readonly type: 'remembered';
      readonly target: TargetName;
      readonly tookMs: readonly number[];
      /** Absent in an old journal: then only the runs in it count. */
      readonly counts?: readonly Count[];
      /** Of any of its runs. Absent in an old journal, and if there was none. */
      readonly lastStart?: { readonly run: RunId; readonly at: Stamp };
      readonly lastEnd?: { readonly run: RunId; readonly at: Stamp };
      /** How many consecutive runs have failed. Absent: count those in the journal. */
      readonly failures?: number;
      /** How many attempts were followed by another attempt of the same run. Absent: none. */
      readonly retries?: number;
    }
  /** Lateness of this target is now watched, starting from `at`; without `at`, no longer. */
  | { readonly type: 'watched'; readonly target: TargetName; readonly at?: Stamp }
  /** Its last success is older than its lateAfter. */
  | { readonly type: 'late'; readonly target: TargetName; readonly at: Stamp }
  | ({
      readonly type: 'paused';
      /** Absent in an older journal, and in a compacted one. */
      readonly at?: Stamp;
      /** In elapsed time: when the pause ends by itself. */
      readonly untilMs?: number;
    } & PauseScope)
  /** By request, or because its time was over. */
  | ({ readonly type: 'resumed'; readonly at?: Stamp } & PauseScope);

export type EventOf<T extends Event['type']> = Extract<Event, { readonly type: T }>;
