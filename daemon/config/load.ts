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
import { Locator, type Position } from './json.ts';
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
  /** Absent: the file could not be read. */
  readonly position?: Position;
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
  if (!content.ok) {
    return { ok: false, path, mistakes: content.problems.map((text) => ({ path: '', text })) };
  }
  return load(path, content, policyFiles);
}

type Readable = Extract<Content, { ok: true }>;

function load(path: string, content: Readable, policyFiles: PolicyFiles): Loaded {
  if (content.faults.some(({ isSound }) => !isSound)) {
    return refuse(path, content, aroundFaults(content, checkSettings(path, content.value)));
  }
  const made = makeConfig(path, content.value, policyFiles.read);
  if (!('catalog' in made)) return refuse(path, content, made);
  if (content.faults.length > 0) return refuse(path, content, []);
  const again = (): Loaded => load(path, content, policyFiles);
  return { ok: true, value: { ...made, policyFiles, again } };
}

/** Of a damaged file: what is wrong where its syntax is right. */
function aroundFaults(
  { value, faults }: Readable,
  checked: ReturnType<typeof checkSettings>,
): readonly Diagnostic[] {
  if (value === undefined || checked.ok) return [];
  // A target, or what stands at the top: its syntax hides the rest of it, and nothing else.
  const damaged = faults
    .filter(({ isSound }) => !isSound)
    .map(({ at }) => at.slice(0, at[0] === 'targets' ? 2 : 1));
  return checked.diagnostics.filter(
    ({ at }) => at.length > 1 && !damaged.some((of) => of.length > 0 && isWithin(at, of)),
  );
}

/** A line for each mistake: FILE:LINE:COLUMN: place: what is wrong. */
export function formatMistakes({ path, mistakes }: Mistakes): string {
  return mistakes
    .map(({ position, ...mistake }) => {
      const where = position === undefined ? '' : `:${position.line}:${position.column}`;
      return `${path}${where}: ${formatText(mistake)}`;
    })
    .join('\n');
}

/** Without the file: line LINE: place: what is wrong. */
export function formatMistake(mistake: Mistake): string {
  const { position } = mistake;
  return position === undefined
    ? formatText(mistake)
    : `line ${position.line}: ${formatText(mistake)}`;
}

function formatText({ path, text }: Mistake): string {
  return path === '' ? text : `${path}: ${text}`;
}

/** The configuration, or what is wrong with it, by places in the user's own file. */
function makeConfig(
  path: string,
  value: unknown,
  read: ReadFile,
): Omit<Config, 'policyFiles' | 'again'> | readonly Diagnostic[] {
  const checked = checkSettings(path, value);
  if (!checked.ok) return checked.diagnostics;
  const { converted } = checked;
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

function checkSettings(path: string, value: unknown) {
  const converted = fromPy9tor(value, dirname(path));
  const checked = check(Settings, converted.value);
  if (checked.ok) return { ...checked, converted };
  return { ok: false, diagnostics: merge(converted, checked.diagnostics) } as const;
}

/** What the schema says of a place that the conversion has complained of says nothing new. */
function merge(converted: Converted, diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  const more = diagnostics
    .map(({ at, text }) => ({ at: converted.origin(at), text }))
    .filter(({ at }) => !converted.diagnostics.some((known) => isWithin(at, known.at)));
  return [...converted.diagnostics, ...more];
}

/** In the order of the file, so that an editor can be held beside. */
function refuse(
  path: string,
  { text, faults }: Readable,
  diagnostics: readonly Diagnostic[],
): Mistakes {
  const locator = new Locator(text);
  const found = [
    ...faults,
    ...diagnostics.map(({ at, text: said }) => ({ at, text: said, offset: locator.offsetOf(at) })),
  ];
  found.sort((a, b) => a.offset - b.offset || a.at.length - b.at.length);
  const mistakes = found.map(({ at, text: said, offset }) => ({
    path: showKeys(at),
    text: said,
    position: locator.positionOf(offset),
  }));
  return { ok: false, path, mistakes };
}
