/**
 * How far a run is by what it prints: the last "NN%" of its output, as rsync --info=progress2, borg,
 * restic and curl print it. Only the tail of the files is read, and only when somebody asks.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';

/** How far back a percentage may stand: some lines, or some updates of one line. */
const TAIL_BYTES = 4_096;

/** From 0 to 100; undefined where the end of the output names no percentage. */
export function readProgress(directory: string): number | undefined {
  const tails = ['out', 'err'].map((name) => readTail(join(directory, name)));
  const found = tails.flatMap((text) => findPercent(text) ?? []);
  return found.length === 0 ? undefined : Math.max(...found);
}

/** The last percentage of a text, such as 42.5 in "\r 12 MB  42.5% 3 MB/s". */
export function findPercent(text: string): number | undefined {
  const [, digits] = [...text.matchAll(/(?<![\d.])(\d{1,3}(?:\.\d+)?) ?%/g)].at(-1) ?? [];
  const percent = Number(digits);
  return percent <= 100 ? percent : undefined;
}

function readTail(path: string): string {
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    const from = Math.max(0, fstatSync(file).size - TAIL_BYTES);
    const tail = Buffer.alloc(TAIL_BYTES);
    return tail.toString('latin1', 0, readSync(file, tail, 0, TAIL_BYTES, from));
  } catch {
    return ''; // no output yet, or none that can be read now
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
