/**
 * Reports everything that is wrong with a JSON value under a valibot schema, at once, in baton's
 * words: where, what was found, what was expected, what to do. Valibot reports only the first
 * unknown key of an object, suggests nothing and reads badly; so our own walk compares the keys,
 * and only the place and kind of valibot's issues are used.
 *
 * Convention: a message in a schema is the rest of a sentence that begins with "expected".
 */
import * as v from 'valibot';
import * as say from './config-messages.ts';
import type { Keys } from './json.ts';
import { PLUGIN_SAYS } from './plugin-options.ts';

export interface Diagnostic {
  readonly at: Keys;
  readonly text: string;
}

/** Valibot's message if the schema has none. */
const UNSAID = '';

/** Longest text of a found value in a diagnostic. */
const FOUND_CHARS_MAX = 60;

export type Checked<O> =
  | { readonly ok: true; readonly value: O }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/**
 * The parsed value, or all diagnostics in schema order. `hasKnownKeys`: a value with the same keys
 * has already been checked.
 */
export function check<O>(
  schema: v.GenericSchema<unknown, O>,
  value: unknown,
  hasKnownKeys = false,
): Checked<O> {
  const result = v.safeParse(schema, value, { message: UNSAID });
  if (hasKnownKeys && result.success) return { ok: true, value: result.output };
  const diagnostics = [...compareKeys(schema, value, [])];
  if (result.success && diagnostics.length === 0) return { ok: true, value: result.output };
  const more = (result.issues ?? []).flatMap((issue) => complain(schema, issue) ?? []);
  const news = more.filter(({ at }) => !diagnostics.some((known) => isWithin(at, known.at)));
  return { ok: false, diagnostics: [...diagnostics, ...news] };
}

/** Whether a place is equal to or inside another one. */
export function isWithin(at: Keys, outer: Keys): boolean {
  return outer.every((key, index) => key === at[index]);
}

/** "targets.web.policies[0]"; a key that is not a plain word is in brackets. */
export function showKeys(keys: Keys): string {
  return keys
    .map((key, at) => {
      if (typeof key === 'number') return `[${key}]`;
      if (/^[\w$-]+$/.test(key)) return at === 0 ? key : `.${key}`;
      return `[${JSON.stringify(key)}]`;
    })
    .join('');
}

/** Unknown, unusable and missing keys in the whole value. */
function* compareKeys(schema: unknown, value: unknown, at: Keys): Generator<Diagnostic> {
  if (Array.isArray(value)) {
    const expected = describe(schema);
    if (expected?.startsWith('an object')) {
      // For valibot a list is an object, too.
      yield { at, text: say.wrongValue(expected, showAt(at, value)) };
      return;
    }
    for (const [index, item] of value.entries()) {
      yield* compareKeys(childOf(schema, value, index), item, [...at, index]);
    }
    return;
  }
  if (!isObject(value)) return;
  const entries = entriesOf(schema, value);
  for (const [key, item] of Object.entries(value)) {
    const child = childOf(schema, value, key);
    if (entries !== undefined && !Object.hasOwn(entries, key)) {
      yield { at: [...at, key], text: say.unknown('key', key, Object.keys(entries)) };
    } else if (['__proto__', 'constructor', 'prototype'].includes(key)) {
      // Valibot silently drops these from a record.
      yield { at: [...at, key], text: say.unusableName() };
    } else {
      yield* compareKeys(child, item, [...at, key]);
    }
  }
  for (const [key, entry] of Object.entries(entries ?? {})) {
    // A missing "type" is reported by the variant, which knows the possible types.
    if (Object.hasOwn(value, key) || prop(entry, 'type') === 'literal' || isOptional(entry))
      continue;
    yield { at: [...at, key], text: say.missingKey(describe(entry) ?? 'a value') };
  }
}

/** The diagnostic for one issue of valibot, unless compareKeys has reported it. */
function complain(schema: unknown, issue: v.BaseIssue<unknown>): Diagnostic | undefined {
  const at: (string | number)[] = [];
  let node = schema;
  for (const { key, input } of issue.path ?? []) {
    if (typeof key !== 'string' && typeof key !== 'number') break;
    node = childOf(node, input, key);
    at.push(key);
  }
  const last = issue.path?.at(-1);
  if (issue.type === 'strict_object' && last?.origin === 'key') return undefined;
  if (issue.type === PLUGIN_SAYS) return { at, text: issue.message };
  if (issue.type === 'variant' && at.at(-1) === 'type') return { at, text: wrongType(issue) };
  // A check of several keys that was forwarded to one of them shows the value of that key.
  const found = issue.type === 'check' && last?.origin === 'value' ? last.value : issue.input;
  return { at, text: say.wrongValue(expectation(issue, node), showAt(at, found)) };
}

