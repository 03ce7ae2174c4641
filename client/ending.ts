/**
 * How the client ends, whatever it was asked: a status that never lies, and at most one line that
 * says why. Every way through the client comes to one of these.
 */
import { complain } from './output.ts';

/** How the client is to exit. */
export interface Ending {
  readonly status: number;
  /** The status is baton's, not the command's: `--error-code` replaces it. */
  readonly isOwn: boolean;
  /** Printed on stderr, after `baton: `. */
  readonly line?: string;
  /** What stderr shows stopped in the middle of a line. */
  readonly isMidLine?: boolean;
  /** The run ended as its target wishes, if perhaps with a warning. */
  readonly isSuccess?: boolean;
}

/** Says what there is to say and sets the status; Node then ends by itself. */
export function finish(ending: Ending, errorCode?: number): void {
  if (ending.line !== undefined) complain(ending.line, ending.isMidLine);
  process.exitCode = statusOf(ending, errorCode);
}

/** What the client exits with. */
export function statusOf({ isOwn, status }: Ending, errorCode?: number): number {
  return isOwn ? (errorCode ?? status) : status;
}
