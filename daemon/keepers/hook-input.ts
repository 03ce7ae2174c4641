/**
 * The end of a run's output in a file of its own, for the hook that is told of it: the run itself
 * may be forgotten before the hook has read.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readEnd } from '../system/regular-file.ts';

/** Of each of the two streams. */
const TAIL_BYTES_MAX = 16_384;
const TAIL_NAME = 'tail';

/** The file's path, in the directory `into`; undefined where it cannot be made. */
export function writeTail(of: string, into: string): string | undefined {
  const path = join(into, TAIL_NAME);
  try {
    const ends = ['out', 'err'].map((name) => endOf(join(of, name)));
    mkdirSync(into, { recursive: true, mode: 0o700 });
    writeFileSync(path, Buffer.concat(ends), { mode: 0o600 });
    return path;
  } catch {
    // Whatever is wrong with the disk: the hook has to run without.
    return undefined;
  }
}

/** Empty where there is none, or none that can be read. */
function endOf(path: string): Buffer {
  try {
    return readEnd(path, TAIL_BYTES_MAX);
  } catch {
    return Buffer.alloc(0);
  }
}
