/** What a run is: words of everybody. Pure data. */

/** Number of a run, rising by acceptance; another life of the state directory has the same ones. */
export type RunId = number;

/**
 * Random, chosen anew by each start of a daemon: a number and the nonce of the daemon that gave it
 * away name one run, also where a journal was restored from a copy, or begun anew.
 */
export type Nonce = string;
export type TargetName = string;

/** What a pause holds up: one target, those of every group of this name, or all of them. */
export type PauseScope =
  | { readonly target: TargetName }
  | { readonly group: string }
  | { readonly all: true };

/**
 * When something happened. `steadyMs` never jumps, stands still while the machine sleeps, and only
 * ever serves to compute; `wallMs` is what people are shown. In ms; see daemon/system/clock.ts.
 */
export interface Stamp {
  readonly steadyMs: number;
  readonly wallMs: number;
  /** How long the machine has slept in this boot, as far as that is known; absent: not at all. */
  readonly asleepMs?: number;
}

/** A job of Slurm. Its number is for people only: a crash of slurmctld gives it to another job. */
export interface SlurmJob {
  /** Its name, by which it is known. */
  readonly token: string;
  /** What the daemon and the keeper in the job share; on all nodes. */
  readonly directory: string;
  /** The slurm.conf, where it is not the usual one. */
  readonly conf?: string;
  /** How much the run had printed before, in bytes of each stream. */
  readonly from: { readonly out: number; readonly err: number };
  readonly job?: string;
}

/** The process that keeps a run: a pid alone could have been reused. */
export interface KeeperId {
  readonly pid: number;
  /** Field 22 of /proc/PID/stat: clock ticks since boot. */
  readonly startTime: number;
  readonly bootId: string;
  /** Of the daemon that started it; a part of the name of its status file. */
  readonly nonce?: Nonce;
  /**
   * The SSH keeper, which holds many runs, or a keeper in a job of Slurm, which is no process of
   * this machine; absent: a process keeper, which holds one.
   */
  readonly kind?: 'ssh' | 'slurm';
  readonly slurm?: SlurmJob;
  /** The number of its run in another life of the state directory, which had started it. */
  readonly was?: RunId;
}

/** Any process, known as a keeper is. */
export interface ProcessId {
  readonly pid: number;
  readonly startTime: number;
}

/** An attempt at the command of a run that was not its last one, by its target's `retry`. */
export interface Attempt {
  readonly started: Stamp;
  readonly ended: Stamp;
  readonly outcome: Outcome;
}

/** What a run has behind it that is tried again. */
export interface Earlier {
  /** In their order; of very many the first and the latest. */
  readonly attempts: readonly Attempt[];
  /** Size of the output of all attempts so far. */
  readonly bytes?: number;
  /** Output of all of them that could not be written. */
  readonly lostBytes?: number;
  /** What all of them have left behind. */
  readonly leftovers?: readonly ProcessId[];
}

/** Why the daemon ends a running run. */
export type StopReason = 'cancelled' | 'timed-out' | 'shutdown';

/** How a run ended. Never a bare number: an exit status can be read in two ways, this cannot. */
export type Outcome =
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: number; readonly core: boolean }
  /** `reason` says for which policy, where it was not its `timeout`. */
  | { readonly kind: 'timed-out'; readonly reason?: string }
  /** `signal` is absent if the run was cancelled before its command ran. */
  | {
      readonly kind: 'cancelled';
      readonly signal?: number;
      /** The run that was asked for later and took its place; absent: somebody cancelled it. */
      readonly replacedBy?: RunId;
      /** How many attempts at its command there were before; absent: none, or its command ran. */
      readonly attempts?: number;
    }
  | {
      readonly kind: 'not-started';
      /** What failed: finding or executing the command, or something before it. */
      readonly stage: 'command' | 'directory' | 'user' | 'system';
      /** What a system call said; absent where none did. */
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
  /** `detail` says why the end of a command on another machine is not known. */
  | { readonly kind: 'lost'; readonly detail?: string }
  /** The machine went down: by this the command ended, where it was told to end before. */
  | { readonly kind: 'interrupted'; readonly code?: number; readonly signal?: number };

/** What an outcome means to the target: by its `okExit` and `warnExit`. */
export type Verdict = 'ok' | 'warning' | 'failed';

/** How many runs of a target ended in one way. */
export interface Count {
  readonly outcome: Outcome['kind'];
  readonly verdict: Verdict;
  readonly runs: number;
}

/** Why a hook runs: what happened to which target; with its run, where there was one. */
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
