/**
 * Types from plugins in contrib/config.schema.json: if `plugins` is set, a runner or a policy may
 * have an unknown type, with any keys. Known types are still checked, and without plugins so is the
 * name of the type.
 */
import type { JsonSchema } from '@valibot/to-json-schema';
import { objectOf } from './kind.ts';

/** The same schema, extended by unknown types. */
export function withPluginTypes(schema: JsonSchema): JsonSchema {
  const { properties = {} } = schema;
  const targets = objectOf(properties['targets']);
  const target = objectOf(targets.additionalProperties);
  const defaults = objectOf(properties['defaults']);
  const { runner, policies } = target.properties ?? {};
  const kinds = { runner: typesOf(objectOf(runner)), policies: typesOf(itemsOf(policies)) };
  const known = {
    runner: { type: 'object', properties: { type: { enum: kinds.runner } } },
    policies: {
      type: 'array',
      items: { type: 'object', properties: { type: { enum: kinds.policies } } },
    },
  } as const;
  const { policies: policiesOnly } = known;
  return {
    ...schema,
    properties: {
      ...properties,
      defaults: withPolicies(defaults, kinds.policies),
      targets: {
        ...targets,
        additionalProperties: {
          ...withPolicies(target, kinds.policies),
          properties: {
            ...withPolicies(target, kinds.policies).properties,
            runner: withOther(objectOf(runner), 'A runner of a plugin.', kinds.runner),
          },
        },
      },
    },
    if: { not: { required: ['plugins'] } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: {
      properties: {
        defaults: { type: 'object', properties: { policies: policiesOnly } },
        targets: {
          type: 'object',
          additionalProperties: { type: 'object', properties: known },
        },
      },
    },
  };
}

function withPolicies(holder: JsonSchema, known: readonly string[]): JsonSchema {
  const policies = objectOf(holder.properties?.['policies']);
  const items = withOther(itemsOf(policies), 'A policy of a plugin.', known);
  return { ...holder, properties: { ...holder.properties, policies: { ...policies, items } } };
}

function withOther(schema: JsonSchema, description: string, known: readonly string[]): JsonSchema {
  const type: JsonSchema = { type: 'string', minLength: 1, not: { enum: [...known] }, description };
  const other: JsonSchema = { type: 'object', properties: { type }, required: ['type'] };
  return { ...schema, oneOf: [...(schema.oneOf ?? []), other] };
}

function itemsOf(list: unknown): JsonSchema {
  return objectOf(objectOf(list).items);
}

/** The types of the alternatives of a schema. */
function typesOf({ oneOf = [] }: JsonSchema): string[] {
  return oneOf.map((option) => {
    const type = objectOf(objectOf(option).properties?.['type']).const;
    if (typeof type !== 'string') throw new Error('an alternative has no type');
    return type;
  });
}
