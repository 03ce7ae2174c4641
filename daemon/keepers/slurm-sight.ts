/**
 * What to conclude about a run without a status file, from what Slurm says of its job and from the
 * signs of life of its keeper. Pure.
 *
 * Slurm's states are no verdict: it says COMPLETED of jobs that never ran, PENDING of jobs that
 * run, and NODE_FAIL of nodes whose processes go on. So its answers are only a reason to look for
 * the keeper; only the keeper's silence ends a run that has begun, and only the file `begun` tells
 * whether one has.
 */
import type { Job } from './slurm-job-list.ts';

/** How long, and how often, slurmctld has to say that a job is over. */
const OVER_MS = 10_000;
const OVER_LOOKS = 2;
/**
 * How long a keeper that gives a sign of life every 10 s has to be silent: longer than a file
 * system caches what it has read (NFS: acdirmax, 60 s).
 */
const SILENT_MS = 70_000;
/** The same for a node that may only be cut off, and may come back. */
const SILENT_NODE_MS = 300_000;

/** States in which Slurm is done with a job; see squeue(1). In any other state it is not. */
const ENDED = new Set([
  ...['BOOT_FAIL', 'CANCELLED', 'COMPLETED', 'DEADLINE', 'FAILED', 'NODE_FAIL'],
  ...['OUT_OF_MEMORY', 'PREEMPTED', 'TIMEOUT'],
]);

export interface Sight {
  /** As Slurm last showed it; absent: Slurm does not know the job, or was not asked. */
  readonly job?: Job;
  /** Since when Slurm says of all its jobs that they are over, and how often. */
  readonly overAtMs?: number;
  readonly overLooks: number;
  /** Since when Slurm says that the job is pending. */
  readonly waitsAtMs?: number;
  /** The keeper's last sign of life, and when it was seen to have changed. */
  readonly beat?: number | undefined;
  readonly beatAtMs?: number;
}

export const NOTHING_SEEN: Sight = { overLooks: 0 };

export type Conclusion = 'wait' | 'never-ran' | 'lost';

export function isOver({ state }: Job): boolean {
  return ENDED.has(state);
}

/** `jobs`: all with the name of the run; a submission without an answer may have left two. */
export function seeJobs(sight: Sight, jobs: readonly Job[], nowMs: number): Sight {
  const { overAtMs = nowMs, overLooks, waitsAtMs = nowMs, beat, beatAtMs } = sight;
  const heard = beatAtMs === undefined ? {} : { beat, beatAtMs };
  const live = jobs.filter((job) => !isOver(job));
  const job = live.find(({ state }) => state !== 'PENDING') ?? live[0];
  if (job === undefined) {
    const [last = sight.job] = jobs;
    const seen = { ...heard, overAtMs, overLooks: overLooks + 1 };
    return jobs.length === 0 ? seen : { ...seen, ...(last === undefined ? {} : { job: last }) };
  }
  const waits = job.state === 'PENDING' ? { waitsAtMs } : {};
  return { ...heard, ...waits, job, overLooks: 0 };
}

export function seeBeat(sight: Sight, beat: number | undefined, nowMs: number): Sight {
  if (sight.beatAtMs !== undefined && sight.beat === beat) return sight;
  return { ...sight, beat, beatAtMs: nowMs };
}

/** Whether it matters if the keeper is alive. */
export function isInDoubt({ overAtMs, waitsAtMs }: Sight, hasBegun: boolean): boolean {
  return overAtMs !== undefined || (hasBegun && waitsAtMs !== undefined);
}

export function conclude(sight: Sight, hasBegun: boolean, nowMs: number): Conclusion {
  const { job, overAtMs, overLooks, waitsAtMs, beatAtMs = nowMs } = sight;
  const isSilent = (sinceMs: number, silentMs: number): boolean =>
    nowMs - Math.max(sinceMs, beatAtMs) >= silentMs;
  if (overAtMs !== undefined) {
    if (overLooks < OVER_LOOKS || nowMs - overAtMs < OVER_MS) return 'wait';
    if (!hasBegun) return 'never-ran';
    const silentMs = job?.state === 'NODE_FAIL' ? SILENT_NODE_MS : SILENT_MS;
    return isSilent(overAtMs, silentMs) ? 'lost' : 'wait';
  }
  // Slurm wants to run the job again, in vain, or never will.
  if (!hasBegun || waitsAtMs === undefined) return 'wait';
  return isSilent(waitsAtMs, SILENT_MS) ? 'lost' : 'wait';
}
