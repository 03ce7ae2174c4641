/**
 * From config.json to what the daemon works with. All mistakes are found at once; a configuration
 * with a mistake is no configuration. What merely cannot work on this machine (a missing key file)
 * is no mistake: that one target is broken and says why, the others work.
 */
import { dirname } from 'node:path';
import { type Catalog, makeCatalog } from '../core/catalog.ts';
import type { ReadFile } from '../core/policy.ts';
import type { LogFormat } from '../system/log.ts';
import { binder, exclude } from './bind-policies.ts';
import { findBadHooks, findConflicts, findTwice } from './conflicts.ts';
import { check, type Diagnostic, isWithin, showKeys } from './diagnostics.ts';
import { type Content, readConfigFile } from './file.ts';
import type { Keys } from './json.ts';
import { PolicyFiles } from './policy-files.ts';
import { type Converted, fromPy9tor } from './py9tor.ts';
import { Settings } from './schema.ts';
import { findOddities, type SocketSettings } from './sockets.ts';
import { makeTarget } from './target.ts';

export interface Config {
  readonly path: string;
  readonly logLevel?: string;
  readonly logFormat?: LogFormat;
  /** The default socket where absent. */
  readonly sockets?: readonly SocketSettings[];
  readonly idleExitMs?: number;
  readonly catalog: Catalog;
  readonly warnings: readonly string[];
  /** What the policies have read. */
  readonly policyFiles: PolicyFiles;
  /** Makes it again from the same text: what `policyFiles` has forgotten is read anew. */
  again(): Loaded;
}

interface Mistake {
  /** Such as targets.web.policies[0]; empty for the file itself. */
  readonly path: string;
  readonly text: string;
}

export interface Mistakes {
  readonly ok: false;
  readonly path: string;
  readonly mistakes: readonly Mistake[];
}

export type Loaded = { readonly ok: true; readonly value: Config } | Mistakes;

/** Reads a configuration; `uid` is the daemon's own, `policyFiles` reads for the policies. */
export function loadConfig(
  path: string,
  uid: number = process.getuid?.() ?? 0,
  policyFiles = new PolicyFiles(),
): Loaded {
  const content = readConfigFile(path, uid);
  if (content.value === undefined) return refuse(path, content.diagnostics);
  return load(path, content, policyFiles);
}

function load(path: string, content: Content, policyFiles: PolicyFiles): Loaded {
  const made = makeConfig(path, content.value, policyFiles.read);
  if (!('catalog' in made))
    return refuse(path, inOrder(content.value, [...content.diagnostics, ...made]));
  return content.diagnostics.length > 0
    ? refuse(path, inOrder(content.value, content.diagnostics))
    : { ok: true, value: { ...made, policyFiles, again: () => load(path, content, policyFiles) } };
}

/** One line for each mistake: FILE: place: what is wrong. */
export function formatMistakes({ path, mistakes }: Mistakes): string {
  return mistakes.map((mistake) => `${path}: ${formatMistake(mistake)}`).join('\n');
}

/** Without the file: place: what is wrong. */
export function formatMistake({ path, text }: Mistake): string {
  return path === '' ? text : `${path}: ${text}`;
}

/** The configuration, or what is wrong with it, by places in the user's own file. */
function makeConfig(
  path: string,
  value: unknown,
  read: ReadFile,
): Omit<Config, 'policyFiles' | 'again'> | readonly Diagnostic[] {
  const converted = fromPy9tor(value, dirname(path));
  const checked = check(Settings, converted.value);
  if (!checked.ok) return merge(converted, checked.diagnostics);
  const { log, keep, sockets = [], idleExit, targets: settings } = checked.value;
  const warnings = [...converted.warnings];
  const bindAll = binder(read);
  const targets = Object.entries(settings).map(([name, target]) => {
    const made = makeTarget(name, target, bindAll, keep);
    warnings.push(...made.warnings);
    return made.target;
  });
  const diagnostics = merge(converted, [
    ...targets.flatMap(findTwice),
    ...findConflicts(targets),
    ...targets.flatMap((target) => findBadHooks(target, settings)),
  ]);
  if (diagnostics.length > 0) return diagnostics;
  const apart = exclude(targets);
  return {
    path,
    ...(log?.level === undefined ? {} : { logLevel: log.level }),
    ...(log?.format === undefined ? {} : { logFormat: log.format }),
    ...(sockets.length === 0 ? {} : { sockets }),
    ...(idleExit === undefined ? {} : { idleExitMs: idleExit }),
    catalog: makeCatalog(apart.targets),
    warnings: [...warnings, ...apart.warnings, ...findOddities(sockets, Object.keys(settings))],
  };
}

/** What the schema says of a place that the conversion has complained of says nothing new. */
function merge(converted: Converted, diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const more = diagnostics
    .map(({ at, text }) => ({ at: converted.origin(at), text }))
    .filter(({ at }) => !converted.diagnostics.some((known) => isWithin(at, known.at)));
  return [...converted.diagnostics, ...more];
}

/** In the order of the file, so that an editor can be held beside. */
function inOrder(value: unknown, diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const ranked = diagnostics.map((diagnostic) => ({
    diagnostic,
    rank: rankOf(value, diagnostic.at),
  }));
  ranked.sort((a, b) => {
    const at = a.rank.findIndex((rank, index) => rank !== b.rank[index]);
    return at < 0 ? a.rank.length - b.rank.length : (a.rank[at] ?? 0) - (b.rank[at] ?? -1);
  });
  return ranked.map(({ diagnostic }) => diagnostic);
}

/** The position of every key among its neighbours; a missing key comes last. */
function rankOf(value: unknown, at: Keys): readonly number[] {
  let node: unknown = value;
  return at.map((key) => {
    const entries: [string, unknown][] =
      typeof node === 'object' && node !== null ? Object.entries(node) : [];
    const position = entries.findIndex(([name]) => name === String(key));
    node = entries[position]?.[1];
    return position < 0 ? entries.length : position;
  });
}

function refuse(path: string, diagnostics: readonly Diagnostic[]): Mistakes {
  const mistakes = diagnostics.map(({ at, text }) => ({ path: showKeys(at), text }));
  return { ok: false, path, mistakes };
}
