/**
 * What `baton plan` gives to `batond --plan` on stdin, and what that answers: one JSON object each.
 * Types only. All times are wall-clock milliseconds. A field that is not known is left out.
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
}

export interface PlanInput {
  readonly fromMs: number;
  /** No request is made then, or later. */
  readonly untilMs: number;
  /** In any order; of equal times the first is made first. */
  readonly requests: readonly ComingRequest[];
  /** How long the runs of each target take. */
  readonly tookMs: Readonly<Record<string, number>>;
  /** The same, as somebody says so; these have to be targets. */
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
  /** Conditions of `require` that are taken as met. */
  readonly assumed: readonly { readonly condition: string; readonly targets: readonly string[] }[];
  /** From here on it is not known: there was too much to work out. */
  readonly cutAtMs?: number;
}
