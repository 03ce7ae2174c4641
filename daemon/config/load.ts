/**
 * Turns config.json, and the files that it includes, into what the daemon works with. All mistakes
 * are found at once; a configuration with a mistake is not used. Something that only cannot work on
 * this machine (a missing key file) is not a mistake: that target is broken and says why, the
 * others work.
 */
import { dirname } from 'node:path';
import { type Catalog, makeCatalogInSteps } from '../core/catalog.ts';
import type { ReadFile } from '../core/policy.ts';
import { type CooperativeSteps, runToEnd } from '../shared/cooperative.ts';
import type { LogFormat } from '../system/log.ts';
import { runInSlices } from '../system/slices.ts';
import { binder, exclude } from './bind-policies.ts';
import { findBadTargets, findConflicts } from './conflicts.ts';
import { isWithin } from './diagnostics.ts';
import { readConfigFile, type Stamped, stamped } from './file.ts';
import { type Included, readIncluded } from './include.ts';
import { type Fault, Locators, type Mistakes, type Source } from './mistakes.ts';
import { type FoundPlugins, NONE, type PluginFiles } from './plugin-files.ts';
import { PolicyFiles } from './policy-files.ts';
import { type AllSettings, checkSettings } from './settings.ts';
import { findOddities, type SocketSettings } from './sockets.ts';
import { makeTarget } from './target.ts';

export interface Config {
  /** The main file. */
  readonly path: string;
  /** Files that it includes. */
  readonly included: readonly string[];
  readonly logLevel?: string;
  readonly logFormat?: LogFormat;
  /** Default: the default socket. */
  readonly sockets?: readonly SocketSettings[];
  readonly idleExitMs?: number;
  readonly catalog: Catalog;
  readonly warnings: readonly string[];
  /** Files that the policies have read. */
  readonly policyFiles: PolicyFiles;
  readonly plugins: FoundPlugins;
  /** Makes it again from the same text, with these policy files. */
  again(policyFiles: PolicyFiles): CooperativeSteps<Loaded>;
}

export type Loaded = { readonly ok: true; readonly value: Config } | Mistakes;

/** Reads a configuration, and loads its plugins; `uid` is the daemon's own. */
export async function loadWithPlugins(
  path: string,
  pluginFiles: PluginFiles,
  uid: number = process.getuid?.() ?? 0,
): Promise<Loaded> {
  const read = await runInSlices(readInSteps(path, uid));
  if (!read.ok) return read;
  const plugins = await pluginFiles.load(read.value.main.value, dirname(path));
  const given = { plugins, failed: () => pluginFiles.takeFailures() };
  return await runInSlices(settle(read.value, new PolicyFiles(), given));
}

/** The same without plugins; `policyFiles` reads for the policies. */
export function loadConfig(
  path: string,
  uid: number = process.getuid?.() ?? 0,
  policyFiles = new PolicyFiles(),
): Loaded {
  const read = runToEnd(readInSteps(path, uid));
  if (!read.ok) return read;
  return runToEnd(settle(read.value, policyFiles, { plugins: NONE, failed: () => [] }));
}

/** In steps, so that a daemon can serve its clients in between. */
function* readInSteps(
  path: string,
  uid: number,
): CooperativeSteps<{ readonly ok: true; readonly value: Files } | Mistakes> {
  const before = stamped(path);
  const content = readConfigFile(path, uid);
  if (!content.ok) {
    const mistakes = content.problems.map((text) => ({ file: path, path: '', text }));
    return { ok: false, path, mistakes, files: [before] };
  }
  const main: Source = { path, ...content };
  const included = yield* readIncluded(main, uid);
  return { ok: true, value: { main, before, included } };
}

interface Files {
  readonly main: Source;
  readonly before: Stamped;
  readonly included: Included;
}

/** Loaded plugins, and what has failed in them since the last call, as sentences. */
interface Given {
  readonly plugins: FoundPlugins;
  readonly failed: () => readonly string[];
}

