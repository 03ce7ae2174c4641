/**
 * Where in a simple command the call of baton goes, and what is removed with the words that it
 * replaces. Redirections, and wrappers that monitor, stay. Pure.
 */
import type { ShellWord, SimpleCommand, Span } from './shell.ts';

/** What to cut out, and where the new command goes. */
export interface Edits {
  readonly removed: readonly Span[];
  readonly replaced: Span;
  /** A wrapper stays in the line; shell keywords and the like do not count. */
  readonly keeps: boolean;
}

/** A run has a session of its own, and nothing follows it. */
const UNMISSED = ['exec', 'command', 'nohup', 'setsid'];

/** Sequences of words that are removed: text between them, redirections and `kept` words stay. */
export function editsOf(
  { assignments, redirections, words }: SimpleCommand,
  kept: ReadonlySet<ShellWord>,
  program: Pick<Span, 'pos'> = { pos: 0 },
): Edits {
  const parts = [
    ...assignments.map(({ pos, end }) => ({ pos, end, goes: true })),
    ...words.map((word) => ({ pos: word.pos, end: word.end, goes: !kept.has(word) })),
    ...redirections.map(({ pos, end }) => ({ pos, end, goes: false })),
  ].toSorted((a, b) => a.pos - b.pos);
  const runs: { pos: number; end: number }[] = [];
  let wentBefore = false;
  for (const { pos, end, goes } of parts) {
    const last = runs.at(-1);
    if (goes && wentBefore && last !== undefined) last.end = end;
    else if (goes) runs.push({ pos, end });
    wentBefore = goes;
  }
  const replaced = runs.find(({ pos, end }) => pos <= program.pos && program.pos < end);
  const removed = runs.filter((run) => run !== replaced);
  const keeps = [...kept].some(({ value = '' }) => !UNMISSED.includes(value));
  return { removed, replaced: replaced ?? { pos: 0, end: 0 }, keeps };
}
