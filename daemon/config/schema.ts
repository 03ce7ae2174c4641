/**
 * The schema of config.json, for every configuration, including py9tor's after its conversion. The
 * options of a runner or a policy have their own schema in that plugin.
 *
 * In `v.metadata`, `keys` describes the keys of an object for people: contrib/config.schema.json
 * and baton.json(5) are generated from it (`npm run generate`), and a test reports missing ones.
 */
import * as v from 'valibot';
import { policies } from '../../policies/index.ts';
import { Duration, Limit, whole } from '../../policies/option-types.ts';
import { runners } from '../../runners/index.ts';
import { STOP_TO } from '../shared/stop.ts';
import {
  Bytes,
  Codes,
  Description,
  Hosts,
  IncludePattern,
  Name,
  Pattern,
  StopSignal,
} from './field-types.ts';
import { Keep } from './keep.ts';
import { TOOL_NAMES } from './known-tools.ts';
import type { Plugins } from './registry.ts';
import { Retry } from './retry.ts';
import { Sockets } from './sockets.ts';
import { TARGET_KEYS } from './target-keys.ts';

/** With several commands, the main process is a shell. */
export function hasSeveral(runner: object): boolean {
  return Object.hasOwn(runner, 'cmds');
}

/** Types of runners whose command accepts the arguments of a request. */
const TAKES_ARGS = new Set<string>(['local', 'slurm']);
const KILL_AFTER_DEFAULT = '30s';
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const FAILURES_MAX = 1_000;

const Log = v.pipe(
  v.strictObject({
    level: v.exactOptional(v.picklist(LEVELS)),
    format: v.exactOptional(v.picklist(['json', 'text'])),
  }),
  v.metadata({
    keys: {
      level: 'Log events of this level and above. Default: `info`.',
      format:
        '`json` (one object per line) or `text` (human-readable). Default: `text` if the log ' +
        'goes to the journal of systemd, otherwise `json`.',
    },
  }),
);

const TOOL_EXPECTED = `a known tool: ${TOOL_NAMES.join(', ')}`;

const STOP_TO_EXPECTED =
  '"tree", or "args" in the runner in place of "cmds": those a shell runs, and only the shell ' +
  'would get the signal';

const EACH_KEY_EXPECTED = 'a word for a placeholder: a letter, then letters, digits and _';

export const Each = v.pipe(
  v.record(
    v.pipe(v.string(), v.regex(/^[A-Za-z][A-Za-z0-9_]*$/, EACH_KEY_EXPECTED)),
    v.pipe(v.array(v.pipe(v.string(), v.minLength(1))), v.minLength(1)),
  ),
  v.minEntries(1, 'a placeholder at least'),
);

const Target = v.pipe(
  v.strictObject({
    each: v.exactOptional(Each),
    hosts: v.exactOptional(Hosts),
    description: v.exactOptional(Description),
    runner: anyOf(Object.values(runners)),
    tool: v.exactOptional(v.picklist(TOOL_NAMES, TOOL_EXPECTED)),
    policies: v.optional(v.array(anyOf(Object.values(policies))), []),
    timeout: v.exactOptional(Limit),
    killAfter: v.optional(Duration, KILL_AFTER_DEFAULT),
    stopSignal: v.exactOptional(StopSignal),
    stopTo: v.exactOptional(v.picklist(STOP_TO)),
    maxWait: v.exactOptional(Limit),
    lateAfter: v.exactOptional(Limit),
    onStart: v.exactOptional(Name),
    onSuccess: v.exactOptional(Name),
    onWarning: v.exactOptional(Name),
    onFailure: v.exactOptional(Name),
    onFailureAfter: v.exactOptional(whole(1, FAILURES_MAX)),
    onLate: v.exactOptional(Name),
    okExit: v.optional(Codes, [0]),
    warnExit: v.exactOptional(Codes),
    keep: v.exactOptional(Keep),
    onLost: v.exactOptional(v.picklist(['leave', 'retry'])),
    retry: v.exactOptional(Retry),
    leftovers: v.exactOptional(v.picklist(['leave', 'kill'])),
    logMaxBytes: v.exactOptional(Bytes),
    progress: v.exactOptional(v.boolean()),
    acceptArgs: v.exactOptional(v.array(Pattern)),
  }),
  v.metadata({ keys: TARGET_KEYS }),
  v.forward(
    v.check(
      ({ okExit, warnExit = [] }) => !warnExit.some((code) => okExit.includes(code)),
      'exit codes that okExit (0, where it is absent) does not name as well',
    ),
    ['warnExit'],
  ),
  v.forward(
    v.check(
      ({ onLate, lateAfter }) => onLate === undefined || lateAfter !== undefined,
      'nothing, or "lateAfter" beside it: without it nothing is ever late',
    ),
    ['onLate'],
  ),
  v.forward(
    v.check(
      ({ onFailure, onFailureAfter }) => onFailureAfter === undefined || onFailure !== undefined,
      'nothing, or "onFailure" beside it: without it nothing is called',
    ),
    ['onFailureAfter'],
  ),
  v.forward(
    v.check(
      ({ okExit, retry }) => !retry?.on.some((end) => okExit.some((code) => code === end)),
      'no exit code that okExit (0, where it is absent) names: a success is not retried',
    ),
    ['retry', 'on'],
  ),
  v.forward(
    v.check(
      ({ runner, acceptArgs = [] }) => TAKES_ARGS.has(runner.type) || acceptArgs.length === 0,
      'none: only a runner of type "local" or "slurm" takes arguments',
    ),
    ['acceptArgs'],
  ),
  v.forward(
    v.check(({ runner, stopTo }) => stopTo !== 'main' || !hasSeveral(runner), STOP_TO_EXPECTED),
    ['stopTo'],
  ),
);
export type TargetSettings = v.InferOutput<typeof Target>;

