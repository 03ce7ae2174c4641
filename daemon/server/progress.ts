/**
 * The progress of a run, from its output: the last "NN%", as printed by rsync --info=progress2,
 * borg, restic and curl. Only the end of the files is read, and only on request.
 */
import { join } from 'node:path';
import { readEnd } from '../system/regular-file.ts';

/** How far back to look for a percentage: some lines, or some updates of one line. */
const TAIL_BYTES = 4_096;

/** 0 to 100; undefined if the end of the output contains no percentage. */
export function readProgress(directory: string): number | undefined {
  const tails = ['out', 'err'].map((name) => readTail(join(directory, name)));
  const found = tails.flatMap((text) => findPercent(text) ?? []);
  return found.length === 0 ? undefined : Math.max(...found);
}

/** The last percentage of a text, such as 42.5 in "\r 12 MB 42.5% 3 MB/s". */
export function findPercent(text: string): number | undefined {
  const [, digits] = [...text.matchAll(/(?<![\d.])(\d{1,3}(?:\.\d+)?) ?%/g)].at(-1) ?? [];
  const percent = Number(digits);
  return percent <= 100 ? percent : undefined;
}

function readTail(path: string): string {
  try {
    return readEnd(path, TAIL_BYTES).toString('latin1');
  } catch {
    return ''; // no output yet, or not readable now
  }
}
