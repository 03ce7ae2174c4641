/**
 * Gets the configuration for a daemon that starts: finds and reads the file. While it has mistakes,
 * it is checked again and again, but only read again after a change.
 */

import { resolve } from 'node:path';
import { type Stamped, stampOf } from '../config/file.ts';
import { type Config, loadWithPlugins } from '../config/load.ts';
import { formatMistakes, shortMistakes } from '../config/mistakes.ts';
import { PluginFiles } from '../config/plugin-files.ts';
import { noConfiguration, noConfigurationNow } from '../protocol/refusal-text.ts';
import { EXIT } from '../protocol/request.ts';
import { noConfig } from '../system/boot-messages.ts';
import { findConfig, type Places, placesOfConfig } from './paths.ts';
import type { Refusal } from './refuser.ts';

export type Read =
  | { readonly ok: true; readonly value: Config }
  /** `text` has a line for each mistake. */
  | { readonly ok: false; readonly text: string; readonly refusal: Refusal };

export class ConfigSource {
  readonly #flag: string | undefined;
  readonly #places: Places;
  /** Imported plugins. */
  readonly plugins = new PluginFiles();
  /** The files of the last reading. */
  #seen: { readonly found: string | undefined; readonly files: readonly Stamped[] } | undefined;

  constructor(flag: string | undefined, places: Places) {
    this.#flag = flag;
    this.#places = places;
  }

  async read(): Promise<Read> {
    const found = findConfig(this.#flag, this.#places);
    if (found === undefined) {
      this.#seen = { found, files: [] };
      const places = placesOfConfig(this.#places);
      return refused(noConfig(places), places.join(', '), [noConfig(places)]);
    }
    const path = resolve(found);
    const loaded = await loadWithPlugins(path, this.plugins);
    if (loaded.ok) return loaded;
    this.#seen = { found, files: loaded.files };
    return refused(formatMistakes(loaded), path, shortMistakes(loaded));
  }

  /** The same if one of its files has changed since the last reading; else undefined. */
  async readIfChanged(): Promise<Read | undefined> {
    const found = findConfig(this.#flag, this.#places);
    const isSame =
      found === this.#seen?.found &&
      this.#seen?.files.every(({ path, stamp }) => stampOf(path) === stamp) === true;
    return isSame ? undefined : await this.read();
  }
}

function refused(text: string, path: string, mistakes: readonly string[]): Read {
  const message = noConfiguration(path, mistakes);
  const brief = noConfigurationNow(path);
  return { ok: false, text, refusal: { code: 'bad-config', exit: EXIT.config, message, brief } };
}
