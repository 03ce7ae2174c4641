/**
 * Files that policies read when the configuration is (rsnapshot.conf), and whether they have changed
 * since. Each is read once and kept; only `forget` makes it be read anew. So a configuration can be
 * made again with the news of one group while another, which is busy, keeps what it began with.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs';
import type { FileRead, ReadFile } from '../policies/policy.ts';
import { longFile, noRegularFile, relativePath } from './message/config.ts';

/** Longest file that is read. */
export const CONF_BYTES_MAX = 1_048_576;

export class Confs {
  readonly #readNow: ReadFile;
  readonly #known = new Map<string, { readonly file: FileRead; readonly version: string }>();

  constructor(readNow: ReadFile = readFile) {
    this.#readNow = readNow;
  }

  readonly read: ReadFile = (path) => {
    const known = this.#known.get(path);
    if (known !== undefined) return known.file;
    // Before the file itself: what changes in between is news.
    const version = versionOf(path);
    const file = this.#readNow(path);
    this.#known.set(path, { file, version });
    return file;
  };

  /** Those of these files that are not as they were read. */
  changed(paths: readonly string[]): readonly string[] {
    return paths.filter((path) => {
      const known = this.#known.get(path);
      return known !== undefined && known.version !== versionOf(path);
    });
  }

  forget(paths: readonly string[]): void {
    for (const path of paths) this.#known.delete(path);
  }
}

function readFile(path: string): FileRead {
  let file: number | undefined;
  try {
    if (!path.startsWith('/')) throw new Error(relativePath());
    // What is judged and what is read is the same open file; a named pipe holds nobody up.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error(noRegularFile());
    if (stats.size > CONF_BYTES_MAX) throw new Error(longFile(CONF_BYTES_MAX));
    const text = readFileSync(file, 'utf8');
    return { ok: true, text, realPath: realpathSync(path) };
  } catch (error) {
    return { ok: false, error: reasonOf(error) };
  } finally {
    if (file !== undefined) closeSync(file);
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
