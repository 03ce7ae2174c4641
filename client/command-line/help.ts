/**
 * The manual for a terminal: an overview on one screen (24 lines, 80 columns), and a page for each
 * command. Pure.
 */

import { EXIT_STATUSES, GLOBAL_OPTIONS } from './manual/place.ts';
import type { Option, Verb } from './manual/verb.ts';
import { optionOf, synopsisOf, VERBS } from './manual.ts';

const COLUMNS = 80;
const INDENT = '  ';
const OLD_LINE = ['-t TARGET | -s', 'as py9tor: run TARGET | status --json'] as const;

/** `baton --help`. */
export function overview(): string {
  const lines = [...VERBS.flatMap((verb) => (verb.overview ? [verb.overview] : [])), OLD_LINE];
  const globals: readonly Option[] = GLOBAL_OPTIONS;
  const statuses = EXIT_STATUSES.flatMap(({ status, brief }) =>
    brief === undefined ? [] : [status === 'N' ? brief : `${status} ${brief}`],
  );
  const about = globals.filter(({ name }) => name !== 'help' && name !== 'version');
  return [
    'Usage: baton COMMAND …, and for more: baton help COMMAND',
    ...columns(lines),
    'Options: --help, --version, and of every command',
    ...columns(about.map((option) => [shown(option), option.brief ?? option.text])),
    ...wrap(`Exit status: ${statuses.join('; ')}`, '', INDENT),
    '',
  ].join('\n');
}

/** `baton help VERB`. */
export function page(verb: Verb): string {
  const options: readonly Option[] = verb.options;
  const parts = [
    [`baton ${verb.name}: ${verb.summary}`],
    wrap(`Usage: baton ${synopsisOf(verb)}`, '', ' '.repeat('Usage: '.length)),
    ...verb.text.map((text) => wrap(quoted(text))),
    options.length === 0 ? [] : ['Options', ...described(options)],
    ['Options of every command', ...described(GLOBAL_OPTIONS)],
    ['Examples', ...verb.examples.flatMap(({ line, text }) => example(line, text))],
  ];
  const shownParts = parts.filter((part) => part.length > 0);
  return `${shownParts.map((part) => part.join('\n')).join('\n\n')}\n`;
}

function described(options: readonly Option[]): readonly string[] {
  return columns(options.map((option) => [shown(option), quoted(option.text)]));
}

function shown({ name, short, value }: Option): string {
  const written = short === undefined ? optionOf(name) : `-${short}, ${optionOf(name)}`;
  return value === undefined ? written : `${written} ${value}`;
}

function example(line: string, text: string): readonly string[] {
  return [`${INDENT}${line}`, ...wrap(quoted(text), INDENT.repeat(3), INDENT.repeat(3))];
}

/** Literals are marked for pages with bold text; here they are quoted if they contain spaces. */
function quoted(text: string): string {
  return text.replace(/`([^`]+)`/g, (_, literal: string) =>
    literal.includes(' ') ? `"${literal}"` : literal,
  );
}

function columns(rows: readonly (readonly [string, string])[]): readonly string[] {
  const wide = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.flatMap(([left, right]) => {
    const hanging = INDENT + ' '.repeat(wide);
    return wrap(right, INDENT + left.padEnd(wide), hanging);
  });
}

/** Lines of at most 80 columns; words are never broken. */
function wrap(text: string, first = '', hanging = ''): readonly string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    const longer = isEmpty ? line + word : `${line} ${word}`;
    if (!isEmpty && longer.length > COLUMNS) {
      lines.push(line);
      line = hanging + word;
    } else {
      line = longer;
    }
    isEmpty = false;
  }
  return [...lines, line];
}
