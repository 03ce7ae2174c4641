/**
 * Files that somebody else can create or replace: lockfiles, files in a run directory, keys,
 * crontabs. Opening a named pipe would block, opening a device may have any effect, and an endless
 * file fills the memory: so only a regular file is opened, and at most as much is read as the
 * caller allows. The checks and the read apply to the same open file.
 *
 * Throws the errors of the file system, EFTYPE if it is not a regular file, and EFBIG if it is too
 * long.
 */
import { closeSync, constants, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_RDWR } = constants;
/** Appends to a file; creates it if necessary. */
export const APPEND = O_RDWR | O_APPEND | O_CREAT;

/** Returns a descriptor. A created file is accessible only to its owner. */
export function openRegular(path: string, flags: number = constants.O_RDONLY): number {
  // Before it is opened: opening a device already has effects.
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

/** The whole text, if it is not longer than this. */
export function readRegular(path: string, bytesMax: number, flags?: number): string {
  return readRegularBytes(path, bytesMax, flags).toString('utf8');
}

export function readRegularBytes(path: string, bytesMax: number, flags?: number): Buffer {
  const file = openRegular(path, flags);
  try {
    // Not by its size: a file may grow, and files in /proc have size 0.
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

/** The last bytes of a file, which may grow meanwhile. */
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
