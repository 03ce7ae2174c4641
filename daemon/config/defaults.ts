/**
 * `defaults`: what targets have that do not say otherwise. A key of a target takes the place of the
 * default as a whole, but for `keep`, whose limits are defaults each; null takes it away. A default
 * that does not fit a target is left out there, since the rest of `defaults` is meant for it all
 * the same. Pure; works on what the files say, before the schema looks at it.
 */

import { defaultsOfTool } from './known-tools.ts';
import { DEFAULT_KEYS, hasSeveral } from './schema.ts';

export type Bag = Readonly<Record<string, unknown>>;

export interface Completed {
  readonly value: Bag;
  /** Keys that are as in `defaults`. */
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

/** Of several commands the main process is a shell, which passes no signal on. */
function isSequence(runner: unknown): boolean {
  return isBag(runner) && hasSeveral(runner);
}

/** What a target has from its tool, which is nearer to it than what all targets have. */
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

/** A retry that does not say for what is for what may pass by itself. */
function completeRetry(value: Record<string, unknown>): void {
  const { tool, runner, okExit = [0], retry } = value;
  if (typeof tool !== 'string' || !isBag(retry) || Object.hasOwn(retry, 'on')) return;
  const { on } = defaultsOfTool(tool, commandOf(runner));
  if (on !== undefined) value['retry'] = { ...retry, on: without(on, okExit) };
}

/** Of several commands the last is the one that counts. */
export function commandOf(runner: unknown): readonly string[] {
  if (!isBag(runner)) return [];
  const { cmds } = runner;
  const args = runner['args'] ?? (Array.isArray(cmds) ? cmds.at(-1) : undefined);
  return isTexts(args) ? args : [];
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((it) => typeof it === 'string');
}

/** Keys that mean nothing without another one. */
const NEEDS = [
  ['onLate', 'lateAfter'],
  ['onFailureAfter', 'onFailure'],
] as const;

/** What a target counts as the one, no default counts as the other. */
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
