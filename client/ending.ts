/**
 * How the client ends, whatever it was asked: a status that never lies, and at most one line that
 * says why. Every way through the client comes to one of these.
 */
import { EXIT } from '../daemon/protocol/request.ts';
import { unprinted } from './client-errors.ts';
import { complain, print } from './terminal/output.ts';

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
  /** How the run failed, in the form of `line`, where no line says it unasked. */
  readonly failure?: string;
}

/** Says what there is to say and sets the status; Node then ends by itself. */
export function finish(ending: Ending, errorCode?: number): void {
  if (ending.line !== undefined) complain(ending.line, ending.isMidLine);
  process.exitCode = statusOf(ending, errorCode);
}

/** For `--verdict`: no failure is without a line. */
export function withVerdict(ending: Ending): Ending {
  const { line = ending.failure } = ending;
  return line === undefined ? ending : { ...ending, line };
}

/**
 * Prints an answer on stdout. Nobody reading is no error: `baton history | head`; a full disk is.
 */
export function printed(text: string): Ending {
  const code = print(text);
  if (code === undefined || code === 'EPIPE') return { status: 0, isOwn: true };
  return { status: EXIT.unwritten, isOwn: true, line: unprinted(code) };
}

/** What the client exits with. */
export function statusOf({ isOwn, status }: Ending, errorCode?: number): number {
  return isOwn ? (errorCode ?? status) : status;
}
