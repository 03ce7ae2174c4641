/**
 * Files that somebody else can make, or put something else in the place of: lockfiles, what lies in
 * the directory of a run, keys, crontabs. A named pipe would hold up whoever opens it, a device may
 * do anything when it is opened, and a file without end fills the memory: so only a regular file is
 * opened, and no more of it is read than the caller names. What is judged and what is read is the
 * same open file.
 *
 * Throws as the file system does, EFTYPE for what is no regular file and EFBIG for what is too
 * long.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_RDWR } = constants;
/** To write at the end of a file, which is made where there is none. */
export const APPEND = O_RDWR | O_APPEND | O_CREAT;

/** A descriptor. What is made is for its owner only. */
export function openRegular(path: string, flags: number = constants.O_RDONLY): number {
  // Before it is opened: to open a device is to use it.
  demandRegular(path, statSync(path, { throwIfNoEntry: false }));
  const file = openSync(path, flags | constants.O_NONBLOCK | constants.O_NOCTTY, 0o600);
  try {
    demandRegular(path, fstatSync(file));
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** All of a text that is no longer than this. */
export function readRegular(path: string, bytesMax: number, flags?: number): string {
  return readRegularBytes(path, bytesMax, flags).toString('utf8');
}

export function readRegularBytes(path: string, bytesMax: number, flags?: number): Buffer {
  const file = openRegular(path, flags);
  try {
    // Not by its size: a file may grow, and what /proc has says 0.
    const bytes = Buffer.alloc(Math.min(bytesMax, fstatSync(file).size + PIECE_BYTES) + 1);
    const pieces: Buffer[] = [];
    let length = 0;
    for (;;) {
      const count = readSync(file, bytes, 0, bytes.length, length);
      if (count === 0) return Buffer.concat(pieces);
      length += count;
      if (length > bytesMax) throw fault('EFBIG', path, `it has more than ${bytesMax} bytes`);
      pieces.push(Buffer.from(bytes.subarray(0, count)));
    }
  } finally {
    closeSync(file);
  }
}

const PIECE_BYTES = 4_096;

/** The last bytes of a file, of which more may be written meanwhile. */
export function readEnd(path: string, bytesMax: number): Buffer {
  const file = openRegular(path);
  try {
    const from = Math.max(0, fstatSync(file).size - bytesMax);
    const bytes = Buffer.alloc(bytesMax);
    return bytes.subarray(0, readSync(file, bytes, 0, bytesMax, from));
  } finally {
    closeSync(file);
  }
}

function demandRegular(path: string, stats: Stats | undefined): void {
  if (stats !== undefined && !stats.isFile())
    throw fault('EFTYPE', path, 'it is not a regular file');
}

function fault(code: string, path: string, text: string): Error {
  return Object.assign(new Error(`${code}: ${text}, '${path}'`), { code });
}
