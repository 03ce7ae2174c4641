/**
 * Imports the modules in `plugins` of config.json when it is read. An unchanged file is not
 * imported again; a changed one is, as another module, and the old one stays in memory, because
 * Node never unloads modules. What a module itself imports, Node imports only once.
 *
 * Without plugins, nothing is done.
 */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Policy } from '../core/policy.ts';
import type { Result } from '../shared/result.ts';
import * as say from './config-messages.ts';
import type { Diagnostic } from './diagnostics.ts';
import { readPluginFile, type Stamped, stamped } from './file.ts';
import { ownType, readExports } from './plugin-exports.ts';
import { describeThrown, Guard, type PluginNotice } from './plugin-guard.ts';
import { guardPolicy } from './plugin-policy.ts';
import { guardRunner } from './plugin-runner.ts';
import { TimeLimit } from './plugin-time.ts';
import { IMPORT_MS_MAX, tryImport } from './plugin-trial.ts';
import { NO_PLUGINS, type Plugins } from './registry.ts';

export interface FoundPlugins extends Plugins {
  /** By their places in config.json. */
  readonly mistakes: readonly Diagnostic[];
  /** What each file provides, for people: "policy quiet-hours". */
  readonly loaded: readonly { readonly file: string; readonly plugins: readonly string[] }[];
  /** All listed files, including those that cannot be used. */
  readonly stamps: readonly Stamped[];
}

export const NONE: FoundPlugins = { ...NO_PLUGINS, mistakes: [], loaded: [], stamps: [] };

/** Called only when targets are bound; other failures are reported with the target. */
const AT_LOADING: readonly string[] = ['group', 'resources', 'level', 'asks', 'conflict'];

type Module = Readonly<Record<string, unknown>>;

/** Keeps loaded modules from one reading of the configuration to the next. */
export class PluginFiles {
  readonly #uid: number;
  readonly #importMsMax: number;
  readonly #known = new Map<string, { readonly hash: string; readonly module: Module }>();
  readonly #guarded = new WeakMap<object, Policy<unknown>>();
  #imports = 0;
  #limit: TimeLimit | undefined;
  /** Failures of methods that are called while a configuration is read. */
  #failures: string[] = [];
  #notices: PluginNotice[] = [];
  #hear: (notice: PluginNotice) => void = (notice) => this.#notices.push(notice);

  /** `uid` is the daemon's own. */
  constructor(uid: number = process.getuid?.() ?? 0, importMsMax = IMPORT_MS_MAX) {
    this.#uid = uid;
    this.#importMsMax = importMsMax;
  }

  /** Reports what plugins do wrong, including what was found so far; each once. */
  listen(hear: (notice: PluginNotice) => void): void {
    this.#hear = hear;
    for (const notice of this.#notices.splice(0)) hear(notice);
  }

  /** Failures since the last call, of methods that are called while a configuration is read. */
  takeFailures(): readonly string[] {
    return this.#failures.splice(0);
  }

  /** Loads the plugins of a configuration; `folder` is its directory. */
  async load(value: unknown, folder: string): Promise<FoundPlugins> {
    const named = pathsIn(value);
    if (named.length === 0) return NONE;
    const policies = new Map<string, Policy<unknown>>();
    const runners = new Map<string, ReturnType<typeof guardRunner>>();
    const owners = new Map<string, string>();
    const mistakes: Diagnostic[] = [];
    const stamps: Stamped[] = [];
    const loaded: { readonly file: string; readonly plugins: readonly string[] }[] = [];
    for (const { path, index } of named) {
      const file = resolve(folder, path);
      stamps.push(stamped(file));
      const module = await this.#import(file);
      const takenBy = (kind: 'policy' | 'runner', type: string): string | undefined =>
        ownType(kind, type) ?? owners.get(`${kind} ${type}`);
      const read = module.ok ? readExports(module.value, takenBy) : undefined;
      const wrong = module.ok ? (read?.mistakes ?? []) : [module.error];
      for (const text of wrong) {
        mistakes.push({ at: ['plugins', index], text: say.wrongPlugin(file, text) });
      }
      const plugins: string[] = [];
      for (const policy of read?.policies ?? []) {
        plugins.push(`policy ${policy.type}`);
        policies.set(policy.type, this.#guard(policy, file));
      }
      for (const runner of read?.runners ?? []) {
        plugins.push(`runner ${runner.type}`);
        runners.set(runner.type, guardRunner(runner, this.#fence(`runner ${runner.type}`, file)));
      }
      for (const plugin of plugins) owners.set(plugin, file);
      loaded.push({ file, plugins });
    }
    return { policies, runners, mistakes, loaded, stamps };
  }

  /** The same object for the same module: an unchanged file keeps its plugin across reloads. */
  #guard(plugin: Parameters<typeof guardPolicy>[0], file: string): Policy<unknown> {
    const known = this.#guarded.get(plugin);
    if (known !== undefined) return known;
    const guarded = guardPolicy(plugin, this.#fence(`policy ${plugin.type}`, file));
    this.#guarded.set(plugin, guarded);
    return guarded;
  }

  #fence(plugin: string, file: string): Guard {
    this.#limit ??= new TimeLimit();
    const told = new Set<string>();
    const report = (notice: PluginNotice): void => {
      const { method, failure } = notice;
      if (failure !== undefined && AT_LOADING.includes(method)) this.#failures.push(failure);
      const key = `${method} ${failure === undefined}`;
      if (told.has(key)) return;
      told.add(key);
      this.#hear(notice);
    };
    const ports = { bounded: this.#limit.bounded, nowMs: () => performance.now(), report };
    return new Guard(plugin, file, ports);
  }

  async #import(file: string): Promise<Result<Module>> {
    const read = readPluginFile(file, this.#uid);
    if (!read.ok) return { ok: false, error: read.problems.join('; ') };
    const { realPath, text } = read;
    const hash = createHash('sha256').update(text).digest('hex');
    const known = this.#known.get(realPath);
    if (known?.hash === hash) return { ok: true, value: known.module };
    // Node never imports a module twice, and remembers failures: so each import has its own name.
    const name = `${hash.slice(0, 8)}-${process.pid}-${++this.#imports}`;
    const url = `${pathToFileURL(realPath).href}?${name}`;
    const tried = await tryImport(url, this.#importMsMax);
    if (!tried.ok) return tried;
    const imported = await importHere(url, realPath, this.#importMsMax);
    if (imported.ok) this.#known.set(realPath, { hash, module: imported.value });
    return imported;
  }
}

/** It passed the trial import, so it takes no longer here, unless it detects the difference. */
async function importHere(url: string, file: string, msMax: number): Promise<Result<Module>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Result<Module>>((done) => {
    timer = setTimeout(() => done({ ok: false, error: say.lateImport(msMax) }), msMax);
  });
  const imported = import(url).then(
    (module: Module): Result<Module> => ({ ok: true, value: { ...module } }),
    (error: unknown): Result<Module> => {
      return { ok: false, error: say.failedImport(describeThrown(error, file)) };
    },
  );
  const first = await Promise.race([imported, late]);
  clearTimeout(timer);
  return first;
}

/** Only entries that are paths; the schema reports the others. */
function pathsIn(value: unknown): readonly { readonly path: string; readonly index: number }[] {
  const isNamed = typeof value === 'object' && value !== null && 'plugins' in value;
  const list: unknown = isNamed ? value.plugins : undefined;
  if (!Array.isArray(list)) return [];
  return list.flatMap((path: unknown, index) => (typeof path === 'string' ? { path, index } : []));
}
