/** What `batond --check` prints about a valid configuration. */
import { KEEP_DEFAULT, type Target } from '../core/catalog.ts';
import type { Inspector } from '../core/plan.ts';
import { showDuration } from '../shared/duration.ts';
import { aboutTool } from './describe-tools.ts';
import type { Config } from './load.ts';
import { runnerOf } from './registry.ts';
import { describeSocket } from './sockets.ts';

/** Most further targets in one warning. */
const OTHERS_MAX = 3;

/** Every target with its groups and limits, then the warnings. */
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
  const summary = `${path}: ${count}`;
  const all = [
    summary,
    ...files,
    ...fleets,
    ...lines,
    ...listeners,
    ...notes,
    ...looksAt(targets),
    ...tools(targets),
    ...broken,
  ];
  return `${all.join('\n')}\n`;
}

/** A text that applies to several targets, such as those of one cluster, is printed once. */
function looksAt(targets: readonly Target[]): readonly string[] {
  const inspectors = new Map<string, Inspector<unknown> | undefined>();
  const named = new Map<string, string[]>();
  for (const target of targets) {
    const { type, options } = target.runner;
    if (!inspectors.has(type)) inspectors.set(type, runnerOf(type).inspector?.());
    for (const text of inspectors.get(type)?.inspect(options, target) ?? []) {
      add(named, text, target);
    }
  }
  return once('warning', named);
}

/** What is known about the tools that they run. */
function tools(targets: readonly Target[]): readonly string[] {
  const [notes, warnings] = [new Map<string, string[]>(), new Map<string, string[]>()];
  for (const target of targets) {
    const { note, warning } = aboutTool(target);
    if (note !== undefined) add(notes, note, target);
    if (warning !== undefined) add(warnings, warning, target);
  }
  return [...once('note', notes), ...once('warning', warnings)];
}

function add(named: Map<string, string[]>, text: string, { name }: Target): void {
  const names = named.get(text) ?? [];
  names.push(`"${name}"`);
  named.set(text, names);
}

function once(kind: string, named: ReadonlyMap<string, readonly string[]>): readonly string[] {
  return [...named].map(([text, names]) => `${kind}: target ${first(names)}: ${text}`);
}

function first([name = '', ...others]: readonly string[]): string {
  if (others.length === 0) return name;
  const more = others.length - OTHERS_MAX;
  const shown = others.slice(0, OTHERS_MAX).join(', ');
  return `${name} (and ${shown}${more > 0 ? ` and ${more} more` : ''})`;
}

function limits(target: Target): readonly string[] {
  const { timeoutMs, maxWaitMs, killAfterMs, okExit, warnExit, keep, acceptArgs = [] } = target;
  const { lateAfterMs, hooks = {}, onFailureAfter, retry, stopSignal, stopTo } = target;
  return [
    ...(timeoutMs === undefined ? [] : [`timeout ${showDuration(timeoutMs)}`]),
    ...(timeoutMs === undefined ? [] : [`killAfter ${showDuration(killAfterMs)}`]),
    ...(stopSignal === undefined ? [] : [`stopSignal ${stopSignal}`]),
    ...(stopTo === undefined ? [] : [`stopTo ${stopTo}`]),
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
