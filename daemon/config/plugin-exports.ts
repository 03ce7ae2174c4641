/** Checks the exports of a plugin's module: they must be policy and runner objects. */
import * as v from 'valibot';
import { policies } from '../../policies/index.ts';
import { runners } from '../../runners/index.ts';
import type { PolicyPlugin, RunnerPlugin } from '../core/plugin.ts';
import * as say from './config-messages.ts';
import { check, showKeys } from './diagnostics.ts';

const TYPE_EXPECTED = 'a name of letters, digits and "-", a letter first';
const METHOD_EXPECTED = 'a function';
const OPTIONS_EXPECTED = 'a Standard Schema: an object with "~standard", its version 1';
const TYPE_CHARS_MAX = 100;

const Type = v.pipe(
  v.string(TYPE_EXPECTED),
  v.regex(/^[A-Za-z][A-Za-z0-9-]*$/, TYPE_EXPECTED),
  v.maxLength(TYPE_CHARS_MAX, TYPE_EXPECTED),
);

const Method = v.custom<() => unknown>((it) => typeof it === 'function', METHOD_EXPECTED);

const Options = v.custom<PolicyPlugin<unknown>['options']>((it) => {
  const made = v.safeParse(v.looseObject({ '~standard': Standard }), it);
  return made.success || (typeof it === 'function' && v.is(Standard, propOf(it)));
}, OPTIONS_EXPECTED);

const Standard = v.looseObject({ version: v.literal(1), validate: Method });

/** In arktype, a schema is a function. */
function propOf(schema: object): unknown {
  return '~standard' in schema ? schema['~standard'] : undefined;
}

const POLICY = v.strictObject({
  type: Type,
  options: Options,
  warnExit: v.exactOptional(v.array(v.number())),
  exclusivePerTarget: v.exactOptional(v.literal(true)),
  group: Method,
  admit: Method,
  ready: Method,
  ...optionalMethods(['preparer', 'resources', 'level', 'asks', 'conflict']),
  ...optionalMethods(['survey', 'rank', 'describeRank', 'deadline']),
});

const RUNNER = v.strictObject({ type: Type, options: Options, plan: Method });

function optionalMethods<N extends string>(names: readonly N[]) {
  const entries = names.map((name) => [name, v.exactOptional(Method)]);
  return Object.fromEntries(entries) as Record<N, v.ExactOptionalSchema<typeof Method, undefined>>;
}

type Kind = 'policy' | 'runner';

export interface Exported {
  readonly policies: readonly PolicyPlugin<unknown>[];
  readonly runners: readonly RunnerPlugin<unknown>[];
  readonly mistakes: readonly string[];
}

/** `module` is the result of an import; `takenBy` returns who already uses a type. */
export function readExports(
  module: Readonly<Record<string, unknown>>,
  takenBy: (kind: Kind, type: string) => string | undefined,
): Exported {
  const policiesFound = new Map<string, PolicyPlugin<unknown>>();
  const runnersFound = new Map<string, RunnerPlugin<unknown>>();
  const mistakes: string[] = [];
  for (const [name, value] of Object.entries(module)) {
    const kind = kindOf(value);
    if (kind === undefined) {
      mistakes.push(say.noPluginKind(name));
      continue;
    }
    const checked = check<{ type: string }>(kind === 'policy' ? POLICY : RUNNER, value);
    if (!checked.ok) {
      for (const { at, text } of checked.diagnostics) {
        mistakes.push(say.wrongExport(name, `${showKeys(at)}: ${text}`));
      }
      continue;
    }
    const { type } = checked.value;
    const own = kind === 'policy' ? policiesFound : runnersFound;
    const by = own.has(type) ? SELF : takenBy(kind, type);
    if (by !== undefined) mistakes.push(say.takenType(name, type, by));
    // The original, not the copy: its methods may use `this`.
    else if (kind === 'policy') policiesFound.set(type, value as PolicyPlugin<unknown>);
    else runnersFound.set(type, value as RunnerPlugin<unknown>);
  }
  if (Object.keys(module).length === 0) mistakes.push(say.noExports());
  return {
    policies: [...policiesFound.values()],
    runners: [...runnersFound.values()],
    mistakes,
  };
}

const SELF = 'another export of this file';

function kindOf(value: unknown): Kind | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if ('ready' in value) return 'policy';
  return 'plan' in value ? 'runner' : undefined;
}

/** Who uses a type: baton itself, without plugins. */
export function ownType(kind: Kind, type: string): string | undefined {
  return Object.hasOwn(kind === 'policy' ? policies : runners, type)
    ? `baton's own ${kind}`
    : undefined;
}
