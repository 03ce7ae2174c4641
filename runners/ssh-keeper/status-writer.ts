/**
 * Writes how a run ended where the daemon expects it: `status.ATTEMPT.NONCE` in the run directory,
 * synced before it gets its name. A full disk is waited out; a run directory that vanished is not.
 */
import { constants as flags } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Failure, StatusFile } from '../ssh/keeper-protocol.ts';

const ROOM_RETRY_MS = 1_000;
const { O_WRONLY, O_CREAT, O_TRUNC, O_SYNC } = flags;

/** How a remote command ended. */
export type End =
  | { readonly kind: 'not-started' }
  /** This machine is short of something now (errno); the daemon tries again. */
  | { readonly kind: 'shortage'; readonly errno: string }
  | { readonly kind: 'exited'; readonly code: number }
  | { readonly kind: 'signalled'; readonly signal: number; readonly core: boolean }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** Nobody knows how it ended, or whether it has. */
export function lost(message: string): End {
  return { kind: 'failed', failure: { phase: 'lost', message } };
}

/** When a run ended, how long it took, and how long before that the keeper was told to end. */
export interface Times {
  readonly tookMs: number;
  readonly steadyMs: number;
  readonly wallMs: number;
  readonly termMs: number | null;
}

interface Facts extends Times {
  /** How much of its output could not be written. */
  readonly lostBytes: number;
}

/** CLOCK_MONOTONIC in milliseconds. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** `place` is called for the path each time, because the directory may be moved meanwhile. */
export async function writeStatus(place: () => string, end: End, facts: Facts): Promise<void> {
  const record = `${JSON.stringify(statusOf(end, facts))}\n`;
  for (;;) {
    const path = place();
    const temporary = `${path}.tmp`;
    try {
      const file = await open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_SYNC, 0o600);
      try {
        await file.writeFile(record);
      } finally {
        await file.close();
      }
      return await rename(temporary, path);
    } catch {
      const isThere = await stat(dirname(path)).then(
        () => true,
        () => false,
      );
      if (!isThere && place() === path) return;
      if (!isThere) continue;
      await delay(ROOM_RETRY_MS);
    }
  }
}

function statusOf(end: End, facts: Facts): StatusFile {
  return {
    started: end.kind !== 'not-started',
    code: end.kind === 'exited' ? end.code : null,
    signal: end.kind === 'signalled' ? end.signal : null,
    core: end.kind === 'signalled' && end.core,
    ...(end.kind === 'shortage' ? lack(end.errno) : { stage: null, errno: null }),
    ...facts,
    ...(end.kind === 'failed' ? end.failure : {}),
  };
}

/** In the format in which keeper.pl reports a failed fork. */
function lack(name: string): Pick<StatusFile, 'stage' | 'errno'> {
  const numbers: Readonly<Record<string, number>> = constants.errno;
  return { stage: 'system', errno: numbers[name] ?? constants.errno.EAGAIN };
}
