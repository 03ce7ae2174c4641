/**
 * The options of one command line, as meow returns them, read one at a time. An invalid one is a
 * `Mistake`: one sentence that names the option, what was found and what was expected.
 */
import { DURATION_EXPECTED, parseDuration } from '../../daemon/protocol/request.ts';
import { optionOf, type SwitchName, type ValueName } from './manual.ts';
import * as say from './usage-errors.ts';

/** Flags from meow, by their long names in camelCase. */
export type Flags = Readonly<Record<string, unknown>>;

/** Thrown for mistakes in a command line, caught by `invocationOf`. */
export class Mistake extends Error {}

export class TypedFlags {
  readonly #flags: Flags;

  constructor(flags: Flags) {
    this.#flags = flags;
  }

  is(name: SwitchName): boolean {
    return this.#flags[name] === true;
  }

  /** meow returns '' for a missing value, and false for `--no-…`. */
  text(name: ValueName): string | undefined {
    const value = this.#flags[name];
    if (value === undefined) return undefined;
    if (typeof value === 'string' && value !== '') return value;
    throw new Mistake(say.noValue(optionOf(name)));
  }

  /** An integer from 1 to `max`. */
  count(name: ValueName, max: number, label: string = optionOf(name)): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : countOf(label, text, max);
  }

  /** In milliseconds. */
  duration(name: ValueName): number | undefined {
    const text = this.text(name);
    const ms = text === undefined ? undefined : parseDuration(text);
    if (text === undefined || ms !== undefined) return ms;
    throw new Mistake(say.wrongValue(optionOf(name), DURATION_EXPECTED, text));
  }

  /** The names of those that are set. */
  names(): readonly string[] {
    const entries = Object.entries(this.#flags);
    return entries.flatMap(([name, value]) =>
      value === false || value === undefined ? [] : [name],
    );
  }
}

/** The number of a run, as an argument of the command `verb`. */
export function runNumberOf(verb: string, text: string): number {
  const run = numberOf(text, Number.MAX_SAFE_INTEGER);
  if (run !== undefined) return run;
  throw new Mistake(say.noRun(verb, text));
}

function countOf(where: string, text: string, max: number): number {
  const count = numberOf(text, max);
  if (count !== undefined) return count;
  throw new Mistake(say.wrongCount(where, max, text));
}

/** 1 or greater. */
function numberOf(text: string, max: number): number | undefined {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= max ? count : undefined;
}
