/**
 * Writes to stdout and stderr at once and whole, for what batond says and then ends: `--check`,
 * `--replay`, `--help`, and why it cannot start. `process.stdout` would throw a full disk at
 * nobody.
 */
import { writeSync } from 'node:fs';
import { errnoOf } from '../shared/errno.ts';

export const STDOUT = 1;
export const STDERR = 2;
/** How long to wait for a non-blocking pipe that is full before trying again. */
const FULL_PIPE_MS = 1;

/** Holds the caller back while nobody reads. Returns the errno's name where it cannot write. */
export function writeAll(fd: number, text: string): string | undefined {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const code = errnoOf(error);
      if (code !== 'EAGAIN') return code;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, FULL_PIPE_MS);
    }
  }
  return undefined;
}
