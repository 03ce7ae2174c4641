/** Describes what is wrong with a value that is not a valid request. */
import * as v from 'valibot';
import * as say from '../protocol/refusal-text.ts';
import { didYouMean } from '../protocol/request.ts';
import { Request } from '../protocol/request-schema.ts';

/** Longest text of a found value in a message. */
const FOUND_CHARS_MAX = 60;

/** The value's own property, for any value. */
export function fieldOf(value: unknown, key: 'id' | 'type' | 'v'): unknown {
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return isObject ? (value as Record<typeof key, unknown>)[key] : undefined;
}

export function describeRequestError(issue: v.InferIssue<typeof Request>, value: unknown): string {
  const path = v.getDotPath(issue);
  if (path === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? 'a list' : `a ${typeof value}`;
    return say.noRequest(found);
  }
  const type = fieldOf(value, 'type');
  if (issue.type === 'variant') {
    const types = Request.options.map((option) => option.entries.type.literal);
    return say.wrongType(types, show(type), hint(type, types));
  }
  if (issue.expected === 'never') {
    const option = Request.options.find((candidate) => candidate.entries.type.literal === type);
    const keys = Object.keys(option?.entries ?? {});
    return say.unknownKey(show(path), show(type), keys, hint(path, keys));
  }
  const found = issue.received === 'undefined' ? 'nothing' : issue.received;
  return say.wrongValue(path, issue.expected ?? issue.message, found);
}

function hint(wrong: unknown, known: readonly string[]): string {
  const short = typeof wrong === 'string' && wrong.length <= FOUND_CHARS_MAX ? wrong : '';
  return didYouMean(short, known);
}

function show(value: unknown): string {
  // Neither is printed: JSON.stringify() overflows the stack for deep ones.
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? 'a list' : 'an object';
  }
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > FOUND_CHARS_MAX ? `${text.slice(0, FOUND_CHARS_MAX)}…` : text;
}
