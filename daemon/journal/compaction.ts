/**
 * The new journal during a compaction: written beside the old one, which remains in use.
 *
 * It is written in steps, so that other work is not delayed: first the history that led to the
 * state at its start, then everything that has been appended to the old journal since, in the same
 * order and renumbered. Nobody reads it before the rename, so a failure on the way costs nothing
 * but the file.
 */
import * as fs from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Event } from '../core/event.ts';
import { close, closeLast, type Disk, writeAll } from './disk.ts';
import { encodeLine, FORMAT } from './record.ts';

export interface Steps {
  /** Most events written in one step. */
  readonly events: number;
  /** Lets other work run. */
  readonly pause: () => Promise<unknown>;
}

/** A step takes about 4 ms. */
export const STEPS: Steps = { events: 1_000, pause: nextTurn };

/** The finished file, once it has the journal's name. */
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
  /** Appended to the old journal, but not copied yet. */
  #rest: { readonly event: Event; readonly isPart: boolean }[] = [];
  #seq = 0;
  #bytes = 0;
  #isAbandoned = false;
  #isRenamed = false;

  /** Throws if there is no room for a file; all functions here throw the errors of the disk. */
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

  /** To be called with events that were appended to the old journal. */
  add(events: readonly Event[]): void {
    for (const [at, event] of events.entries()) {
      this.#rest.push({ event, isPart: at < events.length - 1 });
    }
  }

  /** Stops: the old journal is closed. */
  abandon(): void {
    this.#isAbandoned = true;
  }

  /**
   * Writes the history and what came after it until at most one step is left, and syncs nearly all
   * of it. Returns the size of the history.
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
    // By far the longest sync; what arrives meanwhile is copied in steps again.
    await this.#disk.fdatasync(this.#file);
    await this.#catchUp();
    return historyBytes;
  }

  /** Copies the rest and syncs everything. */
  async sync(): Promise<void> {
    this.#copy(this.#rest.length);
    await this.#disk.fdatasync(this.#file);
    this.#expectWanted();
  }

  /** Copies the rest and renames it to the journal; a crash may undo the rename. */
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

  /** Removes the file, unless it has become the journal. */
  discard(): void {
    if (this.#isRenamed) return;
    if (this.#isNamed()) removeAside(this.#disk, this.#path);
    closeLast(this.#disk, this.#file);
    close(this.#disk, this.#directory);
  }

  /** Somebody may have replaced the directory by another one, and may be writing there. */
  #isNamed(): boolean {
    try {
      const named = this.#disk.statSync(asideOf(this.#path));
      const own = this.#disk.fstatSync(this.#file);
      return named.ino === own.ino && named.dev === own.dev;
    } catch {
      return false;
    }
  }

  /** Each step copies one step more than has arrived since the last one, so this ends. */
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

/** The file that a compaction writes; a crash may leave it behind. */
function asideOf(path: string): string {
  return `${path}.tmp`;
}

export function removeAside(disk: Disk, path: string): void {
  try {
    disk.unlinkSync(asideOf(path));
  } catch {
    // Usually there is none.
  }
}
