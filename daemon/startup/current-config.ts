/**
 * The current configuration, and how a newer one replaces it: on reload, or because a file on which
 * one of its targets depends has changed. A bad one never replaces a good one.
 *
 * Such files are not watched: a cheap stat for each request of a dependent target detects changes.
 * A busy group keeps its old files; its next request checks again.
 */
import { type Config, loadWithPlugins } from '../config/load.ts';
import { shortMistakes } from '../config/mistakes.ts';
import type { PluginFiles } from '../config/plugin-files.ts';
import type { Catalog } from '../core/catalog.ts';
import { placesIn } from '../core/group-view.ts';
import type { ReadonlyState } from '../core/state.ts';
import type { Loop } from '../engine/loop.ts';
import { staysInForce } from '../protocol/refusal-text.ts';
import { placesOf } from '../server/listeners.ts';
import type { Reloaded } from '../server/service.ts';
import type { TargetName } from '../shared/run.ts';
import type { Log } from '../system/log.ts';
import { runInSlices } from '../system/slices.ts';

type LoopPort = Pick<Loop, 'state' | 'configure'>;

export class CurrentConfig {
  #now: Config;
  readonly #log: Log;
  readonly #relevel: (config: Config) => void;
  readonly #loop: LoopPort;
  readonly #plugins: PluginFiles;
  /** The last reload or refresh: a reload starts when it has ended. */
  #last: Promise<unknown> = Promise.resolve();
  /** A reload that has not started: it serves all requests that arrive before it does. */
  #next: Promise<Reloaded> | undefined;
  #isReloading = false;

  constructor(
    options: {
      readonly config: Config;
      readonly plugins: PluginFiles;
      readonly log: Log;
      readonly relevel: (config: Config) => void;
    },
    loop: LoopPort,
  ) {
    this.#now = options.config;
    this.#log = options.log;
    this.#relevel = options.relevel;
    this.#loop = loop;
    this.#plugins = options.plugins;
  }

  get now(): Config {
    return this.#now;
  }

  /** Reads the file again, and the plugins that have changed. */
  reload(): Promise<Reloaded> {
    this.#next ??= this.#last.then(() => {
      this.#next = undefined;
      this.#isReloading = true;
      return this.#reload().finally(() => {
        this.#isReloading = false;
      });
    });
    this.#last = this.#next;
    return this.#next;
  }

  async #reload(): Promise<Reloaded> {
    const { path, sockets } = this.#now;
    const loaded = await reloadConfig(path, this.#plugins, this.#log);
    if (!loaded.ok) return loaded;
    if (placesOf(loaded.value.sockets) !== placesOf(sockets)) {
      this.#log.warn({ config: path }, 'sockets have changed; restart the daemon to apply this');
    }
    this.#relevel(loaded.value);
    this.#replace(loaded.value);
    return { ok: true, text: summary(loaded.value) };
  }

  /** Call this before handling requests for these targets or fleets; undefined: no need to wait. */
  refresh(names: ReadonlySet<TargetName>): Promise<void> | undefined {
    // A reload reads all of them again.
    if (this.#isReloading || this.#next !== undefined) return undefined;
    const news = newsOf(this.#now, names, this.#loop.state);
    if (news.files.length === 0) return undefined;
    // A bug: the held requests continue with the current configuration.
    const refreshed = this.#refresh(news).catch((err: unknown) =>
      this.#log.error({ err, files: news.files }, 'changed files could not be reloaded'),
    );
    this.#last = refreshed;
    return refreshed;
  }

  /** In slices, like a reload: there may be thousands of targets, and other clients wait. */
  async #refresh({ files, targets }: News): Promise<void> {
    const old = this.#now;
    const policyFiles = old.policyFiles.without(files);
    const loaded = await runInSlices(old.again(policyFiles));
    if (!loaded.ok) {
      this.#log.error({ files, mistakes: loaded.mistakes }, 'changed files refused');
      // They are not checked again until they change again.
      this.#now = { ...old, policyFiles };
      return;
    }
    // A hook or a retry may have started a run meanwhile. The changes for the others still count.
    const idle = targets.filter((name) => isIdle(this.#loop.state, old.catalog, name));
    if (idle.length < targets.length) {
      const left = newsOf(old, new Set(idle), this.#loop.state);
      return left.files.length === 0 ? undefined : await this.#refresh(left);
    }
    this.#log.info({ files }, 'changed files reloaded');
    logBroken(old, loaded.value, this.#log);
    this.#replace(loaded.value);
  }

  #replace(config: Config): void {
    this.#now = config;
    this.#loop.configure(config.catalog);
  }
}

/** A bad configuration leaves the current one in effect, and reports every mistake. */
async function reloadConfig(
  path: string,
  plugins: PluginFiles,
  log: Log,
): Promise<{ readonly ok: true; readonly value: Config } | Extract<Reloaded, { ok: false }>> {
  const loaded = await loadWithPlugins(path, plugins);
  if (loaded.ok) {
    log.info({ config: path, targets: loaded.value.catalog.targets.size }, 'reloaded');
    return loaded;
  }
  log.error({ config: path, mistakes: loaded.mistakes }, 'reload refused');
  return { ok: false, message: staysInForce(path, shortMistakes(loaded)) };
}

/** What `baton reload` prints: it shows immediately which targets are broken now. */
function summary({ path, catalog }: Config): string {
  const targets = [...catalog.targets.values()];
  const broken = targets.flatMap(({ name, broken }) =>
    broken === undefined ? [] : `; target "${name}" is broken: ${broken}`,
  );
  return `${path}: ${targets.length} targets${broken.join('')}`;
}

/** Files that have changed, and the targets that depend on them. */
interface News {
  readonly files: readonly string[];
  readonly targets: readonly TargetName[];
}

/** The changes around targets, or each target of a fleet, whose groups are idle. */
function newsOf(
  { catalog, policyFiles }: Config,
  names: ReadonlySet<TargetName>,
  state: ReadonlyState,
): News {
  const targets = new Set([...names].flatMap((name) => catalog.fleets.get(name) ?? [name]));
  const found = [...targets].flatMap((target) => {
    const files = policyFiles.changed(catalog.targets.get(target)?.files ?? []);
    return files.length > 0 && isIdle(state, catalog, target) ? [{ target, files }] : [];
  });
  return {
    files: [...new Set(found.flatMap(({ files }) => files))],
    targets: found.map(({ target }) => target),
  };
}

/** Logs which targets are broken now, or work again. */
function logBroken(old: Config, { catalog }: Config, log: Log): void {
  for (const { name, broken } of catalog.targets.values()) {
    if (broken === old.catalog.targets.get(name)?.broken) continue;
    if (broken === undefined) log.info({ target: name }, 'target works again');
    else log.warn({ target: name, reason: broken }, 'target is broken');
  }
}

/** Nothing is running or queued in the groups whose policies read files. */
function isIdle(state: ReadonlyState, catalog: Catalog, name: TargetName): boolean {
  const bindings = catalog.targets.get(name)?.bindings ?? [];
  const keys = bindings.filter(({ policy }) => policy.preparer !== undefined).map(({ key }) => key);
  return keys.every((key) => {
    const members = catalog.groups.get(key)?.members ?? [];
    const waits = members.some(
      ({ target }) => (state.targetStates.get(target)?.queue.size ?? 0) > 0,
    );
    return !waits && placesIn(state, catalog, key).size === 0;
  });
}