function wrongType(issue: v.BaseIssue<unknown>): string {
  const known = [...(issue.expected ?? '').matchAll(/"([^"]+)"/g)].map(([, name]) => name ?? '');
  const found = prop(issue.path?.at(-1), 'value');
  const expected = `one of ${known.join(', ')}`;
  if (found === undefined) return say.missingKey(expected);
  if (typeof found !== 'string') return say.wrongValue(expected, show(found));
  return say.unknownType(found, known);
}

function expectation(issue: v.BaseIssue<unknown>, node: unknown): string {
  if (issue.message !== UNSAID) return issue.message;
  const [limit, length] = [issue.requirement, typeof issue.input];
  const unit = length === 'string' ? 'characters' : 'entries';
  switch (issue.type) {
    case 'integer':
      return 'an integer';
    case 'min_value':
      return `at least ${limit}`;
    case 'max_value':
      return `at most ${limit}`;
    case 'min_length':
      return limit === 1
        ? `${length === 'string' ? 'a string' : 'a list'} that is not empty`
        : `at least ${limit} ${unit}`;
    case 'max_length':
      return `at most ${limit} ${unit}`;
    case 'regex':
      return `a string that matches ${limit}`;
    default:
      return (issue.kind === 'schema' ? describe(node) : undefined) ?? String(issue.expected);
  }
}

/** What a schema expects, as a noun; undefined if there is no word for it here. */
function describe(schema: unknown): string | undefined {
  const wrapped = prop(schema, 'wrapped');
  if (wrapped !== undefined) return describe(wrapped);
  const message = prop(schema, 'message');
  if (typeof message === 'string') return message;
  const steps = prop(schema, 'pipe');
  for (const step of Array.isArray(steps) ? steps.slice(1) : []) {
    const said = prop(step, 'message');
    if (prop(schema, 'type') !== 'strict_object' && typeof said === 'string') return said;
  }
  const options = prop(schema, 'options');
  switch (prop(schema, 'type')) {
    case 'string':
      return 'a string in double quotes';
    case 'number':
      return 'a number';
    case 'boolean':
      return 'a boolean (true or false)';
    case 'array':
    case 'tuple_with_rest':
      return 'a list: […]';
    case 'record':
    case 'strict_object':
      return 'an object: {…}';
    case 'variant':
      return 'an object with a "type": {…}';
    case 'picklist':
      return `one of ${(Array.isArray(options) ? options : []).map(show).join(', ')}`;
    default:
      return undefined;
  }
}

/** Diagnostics are logged, and an environment may contain secrets. */
function showAt(at: Keys, value: unknown): string {
  if (!at.includes('env') || value === undefined) return show(value);
  return Array.isArray(value)
    ? 'a list'
    : value === null
      ? 'null'
      : `a value of type ${typeof value}`;
}

/** A found value, short enough for one line. */
function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (isObject(value)) return `an object with ${Object.keys(value).join(', ') || 'no keys'}`;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > FOUND_CHARS_MAX ? `${text.slice(0, FOUND_CHARS_MAX)}…` : text;
}

/** The schema of one entry of a value, as far as it can be determined. */
function childOf(schema: unknown, value: unknown, key: string | number): unknown {
  const wrapped = prop(schema, 'wrapped');
  if (wrapped !== undefined) return childOf(wrapped, value, key);
  if (typeof key === 'number') return prop(schema, 'item') ?? prop(schema, 'rest');
  if (prop(schema, 'type') === 'record') return prop(schema, 'value');
  const entries = entriesOf(schema, value);
  return entries !== undefined && Object.hasOwn(entries, key) ? entries[key] : undefined;
}

/** The keys that an object may have; for a variant by its `type`. Undefined: any, or unknown. */
function entriesOf(schema: unknown, value: unknown): Record<string, unknown> | undefined {
  const wrapped = prop(schema, 'wrapped');
  if (wrapped !== undefined) return entriesOf(wrapped, value);
  const options = prop(schema, 'options');
  if (prop(schema, 'type') === 'variant' && Array.isArray(options)) {
    const type = prop(value, 'type');
    const option = options.find(
      (it) => prop(prop(prop(it, 'entries'), 'type'), 'literal') === type,
    );
    return type === undefined ? undefined : entriesOf(option, value);
  }
  const entries = prop(schema, 'entries');
  // The other keys of a loose object are checked elsewhere.
  return isObject(entries) && prop(schema, 'type') !== 'loose_object' ? entries : undefined;
}

function isOptional(schema: unknown): boolean {
  return prop(schema, 'wrapped') !== undefined;
}

function prop(value: unknown, key: string): unknown {
  return isObject(value) && key in value ? value[key] : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
