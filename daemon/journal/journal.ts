/**
 * The journal: STATE/journal.ndjson, one event a line, append-only, the only source of truth.
 *
 * The events of one append are kept as a whole or not at all, even after a power cut. They are
 * durable once `sync` resolves; everything appended during one fdatasync shares the next (group
 * commit). daemon/journal/record.ts defines a line, and what happens to a damaged one;
 * daemon/journal/compaction.ts rewrites a journal that has grown.
 */

import * as fs from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../core/event.ts';
import { errnoOf } from '../shared/errno.ts';
import type { Result } from '../shared/result.ts';
import {
  cannotOpen,
  journalChanged,
  journalGone,
  journalReplaced,
} from '../system/boot-messages.ts';
import { Compaction, removeAside, STEPS, type Steps } from './compaction.ts';
import {
  close,
  closeLast,
  type Disk,
  piecesOf,
  REAL_DISK,
  syncDirectory,
  writeAll,
} from './disk.ts';
import { encodeLines, FORMAT, type Parsed, parseJournal } from './record.ts';

/** A journal below this size is never compacted. */
const COMPACT_BYTES_MIN = 1_048_576;
/** It is compacted when it has grown to this many times its size after the last compaction. */
const COMPACT_FACTOR = 4;

export interface Opened {
  readonly journal: Journal;
  /** Number of events. */
  readonly events: number;
  /** Bytes of an incomplete last line that were cut off. */
  readonly tornBytes: number;
}

export class Journal {
  readonly path: string;
  readonly #disk: Disk;
  #file: number;
  #seq: number;
  #bytes: number;
  #bytesCompacted: number;
  /** Why it is lost; see `examine`. */
  #loss: string | undefined;
  /** It has been examined since the last sync began. */
  #isExamined = false;
  /** There may be a partial record at the end, which could not be cut off yet. */
  #torn = false;
  /** Appended, but not covered by a sync that has started. */
  #dirty = false;
  #flushing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;
  #compaction: Compaction | undefined;

  private constructor(path: string, disk: Disk, file: number, parsed: Parsed) {
    this.path = path;
    this.#disk = disk;
    this.#file = file;
    this.#seq = parsed.seq;
    this.#bytes = parsed.goodBytes;
    // Not the size found: a daemon that restarts often would never compact.
    this.#bytesCompacted = parsed.compactedBytes;
  }

  /**
   * Opens or creates the journal of a state directory; the caller holds its lock. `take` gets every
   * event in it, in order.
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
      return { ok: false, error: cannotOpen(path, error) };
    }
  }

  get seq(): number {
    return this.#seq;
  }

  /**
   * Why the file with the journal's name is not the one written here, or undefined: somebody moved,
   * removed, replaced or truncated it. It is then lost to this daemon for good, even if it comes
   * back, because it may have been modified meanwhile. Only a restart reads it again.
   */
  examine(): string | undefined {
    if (this.#loss !== undefined || this.#torn) return this.#loss;
    const own = this.#disk.fstatSync(this.#file);
    const named = this.#disk.statSync(this.path, { throwIfNoEntry: false });
    if (named === undefined) this.#loss = journalGone(this.path);
    else if (own.ino !== named.ino || own.dev !== named.dev)
      this.#loss = journalReplaced(this.path);
    else if (own.size !== this.#bytes) {
      this.#loss = journalChanged(this.path, own.size, this.#bytes);
    }
    return this.#loss;
  }

  #expectOwn(): void {
    if (this.examine() !== undefined) throw Object.assign(new Error(), { code: 'ESTALE' });
  }

