/**
 * How the client ends, whatever it was asked: with a correct exit status, and at most one line that
 * says why. Every path through the client ends with one of these.
 */
import { EXIT } from '../daemon/protocol/request.ts';
import { unprinted } from './client-errors.ts';
import { complain, print } from './terminal/output.ts';

/** How the client must exit. */
export interface Ending {
  readonly status: number;
  /** The status is baton's, not the command's: `--error-code` replaces it. */
  readonly isOwn: boolean;
  /** Printed on stderr, after `baton: `. */
  readonly line?: string;
  /** The last output on stderr did not end its line. */
  readonly isMidLine?: boolean;
  /** The run ended as its target requires, perhaps with a warning. */
  readonly isSuccess?: boolean;
  /** How the run failed, in the form of `line`, if no line is printed by default. */
  readonly failure?: string;
}

/** Prints the line, if any, and sets the status; Node then exits by itself. */
export function finish(ending: Ending, errorCode?: number): void {
  if (ending.line !== undefined) complain(ending.line, ending.isMidLine);
  process.exitCode = statusOf(ending, errorCode);
}

/** For `--verdict`: every failure has a line. */
export function withVerdict(ending: Ending): Ending {
  const { line = ending.failure } = ending;
  return line === undefined ? ending : { ...ending, line };
}

/** Prints a reply. A missing reader (`baton history | head`) is not an error; a full disk is. */
export function printed(text: string): Ending {
  const code = print(text);
  if (code === undefined || code === 'EPIPE') return { status: 0, isOwn: true };
  return { status: EXIT.unwritten, isOwn: true, line: unprinted(code) };
}

/** The client's exit status. */
export function statusOf({ isOwn, status }: Ending, errorCode?: number): number {
  return isOwn ? (errorCode ?? status) : status;
}
