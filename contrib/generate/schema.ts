/**
 * contrib/config.schema.json: the valibot schemas of config.json (daemon/config/schema.ts and the
 * plugins') as JSON Schema, for editors. It describes what a person writes, so pipes end at the
 * first transform. What JSON Schema cannot express (checks of several keys) is left to `batond
 * --check`, unless a `v.metadata` in the schema has it as a fragment; its `keys` describe the keys
 * of an object.
 */
import { type JsonSchema, toJsonSchema } from '@valibot/to-json-schema';
import type * as v from 'valibot';
import { DEFAULT_KEYS, Settings } from '../../daemon/config/schema.ts';
import { objectOf } from './kind.ts';
import { withPluginTypes } from './pluginschema.ts';

/** Text of contrib/config.schema.json. */
export function configSchemaText(): string {
  return `${JSON.stringify(withNull(withPluginTypes(configSchema())), null, 2)}\n`;
}

/** A target removes a default with null; baton.json(5) says that in a sentence. */
function withNull(schema: JsonSchema): JsonSchema {
  const { properties } = schema;
  const targets = objectOf(properties?.['targets']);
  const target = objectOf(targets.additionalProperties);
  const entries = Object.entries(target.properties ?? {}).map(([key, property]) => {
    if (!DEFAULT_KEYS.includes(key)) return [key, property];
    const { description, default: given, ...rest } = objectOf(property);
    const about = {
      ...(description ? { description } : {}),
      ...(given === undefined ? {} : { default: given }),
    };
    return [key, { anyOf: [rest, { type: 'null' }], ...about }];
  });
  const nullable = { ...target, properties: Object.fromEntries(entries) };
  return {
    ...schema,
    properties: { ...properties, targets: { ...targets, additionalProperties: nullable } },
  };
}

export function configSchema(): JsonSchema {
  const { properties, ...schema } = schemaOf(Settings);
  const target = objectOf(objectOf(properties?.['targets']).additionalProperties);
  const defaults = objectOf(properties?.['defaults']);
  const explained = Object.entries(defaults.properties ?? {}).map(([key, property]) => {
    const { description } = objectOf(target.properties?.[key]);
    return [key, { ...objectOf(property), ...(description ? { description } : {}) }];
  });
  const all = { ...defaults, properties: Object.fromEntries(explained) };
  return { ...schema, properties: { ...properties, defaults: all } };
}

/** JSON Schema (draft 7, which editors know) of a valibot schema's input. */
export function schemaOf(schema: object): JsonSchema {
  return toJsonSchema(asInput(schema) as v.GenericSchema, {
    target: 'draft-07',
    ignoreActions: ['check', 'excludes', 'finite', 'raw_check'],
    overrideAction({ valibotAction, jsonSchema }) {
      const { type } = valibotAction;
      if (type === 'regex') return { ...jsonSchema, pattern: unicode(valibotAction) };
      return type === 'metadata' ? explain(jsonSchema, valibotAction) : undefined;
    },
    overrideSchema({ jsonSchema: { required = [], ...rest } }) {
      return required.length === 0 ? rest : { ...rest, required };
    },
  });
}

/** JSON Schema has no flags; its patterns are Unicode patterns. */
function unicode(action: object): string {
  const { requirement } = action as v.RegexAction<string, undefined>;
  if (!['', 'u'].includes(requirement.flags)) {
    throw new Error(`${requirement}: JSON Schema cannot express its flags`);
  }
  return new RegExp(requirement, 'u').source;
}

/** The converter would copy the metadata unchanged; `keys` belong to the properties. */
function explain(jsonSchema: JsonSchema, action: object): JsonSchema {
  const { metadata } = action as { readonly metadata: { keys?: Record<string, string> } };
  const { keys = {}, ...fragment } = metadata;
  const properties = { ...jsonSchema.properties };
  for (const [key, description] of Object.entries(keys)) {
    const property = properties[key];
    if (typeof property !== 'object') throw new Error(`"${key}" is explained, but is no key`);
    properties[key] = { ...property, description };
  }
  const explained = { ...jsonSchema, ...(metadata.keys ? { properties } : {}), ...fragment };
  return Object.fromEntries(Object.entries(explained).filter(([name]) => name !== 'keys'));
}

/**
 * The same schema, with pipes that end at their first transform but keep the metadata of later
 * steps, which the converter would drop. Plugins show their schemas as opaque: traverses all.
 */
function asInput(schema: object): object {
  return mapValues(schema, (part, key) => {
    if (key === 'pipe') return inputPipe(part as readonly Part[]);
    if (key === 'entries') return mapValues(part as object, (entry) => asInput(entry as object));
    if (HOLDERS.has(key) && Array.isArray(part)) return part.map(asInputIfSchema);
    return HOLDERS.has(key) ? asInputIfSchema(part) : part;
  });
}

/** Where schemas contain other schemas. `options` may be plain words, too. */
const HOLDERS = new Set(['options', 'wrapped', 'item', 'items', 'rest', 'key', 'value']);

function asInputIfSchema(part: unknown): unknown {
  return typeof part === 'object' && part !== null ? asInput(part) : part;
}

interface Part {
  readonly kind: string;
}

function inputPipe(pipe: readonly Part[]): readonly unknown[] {
  const flat = flatten(pipe);
  const end = flat.findIndex(({ kind }) => kind === 'transformation');
  const before = end < 0 ? flat : flat.slice(0, end);
  const after = end < 0 ? [] : flat.slice(end).filter(({ kind }) => kind === 'metadata');
  return [...before, ...after].map((part) => (part.kind === 'schema' ? asInput(part) : part));
}

function flatten<T extends object>(pipe: readonly T[]): readonly T[] {
  return pipe.flatMap((part) => ('pipe' in part ? flatten(part.pipe as readonly T[]) : [part]));
}

function mapValues(value: object, change: (part: unknown, key: string) => unknown): object {
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, change(part, key)]));
}
