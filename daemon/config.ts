/**
 * From config.json to what the daemon works with. All mistakes are found at once; a configuration
 * with a mistake is no configuration. What merely cannot work on this machine (a missing key file)
 * is no mistake: that one target is broken and says why, the others work.
 */
import { dirname } from 'node:path';
import { policies } from '../policies/index.ts';
import type { Policy, PolicyTarget, ReadFile } from '../policies/policy.ts';
import { runners } from '../runners/index.ts';
import type { Runner } from '../runners/runner.ts';
import { type Catalog, KEEP_DEFAULT, type Keep, makeCatalog, type Target } from './catalog.ts';
import { bindAll, exclude } from './claims.ts';
import { type Complaint, check, isWithin, showKeys } from './complaint.ts';
import { Confs } from './conf.ts';
import { type Content, readConfigFile } from './configfile.ts';
import { findBadHooks, findConflicts, findTwice } from './conflicts.ts';
import { showDuration } from './duration.ts';
import type { Keys } from './json.ts';
import type { LogFormat } from './log.ts';
import { type Converted, fromPy9tor } from './py9tor.ts';
import { KEEP_RUNS_MAX, type KeepSettings, Settings, type TargetSettings } from './schema.ts';
import { describeSocket, findOddities, type SocketSettings } from './socketsettings.ts';

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
  readonly confs: Confs;
  /** Makes it again from the same text: what `confs` has forgotten is read anew. */
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

/** Reads a configuration; `uid` is the daemon's own, `confs` reads for the policies. */
export function loadConfig(
  path: string,
  uid: number = process.getuid?.() ?? 0,
  confs = new Confs(),
): Loaded {
  const content = readConfigFile(path, uid);
  if (content.value === undefined) return refuse(path, content.complaints);
  return load(path, content, confs);
}

function load(path: string, content: Content, confs: Confs): Loaded {
  const made = makeConfig(path, content.value, confs.read);
  if (!('catalog' in made))
    return refuse(path, inOrder(content.value, [...content.complaints, ...made]));
  return content.complaints.length > 0
    ? refuse(path, inOrder(content.value, content.complaints))
    : { ok: true, value: { ...made, confs, again: () => load(path, content, confs) } };
}

/** One line for each mistake: FILE: place: what is wrong. */
export function formatMistakes({ path, mistakes }: Mistakes): string {
  return mistakes
    .map((mistake) => [path, mistake.path, mistake.text].filter((it) => it !== '').join(': '))
    .join('\n');
}

/** What `batond --check` prints: every target with its groups and limits, then what to look at. */
export function describeConfig({ path, catalog, warnings, sockets = [] }: Config): string {
  const targets = [...catalog.targets.values()];
  const wide = Math.max(0, ...targets.map((target) => target.name.length));
  const lines = targets.map((target) => {
    const what = [target.runner.type, ...target.bindings.map(({ key }) => key), ...limits(target)];
    return `  ${target.name.padEnd(wide)}  ${what.join(', ')}`;
  });
  const broken = targets.flatMap(({ name, broken }) =>
    broken === undefined ? [] : `problem: target "${name}" is broken: ${broken}`,
  );
  const looks = targets.flatMap(({ name, runner }) =>
    (find<Runner<unknown>>(runners, runner.type).inspect?.(runner.options) ?? []).map(
      (text) => `warning: target "${name}": ${text}`,
    ),
  );
  const notes = warnings.map((warning) => `warning: ${warning}`);
  const count = targets.length === 1 ? '1 target' : `${targets.length} targets`;
  const doors = sockets.map((socket) => `  ${describeSocket(socket)}`);
  return `${[`${path}: ${count}`, ...lines, ...doors, ...notes, ...looks, ...broken].join('\n')}\n`;
}

function limits(target: Target): readonly string[] {
  const { timeoutMs, maxWaitMs, killAfterMs, okExit, warnExit, keep, acceptArgs = [] } = target;
  const { lateAfterMs, hooks = {} } = target;
  return [
    ...(timeoutMs === undefined ? [] : [`timeout ${showDuration(timeoutMs)}`]),
    ...(timeoutMs === undefined ? [] : [`killAfter ${showDuration(killAfterMs)}`]),
    ...(maxWaitMs === undefined ? [] : [`maxWait ${showDuration(maxWaitMs)}`]),
    ...(lateAfterMs === undefined ? [] : [`lateAfter ${showDuration(lateAfterMs)}`]),
    ...Object.entries(hooks).map(([key, hook]) => `${key} ${hook}`),
    ...(okExit.join() === '0' ? [] : [`okExit ${okExit.join(' ') || 'none'}`]),
    ...(warnExit.length === 0 ? [] : [`warnExit ${warnExit.join(' ')}`]),
    ...(acceptArgs.length === 0 ? [] : [`accepts ${acceptArgs.length} arguments`]),
    ...(keep === undefined || keep === KEEP_DEFAULT ? [] : [`keeps ${keep.runs} runs`]),
  ];
}

