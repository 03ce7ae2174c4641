/** What the SSH keeper wrote of the end of a run, as the daemon's own words. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure, StatusFile } from '../runners/ssh/message.ts';
import type { Report } from './command.ts';
import { errnoOf } from './errno.ts';
import type { Outcome } from './event.ts';

interface Seen {
  readonly report?: Report;
  readonly isAlive: boolean;
  readonly isUnreadable: boolean;
}

/**
 * Looks for how a run ended; without a status file, whether its keeper is still there, and then once
 * more for what came meanwhile. Throws where nothing can be told now.
 */
export function examine(directory: string, attempt: number, lives: () => boolean): Seen {
  let found = readStatus(directory, attempt);
  const isAlive = typeof found !== 'object' && lives();
  if (typeof found !== 'object' && !isAlive) found = readStatus(directory, attempt);
  const seen = { isAlive, isUnreadable: found === 'unreadable' };
  return typeof found === 'object' ? { ...seen, report: found } : seen;
}

/**
 * Undefined while there is no status file; it gets its name when it is complete. Throws where that
 * cannot be told now (EMFILE, EIO, …).
 */
function readStatus(directory: string, attempt: number): Report | 'unreadable' | undefined {
  let status: StatusFile;
  try {
    status = JSON.parse(readFileSync(join(directory, `status.${attempt}`), 'utf8')) as StatusFile;
  } catch (error) {
    if (error instanceof SyntaxError) return 'unreadable';
    // A disk that fails says nothing of the run: to call it lost would be a lie.
    if (errnoOf(error) !== 'ENOENT') throw error;
    return undefined;
  }
  const { started, code, signal, core, phase, message = '' } = status;
  const bytes = sizeOf(join(directory, 'out')) + sizeOf(join(directory, 'err'));
  const report = { started, code, signal, core, bytes };
  return phase === undefined
    ? report
    : { ...report, failure: outcomeOfFailure({ phase, message }) };
}

/** What a failure means as the outcome of a run. */
export function outcomeOfFailure({
  phase,
  message: detail,
}: Failure): Extract<Outcome, { kind: 'unreachable' | 'lost' }> {
  return phase === 'lost' ? { kind: 'lost', detail } : { kind: 'unreachable', phase, detail };
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
