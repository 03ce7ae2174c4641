/**
 * Finds a program in a PATH. A directory in it may be on a hanging file server: nothing here runs
 * on the daemon's own thread, and there is one look at a time, so that such a server blocks only
 * one of Node's few file threads.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Resolves if a file is executable, and rejects if it is not. */
export type CanExecute = (file: string) => Promise<void>;

const canExecuteFile: CanExecute = (file) => access(file, constants.X_OK);

export class ProgramFinder {
  readonly #path: string;
  readonly #canExecute: CanExecute;
  readonly #wanted = new Map<string, Promise<string | undefined>>();
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, canExecute: CanExecute = canExecuteFile) {
    this.#path = path;
    this.#canExecute = canExecute;
  }

  /** Undefined if it is in no directory of the PATH. May never resolve: set a time limit. */
  find(name: string): Promise<string | undefined> {
    const wanted = this.#wanted.get(name);
    if (wanted !== undefined) return wanted;
    const found = this.#last.then(() => this.#search(name));
    this.#wanted.set(name, found);
    this.#last = found.then(() => this.#wanted.delete(name));
    return found;
  }

  async #search(name: string): Promise<string | undefined> {
    for (const place of this.#path.split(delimiter)) {
      if (!place.startsWith('/')) continue;
      const file = join(place, name);
      try {
        await this.#canExecute(file);
        return file;
      } catch {
        // Try the next directory.
      }
    }
    return undefined;
  }
}
