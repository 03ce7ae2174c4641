/**
 * The journal: STATE/journal.ndjson, one event a line, append-only, the only source of truth.
 *
 * What has been appended is durable once `sync` resolves; all that is appended while one fdatasync
 * is under way shares the next (group commit). What a line is, and what becomes of a damaged one:
 * daemon/record.ts.
 */
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { close, type Disk, piecesOf, REAL_DISK, syncDirectory, writeAll } from './disk.ts';
import { describeErrno, errnoOf } from './errno.ts';
import type { Event } from './event.ts';
import { encodeLine, FORMAT, type Parsed, parseJournal } from './record.ts';

/** A journal below this size is never compacted. */
const COMPACT_BYTES_MIN = 1_048_576;
/** It is compacted when it has grown to so many times its size after the last compaction. */
const COMPACT_FACTOR = 4;

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string };

export interface Opened {
  readonly journal: Journal;
  /** How many there were. */
  readonly events: number;
  /** Bytes of a torn last line that were cut off. */
  readonly tornBytes: number;
}

export class Journal {
  readonly path: string;
  readonly #disk: Disk;
  #file: number;
  #seq: number;
  #bytes: number;
  #bytesCompacted: number;
  /** A part of a record may stand behind the last whole one, and could not be cut off yet. */
  #torn = false;
  /** Appended, but not covered by a sync that has begun. */
  #dirty = false;
  #flushing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #pending = 0;

  private constructor(path: string, disk: Disk, file: number, parsed: Parsed) {
    this.path = path;
    this.#disk = disk;
    this.#file = file;
    this.#seq = parsed.seq;
    this.#bytes = parsed.goodBytes;
    // Not the size found: a daemon that often starts anew would never compact.
    this.#bytesCompacted = parsed.compactedBytes;
  }

  /**
   * Opens or creates the journal of a state directory, whose lock the caller holds. `take` gets every
   * event that is in it, in order.
   */
  static open(
    directory: string,
    take: (event: Event) => void,
    disk: Disk = REAL_DISK,
  ): Result<Opened> {
    const path = join(directory, 'journal.ndjson');
    let file: number | undefined;
    try {
      const { O_RDWR, O_CREAT, O_APPEND } = fs.constants;
      file = disk.openSync(path, O_RDWR | O_CREAT | O_APPEND, 0o600);
      removeAside(disk, path);
      const read = parseJournal(path, piecesOf(disk, file), take);
      if (!read.ok) {
        close(disk, file);
        return read;
      }
      const { seq: events, goodBytes, tornBytes } = read.value;
      if (tornBytes > 0) disk.ftruncateSync(file, goodBytes);
      const journal = new Journal(path, disk, file, read.value);
      if (goodBytes === 0) {
        const header = journal.append([{ type: 'journal', format: FORMAT }]);
        if (!header.ok) throw Object.assign(new Error(), { code: header.error });
      }
      disk.fdatasyncSync(file);
      syncDirectory(disk, directory);
      journal.#dirty = false;
      return { ok: true, value: { journal, events, tornBytes } };
    } catch (error) {
      if (file !== undefined) close(disk, file);
      return { ok: false, error: `${path}: cannot be opened ${describeErrno(error)}` };
    }
  }

  get seq(): number {
    return this.#seq;
  }

