/**
 * Finds a program by a PATH. A directory of it may be on a file server that hangs: nothing here is
 * done on the daemon's own thread, and there is one look at a time, so that a server that hangs
 * holds up one of the few threads that Node has for files.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

/** Resolves when a file can be executed, and rejects when it cannot. */
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

  /** Undefined where it is in no directory of the PATH. May never resolve: set a limit. */
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
        // In another place.
      }
    }
    return undefined;
  }
}
