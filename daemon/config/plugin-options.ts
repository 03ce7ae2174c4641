/**
 * Makes a plugin's own schema of its options, from any library, a part of the schema of
 * config.json. It gets an entry without its `type`, which is added to its result.
 */
import * as v from 'valibot';
import type { StandardSchema } from '../core/standard-schema.ts';
import * as say from './config-messages.ts';
import { ValidatedAnswer } from './plugin-answers.ts';
import type { Guard } from './plugin-guard.ts';

/** Marks issues whose message is a whole sentence. */
export const PLUGIN_SAYS = 'plugin_says';

type PathItem = v.UnknownPathItem;

export function optionsOf(
  kind: 'policy' | 'runner',
  { type, options }: { readonly type: string; readonly options: StandardSchema<unknown> },
  guard: Guard,
): v.GenericSchema<unknown, { readonly type: string }> {
  const transform = v.rawTransform<Entry, Entry>(({ dataset, addIssue, NEVER }) => {
    const { type: _, ...rest } = dataset.value;
    const ask = (): unknown => options['~standard'].validate(rest);
    const said = guard.ask(
      'validate',
      ask,
      ValidatedAnswer,
      'a value that is an object, or issues',
    );
    if (!said.ok) {
      addIssue({ message: said.error });
      return NEVER;
    }
    if (!('issues' in said.value)) return { ...said.value.value, type };
    for (const { message, path } of said.value.issues) {
      const [first, ...more] = pathIn(rest, path.map(keyOf));
      const sentence = say.pluginSays(`${kind} ${type}`, message);
      addIssue({ message: sentence, ...(first && { path: [first, ...more] }) });
    }
    return NEVER;
  });
  return v.pipe(v.looseObject({ type: v.literal(type) }), { ...transform, type: PLUGIN_SAYS });
}

type Entry = { type: string } & Record<string, unknown>;

function keyOf(part: string | number | { readonly key?: unknown }): unknown {
  return typeof part === 'object' ? part.key : part;
}

/** In valibot's format: each key with its container and its value. */
function pathIn(value: unknown, keys: readonly unknown[]): readonly PathItem[] {
  let input = value;
  return keys.map((key) => {
    const inner = childOf(input, key);
    const item: PathItem = { type: 'unknown', origin: 'value', input, key, value: inner };
    input = inner;
    return item;
  });
}

function childOf(value: unknown, key: unknown): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.entries(value).find(([name]) => name === String(key))?.[1];
}
