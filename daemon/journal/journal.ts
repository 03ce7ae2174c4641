/**
 * The journal: STATE/journal.ndjson, one event a line, append-only, the only source of truth.
 *
 * What is appended in one go has happened as a whole, or not at all, whatever a power cut leaves of
 * it. It is durable once `sync` resolves; all that is appended while one fdatasync is under way
 * shares the next (group commit). What a line is, and what becomes of a damaged one:
 * daemon/journal/record.ts. How it is written anew when it has grown: daemon/journal/compaction.ts.
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
/** It is compacted when it has grown to so many times its size after the last compaction. */
const COMPACT_FACTOR = 4;

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
  /** Why it is lost; see `examine`. */
  #loss: string | undefined;
  /** It has been examined since the last sync began. */
  #isExamined = false;
  /** A part of a record may stand behind the last whole one, and could not be cut off yet. */
  #torn = false;
  /** Appended, but not covered by a sync that has begun. */
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
    // Not the size found: a daemon that often starts anew would never compact.
    this.#bytesCompacted = parsed.compactedBytes;
  }

  /**
   * Opens or creates the journal of a state directory, whose lock the caller holds. `take` gets
   * every event that is in it, in order.
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
   * Why what has the journal's name is not what this has written, or undefined: somebody moved,
   * removed, replaced or cut it. Then it is lost to this daemon for good, also if it comes back:
   * meanwhile it may have been anything. Only a start reads it anew.
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
        // The next append tries again before it writes; a restart cuts it off as a torn line.
      }
      return { ok: false, error: errnoOf(error) };
    }
    this.#seq += events.length;
    this.#bytes += bytes.length;
    this.#dirty = true;
    this.#compaction?.add(events);
    return { ok: true, value: undefined };
  }

  /** Cuts off a part of a record, so that the next one begins where one may. */
  #repair(): void {
    if (!this.#torn) return;
    this.#disk.ftruncateSync(this.#file, this.#bytes);
    this.#torn = false;
  }

  /**
   * Resolves once all that has been appended so far is on the disk. Rejects if the kernel could not
   * say so; it may have dropped the pages, so that no retry can be trusted: the daemon must end.
   * Who tells others of it examines the journal first: what is on the disk need not have a name
   * there.
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

  /** Whether rewriting is worth its while, and not under way. */
  get isBloated(): boolean {
    if (this.#compaction !== undefined) return false;
    return this.#bytes > Math.max(COMPACT_BYTES_MIN, COMPACT_FACTOR * this.#bytesCompacted);
  }

  /**
   * Replaces the journal by the shortest one that leads to the same state, in steps between which
   * others have their turn. `history` leads to the state that all events appended so far lead to;
   * those that are appended meanwhile are in the new journal too. A crash at any step leaves the
   * old or the new one, whole, with every event that a sync has covered. Resolves when it is over.
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
      // After a failure, another attempt is worth its while once the journal has grown.
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
   * Has its turn among the syncs: none is under way, and all that are asked for from now on wait
   * until it is over. So nobody is told that an event is durable which is not in the new journal.
   */
  #replaceBy(compaction: Compaction): Promise<Result<undefined>> {
    const turn = this.#flushing.then(async () => {
      const renamed = await this.#rename(compaction);
      // Without it a power cut could bring the old file back: no later sync may succeed then.
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
      // What somebody has put there is not to be written over.
      this.#expectOwn();
      // In one go, or something could be appended to the old one that has no name any more.
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
