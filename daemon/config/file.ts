/**
 * Reads the files of a configuration: its own, and its plugins. A user who can write to one of them
 * can run commands as the daemon's user, so it is only read if nobody but that user and root can.
 *
 * Invariant: the checks (owner, mode, size) and the read apply to the same open file. A plugin is
 * read once more, by its name, when it is imported: so nobody else may be able to replace it, and
 * each directory and each link on its path is checked as well.
 */
import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs';
import { errnoOf } from '../shared/errno.ts';
import { nameUser } from '../system/owner-name.ts';
import * as say from './config-messages.ts';
import { type Json, parseJson } from './json.ts';
import { wayTo } from './plugin-path.ts';

/** Longest configuration that is read. */
export const CONFIG_BYTES_MAX = 16 * 1024 * 1024;
/** Longest plugin module. */
export const PLUGIN_BYTES_MAX = 1_048_576;

export interface Readable extends Json {
  readonly text: string;
}

type Content =
  | ({ readonly ok: true } & Readable)
  /** Why it cannot be read at all. */
  | Refused;

/** What a file should be, and what to suggest instead of a wrong one. */
interface FileKind {
  readonly name: string;
  readonly other: string;
}

const CONFIG_FILE: FileKind = { name: 'config.json', other: 'with --config FILE' };
const PLUGIN_FILE: FileKind = { name: 'module (.mjs)', other: 'in "plugins"' };

/** The message for a configuration that does not exist. */
export const NOT_THERE = say.notThere(CONFIG_FILE.other);

/** The message for a configuration that is a directory. */
export const IS_FOLDER = say.isDirectory(CONFIG_FILE.name);

/** `uid` is the daemon's own. */
export function readConfigFile(path: string, uid: number, bytesMax = CONFIG_BYTES_MAX): Content {
  const read = readOwnFile(path, uid, CONFIG_FILE, bytesMax);
  return read.ok ? { ...read, ...parseJson(read.text) } : read;
}

interface Refused {
  readonly ok: false;
  readonly problems: readonly string[];
}

type OwnText = { readonly ok: true; readonly text: string } | Refused;

/** Returns a path without links, so that importing it uses none that was not checked. */
export function readPluginFile(
  path: string,
  uid: number,
): Refused | { readonly ok: true; readonly text: string; readonly realPath: string } {
  try {
    const { realPath, folders, links } = wayTo(path);
    const unsafe = [
      ...folders.flatMap((folder) => findUnsafeFolder(folder, uid)),
      ...links.flatMap((link) => findForeignLink(link, uid)),
    ];
    if (unsafe.length > 0) return refuse(unsafe);
    const read = readOwnFile(realPath, uid, PLUGIN_FILE, PLUGIN_BYTES_MAX);
    return read.ok ? { ...read, realPath } : read;
  } catch (error) {
    return refuse([describeError(error, PLUGIN_FILE)]);
  }
}

/** In a sticky directory, such as /tmp, nobody can replace the files of others. */
function findUnsafeFolder(path: string, uid: number): readonly string[] {
  const stats = statSync(path);
  const isSticky = (stats.mode & 0o1000) !== 0;
  return findUnsafe(path, isSticky ? { uid: stats.uid, mode: 0 } : stats, uid).map((text) =>
    say.unsafeFolder(path, text),
  );
}

/** In a sticky directory, the owner of a link can redirect it. */
function findForeignLink(path: string, uid: number): readonly string[] {
  const owner = lstatSync(path).uid;
  if (owner === 0 || owner === uid) return [];
  const own = uid === 0 ? undefined : nameUser(uid);
  return [say.foreignLink(path, nameUser(owner), uid === 0 ? 'root' : String(uid), own)];
}

function readOwnFile(path: string, uid: number, what: FileKind, bytesMax: number): OwnText {
  let file: number | undefined;
  try {
    // A named pipe must not block the daemon.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    const unfit = findUnfit(stats, what, bytesMax);
    if (unfit !== undefined) return refuse([unfit]);
    const unsafe = findUnsafe(path, stats, uid);
    if (unsafe.length > 0) return refuse(unsafe);
    return { ok: true, text: readFileSync(file, 'utf8') };
  } catch (error) {
    return refuse([describeError(error, what)]);
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function refuse(problems: readonly string[]): Refused {
  return { ok: false, problems };
}

function findUnfit(stats: Stats, what: FileKind, bytesMax: number): string | undefined {
  if (stats.isDirectory()) return say.isDirectory(what.name);
  if (!stats.isFile()) return say.isNoFile(what.name);
  if (stats.size <= bytesMax) return undefined;
  return say.tooLong(stats.size, bytesMax);
}

/** Who else could change a file of the configuration, or a directory of such files. */
export function findUnsafe(
  path: string,
  stats: Pick<Stats, 'uid' | 'mode'>,
  uid: number,
): readonly string[] {
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

function describeError(error: unknown, what: FileKind): string {
  const code = errnoOf(error);
  if (code === 'ENOENT') return say.notThere(what.other);
  if (code === 'EACCES') return say.forbidden();
  return say.unreadable(error);
}

/** A file or directory as it was before it was read. */
export interface Stamped {
  readonly path: string;
  readonly stamp: string;
}

export function stamped(path: string): Stamped {
  return { path, stamp: stampOf(path) };
}

/** Differs after every change, also of its owner or mode. */
export function stampOf(path: string): string {
  try {
    const { dev, ino, ctimeMs, size } = statSync(path);
    return [dev, ino, ctimeMs, size].join(' ');
  } catch (error) {
    return errnoOf(error);
  }
}
