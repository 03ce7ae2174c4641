/**
 * What `baton plan` gives to `batond --plan` on stdin, and what that answers: one JSON object each.
 * All times are wall-clock milliseconds. A field that is not known is left out.
 */
import type { Outcome, RunId, Verdict } from '../shared/run.ts';
import type { PauseView } from './reply.ts';

/** A request that is going to be made, as by a line of a crontab. */
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
  /** Of one that runs: when it ends, if not after the usual time of its target. */
  readonly endsAtMs?: number;
  /** Which attempt it is at, the next or the present one; absent: the first. */
  readonly attempt?: number;
  /** When its first attempt began, where that is not the present one. */
  readonly firstStartedAtMs?: number;
  /** Its next attempt begins no sooner. */
  readonly notBeforeMs?: number;
  /** It is given up then unless it has started. */
  readonly expiresAtMs?: number;
}

/** How long the last successes of a target took. */
export interface Past {
  readonly medianMs: number;
  /** Nine of ten took no longer. */
  readonly slowMs: number;
  /** Each of them, for a plan of random durations. */
  readonly tookMs?: readonly number[];
}

/** Many plays with durations drawn from the past. */
export interface WorstInput {
  /** The same number draws the same durations. */
  readonly seed: number;
  /** What still runs then is counted. */
  readonly atMs: number;
}

export interface PlanInput {
  readonly fromMs: number;
  /** No request is made then, or later. */
  readonly untilMs: number;
  /** In any order; of equal times the first is made first. */
  readonly requests: readonly ComingRequest[];
  /** Of each target that has one. */
  readonly past: Readonly<Record<string, Past>>;
  /** Runs take their 90th percentile instead of the median. */
  readonly isSlow?: boolean;
  readonly worst?: WorstInput;
  /** How long runs take as somebody says so; these have to be targets or fleets. */
  readonly assumedMs?: Readonly<Record<string, number>>;
  readonly runs?: readonly KnownRun[];
  readonly pauses?: readonly PauseView[];
  /** The last success of targets with lateAfter, or since when one is looked out for. */
  readonly freshAtMs?: Readonly<Record<string, number>>;
}

/** Why a run waits, from `fromMs` to the next wait, or to its start. */
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
  /** Of the last attempt. Absent: it never starts. */
  readonly startedAtMs?: number;
  /** Absent: it never ends. */
  readonly endedAtMs?: number;
  readonly outcome?: Outcome['kind'];
  readonly verdict?: Verdict;
  /** How it ended, as the rest of a sentence. */
  readonly text?: string;
  /** At most WAITS_MAX; where there are more, the last ones are left out. */
  readonly waits?: readonly PlannedWait[];
  /** How many further requests share it. */
  readonly joined?: number;
  /** How many times it is tried, where that is more than once. */
  readonly attempts?: number;
  /** It is the run of a hook: of which target, and why. */
  readonly hookOf?: { readonly target: string; readonly why: string };
}

/** A request that makes no run. */
export interface PlannedRefusal {
  readonly target: string;
  readonly atMs: number;
  /** Ignored: its client exits with 0 all the same. */
  readonly isIgnored?: true;
  readonly reason: string;
}

/** How long the runs of a target take in a plan, and in the past. */
export interface PlannedDuration {
  readonly target: string;
  readonly tookMs: number;
  /** Somebody says so. */
  readonly isAssumed?: true;
  readonly medianMs?: number;
  readonly slowMs?: number;
}

/** A figure that differs from play to play. */
export interface Spread {
  /** Half of the plays have no more. */
  readonly medianMs: number;
  /** Nine of ten have no more. */
  readonly slowMs: number;
  readonly mostMs: number;
}

/** In which part of all plays this happens to a target at least once: from 0 to 1. */
export interface TargetChances {
  readonly target: string;
  /** A run starts more than LATE_START_MS after it is asked for. */
  readonly startsLate: number;
  /** A run has not started within its maxWait. */
  readonly expired: number;
  /** A request makes no run. */
  readonly refused: number;
  /** A run is ended because it takes too long, or fails otherwise. */
  readonly failed: number;
  /** It has no success for longer than its lateAfter. */
  readonly late: number;
  /** A run runs at the moment that was asked about. */
  readonly running: number;
  /** A run waits at that moment. */
  readonly waiting: number;
  /** The longest wait for a start of each play. */
  readonly waitMs: Spread;
  /** When its last run ends; absent: none ever does. */
  readonly endsAtMs?: Spread;
}

export interface Chances {
  readonly seed: number;
  /** The moment of `running` and `waiting`. */
  readonly atMs: number;
  /** How many plays were made; fewer than PLAYS_MAX where more is too much work. */
  readonly plays: number;
  readonly targets: readonly TargetChances[];
  /** When the last run of all ends; absent: none ever does. */
  readonly endsAtMs?: Spread;
}

/** How many plays are made. */
export const PLAYS_MAX = 1_000;
/** A run that starts later than this after it is asked for starts late. */
export const LATE_START_MS = 60_000;

export interface Planned {
  readonly fromMs: number;
  readonly untilMs: number;
  /** In the order of their numbers. */
  readonly runs: readonly PlannedRun[];
  readonly refused: readonly PlannedRefusal[];
  /** Targets that have had no success for longer than their lateAfter. */
  readonly late: readonly { readonly target: string; readonly atMs: number }[];
  /** When the last run ends. */
  readonly endsAtMs?: number;
  /** Targets that run without a known duration: it is taken to be 0. */
  readonly unknown: readonly string[];
  /** Of the targets that run and whose durations are known. */
  readonly durations: readonly PlannedDuration[];
  /** Conditions of `require` that are taken as met. */
  readonly assumed: readonly { readonly condition: string; readonly targets: readonly string[] }[];
  /** From here on it is not known: there was too much to work out. */
  readonly cutAtMs?: number;
  /** What comes of random durations, if that was asked for. */
  readonly chances?: Chances;
}
