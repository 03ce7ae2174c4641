/** What the SSH keeper wrote of the end of a run, as the daemon's own words. */
import type { Failure } from '../../runners/ssh/keeper-protocol.ts';
import type { Report } from '../core/command.ts';
import type { Nonce, Outcome } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { foundIn, outputBytes, readStatusFile, statusFileOf } from './status-file.ts';

interface Seen {
  readonly report?: Report;
  /** Why the command could not be begun, where that passes. */
  readonly shortage?: string;
  readonly isAlive: boolean;
  readonly isUnreadable: boolean;
}

/** A run, as its files show it. */
export interface Place {
  readonly directory: string;
  readonly attempt: number;
  /** Of the daemon that started the attempt. */
  readonly nonce: Nonce | undefined;
  /** The machine was started anew since its keeper was. */
  readonly rebooted: boolean;
}

/**
 * Looks for how a run ended; without a status file, whether its keeper is still there, and then once
 * more for what came meanwhile. Throws where nothing can be told now.
 */
export function examine(place: Place, clock: Clock, lives: () => boolean): Seen {
  let found = readReport(place, clock);
  const isAlive = typeof found !== 'object' && lives();
  if (typeof found !== 'object' && !isAlive) found = readReport(place, clock);
  const seen = { isAlive, isUnreadable: found === 'unreadable' };
  return typeof found === 'object' ? { ...seen, ...found } : seen;
}

function readReport(
  { directory, attempt, nonce, rebooted }: Place,
  clock: Clock,
): Pick<Seen, 'report' | 'shortage'> | 'unreadable' | undefined {
  const record = readStatusFile(statusFileOf(directory, attempt, nonce));
  if (typeof record !== 'object') return record;
  const { phase, message = '' } = record;
  const found = foundIn(record, rebooted, clock, undefined);
  if (found.shortage !== undefined) return { report: found.report, shortage: found.shortage };
  const report = { ...found.report, bytes: outputBytes(directory) };
  if (phase === undefined) return { report };
  return { report: { ...report, failure: outcomeOfFailure({ phase, message }) } };
}

/** What a failure means as the outcome of a run. */
export function outcomeOfFailure({
  phase,
  message: detail,
}: Failure): Extract<Outcome, { kind: 'unreachable' | 'lost' }> {
  return phase === 'lost' ? { kind: 'lost', detail } : { kind: 'unreachable', phase, detail };
}
