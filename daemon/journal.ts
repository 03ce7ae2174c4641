/**
 * The journal: STATE/journal.ndjson, one event a line, append-only, the only source of truth.
 *
 *   {"seq":7,"crc":2774821094,"event":{"type":"accepted",…}}
 *
 * `seq` is dense, `crc` is that of "SEQ EVENT". The first line names the format. What has been
 * appended is durable once `sync` resolves; all that is appended while one fdatasync is under way
 * shares the next (group commit). A torn last line is what a power cut leaves: it is cut off. A bad
 * line elsewhere means that something else wrote here: the journal refuses to open.
 */
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Event } from './event.ts';
import { errnoOf } from './launch.ts';

/** The format that this version writes; it reads this and all before. */
const FORMAT = 1;
/** A journal below this size is never compacted. */
export const COMPACT_BYTES_MIN = 1_048_576;
/** It is compacted when it has grown to so many times its size after the last compaction. */
const COMPACT_FACTOR = 4;

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string };

/** The calls that a test may make fail. */
export type Disk = Pick<
  typeof fs,
  | 'openSync'
  | 'writeSync'
  | 'readFileSync'
  | 'ftruncateSync'
  | 'fdatasyncSync'
  | 'fsyncSync'
  | 'renameSync'
  | 'closeSync'
> & { fdatasync(file: number): Promise<void> };

export const REAL_DISK: Disk = {
  ...fs,
  fdatasync: (file) =>
    new Promise((resolve, reject) => {
      fs.fdatasync(file, (error) => (error === null ? resolve() : reject(error)));
    }),
};

export interface Opened {
  readonly journal: Journal;
  readonly events: readonly Event[];
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
  /** Appended, but not covered by a sync that has begun. */
  #dirty = false;
  #flushing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #pending = 0;

  private constructor(path: string, disk: Disk, file: number, seq: number, bytes: number) {
    this.path = path;
    this.#disk = disk;
    this.#file = file;
    this.#seq = seq;
    this.#bytes = bytes;
    this.#bytesCompacted = bytes;
  }

  /** Opens or creates the journal of a state directory. The caller holds the directory's lock. */
  static open(directory: string, disk: Disk = REAL_DISK): Result<Opened> {
    const path = join(directory, 'journal.ndjson');
    try {
      const file = disk.openSync(
        path,
        fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_APPEND,
        0o600,
      );
      const read = parseJournal(path, disk.readFileSync(path));
      if (!read.ok) {
        disk.closeSync(file);
        return read;
      }
      const { events, seq, goodBytes, tornBytes } = read.value;
      if (tornBytes > 0) disk.ftruncateSync(file, goodBytes);
      const journal = new Journal(path, disk, file, seq, goodBytes);
      if (goodBytes === 0) {
        const header = journal.append([{ type: 'journal', format: FORMAT }]);
        if (!header.ok) return header;
      }
      disk.fdatasyncSync(file);
      syncDirectory(disk, directory);
      return { ok: true, value: { journal, events, tornBytes } };
    } catch (error) {
      return { ok: false, error: `${path}: cannot be opened (${errnoOf(error)})` };
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
      for (let at = 0; at < bytes.length; ) at += this.#disk.writeSync(this.#file, bytes, at);
    } catch (error) {
      // A part of it may be there; cut it off, so that the next line begins where one may.
      this.#disk.ftruncateSync(this.#file, this.#bytes);
      return { ok: false, error: errnoOf(error) };
    }
    this.#seq = seq;
    this.#bytes += bytes.length;
    this.#dirty = true;
    return { ok: true, value: undefined };
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
    const aside = `${this.path}.tmp`;
    let file: number | undefined;
    try {
      const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = fs.constants;
      file = disk.openSync(aside, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0o600);
      const { seq, bytes } = writeAll(disk, file, history);
      disk.fdatasyncSync(file);
      disk.renameSync(aside, this.path);
      disk.closeSync(this.#file);
      [this.#file, file] = [file, undefined];
      [this.#seq, this.#bytes, this.#bytesCompacted] = [seq, bytes, bytes];
      syncDirectory(disk, dirname(this.path));
      return { ok: true, value: undefined };
    } catch (error) {
      if (file !== undefined) disk.closeSync(file);
      return { ok: false, error: errnoOf(error) };
    }
  }

  close(): void {
    this.#disk.closeSync(this.#file);
  }
}

function encodeLine(seq: number, event: Event): string {
  const text = JSON.stringify(event);
  return `{"seq":${seq},"crc":${crc32(`${seq} ${text}`)},"event":${text}}\n`;
}

/** How much is gathered before it is written out. */
const CHUNK_CHARS = 1_048_576;

function writeAll(disk: Disk, file: number, history: Iterable<Event>) {
  let [seq, bytes, text] = [0, 0, ''];
  const flush = (): void => {
    const chunk = Buffer.from(text);
    for (let at = 0; at < chunk.length; ) at += disk.writeSync(file, chunk, at);
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

interface Parsed {
  readonly events: readonly Event[];
  readonly seq: number;
  readonly goodBytes: number;
  readonly tornBytes: number;
}

const NEWLINE = 10;

function parseJournal(path: string, content: Buffer): Result<Parsed> {
  const events: Event[] = [];
  let [seq, at, line] = [0, 0, 0];
  while (at < content.length) {
    line++;
    const end = content.indexOf(NEWLINE, at);
    const event = end < 0 ? undefined : decodeLine(content.toString('utf8', at, end), seq + 1);
    if (event === undefined) {
      const isLast = end < 0 || end === content.length - 1;
      if (isLast) break;
      const where = `${path}: line ${line} (byte ${at})`;
      const what = 'is damaged: its checksum or its number is wrong';
      return {
        ok: false,
        error: `${where} ${what}. Nothing was changed. Restore the file from a backup, or move the state directory aside to begin anew`,
      };
    }
    if (event.type === 'journal' && event.format > FORMAT) {
      const error = `${path}: was written by a newer baton (format ${event.format}; this one reads up to ${FORMAT}). Install that version or a later one`;
      return { ok: false, error };
    }
    events.push(event);
    seq++;
    at = end + 1;
  }
  return { ok: true, value: { events, seq, goodBytes: at, tornBytes: content.length - at } };
}

function decodeLine(text: string, seq: number): Event | undefined {
  const [, number, crc, event] = /^\{"seq":(\d+),"crc":(\d+),"event":(.*)\}$/.exec(text) ?? [];
  if (event === undefined || Number(number) !== seq) return undefined;
  return crc32(`${seq} ${event}`) === Number(crc) ? (JSON.parse(event) as Event) : undefined;
}

/** After a file was created or renamed, its name is durable only with this. */
function syncDirectory(disk: Disk, directory: string): void {
  const file = disk.openSync(directory, 'r');
  try {
    disk.fsyncSync(file);
  } finally {
    disk.closeSync(file);
  }
}
