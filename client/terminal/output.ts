/**
 * Synchronous, complete writes to the client's stdout and stderr: `writeSync` in a loop instead of
 * `process.stdout`, because it keeps the order of two streams that are one file (cron), leaves
 * nothing unwritten at exit, and slows down the daemon when nobody reads. No state.
 */
import { fstatSync, writeSync } from 'node:fs';

const STDOUT = 1;
const STDERR = 2;
/** Delay before the next attempt to write to a full non-blocking pipe. */
const FULL_PIPE_MS = 1;

/** Writes all of `bytes`. Returns the errno's name if that is impossible, such as `EPIPE`. */
export function writeAll(fd: number, bytes: Uint8Array): string | undefined {
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'EAGAIN') return code;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS);
    }
  }
  return undefined;
}

/** Prints text on stdout. Returns the errno's name if that is impossible, such as `ENOSPC`. */
export function print(text: string): string | undefined {
  return writeAll(STDOUT, Buffer.from(text));
}

/** Prints a message of baton on stderr, on a line of its own. */
export function complain(text: string, isMidLine = false): void {
  writeAll(STDERR, Buffer.from(`${isMidLine ? '\n' : ''}baton: ${plain(text)}\n`));
}

/** Makes foreign text harmless for a terminal: no control characters, one line. */
export function plain(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ');
}

/** True if stdout and stderr are one file, as under cron and at terminals. */
export function areOneFile(): boolean {
  const [out, err] = [fstatSync(STDOUT), fstatSync(STDERR)];
  return out.dev === err.dev && out.ino === err.ino;
}

/** The name of a system error, such as `ENOENT`. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : String(error);
}
