/**
 * Files that policies read when the configuration is (rsnapshot.conf), and whether they have
 * changed since. Each is read once and kept; `without` makes other files of them, which read
 * some anew. So a configuration can be made again with the news of one group while another, which
 * is busy, keeps what it began with; and if it comes to nothing, the news is still news.
 */
import { realpathSync, statSync } from 'node:fs';
import type { FileRead, ReadFile } from '../core/policy.ts';
import { errnoOf } from '../shared/errno.ts';
import { readRegularBytes } from '../system/regular-file.ts';
import { longFile, noRegularFile, relativePath } from './config-messages.ts';

/** Longest file that is read. */
export const CONF_BYTES_MAX = 1_048_576;

export class PolicyFiles {
  readonly #readNow: ReadFile;
  readonly #known = new Map<string, { readonly file: FileRead; readonly version: string }>();

  constructor(readNow: ReadFile = readFile) {
    this.#readNow = readNow;
  }

  readonly read: ReadFile = (path, as) => {
    const key = keyOf(path, as);
    const known = this.#known.get(key);
    if (known !== undefined) return known.file;
    // Before the file itself: what changes in between is news.
    const version = versionOf(path);
    const file = this.#readNow(path, as);
    this.#known.set(key, { file, version });
    return file;
  };

  /** Those of these files that are not as they were read. */
  changed(paths: readonly string[]): readonly string[] {
    return paths.filter((path) => {
      const known = WAYS.flatMap((as) => this.#known.get(keyOf(path, as)) ?? []);
      if (known.length === 0) return false;
      const version = versionOf(path);
      return known.some((it) => it.version !== version);
    });
  }

  /** The same, except for these files: they are read anew. */
  without(paths: readonly string[]): PolicyFiles {
    const others = new PolicyFiles(this.#readNow);
    for (const [key, file] of this.#known) others.#known.set(key, file);
    for (const path of paths) for (const as of WAYS) others.#known.delete(keyOf(path, as));
    return others;
  }
}

const WAYS = [undefined, 'bytes'] as const;

/** A path begins with a slash. */
function keyOf(path: string, as: 'bytes' | undefined): string {
  return as === undefined ? path : `${as} ${path}`;
}

function readFile(path: string, as?: 'bytes'): FileRead {
  if (!path.startsWith('/')) return { ok: false, error: relativePath() };
  try {
    const text = readRegularBytes(path, CONF_BYTES_MAX).toString(
      as === 'bytes' ? 'latin1' : 'utf8',
    );
    return { ok: true, text, realPath: realpathSync(path) };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EFTYPE') return { ok: false, error: noRegularFile() };
    if (errno === 'EFBIG') return { ok: false, error: longFile(CONF_BYTES_MAX) };
    return { ok: false, error: reasonOf(error) };
  }
}

function versionOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs].join(' ');
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'code' in error ? String(error.code) : error.message;
}
