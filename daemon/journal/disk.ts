/**
 * The file system calls of the journal, as one object that a test can make fail, and helpers that
 * are built on them.
 */
import * as fs from 'node:fs';
import { promisify } from 'node:util';

export type Disk = Pick<
  typeof fs,
  | 'openSync'
  | 'writeSync'
  | 'readSync'
  | 'ftruncateSync'
  | 'fstatSync'
  | 'statSync'
  | 'fdatasyncSync'
  | 'fsyncSync'
  | 'renameSync'
  | 'unlinkSync'
  | 'closeSync'
> & {
  fdatasync(file: number): Promise<void>;
  fsync(file: number): Promise<void>;
  close(file: number): Promise<void>;
};

export const REAL_DISK: Disk = {
  ...fs,
  fdatasync: promisify(fs.fdatasync),
  fsync: promisify(fs.fsync),
  close: promisify(fs.close),
};

/** Bytes per read: V8 allocates separate memory for each text that is larger. */
const PIECE_BYTES = 65_536;

/** The content of a file; the caller owns each piece. */
export function* piecesOf(disk: Disk, file: number): Generator<Buffer> {
  for (let at = 0; ; ) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const bytes = disk.readSync(file, piece, 0, PIECE_BYTES, at);
    if (bytes === 0) return;
    yield piece.subarray(0, bytes);
    at += bytes;
  }
}

/** Continues after short writes until every byte is written. */
export function writeAll(disk: Disk, file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += disk.writeSync(file, bytes, at);
}

/** Linux closes the file even if close(2) fails, and everything important has been synced. */
export function close(disk: Disk, file: number): void {
  try {
    disk.closeSync(file);
  } catch {
    // Nothing can be done about it.
  }
}

/** The same for a file that no longer has a name: freeing its blocks takes time. */
export function closeLast(disk: Disk, file: number): void {
  disk.close(file).catch(() => {});
}

/** After a file was created or renamed, only this makes its name durable. */
export function syncDirectory(disk: Disk, directory: string): void {
  const file = disk.openSync(directory, 'r');
  try {
    disk.fsyncSync(file);
  } finally {
    disk.closeSync(file);
  }
}
