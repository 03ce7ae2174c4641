/**
 * Finds and reads the files that a configuration includes: by name, or all files in a directory
 * that match a pattern, ordered by pattern and then by name (bytewise). The same file is read once.
 * The rules of ownership apply to each file, and to each directory that is searched, because a new
 * file in it can also define commands.
 */
import { type Dir, opendirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import type { CooperativeSteps } from '../shared/cooperative.ts';
import { errnoOf } from '../shared/errno.ts';
import { matches } from '../shared/wildcard.ts';
import * as say from './config-messages.ts';
import { IncludePattern } from './field-types.ts';
import {
  CONFIG_BYTES_MAX,
  findUnsafe,
  IS_FOLDER,
  NOT_THERE,
  readConfigFile,
  type Stamped,
  stamped,
} from './file.ts';
import type { Fault, Mistake, Source } from './mistakes.ts';
import { INCLUDES_MAX } from './schema.ts';

/** Most files that a configuration includes. */
export const INCLUDED_FILES_MAX = 1_000;
/** Longest included file: it is read and parsed in one step. */
export const INCLUDED_BYTES_MAX = 1_048_576;
/** Most entries of a directory that is searched. */
export const FOLDER_ENTRIES_MAX = 10_000;

export interface Included {
  readonly sources: readonly Source[];
  /** In `include` itself. */
  readonly faults: readonly Fault[];
  /** Files that cannot be read. */
  readonly mistakes: readonly Mistake[];
  /** Files and directories that were checked. */
  readonly files: readonly Stamped[];
}

/** Reads what the main file includes, as far as `include` is valid. */
export function* readIncluded(main: Source, uid: number): CooperativeSteps<Included> {
  const { paths, faults, folders } = findAll(main, uid);
  const files = [...folders];
  const sources: Source[] = [];
  const mistakes: Mistake[] = [];
  let bytesLeft = CONFIG_BYTES_MAX - Buffer.byteLength(main.text);
  for (const path of paths.slice(0, INCLUDED_FILES_MAX)) {
    yield;
    files.push(stamped(path));
    const content = readConfigFile(path, uid, INCLUDED_BYTES_MAX);
    if (!content.ok) {
      const texts = content.problems.map((text) => {
        if (text === IS_FOLDER) return say.notFolder(path);
        return text === NOT_THERE ? say.notIncludable() : text;
      });
      mistakes.push(...texts.map((text) => ({ file: path, path: '', text })));
      continue;
    }
    bytesLeft -= Buffer.byteLength(content.text);
    if (bytesLeft < 0) {
      mistakes.push({ file: path, path: '', text: say.longTogether(CONFIG_BYTES_MAX) });
      break;
    }
    sources.push({ path, ...content });
  }
  return { sources, faults, mistakes, files };
}

interface Found {
  readonly paths: readonly string[];
  readonly faults: readonly Fault[];
  readonly folders: readonly Stamped[];
}

function findAll(main: Source, uid: number): Found {
  const paths = new Set<string>();
  const faults: Fault[] = [];
  const folders: Stamped[] = [];
  for (const [index, pattern] of patternsOf(main.value).entries()) {
    const place = { source: main, at: ['include', index] };
    const path = resolve(dirname(main.path), pattern);
    if (!basename(path).includes('*')) {
      if (path === main.path) faults.push({ ...place, text: say.includesItself() });
      else paths.add(path);
      continue;
    }
    folders.push(stamped(dirname(path)));
    const listed = listFolder(path, uid);
    faults.push(...listed.problems.map((text) => ({ ...place, text })));
    for (const found of listed.paths) if (found !== main.path) paths.add(found);
    if (paths.size > INCLUDED_FILES_MAX) {
      faults.push({ ...place, text: say.manyIncluded(INCLUDED_FILES_MAX) });
      break;
    }
  }
  return { paths: [...paths], faults, folders };
}

function patternsOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null || !('include' in value)) return [];
  const { include } = value;
  if (!Array.isArray(include)) return [];
  return include.slice(0, INCLUDES_MAX).filter((it) => v.is(IncludePattern, it));
}

interface Listed {
  readonly paths: readonly string[];
  readonly problems: readonly string[];
}

/** The matching files of a directory; none if there is no directory. */
function listFolder(pattern: string, uid: number): Listed {
  const folder = dirname(pattern);
  let open: Dir | undefined;
  try {
    const stats = statSync(folder);
    if (!stats.isDirectory()) return refuse(say.noFolder(folder));
    const unsafe = findUnsafe(folder, stats, uid);
    if (unsafe.length > 0) return refuse(...unsafe.map((text) => say.unsafeFolder(folder, text)));
    open = opendirSync(folder);
    const names: string[] = [];
    let left = FOLDER_ENTRIES_MAX;
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) {
      if (left-- === 0) return refuse(say.fullFolder(folder, FOLDER_ENTRIES_MAX));
      if (fits(basename(pattern), entry.name)) names.push(entry.name);
    }
    names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return { paths: names.map((name) => join(folder, name)), problems: [] };
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return { paths: [], problems: [] };
    return refuse(say.folderUnread(folder, error));
  } finally {
    open?.closeSync();
  }
}

function refuse(...problems: readonly string[]): Listed {
  return { paths: [], problems };
}

/** As in a shell, `*` does not match a leading dot. */
function fits(pattern: string, name: string): boolean {
  return matches(pattern, name) && (!name.startsWith('.') || pattern.startsWith('.'));
}