  /** Writes all of these events or none. Not yet durable: see `sync`. */
  append(events: readonly Event[]): Result<undefined> {
    let seq = this.#seq;
    let text = '';
    for (const event of events) text += encodeLine(++seq, event);
    const bytes = Buffer.from(text);
    try {
      this.#mend();
      this.#torn = true;
      writeAll(this.#disk, this.#file, bytes);
      this.#torn = false;
    } catch (error) {
      try {
        this.#mend();
      } catch {
        // The next append tries again before it writes; a restart cuts it off as a torn line.
      }
      return { ok: false, error: errnoOf(error) };
    }
    this.#seq = seq;
    this.#bytes += bytes.length;
    this.#dirty = true;
    return { ok: true, value: undefined };
  }

  /** Cuts off a part of a record, so that the next one begins where one may. */
  #mend(): void {
    if (!this.#torn) return;
    this.#disk.ftruncateSync(this.#file, this.#bytes);
    this.#torn = false;
  }

  /**
   * Resolves once all that has been appended so far is on the disk. Rejects if the kernel could not
   * say so; it may have dropped the pages, so that no retry can be trusted: the daemon must end.
   */
  sync(): Promise<void> {
    if (!this.#dirty) return this.#next ?? this.#flushing;
    if (this.#next === undefined) {
      this.#pending++;
      this.#next = this.#flushing.then(async () => {
        this.#next = undefined;
        this.#dirty = false;
        await this.#disk.fdatasync(this.#file);
        this.#pending--;
      });
      this.#flushing = this.#next;
    }
    return this.#next;
  }

  /** True while nothing waits for a sync. */
  get isQuiet(): boolean {
    return !this.#dirty && this.#pending === 0;
  }

  /** Whether rewriting is worth its while. */
  get isBloated(): boolean {
    return this.#bytes > Math.max(COMPACT_BYTES_MIN, COMPACT_FACTOR * this.#bytesCompacted);
  }

  /**
   * Replaces the journal by the shortest one that leads to the same state. A crash at any step
   * leaves the old or the new one, whole. Only while the journal is quiet.
   */
  compact(history: Iterable<Event>): Result<undefined> {
    if (!this.isQuiet) return { ok: false, error: 'the journal is in use' };
    const disk = this.#disk;
    const aside = asideOf(this.path);
    let file: number | undefined;
    let parent: number | undefined;
    try {
      const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = fs.constants;
      parent = disk.openSync(dirname(this.path), 'r');
      file = disk.openSync(aside, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
      const { seq, bytes } = rewrite(disk, file, history);
      disk.fdatasyncSync(file);
      disk.renameSync(aside, this.path);
      [this.#file, file] = [file, this.#file];
      [this.#seq, this.#bytes, this.#torn] = [seq, bytes, false];
      this.#settle(parent);
      return { ok: true, value: undefined };
    } catch (error) {
      removeAside(disk, this.path);
      return { ok: false, error: errnoOf(error) };
    } finally {
      // Also after a failure: another attempt is worth its while once the journal has grown.
      this.#bytesCompacted = this.#bytes;
      if (file !== undefined) close(disk, file);
      if (parent !== undefined) close(disk, parent);
    }
  }

  /** Makes a rename durable. Without it a power cut could bring the old file back: no event that
   * is appended from now on would be safe, so no sync may succeed any more. */
  #settle(parent: number): void {
    try {
      this.#disk.fsyncSync(parent);
    } catch (error) {
      this.#flushing = Promise.reject(error);
      this.#flushing.catch(() => {}); // whoever syncs next hears of it
      throw error;
    }
  }

  close(): void {
    this.#disk.closeSync(this.#file);
  }
}

/** How much is gathered before it is written out. */
const CHUNK_CHARS = 1_048_576;

function rewrite(disk: Disk, file: number, history: Iterable<Event>) {
  let [seq, bytes, text] = [0, 0, ''];
  const flush = (): void => {
    const chunk = Buffer.from(text);
    writeAll(disk, file, chunk);
    bytes += chunk.length;
    text = '';
  };
  text += encodeLine(++seq, { type: 'journal', format: FORMAT });
  for (const event of history) {
    text += encodeLine(++seq, event);
    if (text.length > CHUNK_CHARS) flush();
  }
  flush();
  return { seq, bytes };
}

/** Where a compaction writes; a crash may leave it behind. */
function asideOf(path: string): string {
  return `${path}.tmp`;
}

function removeAside(disk: Disk, path: string): void {
  try {
    disk.unlinkSync(asideOf(path));
  } catch {
    // As a rule there is none.
  }
}