  /** Writes all of these events or none. Not yet durable: see `sync`. */
  append(events: readonly Event[]): Result<undefined> {
    const bytes = Buffer.from(encodeLines(this.#seq + 1, events));
    try {
      this.#repair();
      if (!this.#isExamined || this.#loss !== undefined) this.#expectOwn();
      this.#isExamined = true;
      this.#torn = true;
      writeAll(this.#disk, this.#file, bytes);
      this.#torn = false;
    } catch (error) {
      try {
        this.#repair();
      } catch {
        // The next append tries again before it writes; a restart cuts it off.
      }
      return { ok: false, error: errnoOf(error) };
    }
    this.#seq += events.length;
    this.#bytes += bytes.length;
    this.#dirty = true;
    this.#compaction?.add(events);
    return { ok: true, value: undefined };
  }

  /** Cuts off a partial record, so that the next one begins at a valid position. */
  #repair(): void {
    if (!this.#torn) return;
    this.#disk.ftruncateSync(this.#file, this.#bytes);
    this.#torn = false;
  }

  /**
   * Resolves once everything appended so far is on the disk. Rejects if the kernel reports an
   * error: it may have dropped the pages, so no retry can be trusted, and the daemon must exit. The
   * caller must examine the journal before telling anybody: data on the disk may have lost its
   * name.
   */
  sync(): Promise<void> {
    if (!this.#dirty) return this.#next ?? this.#flushing;
    if (this.#next === undefined) {
      this.#next = this.#flushing.then(async () => {
        this.#next = undefined;
        this.#dirty = false;
        this.#isExamined = false;
        await this.#disk.fdatasync(this.#file);
      });
      this.#flushing = this.#next;
    }
    return this.#next;
  }

  /** Whether a compaction is worthwhile, and none is under way. */
  get isBloated(): boolean {
    if (this.#compaction !== undefined) return false;
    return this.#bytes > Math.max(COMPACT_BYTES_MIN, COMPACT_FACTOR * this.#bytesCompacted);
  }

  /**
   * Replaces the journal by the shortest one that leads to the same state, in steps, so that other
   * work is not delayed. `history` leads to the state of all events appended so far; events that
   * are appended meanwhile are in the new journal, too. A crash at any step leaves the old or the
   * new one, complete, with every event that a sync has covered. Resolves at the end.
   */
  async compact(history: Iterable<Event>, steps: Steps = STEPS): Promise<Result<undefined>> {
    if (this.#compaction !== undefined) return { ok: false, error: 'EBUSY' };
    let compaction: Compaction | undefined;
    try {
      this.#expectOwn();
      compaction = new Compaction(this.path, this.#disk, steps);
      this.#compaction = compaction;
      const historyBytes = await compaction.write(history);
      const replaced = await this.#replaceBy(compaction);
      // After a failure, another attempt is worthwhile only when the journal has grown.
      this.#bytesCompacted = replaced.ok ? historyBytes : this.#bytes;
      return replaced;
    } catch (error) {
      compaction?.discard();
      this.#bytesCompacted = this.#bytes;
      return { ok: false, error: errnoOf(error) };
    } finally {
      this.#compaction = undefined;
    }
  }

  /**
   * Takes a turn among the syncs: none is under way, and all later ones wait until it is over. So
   * nobody is told that an event is durable if it is not in the new journal.
   */
  #replaceBy(compaction: Compaction): Promise<Result<undefined>> {
    const turn = this.#flushing.then(async () => {
      const renamed = await this.#rename(compaction);
      // Without it a power cut could restore the old file: no later sync may succeed then.
      if (renamed.ok) await compaction.settle();
      return renamed;
    });
    this.#flushing = turn.then(() => {});
    this.#flushing.catch(() => {}); // the next sync reports it
    return turn;
  }

  async #rename(compaction: Compaction): Promise<Result<undefined>> {
    try {
      await compaction.sync();
      // Must not overwrite a file that somebody else has put there.
      this.#expectOwn();
      // Synchronous, or something could be appended to the old file, which no longer has a name.
      const { file, seq, bytes } = compaction.rename();
      closeLast(this.#disk, this.#file);
      [this.#file, this.#seq, this.#bytes, this.#torn] = [file, seq, bytes, false];
      return { ok: true, value: undefined };
    } catch (error) {
      compaction.discard();
      return { ok: false, error: errnoOf(error) };
    }
  }

  close(): void {
    this.#compaction?.abandon();
    this.#disk.closeSync(this.#file);
  }
}
