/**
 * How a run ended that was a job of Slurm: by the record of its keeper, or that there is none and
 * never will be.
 */
import { slurmLost } from '../protocol/slurm-text.ts';
import type { Clock } from '../system/clock.ts';
import type { Launch } from './launch.ts';
import type { Observation } from './observe.ts';
import type { Sight } from './slurm-sight.ts';
import { type Found, foundIn, NEVER_RAN, type StatusRecord } from './status-file.ts';

/** So far the clocks of nodes may be apart where that decides if a wish brought an end about. */
const CLOCKS_APART_MS = 60_000;

/** Its command never runs, no matter who decided it; `why`, where nobody had asked for it. */
export function neverRan(why?: string): Observation {
  const found = { report: NEVER_RAN, ...(why === undefined ? {} : { shortage: why }) };
  return { kind: 'ended', found };
}

/**
 * The keeper's steady clock is that of another machine, and its clock on the wall may be apart. A
 * TERM that it had is a wish of somebody, and no machine that goes down.
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

/** Nobody will ever know how it ended. */
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
