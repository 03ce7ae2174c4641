/**
 * Synchronous, complete writes to stdout and stderr, for what batond prints before it exits:
 * `--check`, `--replay`, `--help`, and why it cannot start. With `process.stdout`, nobody would get
 * the error of a full disk.
 */
import { writeSync } from 'node:fs';
import { errnoOf } from '../shared/errno.ts';

export const STDOUT = 1;
export const STDERR = 2;
/** Delay before the next attempt to write to a full non-blocking pipe. */
const FULL_PIPE_MS = 1;

/** Blocks while nobody reads. Returns the errno's name if it cannot write. */
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
