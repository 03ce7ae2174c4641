/**
 * `each`: one definition for many targets. `{host}` in the name and in every string of the
 * definition is replaced by each value of `host` in turn; with several keys, each combination makes
 * a target. `{{host}}` is a literal `{host}`, and braces around anything but a word are plain text,
 * so `{print $1}`, `${var%x}` and `{{.Names}}` need no escaping. Keys are never changed. Pure.
 *
 * Parts of a definition without placeholders are shared by all of its targets.
 */
import * as say from './config-messages.ts';
import { type Bag, isBag } from './defaults.ts';
import type { Diagnostic } from './diagnostics.ts';
import type { Keys } from './json.ts';

export type Each = Readonly<Record<string, readonly string[]>>;

/** Most targets of all definitions with `each` together. */
export const EACH_TARGETS_MAX = 100_000;

interface Expanded {
  readonly name: string;
  readonly value: Bag;
}

/** Number of targets that it makes. */
export function combinationsOf(each: Each): number {
  return Object.values(each).reduce((product, values) => product * values.length, 1);
}

/**
 * What is wrong with the definition itself; `value` is without its `each`. Places are relative to
 * the definition.
 */
export function findMistakes(name: string, value: Bag, each: Each): readonly Diagnostic[] {
  const known = Object.keys(each);
  const named = placeholdersOf(name);
  return [
    ...unknownIn(name, known).map((text) => ({ at: [], text })),
    ...known
      .filter((key) => !named.includes(key))
      .map((key) => ({ at: ['each', key], text: say.unusedPlaceholder(key) })),
    ...known.flatMap((key) => findRepeated(key, each[key] ?? [])),
    ...unknownInside(value, known, []),
  ];
}

/** The targets of a correct definition. */
export function* expand(name: string, value: Bag, each: Each): Generator<Expanded> {
  const nameFor = textMaker(name) ?? (() => name);
  const make = maker(value);
  for (const values of combinations(Object.entries(each))) {
    yield { name: nameFor(values), value: make === undefined ? value : (make(values) as Bag) };
  }
}

/** Whether any string in a value contains this placeholder. */
export function hasPlaceholder(value: unknown, key: string): boolean {
  if (typeof value === 'string') return placeholdersOf(value).includes(key);
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some((part) => hasPlaceholder(part, key));
}

/** Whether the value at a place is the same for all targets. */
export function isShared(template: unknown, value: unknown, at: Keys): boolean {
  const [one, other] = [template, value].map((root) =>
    at.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], root),
  );
  return one === other;
}

type Values = Readonly<Record<string, string>>;

/** A doubled brace, or a placeholder. */
const PLACEHOLDER = /\{\{([A-Za-z]\w*)\}\}|\{([A-Za-z]\w*)\}/g;

function placeholdersOf(text: string): readonly string[] {
  return [...text.matchAll(PLACEHOLDER)].flatMap(([, , key]) => key ?? []);
}

function unknownIn(text: string, known: readonly string[]): readonly string[] {
  return [...new Set(placeholdersOf(text))]
    .filter((key) => !known.includes(key))
    .map((key) => say.unknownPlaceholder(key, known));
}

function unknownInside(value: unknown, known: readonly string[], at: Keys): readonly Diagnostic[] {
  if (typeof value === 'string') return unknownIn(value, known).map((text) => ({ at, text }));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, part]) =>
    unknownInside(part, known, [...at, Array.isArray(value) ? Number(key) : key]),
  );
}

function findRepeated(key: string, values: readonly string[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    if (!seen.has(value)) {
      seen.add(value);
      return [];
    }
    return [{ at: ['each', key, index], text: say.repeatedValue(value) }];
  });
}

function* combinations(
  entries: readonly (readonly [string, readonly string[]])[],
): Generator<Values> {
  const [first, ...more] = entries;
  if (first === undefined) return yield {};
  const [key, values] = first;
  for (const value of values) {
    for (const rest of combinations(more)) yield { [key]: value, ...rest };
  }
}

/** Makes a part for given values; undefined if it is the same for all. */
function maker(part: unknown): ((values: Values) => unknown) | undefined {
  if (typeof part === 'string') return textMaker(part);
  if (Array.isArray(part)) {
    const makers = part.map(maker);
    if (makers.every((make) => make === undefined)) return undefined;
    return (values) => part.map((item, index) => makers[index]?.(values) ?? item);
  }
  if (!isBag(part)) return undefined;
  const entries = Object.entries(part).map(([key, item]) => [key, item, maker(item)] as const);
  if (entries.every(([, , make]) => make === undefined)) return undefined;
  return (values) =>
    Object.fromEntries(entries.map(([key, item, make]) => [key, make?.(values) ?? item]));
}

function textMaker(text: string): ((values: Values) => string) | undefined {
  if (text.search(PLACEHOLDER) < 0) return undefined;
  return (values) =>
    text.replace(PLACEHOLDER, (_, plain: string | undefined, key = '') =>
      plain === undefined ? (values[key] ?? '') : `{${plain}}`,
    );
}
