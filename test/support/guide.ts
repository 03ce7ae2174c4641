/**
 * The commands of a document, as a reader would type them: by their heading, so that a test runs
 * exactly what is printed.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './config.ts';

/** The lines of the shell blocks, indented or fenced, below a heading and before the next one. */
export function commandsBelow(document: string, heading: string): readonly string[] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const parts = text.split(/^(?=#+ )/m).filter((part) => part.startsWith(`${heading}\n`));
  assert.equal(parts.length, 1, `${document} has one heading "${heading}"`);
  const commands = commandsIn(parts[0] ?? '');
  assert.ok(commands.length > 0, `${document} has commands below "${heading}"`);
  return commands;
}

/** Those of the whole document. */
export function commandsOf(document: string): readonly string[] {
  return commandsIn(readFileSync(join(ROOT, document), 'utf8'));
}

/** The numbered steps of a document, and the commands of each. */
export function stepsOf(document: string): readonly (readonly string[])[] {
  const text = readFileSync(join(ROOT, document), 'utf8');
  const steps = text.matchAll(/^\d+\. .*\n(?: .*\n|\n)*/gm);
  return [...steps].map(([step]) => commandsIn(step));
}

/** What a comment after a command says about its output, such as `hello from baton`. */
export function seenBy(command: string): string {
  return /\s# (.*)$/.exec(command)?.[1] ?? '';
}

function commandsIn(text: string): readonly string[] {
  const blocks = text.matchAll(/^```sh\n([\s\S]*?)^```$|^\n((?: {4}.*\n)+)/gm);
  const lines = [...blocks].flatMap(([, fenced, indented]) =>
    (fenced ?? indented?.replaceAll(/^ {4}/gm, '') ?? '').trimEnd().split('\n'),
  );
  for (const line of lines) assert.doesNotMatch(line, /\\$/, 'a command is one line');
  return lines;
}