/** Keys that are specific to a target or depend on its runner have no default. */
const {
  each: _,
  hosts: _hosts,
  description: _about,
  runner: _runner,
  acceptArgs: _args,
  ...forAll
} = Target.entries;

/** Built-in defaults of a target are not filled in here. */
const Defaults = v.strictObject({
  ...forAll,
  policies: v.exactOptional(forAll.policies.wrapped),
  killAfter: v.exactOptional(forAll.killAfter.wrapped),
  okExit: v.exactOptional(forAll.okExit.wrapped),
});
/** Keys that `defaults` may have, and that a target may remove with null. */
export const DEFAULT_KEYS: readonly string[] = Object.keys(Defaults.entries);

const PLUGINS_MAX = 100;
const PLUGIN_EXPECTED = 'the path of a module (.mjs), relative to the directory of this file';

/** Most entries of `include`. */
export const INCLUDES_MAX = 100;

/** In every file of a configuration. */
const common = {
  $schema: v.exactOptional(v.string()),
  description: v.exactOptional(Description),
};

export const Settings = v.pipe(
  v.strictObject({
    ...common,
    include: v.exactOptional(v.pipe(v.array(IncludePattern), v.maxLength(INCLUDES_MAX))),
    log: v.exactOptional(Log),
    sockets: v.exactOptional(Sockets),
    idleExit: v.exactOptional(Limit),
    keep: v.exactOptional(Keep),
    plugins: v.exactOptional(
      v.pipe(v.array(v.pipe(v.string(PLUGIN_EXPECTED), v.minLength(1))), v.maxLength(PLUGINS_MAX)),
    ),
    defaults: v.exactOptional(Defaults),
    targets: v.exactOptional(v.record(Name, Target)),
  }),
  v.metadata({
    title: 'configuration of baton',
    anyOf: [{ required: ['targets'] }, { required: ['include'] }],
    keys: {
      $schema: 'Schema of this file, which editors use for completion and checks.',
      description: 'Free text; the daemon does not use it.',
      include:
        'More files with targets. Paths are relative to the directory of this file. `*` in ' +
        'the last component matches any characters, but not a leading dot; matching files are ' +
        'read in byte order of their names, and there may be none. A file named without `*` ' +
        'must exist.',
      log: 'Logging of the daemon.',
      sockets: 'Sockets to listen on, instead of the default one.',
      idleExit:
        'Exit after this long without anything to do. For socket activation: systemd starts ' +
        'the daemon again for the next request.',
      keep: 'Which ended runs to keep, for targets that do not set it.',
      plugins:
        'Modules with your own policies and runners; see baton-plugin(7). Paths are relative ' +
        'to the directory of this file, unless they begin with `/`. Modules run with the ' +
        'permissions of the daemon, so they must be writable only by root and the user of the ' +
        'daemon.',
      defaults:
        'Default values for all targets: any key of a target except `each`, `hosts`, ' +
        '`description`, `runner` and `acceptArgs`.',
      targets: 'Targets by name. You choose the names.',
    },
  }),
);
export type Settings = v.InferOutput<typeof Settings>;

/** A file that another one includes. */
export const IncludedSettings = v.strictObject({ ...common, targets: v.record(Name, Target) });
/** Only the main file may have these: a package's file affects only its own targets. */
export const MAIN_KEYS: readonly string[] = Object.keys(Settings.entries).filter(
  (key) => !Object.hasOwn(IncludedSettings.entries, key),
);

/** The schemas that files are checked with. */
export interface Schemas {
  readonly settings: v.GenericSchema<unknown, Settings>;
  readonly target: v.GenericSchema<unknown, TargetSettings>;
}

/** Including the types that plugins provide. */
export function schemasWith({ policies: more, runners: moreRunners }: Plugins): Schemas {
  if (more.size + moreRunners.size === 0) return { settings: Settings, target: Target };
  const list = v.array(anyOf([...Object.values(policies), ...more.values()]));
  const brought = [...moreRunners.values()].map((options) => ({ options }));
  const runner = anyOf([...Object.values(runners), ...brought]);
  const [target, ...checks] = Target.pipe;
  const [settings, about] = Settings.pipe;
  const defaults = v.strictObject({ ...Defaults.entries, policies: v.exactOptional(list) });
  return {
    settings: v.pipe(
      v.strictObject({ ...settings.entries, defaults: v.exactOptional(defaults) }),
      about,
    ),
    target: v.pipe(
      v.strictObject({ ...target.entries, runner, policies: v.optional(list, []) }),
      ...checks,
    ),
  };
}

/** Options of a plugin: `type` names the plugin, and only that plugin knows the rest. */
interface Typed {
  readonly type: string;
}

/**
 * Plugins show their schemas as opaque. All of them are strict objects with a literal `type`;
 * test/unit/config/load.test.ts checks that for every plugin in both maps.
 */
function anyOf(
  plugins: readonly { readonly options: v.GenericSchema<unknown, unknown> }[],
): v.GenericSchema<unknown, Typed> {
  const options = plugins.map((plugin) => plugin.options) as unknown as v.VariantOptions<'type'>;
  return v.variant('type', options) as unknown as v.GenericSchema<unknown, Typed>;
}