function* settle(files: Files, policyFiles: PolicyFiles, given: Given): CooperativeSteps<Loaded> {
  const { main, included } = files;
  const settings = yield* checkSettings(main, included.sources, given.plugins);
  const faults = settings.ok ? [] : settings.faults;
  const isSound = [main, ...included.sources].every((source) => source.faults.length === 0);
  if (!settings.ok || !isSound || included.faults.length + included.mistakes.length > 0) {
    return refuse(files, faults, given);
  }
  return yield* make(files, settings.value, policyFiles, given);
}

function* make(
  files: Files,
  settings: AllSettings,
  policyFiles: PolicyFiles,
  given: Given,
): CooperativeSteps<Loaded> {
  const { plugins, failed } = given;
  failed();
  const made = yield* makeConfig(files, settings, policyFiles.read, plugins);
  if (!('catalog' in made)) return refuse(files, made, given);
  const wrong = failed().map((text) => ({ source: files.main, at: ['plugins'], text }));
  if (wrong.length > 0) return refuse(files, wrong, given);
  const again = (others: PolicyFiles): CooperativeSteps<Loaded> =>
    make(files, settings, others, given);
  return { ok: true, value: { ...made, policyFiles, plugins, again } };
}

/** The configuration, or what is wrong with it, with places in the user's own files. */
function* makeConfig(
  { main, included }: Files,
  settings: AllSettings,
  read: ReadFile,
  plugins: FoundPlugins,
): CooperativeSteps<Omit<Config, 'policyFiles' | 'plugins' | 'again'> | readonly Fault[]> {
  const { log, keep, sockets = [], idleExit, targets: byName, fleets } = settings;
  const warnings = [...settings.warnings];
  const around = { bindAll: binder(read), plugins, keepAll: keep, fleets };
  const targets = [];
  for (const [name, target] of Object.entries(byName)) {
    yield;
    const made = makeTarget(name, target, around);
    warnings.push(...made.warnings);
    targets.push(made.target);
  }
  const bad = yield* findBadTargets(targets, byName, new Set(fleets.values()));
  const diagnostics = [...bad, ...(yield* findConflicts(targets))];
  if (diagnostics.length > 0) {
    return diagnostics.map(settings.faultOf);
  }
  const apart = yield* exclude(targets);
  const catalog = yield* makeCatalogInSteps(apart.targets);
  const names = [...catalog.targets.keys(), ...catalog.fleets.keys()];
  return {
    path: main.path,
    included: included.sources.map(({ path }) => path),
    ...(log?.level === undefined ? {} : { logLevel: log.level }),
    ...(log?.format === undefined ? {} : { logFormat: log.format }),
    ...(sockets.length === 0 ? {} : { sockets }),
    ...(idleExit === undefined ? {} : { idleExitMs: idleExit }),
    catalog,
    warnings: [...warnings, ...apart.warnings, ...findOddities(sockets, names)],
  };
}

function refuse(
  { main, before, included }: Files,
  faults: readonly Fault[],
  { plugins }: Given,
): Mistakes {
  const sources = [main, ...included.sources];
  const seen = [...faults.filter(isSeen), ...included.faults];
  const mistakes = [...new Locators().mistakes(sources, seen), ...included.mistakes];
  return {
    ok: false,
    path: main.path,
    mistakes,
    files: [before, ...included.files, ...plugins.stamps],
  };
}

/** In a damaged file, only mistakes where the syntax is correct are reported. */
function isSeen({ source: { faults }, at }: Fault): boolean {
  const unsound = faults.filter(({ isSound }) => !isSound);
  if (unsound.length === 0) return true;
  // A syntax error hides the rest of its target or top-level key, and nothing else.
  const damaged = unsound.map((fault) => fault.at.slice(0, fault.at[0] === 'targets' ? 2 : 1));
  return at.length > 1 && !damaged.some((of) => of.length > 0 && isWithin(at, of));
}
