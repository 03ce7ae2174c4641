/** Basic types for runs, used everywhere. Pure data. */

/** Rises in order of acceptance; a restored or new journal can assign the same numbers again. */
export type RunId = number;

/**
 * Random, new at each start of a daemon. A run number and the nonce of the daemon that assigned it
 * identify a run, even if the journal was restored from a copy or started afresh.
 */
export type Nonce = string;
export type TargetName = string;

/** What a pause affects: one target, the targets of all groups with this name, or everything. */
export type PauseScope =
  | { readonly target: TargetName }
  | { readonly group: string }
  | { readonly all: true };

/**
 * When something happened. `steadyMs` never jumps, stops while the machine sleeps, and is only for
 * calculations; `wallMs` is for people. In ms; see daemon/system/clock.ts.
 */
export interface Stamp {
  readonly steadyMs: number;
  readonly wallMs: number;
  /** How long the machine has slept since boot, as far as known; absent: not at all. */
  readonly asleepMs?: number;
}

/** A Slurm job. Its number is for people only: after a crash slurmctld may reuse it. */
export interface SlurmJob {
  /** Its name, which identifies it. */
  readonly token: string;
  /** Shared by the daemon and the keeper in the job; must exist on all nodes. */
  readonly directory: string;
  /** Path of slurm.conf, if not the default. */
  readonly conf?: string;
  /** Size of each output stream before this attempt, in bytes. */
  readonly from: { readonly out: number; readonly err: number };
  readonly job?: string;
}

/** The process that supervises a run; a pid alone could have been reused. */
export interface KeeperId {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: number;
  readonly bootId: string;
  /** Nonce of the daemon that started it; part of the name of its status file. */
  readonly nonce?: Nonce;
  /**
   * 'ssh': the SSH keeper, which supervises many runs. 'slurm': a keeper inside a Slurm job, not a
   * process on this machine. Absent: a process keeper, which supervises one run.
   */
  readonly kind?: 'ssh' | 'slurm';
  readonly slurm?: SlurmJob;
  /** The number that its run had in an earlier journal, under which it was started. */
  readonly was?: RunId;
}

/** Any process, identified in the same way as a keeper. */
export interface ProcessId {
  readonly pid: number;
  readonly startTime: number;
}

/** An attempt that was not the last one of its run, because its target has `retry`. */
export interface Attempt {
  readonly started: Stamp;
  readonly ended: Stamp;
  readonly outcome: Outcome;
}

/** What is known about earlier attempts of a run. */
export interface Earlier {
  /** In order; if there are very many, only the first and the latest ones. */
  readonly attempts: readonly Attempt[];
  /** Size of the output of all attempts so far. */
  readonly bytes?: number;
  /** Output of all attempts that could not be written. */
  readonly lostBytes?: number;
  /** Processes that all attempts left behind. */
  readonly leftovers?: readonly ProcessId[];
}

/** Why the daemon stops a running run. */
export type StopReason = 'cancelled' | 'timed-out' | 'shutdown';

/** How a run ended. Never just a number, because an exit status is ambiguous. */
export type Outcome =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: number; readonly core: boolean }
  /** `reason` names the policy, if it was not the target's `timeout`. */
  | { readonly kind: 'timed-out'; readonly reason?: string }
  /** `signal` is absent if the run was cancelled before its command ran. */
  | {
      readonly kind: 'cancelled';
      readonly signal?: number;
      /** The later run that replaced it; absent: somebody cancelled it. */
      readonly replacedBy?: RunId;
      /** Number of attempts before; absent: none, or its command ran. */
      readonly attempts?: number;
    }
  | {
      readonly kind: 'not-started';
      /** What failed: finding or executing the command, or something before that. */
      readonly stage: 'command' | 'directory' | 'user' | 'system';
      /** From a system call; absent if none failed. */
      readonly errno?: string;
      readonly detail: string;
    }
  | { readonly kind: 'expired'; readonly waitedMs: number }
  | { readonly kind: 'skipped'; readonly reason: string }
  /** The command on another machine never ran. */
  | {
      readonly kind: 'unreachable';
      readonly phase: 'connect' | 'auth' | 'hostkey';
      readonly detail: string;
    }
  /** `detail` says why the outcome on another machine is unknown. */
  | { readonly kind: 'lost'; readonly detail?: string }
  /** The machine was shut down; this is how the command ended, if it was stopped before that. */
  | { readonly kind: 'interrupted'; readonly code?: number; readonly signal?: number };

/** How the target rates an outcome, by its `okExit` and `warnExit`. */
export type Verdict = 'ok' | 'warning' | 'failed';

/** How many runs of a target ended in one way. */
export interface Count {
  readonly outcome: Outcome['kind'];
  readonly verdict: Verdict;
  readonly runs: number;
}

/** Why a hook runs: what happened to which target, and to which run if there was one. */
export interface Cause {
  readonly why: 'start' | 'success' | 'warning' | 'failure' | 'late';
  readonly target: TargetName;
  readonly run?: RunId;
  readonly outcome?: Outcome['kind'];
  readonly exit?: number;
  /** The rest of a sentence that begins with the target or its run. */
  readonly text: string;
  readonly tookMs?: number;
}
