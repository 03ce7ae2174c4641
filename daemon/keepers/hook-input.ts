/**
 * Writes the end of a run's output to a separate file, for the hook that is told about the run: the
 * run itself may be forgotten before the hook has read it.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnd } from '../system/regular-file.ts';

/** For each of the two streams. */
const TAIL_BYTES_MAX = 16_384;
const TAIL_NAME = 'tail';

/** The file's path, in the directory `into`; undefined if it cannot be written. */
export function writeTail(of: string, into: string): string | undefined {
  const path = join(into, TAIL_NAME);
  try {
    const ends = ['out', 'err'].map((name) => endOf(join(of, name)));
    mkdirSync(into, { recursive: true, mode: 0o700 });
    writeFileSync(path, Buffer.concat(ends), { mode: 0o600 });
    return path;
  } catch {
    // Whatever is wrong with the disk, the hook has to run without it.
    return undefined;
  }
}

/** Empty if there is no file, or it cannot be read. */
function endOf(path: string): Buffer {
  try {
    return readEnd(path, TAIL_BYTES_MAX);
  } catch {
    return Buffer.alloc(0);
  }
}
