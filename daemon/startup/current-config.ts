/**
 * The configuration that is in force, and how it gives way to a newer one: by a reload, or because
 * a file that one of its targets was made from has changed. A bad one never replaces a good one.
 *
 * Such a file is not watched: a cheap stat for each request of a target that depends on it finds
 * the change. A busy group goes on with what it began with; its next request looks again.
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

type LoopPort = Pick<Loop, 'state' | 'configure'>;

export class CurrentConfig {
  #now: Config;
  readonly #log: Log;
  readonly #relevel: (config: Config) => void;
  readonly #loop: LoopPort;
  readonly #plugins: PluginFiles;
  /** The reload that was asked for last: each begins when the one before has ended. */
  #last: Promise<unknown> = Promise.resolve();
  /** The one that has not begun: it is for all who ask before it does. */
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
      this.#log.warn({ config: path }, 'sockets have changed: only a restart opens or moves them');
    }
    this.#relevel(loaded.value);
    this.#replace(loaded.value);
    return { ok: true, text: summary(loaded.value) };
  }

  /** Before a request of this target is looked at; see `refresh`. */
  refresh(target: string): void {
    // It reads all of them anew.
    if (this.#isReloading || this.#next !== undefined) return;
    const news = refresh(this.#now, target, this.#loop.state, this.#log);
    if (news !== undefined) this.#replace(news);
  }

  #replace(config: Config): void {
    this.#now = config;
    this.#loop.configure(config.catalog);
  }
}

/** A bad configuration leaves the old one in force, and says every mistake. */
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

/** What `baton reload` prints: targets that are broken by now have to be seen at once. */
function summary({ path, catalog }: Config): string {
  const targets = [...catalog.targets.values()];
  const broken = targets.flatMap(({ name, broken }) =>
    broken === undefined ? [] : `; target "${name}" is broken: ${broken}`,
  );
  return `${path}: ${targets.length} targets${broken.join('')}`;
}

/** The configuration with the news around this target, or undefined where there are none. */
function refresh(
  config: Config,
  name: TargetName,
  state: ReadonlyState,
  log: Log,
): Config | undefined {
  const files = config.catalog.targets.get(name)?.files ?? [];
  const changed = config.policyFiles.changed(files);
  if (changed.length === 0 || !isIdle(state, config.catalog, name)) return undefined;
  config.policyFiles.forget(changed);
  const loaded = config.again();
  if (!loaded.ok) {
    log.error({ files: changed, mistakes: loaded.mistakes }, 'changed files refused');
    return undefined;
  }
  log.info({ files: changed }, 'changed files read again');
  const { catalog } = loaded.value;
  for (const target of catalog.targets.values()) {
    if (target.broken === config.catalog.targets.get(target.name)?.broken) continue;
    if (target.broken === undefined) log.info({ target: target.name }, 'target works again');
    else log.warn({ target: target.name, reason: target.broken }, 'target is broken');
  }
  return loaded.value;
}

/** Nothing runs or waits in the groups whose policies read files. */
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
