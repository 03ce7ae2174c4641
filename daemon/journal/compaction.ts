/**
 * The new journal while it is written beside the old one, which goes on being the journal.
 *
 * It is written in steps, between which others have their turn: first the history that led to the
 * state at its beginning, then all that has been appended to the old journal since, in the same
 * order and numbered anew. Nobody reads it before the rename, so that whatever goes wrong on the
 * way costs nothing but the file.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Event } from '../core/event.ts';
import { close, closeLast, type Disk, writeAll } from './disk.ts';
import { encodeLine, FORMAT } from './record.ts';

export interface Steps {
  /** Written in one go. */
  readonly events: number;
  /** Lets others have their turn. */
  readonly pause: () => Promise<unknown>;
}

/** A step takes some 4 ms. */
export const STEPS: Steps = { events: 1_000, pause: nextTurn };

/** What is there to be the journal, once it has its name. */
interface Copied {
  readonly file: number;
  readonly seq: number;
  readonly bytes: number;
}

export class Compaction {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #steps: Steps;
  readonly #directory: number;
  readonly #file: number;
  /** Appended to the old journal, and not copied yet. */
  #rest: { readonly event: Event; readonly isPart: boolean }[] = [];
  #seq = 0;
  #bytes = 0;
  #isAbandoned = false;
  #isRenamed = false;

  /** Throws where there is no room for a file, as everything here throws what the disk says. */
  constructor(path: string, disk: Disk, steps: Steps) {
    this.#disk = disk;
    this.#path = path;
    this.#steps = steps;
    const { O_WRONLY, O_CREAT, O_TRUNC, O_APPEND } = fs.constants;
    this.#directory = disk.openSync(dirname(path), 'r');
    try {
      const flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND;
      this.#file = disk.openSync(asideOf(path), flags, 0o600);
    } catch (error) {
      close(disk, this.#directory);
      throw error;
    }
  }

  /** These have been appended to the old journal. */
  add(events: readonly Event[]): void {
    for (const [at, event] of events.entries()) {
      this.#rest.push({ event, isPart: at < events.length - 1 });
    }
  }

  /** It is to go no further: the old journal is closed. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /**
   * Writes the history and what came after it until no more than a step is left, and has as good as
   * all on the disk. Returns the size of the history.
   */
  async write(history: Iterable<Event>): Promise<number> {
    let text = encodeLine(++this.#seq, { type: 'journal', format: FORMAT });
    for (const event of history) {
      text += encodeLine(++this.#seq, event);
      if (this.#seq % this.#steps.events > 0) continue;
      this.#put(text);
      text = '';
      await this.#step();
    }
    this.#put(text);
    const historyBytes = this.#bytes;
    await this.#catchUp();
    // By far the longest sync of all; what comes meanwhile is copied in steps again.
    await this.#disk.fdatasync(this.#file);
    await this.#catchUp();
    return historyBytes;
  }

  /** Copies what is left, and has all of it on the disk. */
  async sync(): Promise<void> {
    this.#copy(this.#rest.length);
    await this.#disk.fdatasync(this.#file);
    this.#expectWanted();
  }

  /** Copies what is left, and gives it the name of the journal; a crash may take that back. */
  rename(): Copied {
    this.#copy(this.#rest.length);
    if (!this.#isNamed()) throw Object.assign(new Error(), { code: 'ESTALE' });
    this.#disk.renameSync(asideOf(this.#path), this.#path);
    this.#isRenamed = true;
    return { file: this.#file, seq: this.#seq, bytes: this.#bytes };
  }

  /** Makes the rename durable. */
  async settle(): Promise<void> {
    try {
      await this.#disk.fsync(this.#directory);
    } finally {
      close(this.#disk, this.#directory);
    }
  }

  /** Removes it, unless it has become the journal. */
  discard(): void {
    if (this.#isRenamed) return;
    if (this.#isNamed()) removeAside(this.#disk, this.#path);
    closeLast(this.#disk, this.#file);
    close(this.#disk, this.#directory);
  }

  /** Somebody may have put another directory in the place of this one, and write there. */
  #isNamed(): boolean {
    try {
      const named = this.#disk.statSync(asideOf(this.#path));
      const own = this.#disk.fstatSync(this.#file);
      return named.ino === own.ino && named.dev === own.dev;
    } catch {
      return false;
    }
  }

  /** Each step copies a step more than came since the last one, so that there is an end. */
  async #catchUp(): Promise<void> {
    await this.#step();
    for (let left = this.#rest.length; left > this.#steps.events; left = this.#rest.length) {
      await this.#step();
      this.#copy(this.#rest.length - left + this.#steps.events);
    }
  }

  async #step(): Promise<void> {
    await this.#steps.pause();
    this.#expectWanted();
  }

  #expectWanted(): void {
    if (this.#isAbandoned) throw Object.assign(new Error(), { code: 'ECANCELED' });
  }

  #copy(count: number): void {
    let text = '';
    for (const { event, isPart } of this.#rest.splice(0, count)) {
      text += encodeLine(++this.#seq, event, isPart);
    }
    this.#put(text);
  }

  #put(text: string): void {
    const bytes = Buffer.from(text);
    writeAll(this.#disk, this.#file, bytes);
    this.#bytes += bytes.length;
  }
}

/** Where a compaction writes; a crash may leave it behind. */
function asideOf(path: string): string {
  return `${path}.tmp`;
}

export function removeAside(disk: Disk, path: string): void {
  try {
    disk.unlinkSync(asideOf(path));
  } catch {
    // As a rule there is none.
  }
}
