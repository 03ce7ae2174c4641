/**
 * Files that policies read with the configuration (rsnapshot.conf), and whether they have changed
 * since. Each is read once and cached; `without` returns a copy that reads some of them again. So a
 * configuration can be rebuilt with the changes of one group while another group, which is busy,
 * keeps its old files; and if that fails, the changes are still new.
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
    // Before the file itself: a change in between is then noticed.
    const version = versionOf(path);
    const file = this.#readNow(path, as);
    this.#known.set(key, { file, version });
    return file;
  };

  /** Those of these files that have changed since they were read. */
  changed(paths: readonly string[]): readonly string[] {
    return paths.filter((path) => {
      const known = WAYS.flatMap((as) => this.#known.get(keyOf(path, as)) ?? []);
      if (known.length === 0) return false;
      const version = versionOf(path);
      return known.some((it) => it.version !== version);
    });
  }

  /** The same cache without these files: they are read again. */
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
