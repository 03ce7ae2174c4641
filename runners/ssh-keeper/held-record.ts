/**
 * The record of an attempt (daemon/keepers/keeper-record.ts), held open while its command runs: it
 * tells a daemon what is running, even if its directory was moved; the kernel knows where it is.
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
      // There was no room for it, or it is gone: the directory is assumed to be where it was.
    }
  }

  /**
   * Its current path. If it was removed, that is no directory: there may be a new one in its place.
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
