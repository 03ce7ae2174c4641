/**
 * The calls of the file system that the journal is built of, as one thing that a test can make
 * fail, and what is put together of them.
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

/** How much is read at once: of what is larger, V8 makes each text in memory of its own. */
const PIECE_BYTES = 65_536;

/** The content of a file; each piece is the caller's own. */
export function* piecesOf(disk: Disk, file: number): Generator<Buffer> {
  for (let at = 0; ; ) {
    const piece = Buffer.allocUnsafe(PIECE_BYTES);
    const bytes = disk.readSync(file, piece, 0, PIECE_BYTES, at);
    if (bytes === 0) return;
    yield piece.subarray(0, bytes);
    at += bytes;
  }
}

/** Goes on with short writes until every byte is there. */
export function writeAll(disk: Disk, file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += disk.writeSync(file, bytes, at);
}

/** Linux closes the file whatever close(2) says, and what mattered has been synced. */
export function close(disk: Disk, file: number): void {
  try {
    disk.closeSync(file);
  } catch {
    // Nothing can be done about it.
  }
}

/** The same for a file that has no name any more: to give its blocks back takes its time. */
export function closeLast(disk: Disk, file: number): void {
  disk.close(file).catch(() => {});
}

/** After a file was created or renamed, its name is durable only with this. */
export function syncDirectory(disk: Disk, directory: string): void {
  const file = disk.openSync(directory, 'r');
  try {
    disk.fsyncSync(file);
  } finally {
    disk.closeSync(file);
  }
}
