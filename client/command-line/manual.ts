/**
 * The only source for the command line. The parser (client/command-line/grammar.ts, client/cli.ts),
 * the help (client/command-line/help.ts), the man pages and the shell completions are all derived
 * from it. Data only, and the fast path (client/main.ts) never loads it.
 *
 * To add an option: add it to its verb's `options` (client/command-line/manual/); read it in
 * client/command-line/invocation.ts with `given.is`, `.text`, `.count` or `.duration`; act on it in
 * client/commands/perform.ts. To add a verb: describe it in a list of client/command-line/manual/;
 * add a member of `Command` and an entry of `COMMANDS` (client/command-line/invocation.ts), and a
 * case in `perform`. The compiler reports what is missing. Options with the same name are one
 * option: share the constant if two verbs have it. Then `npm run generate` updates the committed
 * files that are derived from it; run it also after a conflict in one of them.
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

/** Every option, once. */
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

/** An option as it is typed: `errorCode` is `--error-code`. */
export function optionOf(name: string): string {
  if (name.length === 1) return `-${name}`;
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** How to call a verb, after "baton": `history [TARGET] [--limit N] [--json]`. */
export function synopsisOf({ name, operands, options, rest }: Verb): string {
  const shown = options.map((option) => {
    const written = option.short === undefined ? optionOf(option.name) : `-${option.short}`;
    return option.value === undefined ? `[${written}]` : `[${written} ${option.value}]`;
  });
  const words = operands && (operands.least === 0 ? `[${operands.show}]` : operands.show);
  return [name, ...(words ? [words] : []), ...shown, ...(rest ? [`[-- ${rest}]`] : [])].join(' ');
}
