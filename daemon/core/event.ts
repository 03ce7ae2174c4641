/**
 * The facts that the journal records, in the past tense. The journal is the only source of truth:
 * whatever is not said by an event is forgotten by a restart, so every fact that the scheduler
 * decides by stands here. Pure data, no functions with effects.
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
  /** Last line of a compacted journal: numbers below `nextRun` have been given away. */
  | { readonly type: 'base'; readonly nextRun: RunId }
  /** The steady clock of this boot: steadyMs = monotonic + offsetMs. */
  | {
      readonly type: 'booted';
      readonly bootId: string;
      readonly offsetMs: number;
      /** How long it had slept by the kernel's count where `asleepMs` is 0. Absent: not known. */
      readonly sleptMs?: number;
    }
  | {
      readonly type: 'accepted';
      readonly run: RunId;
      readonly target: TargetName;
      readonly at: Stamp;
      /** Of the daemon that accepted it. Absent in a journal of an older version. */
      readonly nonce?: Nonce;
      /** Chosen by the client: asking again with it never runs twice. */
      readonly token: string;
      /** One file for both streams (their order is exact), or one each. */
      readonly merged: boolean;
      /** Behind those of the target: see `acceptArgs`. */
      readonly args?: readonly string[];
      /** In elapsed time; see daemon/shared/elapsed.ts. */
      readonly expiresAtMs?: number;
      /** It is the run of a hook. */
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
      /** It would wait longer than those before it, so that the run expires then; null: never. */
      readonly expiresAtMs?: number | null;
    }
  /** Requests in a row that a policy let pass without a run; the next accepted one ends the row. */
  | { readonly type: 'ignored'; readonly target: TargetName; readonly times: number }
  /** The place in the policies is taken; a keeper is being spawned. */
  | {
      readonly type: 'starting';
      readonly run: RunId;
      readonly attempt: number;
      readonly at: Stamp;
      /** Of the daemon that started it first, where another one had accepted it. */
      readonly nonce?: Nonce;
      /**
       * Where it takes a place: a reload must not free it. Absent where it holds its place already.
       */
      readonly groups?: readonly string[];
      /** What became of the attempt before, where its command had begun. */
      readonly after?: 'lost' | 'interrupted';
      /** Only in a compacted journal: so many attempts before it never came to the command. */
      readonly vain?: number;
      /** Older runs that a policy made wait behind this one. */
      readonly overtook?: readonly RunId[];
    }
  /** A keeper stands ready; only after this is durable is it told to go. */
  | {
      readonly type: 'started';
      readonly run: RunId;
      readonly attempt: number;
      readonly at: Stamp;
      readonly keeper: KeeperId;
      /** In steady time. */
      readonly timeoutAtMs?: number;
      /** It was started in another life, and has its place whatever the policies say. */
      readonly found?: true;
    }
  /**
   * It waits again: for its next attempt, which its target has by `retry`; or it would be tried
   * again at once, but found runs are where the policies let only one be, or it starts under
   * conditions, which are looked at anew.
   */
  | {
      readonly type: 'requeued';
      readonly run: RunId;
      readonly at: Stamp;
      /** As with `starting`. */
      readonly after?: 'lost' | 'interrupted';
      /** How the attempt ended for which `retry` has another one. It ended at `at`. */
      readonly outcome?: Outcome;
      /** In elapsed time: the next attempt begins no sooner, and before that, or never. */
      readonly notBeforeMs?: number;
      readonly expiresAtMs?: number;
      /** Of the attempt that ended, as with `ended`. */
      readonly bytes?: number;
      readonly lostBytes?: number;
      readonly leftovers?: readonly ProcessId[];
    }
  | {
      readonly type: 'stopping';
      readonly run: RunId;
      readonly at: Stamp;
      readonly why: StopReason;
      /** Of a cancelled one: the run that takes its place. */
      readonly by?: RunId;
      /** Of one that is timed out: a policy's, where it is not for the target's `timeout`. */
      readonly reason?: string;
      /** Only in a compacted journal: somebody has cancelled it since, so it is not tried again. */
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
      /** Output that is missing from it: it could not be written. */
      readonly lostBytes?: number;
      /** Processes that it left behind when it ended. */
      readonly leftovers?: readonly ProcessId[];
      /** Processes of a lost run that are still alive: its place stays held for them. */
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
   * how many of its runs have ended how so far. The runs themselves may have been forgotten.
   */
  | {
      readonly type: 'remembered';
      readonly target: TargetName;
      readonly tookMs: readonly number[];
      /** Absent in an old journal: then those count that it names. */
      readonly counts?: readonly Count[];
      /** Of any of its runs. Absent in an old journal, and where there was none. */
      readonly lastStart?: { readonly run: RunId; readonly at: Stamp };
      readonly lastEnd?: { readonly run: RunId; readonly at: Stamp };
      /** How many runs in a row have failed. Absent: those that the journal names. */
      readonly failures?: number;
      /** How many attempts were followed by another one of their run. Absent: none. */
      readonly retries?: number;
    }
  /** A success of this target is looked out for, the last was then; without `at` no more. */
  | { readonly type: 'watched'; readonly target: TargetName; readonly at?: Stamp }
  /** It has had none for longer than its lateAfter. */
  | { readonly type: 'late'; readonly target: TargetName; readonly at: Stamp }
  | ({
      readonly type: 'paused';
      /** Absent in an older journal, and in a compacted one. */
      readonly at?: Stamp;
      /** In elapsed time: it ends by itself then. */
      readonly untilMs?: number;
    } & PauseScope)
  /** By somebody's wish, or because its time was over. */
  | ({ readonly type: 'resumed'; readonly at?: Stamp } & PauseScope);

export type EventOf<T extends Event['type']> = Extract<Event, { readonly type: T }>;
