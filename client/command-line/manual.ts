/**
 * The one source for the command line. What is understood (client/command-line/grammar.ts,
 * client/cli.ts), the help (client/command-line/help.ts), the man pages and the shells'
 * completions are all derived from it. Data alone: nothing here knows how to do anything, and the
 * fast path (client/main.ts) never loads it.
 *
 * To add an option: name it in its verb's `options` (client/command-line/manual/); read it in
 * client/command-line/invocation.ts by `given.is`, `.text`, `.count` or `.duration`; act on it in
 * client/commands/perform.ts. To add a verb: describe it in a list of client/command-line/manual/;
 * give it a member of `Command` and an entry of `COMMANDS` (client/command-line/invocation.ts) and
 * a case of `perform`. The compiler asks for what is missing. Options of one name are one option:
 * share the constant where two verbs have it. Then `npm run generate` writes what is derived and
 * committed, also after a conflict in it.
 */
import { GLOBAL_OPTIONS, OLD_OPTIONS } from './manual/place.ts';
import { QUESTIONS } from './manual/questions.ts';
import { RUNS } from './manual/runs.ts';
import { UPKEEP } from './manual/upkeep.ts';
import type { Option, Verb } from './manual/verb.ts';

const ALL = [...RUNS, ...QUESTIONS, ...UPKEEP] as const;

export type VerbName = (typeof ALL)[number]['name'];

type AnyOption =
  | (typeof ALL)[number]['options'][number]
  | (typeof GLOBAL_OPTIONS)[number]
  | (typeof OLD_OPTIONS)[number];
/** Options that take a value, and those that do not. */
export type ValueName = Extract<AnyOption, { readonly value: string }>['name'];
export type SwitchName = Exclude<AnyOption, { readonly value: string }>['name'];

/** In the order of the help. */
export const VERBS: readonly (Verb & { readonly name: VerbName })[] = ALL;

/** Every option there is, once. */
export const OPTIONS: readonly Option[] = [
  ...new Map(
    [...VERBS.flatMap(({ options }) => options), ...OLD_OPTIONS, ...GLOBAL_OPTIONS].map(
      (option) => [option.name, option] as const,
    ),
  ).values(),
];

export function findVerb(name: string): (typeof VERBS)[number] | undefined {
  return VERBS.find((verb) => verb.name === name);
}

/** An option as it is written: `errorCode` is `--error-code`. */
export function optionOf(name: string): string {
  if (name.length === 1) return `-${name}`;
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** How a verb is called, after "baton": `history [TARGET] [--limit N] [--json]`. */
export function synopsisOf({ name, operands, options, rest }: Verb): string {
  const shown = options.map((option) => {
    const written = option.short === undefined ? optionOf(option.name) : `-${option.short}`;
    return option.value === undefined ? `[${written}]` : `[${written} ${option.value}]`;
  });
  const words = operands && (operands.least === 0 ? `[${operands.show}]` : operands.show);
  return [name, ...(words ? [words] : []), ...shown, ...(rest ? [`[-- ${rest}]`] : [])].join(' ');
}
