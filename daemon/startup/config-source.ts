/**
 * Where a daemon that starts has its configuration from: the file is found and read, and as long as
 * it is bad it is looked at again and again, but only read again when it has changed.
 */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Config, formatMistake, formatMistakes, loadConfig } from '../config/load.ts';
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
  #seen: string | undefined;

  constructor(flag: string | undefined, places: Places) {
    this.#flag = flag;
    this.#places = places;
  }

  read(): Read {
    const found = findConfig(this.#flag, this.#places);
    this.#seen = stampOf(found);
    if (found === undefined) {
      const places = placesOfConfig(this.#places);
      return refused(noConfig(places), places.join(', '), [noConfig(places)]);
    }
    const path = resolve(found);
    const loaded = loadConfig(path);
    if (loaded.ok) return loaded;
    return refused(formatMistakes(loaded), path, loaded.mistakes.map(formatMistake));
  }

  /** The same where the file is another than at the last reading; else undefined. */
  readIfChanged(): Read | undefined {
    const found = findConfig(this.#flag, this.#places);
    return stampOf(found) === this.#seen ? undefined : this.read();
  }
}

/** Differs after every change, also of its owner and mode. */
function stampOf(path: string | undefined): string | undefined {
  const stats = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false });
  return stats && [path, stats.dev, stats.ino, stats.ctimeMs, stats.size].join(' ');
}

function refused(text: string, path: string, mistakes: readonly string[]): Read {
  const message = noConfiguration(path, mistakes);
  const brief = noConfigurationNow(path);
  return { ok: false, text, refusal: { code: 'bad-config', exit: EXIT.config, message, brief } };
}
