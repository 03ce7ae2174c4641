/**
 * `defaults`: settings of targets that do not have their own. A key of a target replaces the
 * default completely, except in `keep`, where each limit has its own default; null removes a
 * default. A default that does not fit a target is omitted there, because the rest of `defaults`
 * still applies. Pure; works on the content of the files, before the schema checks it.
 */

import { defaultsOfTool } from './known-tools.ts';
import { DEFAULT_KEYS, hasSeveral } from './schema.ts';

export type Bag = Readonly<Record<string, unknown>>;

export interface Completed {
  readonly value: Bag;
  /** Keys that come from `defaults`. */
  readonly from: ReadonlySet<string>;
}

/** `name` is the target's. */
export function complete(name: string, target: Bag, defaults: Bag): Completed {
  const own = Object.entries(target).filter(
    ([key, value]) => value !== null || !DEFAULT_KEYS.includes(key),
  );
  const given = Object.entries(defaults).filter(
    ([key, value]) => !Object.hasOwn(target, key) && !(isHook(key) && value === name),
  );
  const value: Record<string, unknown> = Object.fromEntries([...own, ...given]);
  const from = new Set(given.map(([key]) => key));
  for (const [key, gift] of gifts(value)) {
    if (Object.hasOwn(target, key)) continue;
    value[key] = gift;
    from.delete(key);
  }
  for (const [key, needed] of NEEDS) {
    if (from.has(key) && !Object.hasOwn(value, needed)) from.delete(key) && delete value[key];
  }
  for (const [key, other] of EXIT_CODES) {
    if (!from.has(key) || from.has(other) || !Object.hasOwn(value, other)) continue;
    value[key] = without(value[key], value[other]);
  }
  if (from.has('stopTo') && isSequence(value['runner'])) {
    from.delete('stopTo') && delete value['stopTo'];
  }
  completeRetry(value);
  const { keep } = value;
  if (isBag(keep) && isBag(defaults['keep'])) value['keep'] = { ...defaults['keep'], ...keep };
  return { value, from };
}

/** For several commands the main process is a shell, which does not pass signals on. */
function isSequence(runner: unknown): boolean {
  return isBag(runner) && hasSeveral(runner);
}

/** Settings that a target gets from its tool; they take precedence over `defaults`. */
function gifts(value: Bag): readonly (readonly [string, unknown])[] {
  const { tool, runner, okExit = [0] } = value;
  if (typeof tool !== 'string') return [];
  const { on: _, warnExit, stopTo, ...others } = defaultsOfTool(tool, commandOf(runner));
  return [
    ...Object.entries(others),
    ...(stopTo === undefined || isSequence(runner) ? [] : [['stopTo', stopTo] as const]),
    ...(warnExit === undefined ? [] : [['warnExit', without(warnExit, okExit)] as const]),
  ];
}

/** A `retry` without `on` applies to failures that may be temporary. */
function completeRetry(value: Record<string, unknown>): void {
  const { tool, runner, okExit = [0], retry } = value;
  if (typeof tool !== 'string' || !isBag(retry) || Object.hasOwn(retry, 'on')) return;
  const { on } = defaultsOfTool(tool, commandOf(runner));
  if (on !== undefined) value['retry'] = { ...retry, on: without(on, okExit) };
}

/** Of several commands, the last one determines the exit status. */
export function commandOf(runner: unknown): readonly string[] {
  if (!isBag(runner)) return [];
  const { cmds } = runner;
  const args = runner['args'] ?? (Array.isArray(cmds) ? cmds.at(-1) : undefined);
  return isTexts(args) ? args : [];
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((it) => typeof it === 'string');
}

/** Keys that have no effect without another one. */
const NEEDS = [
  ['onLate', 'lateAfter'],
  ['onFailureAfter', 'onFailure'],
] as const;

/** Codes in one list of a target are removed from the default of the other. */
const EXIT_CODES = [
  ['okExit', 'warnExit'],
  ['warnExit', 'okExit'],
] as const;

function without(codes: unknown, own: unknown): unknown {
  if (!Array.isArray(codes) || !Array.isArray(own)) return codes;
  return codes.filter((code) => !own.includes(code));
}

function isHook(key: string): boolean {
  return /^on[A-Z]/.test(key);
}

export function isBag(value: unknown): value is Bag {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
