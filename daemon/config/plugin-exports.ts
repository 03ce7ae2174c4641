/** What the exports of a plugin's module must be: literals of policies, and nothing else. */
import * as v from 'valibot';
import { policies } from '../../policies/index.ts';
import type { PolicyPlugin } from '../core/plugin.ts';
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

/** A schema of arktype's is a function. */
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
  ...optionalMethods(['preparer', 'resources', 'level', 'lockfile', 'conflict']),
  ...optionalMethods(['survey', 'rank', 'describeRank', 'deadline']),
});

function optionalMethods<N extends string>(names: readonly N[]) {
  const entries = names.map((name) => [name, v.exactOptional(Method)]);
  return Object.fromEntries(entries) as Record<N, v.ExactOptionalSchema<typeof Method, undefined>>;
}

export interface Exported {
  readonly policies: readonly PolicyPlugin<unknown>[];
  readonly mistakes: readonly string[];
}

/** `module` is what an import gave; `takenBy` says whose a type is already. */
export function readExports(
  module: Readonly<Record<string, unknown>>,
  takenBy: (type: string) => string | undefined,
): Exported {
  const names = Object.keys(module);
  if (names.length === 0) return { policies: [], mistakes: [say.noExports()] };
  const found: PolicyPlugin<unknown>[] = [];
  const mistakes: string[] = [];
  for (const name of names) {
    const value = module[name];
    const isPolicy = typeof value === 'object' && value !== null && 'ready' in value;
    const checked = isPolicy ? check(POLICY, value) : undefined;
    if (checked === undefined) mistakes.push(say.noPluginKind(name));
    else if (checked.ok) {
      // As it is, not the copy: its methods may speak of `this`.
      const policy = value as PolicyPlugin<unknown>;
      const by = found.some((it) => it.type === policy.type) ? SELF : takenBy(policy.type);
      if (by === undefined) found.push(policy);
      else mistakes.push(say.takenType(name, policy.type, by));
    } else {
      for (const { at, text } of checked.diagnostics) {
        mistakes.push(say.wrongExport(name, `${showKeys(at)}: ${text}`));
      }
    }
  }
  return { policies: found, mistakes };
}

const SELF = 'another export of this file';

/** Whose a type is, of those that need no plugin. */
export function ownPolicy(type: string): string | undefined {
  return Object.hasOwn(policies, type) ? "baton's own policy" : undefined;
}
