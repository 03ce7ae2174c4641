/**
 * The record of an attempt (daemon/keepers/keeper-record.ts), held open as long as its command
 * runs: by it a daemon knows what runs, wherever its directory was moved, and where that is, the
 * kernel tells.
 */
import { closeSync, constants, openSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Prepare } from '../ssh/keeper-protocol.ts';

const DELETED = ' (deleted)';

export class HeldRecord {
  readonly #directory: string;
  readonly #file: number | undefined;

  constructor({ directory, attempt, nonce }: Pick<Prepare, 'directory' | 'attempt' | 'nonce'>) {
    this.#directory = directory;
    const path = join(directory, `keeper.${attempt}.${nonce}`);
    try {
      this.#file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch {
      // There was no room for it, or it has gone: then the directory is where it was.
    }
  }

  /**
   * Where it lies now. Where it was removed that is no directory: there may be another one.
   */
  get directory(): string {
    if (this.#file === undefined) return this.#directory;
    const path = readlinkSync(`/proc/self/fd/${this.#file}`);
    return path.endsWith(DELETED) ? path : dirname(path);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }
}
