/**
 * The input of `batond --plan` (from `baton plan`, on stdin) and its output: one JSON object each.
 * All times are wall-clock milliseconds. Unknown fields are omitted.
 */
import type { Outcome, RunId, Verdict } from '../shared/run.ts';
import type { PauseView } from './reply.ts';

/** A future request, for example from a crontab line. */
export interface ComingRequest {
  readonly atMs: number;
  /** A target or a fleet. */
  readonly target: string;
  readonly args?: readonly string[];
  /** Hosts of the fleet. */
  readonly only?: readonly string[];
  readonly maxWaitMs?: number;
}

/** A run that the daemon has now, or the last one of its target. */
export interface KnownRun {
  readonly run: RunId;
  readonly target: string;
  readonly askedAtMs: number;
  readonly startedAtMs?: number;
  readonly ended?: { readonly atMs: number; readonly verdict: Verdict };
  /** Set for a running run that is not expected to end after the usual time of its target. */
  readonly endsAtMs?: number;
  /** The current or next attempt; absent: the first. */
  readonly attempt?: number;
  /** When its first attempt began, if that is not the current one. */
  readonly firstStartedAtMs?: number;
  /** Earliest start of its next attempt. */
  readonly notBeforeMs?: number;
  /** Expires then if it has not started. */
  readonly expiresAtMs?: number;
}

/** How long the last successes of a target took. */
export interface Past {
  readonly medianMs: number;
  /** 90% took no longer. */
  readonly slowMs: number;
  /** Each duration, for a plan with random durations. */
  readonly tookMs?: readonly number[];
}

/** Many simulations, with durations drawn from the past. */
export interface WorstInput {
  /** The same seed draws the same durations. */
  readonly seed: number;
  /** Runs that are still running at this time are counted. */
  readonly atMs: number;
}

export interface PlanInput {
  readonly fromMs: number;
  /** No requests from this time on. */
  readonly untilMs: number;
  /** In any order; requests with equal times are made in list order. */
  readonly requests: readonly ComingRequest[];
  /** By target; only targets that have one. */
  readonly past: Readonly<Record<string, Past>>;
  /** Runs take their 90th percentile instead of the median. */
  readonly isSlow?: boolean;
  readonly worst?: WorstInput;
  /** Durations given by the user; the names must be targets or fleets. */
  readonly assumedMs?: Readonly<Record<string, number>>;
  readonly runs?: readonly KnownRun[];
  readonly pauses?: readonly PauseView[];
  /** For targets with lateAfter: the last success, or the time since which one is expected. */
  readonly freshAtMs?: Readonly<Record<string, number>>;
}

/** Why a run waits from `fromMs` until the next wait or its start. */
export interface PlannedWait {
  readonly fromMs: number;
  readonly reason: string;
  /** The targets whose runs are in the way. */
  readonly behind?: readonly string[];
}

export interface PlannedRun {
  readonly run: RunId;
  readonly target: string;
  readonly askedAtMs: number;
  /** Start of the last attempt. Absent: it never starts. */
  readonly startedAtMs?: number;
  /** Absent: it never ends. */
  readonly endedAtMs?: number;
  readonly outcome?: Outcome['kind'];
  readonly verdict?: Verdict;
  /** How it ended, as the rest of a sentence. */
  readonly text?: string;
  /** At most WAITS_MAX; later ones are dropped. */
  readonly waits?: readonly PlannedWait[];
  /** How many more requests share it. */
  readonly joined?: number;
  /** Number of attempts, if more than one. */
  readonly attempts?: number;
  /** Set for the run of a hook: the target that triggered it, and why. */
  readonly hookOf?: { readonly target: string; readonly why: string };
}

/** A request that creates no run. */
export interface PlannedRefusal {
  readonly target: string;
  readonly atMs: number;
  /** Ignored: its client still exits with 0. */
  readonly isIgnored?: true;
  readonly reason: string;
}

/** How long runs of a target take, in the plan and in the past. */
export interface PlannedDuration {
  readonly target: string;
  readonly tookMs: number;
  /** Given by the user. */
  readonly isAssumed?: true;
  readonly medianMs?: number;
  readonly slowMs?: number;
}

/** A value that varies between simulations. */
export interface Spread {
  /** Half of the simulations are at or below this. */
  readonly medianMs: number;
  /** 90% of the simulations are at or below this. */
  readonly slowMs: number;
  readonly mostMs: number;
}

/** The share of simulations, 0 to 1, in which this happens to a target at least once. */
export interface TargetChances {
  readonly target: string;
  /** A run starts more than LATE_START_MS after it was requested. */
  readonly startsLate: number;
  /** A run has not started within its maxWait. */
  readonly expired: number;
  /** A request creates no run. */
  readonly refused: number;
  /** A run times out or fails otherwise. */
  readonly failed: number;
  /** The last success is older than its lateAfter. */
  readonly late: number;
  /** A run is running at the time that was asked about. */
  readonly running: number;
  /** A run is queued at that time. */
  readonly waiting: number;
  /** The longest wait for a start in each simulation. */
  readonly waitMs: Spread;
  /** End of its last run; absent: no run ever ends. */
  readonly endsAtMs?: Spread;
}

export interface Chances {
  readonly seed: number;
  /** The time that `running` and `waiting` refer to. */
  readonly atMs: number;
  /** Number of simulations; below PLAYS_MAX if that many would take too long. */
  readonly plays: number;
  readonly targets: readonly TargetChances[];
  /** End of the last run of all targets; absent: no run ever ends. */
  readonly endsAtMs?: Spread;
}

/** Number of simulations. */
export const PLAYS_MAX = 1_000;
/** A run that starts later than this after its request starts late. */
export const LATE_START_MS = 60_000;

export interface Planned {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Ordered by run number. */
  readonly runs: readonly PlannedRun[];
  readonly refused: readonly PlannedRefusal[];
  /** Targets whose last success is older than their lateAfter. */
  readonly late: readonly { readonly target: string; readonly atMs: number }[];
  /** When the last run ends. */
  readonly endsAtMs?: number;
  /** Targets of planned runs without a known duration; it is assumed to be 0. */
  readonly unknown: readonly string[];
  /** Targets of planned runs with a known duration. */
  readonly durations: readonly PlannedDuration[];
  /** Conditions of `require` that are assumed to be met. */
  readonly assumed: readonly { readonly condition: string; readonly targets: readonly string[] }[];
  /** The plan ends here, because the rest would take too long to compute. */
  readonly cutAtMs?: number;
  /** Results of random durations, if requested. */
  readonly chances?: Chances;
}