/** The configuration, or what is wrong with it, by places in the user's own file. */
function makeConfig(
  path: string,
  value: unknown,
  read: ReadFile,
): Omit<Config, 'confs' | 'again'> | readonly Complaint[] {
  const converted = fromPy9tor(value, dirname(path));
  const checked = check(Settings, converted.value);
  if (!checked.ok) return merge(converted, checked.complaints);
  const { log, keep, sockets = [], idleExit, targets: settings } = checked.value;
  const warnings = [...converted.warnings];
  const targets = Object.entries(settings).map(([name, target]) => {
    const made = makeTarget(name, target, read, keep);
    warnings.push(...made.warnings);
    return made.target;
  });
  const complaints = merge(converted, [
    ...targets.flatMap(findTwice),
    ...findConflicts(targets),
    ...targets.flatMap((target) => findBadHooks(target, settings)),
  ]);
  if (complaints.length > 0) return complaints;
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

function makeTarget(
  name: string,
  settings: TargetSettings,
  read: ReadFile,
  keepAll?: KeepSettings,
): { readonly target: Target; readonly warnings: readonly string[] } {
  const {
    runner,
    policies: options,
    timeout,
    killAfter,
    maxWait,
    lateAfter,
    onSuccess,
    onWarning,
    onFailure,
    onLate,
    keep,
    logMaxBytes,
    ...rest
  } = settings;
  const hooks = {
    ...(onSuccess === undefined ? {} : { onSuccess }),
    ...(onWarning === undefined ? {} : { onWarning }),
    ...(onFailure === undefined ? {} : { onFailure }),
    ...(onLate === undefined ? {} : { onLate }),
  };
  const known = knownOf(name, runner);
  const list = options.map((it) => ({
    policy: find<Policy<unknown>>(policies, it.type),
    options: it,
  }));
  const bound = bindAll(list, known, read);
  const found = find<Runner<unknown>>(runners, runner.type).check?.(runner) ?? [];
  const problems = [...found, ...bound.problems];
  const { files } = bound;
  const target = {
    ...known,
    ...rest,
    warnExit: rest.warnExit ?? bound.warnExit.filter((code) => !rest.okExit.includes(code)),
    runner: { type: runner.type, options: runner },
    bindings: bound.bindings,
    ...(files.length === 0 ? {} : { files }),
    killAfterMs: killAfter,
    ...(timeout === undefined ? {} : { timeoutMs: timeout }),
    ...(maxWait === undefined ? {} : { maxWaitMs: maxWait }),
    ...(lateAfter === undefined ? {} : { lateAfterMs: lateAfter }),
    ...(Object.keys(hooks).length === 0 ? {} : { hooks }),
    ...makeKeep({ ...keepAll, ...keep }),
    ...(logMaxBytes === undefined ? {} : { logBytesMax: logMaxBytes }),
    ...(problems.length === 0 ? {} : { broken: problems.join('; ') }),
  };
  return { target, warnings: bound.warnings };
}

/** What policies may know of a target; of several commands the last is the one that counts. */
function knownOf(name: string, runner: TargetSettings['runner']): PolicyTarget {
  const given: Readonly<Record<string, unknown>> = { ...runner };
  const { host, cmds } = given;
  const args = given['args'] ?? (Array.isArray(cmds) ? cmds.at(-1) : undefined);
  return {
    name,
    ...(isTexts(args) ? { args } : {}),
    ...(typeof host === 'string' ? { host } : {}),
  };
}

function makeKeep({ runs, days, bytes }: KeepSettings): { readonly keep?: Keep } {
  if (runs === undefined && days === undefined && bytes === undefined) return {};
  const keep = {
    runs: runs ?? (days === undefined && bytes === undefined ? KEEP_DEFAULT.runs : KEEP_RUNS_MAX),
    ...(days === undefined ? {} : { ms: days * DAY_MS }),
    ...(bytes === undefined ? {} : { bytes }),
  };
  return { keep };
}

const DAY_MS = 86_400_000;

/** What the schema says of a place that the conversion has complained of says nothing new. */
function merge(converted: Converted, complaints: readonly Complaint[]): readonly Complaint[] {
  const more = complaints
    .map(({ at, text }) => ({ at: converted.origin(at), text }))
    .filter(({ at }) => !converted.complaints.some((known) => isWithin(at, known.at)));
  return [...converted.complaints, ...more];
}

/** In the order of the file, so that an editor can be held beside. */
function inOrder(value: unknown, complaints: readonly Complaint[]): readonly Complaint[] {
  const ranked = complaints.map((complaint) => ({ complaint, rank: rankOf(value, complaint.at) }));
  ranked.sort((a, b) => {
    const at = a.rank.findIndex((rank, index) => rank !== b.rank[index]);
    return at < 0 ? a.rank.length - b.rank.length : (a.rank[at] ?? 0) - (b.rank[at] ?? -1);
  });
  return ranked.map(({ complaint }) => complaint);
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

function refuse(path: string, complaints: readonly Complaint[]): Mistakes {
  const mistakes = complaints.map(({ at, text }) => ({ path: showKeys(at), text }));
  return { ok: false, path, mistakes };
}

/** A plugin by the type that the schema has let through. */
function find<P>(plugins: Readonly<Record<string, P>>, type: string): P {
  const plugin = plugins[type];
  if (plugin === undefined) throw new Error(`Internal error: no plugin "${type}"`);
  return plugin;
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((it) => typeof it === 'string');
}
