/**
 * Reads an rsnapshot.conf again when it has changed: a cheap stat for each request of a target that
 * depends on it, no watching. A group that is busy goes on with what it began with, and is looked
 * at again by its next request.
 */

import type { Config } from './config/load.ts';
import type { Catalog } from './core/catalog.ts';
import { placesIn } from './core/group-view.ts';
import type { ReadonlyState } from './core/state.ts';
import type { TargetName } from './shared/run.ts';
import type { Log } from './system/log.ts';

/** The configuration with the news around this target, or undefined where there are none. */
export function refresh(
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
