/**
 * A crontab line with calls replaced: the rest, including blanks and the crontab's `%`, stays byte
 * for byte. Pure.
 */
import type { CronLine } from './crontab.ts';
import type { Edits } from './edits.ts';
import { commandOf, written } from './percent.ts';
import { isBlank } from './settings.ts';
import type { Span } from './shell.ts';

export interface Replacement {
  /** In the command as the shell gets it. */
  readonly edits: Edits;
  readonly text: string;
}

/** `user` replaces the line's own, if it has one. */
export function rewriteLine(
  line: Pick<CronLine, 'text' | 'commandAt' | 'user' | 'startedBy'>,
  replacements: readonly Replacement[],
  user?: string,
): string {
  const { text, commandAt } = line;
  const command = commandOf(line);
  const changes = replacements.flatMap(({ edits, text: fresh }) => [
    ...edits.removed.map((span) => ({ ...widen(command.text, span, edits.replaced), fresh: '' })),
    { ...edits.replaced, fresh: written(line, fresh) },
  ]);
  const inLine = changes.map(({ pos, end, fresh }) => ({
    ...{ pos: command.place(pos), end: command.place(end) },
    fresh,
  }));
  const userAt = line.user === undefined ? -1 : text.lastIndexOf(line.user, commandAt - 1);
  const isChanged = user !== undefined && line.user !== undefined && user !== line.user;
  if (isChanged) inLine.push({ pos: userAt, end: userAt + line.user.length, fresh: user });
  let at = 0;
  let result = '';
  for (const { pos, end, fresh } of inLine.toSorted((a, b) => a.pos - b.pos)) {
    result += text.slice(at, pos) + fresh;
    at = end;
  }
  return result + text.slice(at);
}

/** A removed part includes the blanks that separated it from the call. */
function widen(command: string, { pos, end }: Span, replaced: Span): Span {
  if (pos < replaced.pos) {
    let to = end;
    while (isBlank(command[to])) to++;
    return { pos, end: to };
  }
  let from = pos;
  while (isBlank(command[from - 1])) from--;
  return { pos: from, end };
}
