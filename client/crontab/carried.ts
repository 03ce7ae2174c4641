/**
 * What the wrappers of a program mean for its target, by the target's keys: nice, ionice, timeout,
 * user, locks. Pure.
 */
import * as say from './migration-messages.ts';
import type { Option, Wrapper } from './wrappers.ts';

const NICE_DEFAULT = 10;
const NICE_MAX = 19;
const IONICE_CLASSES = ['none', 'realtime', 'best-effort', 'idle'];
export const NOTHING_CARRIED: Carried = { env: {}, locks: [], flocks: [], inside: [], notes: [] };

/** By the keys of a target; see runners/local.ts. */
export interface Carried {
  readonly nice?: number;
  readonly ionice?: string;
  readonly timeout?: string;
  readonly killAfter?: string;
  readonly user?: string;
  readonly group?: string;
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
  readonly locks: readonly Lock[];
  /** All calls of flock on the way, including those that stay. */
  readonly flocks: readonly Flock[];
  /** Words that go before the program in `args`. */
  readonly inside: readonly string[];
  /** Notes, as sentences. */
  readonly notes: readonly string[];
}

export interface Flock {
  /** Or the number of a descriptor. */
  readonly path: string;
  /** Several can hold it at once. */
  readonly isShared: boolean;
  /** Gives up immediately if it is held (-n); otherwise waits, for ever or for a time (-w). */
  readonly givesUp: boolean;
}

export interface Lock {
  readonly path: string;
  /** What happens while something else holds it. */
  readonly whenFull: 'queue' | 'refuse' | 'ignore';
  /** How long it waits. */
  readonly maxWait?: string;
  /** The command that takes it, without what it runs. */
  readonly words: readonly string[];
}

/** Inner ones come later, and take precedence. */
export function merge(outer: Carried, inner: Carried): Carried {
  return {
    ...outer,
    ...inner,
    env: { ...outer.env, ...inner.env },
    locks: [...outer.locks, ...inner.locks],
    flocks: [...outer.flocks, ...inner.flocks],
    inside: [...outer.inside, ...inner.inside],
    notes: [...outer.notes, ...inner.notes],
  };
}

/** The keys for a wrapper; undefined if none has the same meaning. */
export function carriedBy(
  role: Wrapper['role'],
  program: string,
  options: readonly Option[],
  operands: readonly string[],
  own: readonly string[],
  before: Carried,
): Partial<Carried> | undefined {
  // What is inside a wrapper that stays in `args` has to stay there too.
  if (before.inside.length > 0) return undefined;
  const value = (...names: readonly string[]): string | undefined => lastValue(options, ...names);
  const has = (...names: readonly string[]): boolean =>
    options.some(({ name }) => names.includes(name));
  switch (role) {
    case 'nice': {
      const steps = Number(value('n', 'adjustment') ?? NICE_DEFAULT);
      const nice = Math.min((before.nice ?? 0) + steps, NICE_MAX);
      return Number.isInteger(nice) && nice > -NICE_MAX - 2 ? { nice } : undefined;
    }
    case 'ionice':
      return ioniceOf(value('c', 'class') ?? '2', value('n', 'classdata'));
    case 'timeout': {
      const timeout = durationOf(operands[0] ?? '');
      const killAfter = durationOf(value('k', 'kill-after') ?? '30s');
      const signal = value('s', 'signal') ?? 'TERM';
      const isTerm = ['TERM', 'SIGTERM', '15'].includes(signal);
      const isPlain = isTerm && !has('p', 'preserve-status') && before.timeout === undefined;
      if (timeout === undefined || killAfter === undefined || !isPlain) return undefined;
      return { timeout, ...(has('k', 'kill-after') ? { killAfter } : {}) };
    }
    case 'lock':
      return lockOf(program, options, operands[0] ?? '', own);
    case 'env':
      return options.length > 0 ? undefined : {};
    case 'user': {
      const [name = '', group] = (operands[0] ?? value('u', 'user') ?? 'root').split(':');
      const isSudo = program.endsWith('sudo');
      const named = group ?? value('g', 'group');
      return {
        user: name,
        ...(named === undefined ? {} : { group: named }),
        notes: isSudo ? [say.sudoPath(program)] : [],
      };
    }
    default:
      return undefined;
  }
}

function ioniceOf(named: string, level: string | undefined): Partial<Carried> | undefined {
  const name = IONICE_CLASSES[Number(named)] ?? named;
  const ionice = level === undefined || name === 'idle' ? name : `${name}:${level}`;
  const isKnown = /^(idle|best-effort(:[0-7])?|realtime:[0-7])$/.test(ionice);
  return isKnown ? { ionice } : undefined;
}

/** As in timeout(1) and flock(1): seconds, or a number with one unit. */
function durationOf(text: string): string | undefined {
  const [, amount, unit = 's'] = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text) ?? [];
  if (amount === undefined || Number(amount) === 0) return undefined;
  return `${amount}${unit === '' ? 's' : unit}`;
}

/** Undefined if flock takes no lock. */
export function flockOf(options: readonly Option[], path: string | undefined): Flock | undefined {
  const has = (...names: readonly string[]): boolean =>
    options.some(({ name }) => names.includes(name));
  if (path === undefined || has('u', 'unlock')) return undefined;
  const givesUp = has('n', 'nb', 'nonblock', 'nonblocking') || Number(waitOf(options)) === 0;
  return { path, isShared: has('s', 'shared'), givesUp };
}

/** A shared lock lets others in, and setlock and withlock wait differently. */
function lockOf(
  program: string,
  options: readonly Option[],
  path: string,
  words: readonly string[],
): Partial<Carried> | undefined {
  const flock = program.endsWith('flock') ? flockOf(options, path) : undefined;
  if (flock === undefined || flock.isShared) return undefined;
  if (flock.givesUp) {
    const code = lastValue(options, 'E', 'conflict-exit-code') ?? '1';
    return { locks: [{ path, whenFull: code === '0' ? 'ignore' : 'refuse', words }] };
  }
  const seconds = waitOf(options);
  const maxWait = seconds === undefined ? undefined : durationOf(seconds);
  if (seconds !== undefined && maxWait === undefined) return undefined;
  const waits = maxWait === undefined ? {} : { maxWait };
  return { locks: [{ path, whenFull: 'queue', words, ...waits }] };
}

/** In seconds; with 0 it does not wait at all. */
function waitOf(options: readonly Option[]): string | undefined {
  return lastValue(options, 'w', 'wait', 'timeout');
}

function lastValue(options: readonly Option[], ...names: readonly string[]): string | undefined {
  return options.findLast(({ name }) => names.includes(name))?.value;
}
