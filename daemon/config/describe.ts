/** What `batond --check` prints of a configuration that can be used. */
import { KEEP_DEFAULT, type Target } from '../core/catalog.ts';
import { showDuration } from '../shared/duration.ts';
import type { Config } from './load.ts';
import { runnerOf } from './registry.ts';
import { describeSocket } from './sockets.ts';

/** Every target with its groups and limits, then what to look at. */
export function describeConfig(config: Config): string {
  const { path, included, plugins, catalog, warnings, sockets = [] } = config;
  const targets = [...catalog.targets.values()];
  const wide = Math.max(0, ...targets.map((target) => target.name.length));
  const lines = targets.map((target) => {
    const what = [target.runner.type, ...target.bindings.map(({ key }) => key), ...limits(target)];
    return `  ${target.name.padEnd(wide)}  ${what.join(', ')}`;
  });
  const broken = targets.flatMap(({ name, broken }) =>
    broken === undefined ? [] : `problem: target "${name}" is broken: ${broken}`,
  );
  const looks = targets.flatMap((target) => {
    const { name, runner } = target;
    const texts = runnerOf(runner.type).inspect?.(runner.options, target) ?? [];
    return texts.map((text) => `warning: target "${name}": ${text}`);
  });
  const notes = warnings.map((warning) => `warning: ${warning}`);
  const count = targets.length === 1 ? '1 target' : `${targets.length} targets`;
  const fleets = Array.from(
    catalog.fleets,
    ([name, members]) => `  fleet ${name}: ${members.length} targets`,
  );
  const listeners = sockets.map((socket) => `  ${describeSocket(socket)}`);
  const files = [
    ...included.map((file) => `  includes ${file}`),
    ...plugins.loaded.map(({ file, plugins: its }) => `  plugin ${file}: ${its.join(', ')}`),
  ];
  const first = `${path}: ${count}`;
  const all = [first, ...files, ...fleets, ...lines, ...listeners, ...notes, ...looks, ...broken];
  return `${all.join('\n')}\n`;
}

function limits(target: Target): readonly string[] {
  const { timeoutMs, maxWaitMs, killAfterMs, okExit, warnExit, keep, acceptArgs = [] } = target;
  const { lateAfterMs, hooks = {}, onFailureAfter, retry } = target;
  return [
    ...(timeoutMs === undefined ? [] : [`timeout ${showDuration(timeoutMs)}`]),
    ...(timeoutMs === undefined ? [] : [`killAfter ${showDuration(killAfterMs)}`]),
    ...(maxWaitMs === undefined ? [] : [`maxWait ${showDuration(maxWaitMs)}`]),
    ...(retry === undefined ? [] : [`retry ${retry.attempts} attempts`]),
    ...(lateAfterMs === undefined ? [] : [`lateAfter ${showDuration(lateAfterMs)}`]),
    ...Object.entries(hooks).map(([key, hook]) => `${key} ${hook}`),
    ...(onFailureAfter === undefined ? [] : [`onFailureAfter ${onFailureAfter}`]),
    ...(okExit.join() === '0' ? [] : [`okExit ${okExit.join(' ') || 'none'}`]),
    ...(warnExit.length === 0 ? [] : [`warnExit ${warnExit.join(' ')}`]),
    ...(acceptArgs.length === 0 ? [] : [`accepts ${acceptArgs.length} arguments`]),
    ...(keep === undefined || keep === KEEP_DEFAULT ? [] : [`keeps ${keep.runs} runs`]),
  ];
}
