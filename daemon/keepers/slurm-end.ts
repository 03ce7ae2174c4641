/**
 * How a run that was a job of Slurm ended: by the record of its keeper, or that there is none and
 * never will be.
 */
import { slurmLost } from '../protocol/slurm-text.ts';
import type { Clock } from '../system/clock.ts';
import type { Launch } from './launch.ts';
import type { Observation } from './observe.ts';
import type { Sight } from './slurm-sight.ts';
import { type Found, foundIn, NEVER_RAN, type StatusRecord } from './status-file.ts';

/** How far clocks of nodes may differ, where they decide whether a request caused an end. */
const CLOCKS_APART_MS = 60_000;

/** Its command never runs; `why`: the reason, if nobody requested that. */
export function neverRan(why?: string): Observation {
  const found = { report: NEVER_RAN, ...(why === undefined ? {} : { shortage: why }) };
  return { kind: 'ended', found };
}

/**
 * The keeper's steady clock is that of another machine, and its wall clock may differ. A TERM that
 * the keeper got was a request to stop, and does not mean that a machine was shutting down.
 */
export function endedBy(
  { steadyMs: _, termMs: __, ...record }: StatusRecord,
  lostBytes: number,
  clock: Clock,
  launch: Launch | undefined,
): Observation & { kind: 'ended' } {
  const found = foundIn(record, false, clock, launch);
  const { report } = found;
  const now = clock.now();
  const wasAsked = record.stop === 'file' || record.stop === 'signal';
  const agoMs = now.wallMs - (record.wallMs ?? now.wallMs) - (wasAsked ? CLOCKS_APART_MS : 0);
  const steadyMs = now.steadyMs - Math.max(0, agoMs);
  const whole = {
    ...report,
    ...(report.ended === undefined ? {} : { ended: { ...report.ended, steadyMs } }),
    ...(record.stop === 'timeout' ? ({ isTimedOut: true } as const) : {}),
    ...(lostBytes === 0 ? {} : { lostBytes: lostBytes + (report.lostBytes ?? 0) }),
  };
  return { kind: 'ended', found: { ...found, report: whole } satisfies Found };
}

/** How it ended will never be known. */
export function lost({ job }: Sight, node = job?.node ?? ''): Observation {
  const state = job?.state;
  const mayLive = state === 'NODE_FAIL' || state === 'PENDING' || job === undefined;
  return {
    kind: 'gone',
    rebooted: false,
    survivors: [],
    detail: slurmLost(state, node),
    ...(mayLive ? ({ mayLive: true } as const) : {}),
  };
}
