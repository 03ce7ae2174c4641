/** Describes a value in config.json or in a request, in a few words, by its JSON Schema. */
import type { JsonSchema } from '@valibot/to-json-schema';

export function kindOf(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.enum !== undefined) return words(schema.enum.map((it) => `\`${JSON.stringify(it)}\``));
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  const options = schema.anyOf?.map((option) => kindOf(objectOf(option)));
  if (schema.type === undefined && options !== undefined) return words([...new Set(options)]);
  switch (schema.type) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'integer':
    case 'number':
      return rangeOf(schema);
    case 'array':
      return `list${listed(schema)}`;
    default:
      return 'object';
  }
}

function listed({ items }: JsonSchema): string {
  if (Array.isArray(items)) return ' of strings';
  const item = objectOf(items);
  if (item.enum !== undefined) return ` of ${kindOf(item).replace(/ or /, ', ')}`;
  if (item.oneOf !== undefined || item.properties !== undefined) return ' of objects';
  if (item.type === 'array') return ' of lists of strings';
  if (item.anyOf !== undefined) return ` of: ${kindOf(item)}`;
  return ` of ${kindOf(item)}s`;
}

function rangeOf({ type, minimum, maximum }: JsonSchema): string {
  const isHuge = maximum === undefined || maximum > 1_000_000;
  const kind = type === 'integer' ? 'integer' : 'number';
  if (minimum === undefined) return kind;
  return isHuge ? `${kind} ≥ ${minimum}` : `${kind} ${minimum} to ${maximum}`;
}

function words(list: readonly string[]): string {
  const [last, ...more] = list.toReversed();
  return more.length === 0 ? (last ?? '') : `${more.toReversed().join(', ')} or ${last}`;
}

/** `true` is a schema that accepts everything. */
export function objectOf(schema: unknown): JsonSchema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema) ? schema : {};
}
