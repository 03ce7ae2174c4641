/**
 * How cron treats `%` in a command before a shell gets it: the first one without a backslash ends
 * the command, and what follows is the command's stdin; `\%` is a `%`. Every character of the
 * result has a position in the crontab line, so that a part of a command can be replaced there
 * without touching the rest. Pure.
 */

import type { CronLine } from './crontab.ts';

export interface CronCommand {
  /** What the shell gets. */
  readonly text: string;
  /** The position in the line of a character in `text`, or of its end. */
  place(index: number): number;
  /** A `%` ends the command: the rest is its stdin. */
  readonly hasInput: boolean;
}

/** For a line as it is read by what starts it. */
export function commandOf({
  text,
  commandAt,
  startedBy,
}: Pick<CronLine, 'text' | 'commandAt' | 'startedBy'>): CronCommand {
  if (startedBy === undefined) return readCommand(text, commandAt);
  const place = (index: number): number => commandAt + index;
  return { text: text.slice(commandAt), place, hasInput: false };
}

export function readCommand(line: string, from: number): CronCommand {
  const parts: string[] = [];
  /** Indexes in the text of each `%` that has a backslash in the line. */
  const escaped: number[] = [];
  let start = from;
  let length = 0;
  let at = line.indexOf('%', from);
  for (; at >= 0 && isEscaped(line, start, at); at = line.indexOf('%', at + 1)) {
    parts.push(line.slice(start, at - 1));
    length += at - 1 - start;
    escaped.push(length);
    start = at;
  }
  parts.push(line.slice(start, at < 0 ? line.length : at));
  const place = (index: number): number => from + index + escaped.filter((it) => it < index).length;
  return { text: parts.join(''), place, hasInput: at >= 0 };
}

/** Whether an odd number of backslashes, all from `start` on, precedes this position. */
function isEscaped(line: string, start: number, place: number): boolean {
  let at = place;
  while (at > start && line[at - 1] === '\\') at--;
  return (place - at) % 2 === 1;
}

/** As it has to be written in a crontab. */
export function escapePercent(command: string): string {
  return command.replaceAll('%', '\\%');
}

/** As it has to be written in a line like this one. */
export function written({ startedBy }: Pick<CronLine, 'startedBy'>, command: string): string {
  return startedBy === undefined ? escapePercent(command) : command;
}
