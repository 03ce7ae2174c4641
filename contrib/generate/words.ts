/** The common part of the three completions: the manual, as far as a shell needs it. */

import { GLOBAL_OPTIONS, OLD_OPTIONS } from '../../client/command-line/manual/place.ts';
import type { Named, Option, Verb } from '../../client/command-line/manual/verb.ts';
import { OPTIONS, optionOf, VERBS } from '../../client/command-line/manual.ts';

export const NOTE = 'Written by "npm run generate"; changes here are lost.';

export type Completed = Named | readonly string[] | undefined;

export const verbs: readonly Verb[] = VERBS.filter(({ isHidden }) => isHidden !== true);

/** Of a verb, or of the command line without one. */
export function optionsOf(verb?: Verb): readonly Option[] {
  return [...(verb?.options ?? OLD_OPTIONS), ...GLOBAL_OPTIONS];
}

/** As it can be typed: `-f`, `--follow`. */
export function spellings({ name, short }: Option): readonly string[] {
  return [...(short === undefined ? [] : [`-${short}`]), optionOf(name)];
}

/** Every option that takes a value, in all spellings. */
export const valueOptions: readonly Option[] = OPTIONS.filter(({ value }) => value !== undefined);

/** One line of a shell's list: the meaning without further explanations. */
export function meaning({ text }: Option): string {
  const [first = text] = text.length > LINE_CHARS ? text.split(/(?:[:;,]| \(| such as) ?/) : [text];
  return unmarked(first.length < 10 ? text : first);
}

const LINE_CHARS = 50;

/** The manual's texts without the backticks. */
export function unmarked(text: string): string {
  return text.replaceAll('`', '');
}
