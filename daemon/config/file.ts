/**
 * The file behind a configuration. Whoever can write it can run commands as the daemon's user, so
 * it is only read if nobody but that user and root can.
 *
 * Invariant: what is judged (owner, mode, size) and what is read is the same open file.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs';
import { errnoOf } from '../shared/errno.ts';
import { nameUser } from '../system/owner-name.ts';
import * as say from './config-messages.ts';
import { type Json, parseJson } from './json.ts';

/** Longest configuration that is read. */
export const CONFIG_BYTES_MAX = 16 * 1024 * 1024;

export interface Readable extends Json {
  readonly text: string;
}

type Content =
  | ({ readonly ok: true } & Readable)
  /** Why it cannot be read at all. */
  | { readonly ok: false; readonly problems: readonly string[] };

/** `uid` is the daemon's own. */
export function readConfigFile(path: string, uid: number, bytesMax = CONFIG_BYTES_MAX): Content {
  let file: number | undefined;
  try {
    // A named pipe must not hold the daemon up.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    const unfit = findUnfit(stats, bytesMax);
    if (unfit !== undefined) return refuse([unfit]);
    const unsafe = findUnsafe(path, stats, uid);
    if (unsafe.length > 0) return refuse(unsafe);
    const text = readFileSync(file, 'utf8');
    return { ok: true, text, ...parseJson(text) };
  } catch (error) {
    return refuse([describeError(error)]);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function refuse(problems: readonly string[]): Content {
  return { ok: false, problems };
}

function findUnfit(stats: Stats, bytesMax: number): string | undefined {
  if (stats.isDirectory()) return say.isDirectory();
  if (!stats.isFile()) return say.isNoFile();
  if (stats.size <= bytesMax) return undefined;
  return say.tooLong(stats.size, bytesMax);
}

/** Who else could change a file of the configuration, or a folder of such files. */
export function findUnsafe(path: string, stats: Stats, uid: number): readonly string[] {
  const problems: string[] = [];
  if (stats.uid !== 0 && stats.uid !== uid) {
    const found = nameUser(stats.uid);
    const own = uid === 0 ? undefined : nameUser(uid);
    problems.push(say.foreignOwner(path, found, uid === 0 ? 'root' : String(uid), own));
  }
  if ((stats.mode & 0o022) !== 0) {
    const mode = (stats.mode & 0o7777).toString(8).padStart(4, '0');
    problems.push(say.writableByOthers(path, mode));
  }
  return problems;
}

function describeError(error: unknown): string {
  const code = errnoOf(error);
  if (code === 'ENOENT') return say.notThere();
  if (code === 'EACCES') return say.forbidden();
  return say.unreadable(error);
}

/** A file or a folder as it was before it was read. */
export interface Stamped {
  readonly path: string;
  readonly stamp: string;
}

export function stamped(path: string): Stamped {
  return { path, stamp: stampOf(path) };
}

/** Differs after every change, also of its owner and mode. */
export function stampOf(path: string): string {
  try {
    const { dev, ino, ctimeMs, size } = statSync(path);
    return [dev, ino, ctimeMs, size].join(' ');
  } catch (error) {
    return errnoOf(error);
  }
}
