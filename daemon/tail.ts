/**
 * The end of a run's output in a file of its own, for the hook that is told of it: the run itself
 * may be forgotten before the hook has read.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Of each of the two streams. */
const TAIL_BYTES_MAX = 16_384;
const TAIL_NAME = 'tail';

/** The file's path, in the directory `into`; undefined where it cannot be made. */
export function writeTail(of: string, into: string): string | undefined {
  const path = join(into, TAIL_NAME);
  try {
    const ends = ['out', 'err'].map((name) => readEnd(join(of, name)));
    mkdirSync(into, { recursive: true, mode: 0o700 });
    writeFileSync(path, Buffer.concat(ends), { mode: 0o600 });
    return path;
  } catch {
    // Whatever is wrong with the disk: the hook has to run without.
    return undefined;
  }
}

function readEnd(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch {
    return Buffer.alloc(0);
  }
  try {
    const from = Math.max(0, fstatSync(file).size - TAIL_BYTES_MAX);
    const bytes = Buffer.alloc(TAIL_BYTES_MAX);
    return bytes.subarray(0, readSync(file, bytes, 0, TAIL_BYTES_MAX, from));
  } finally {
    closeSync(file);
  }
}
