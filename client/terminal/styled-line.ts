/**
 * A line made of styled pieces, for tables: at a terminal, lines are cut, never wrapped; a pipe or
 * a file, whose width is unlimited (client/terminal/screen.ts, `sheet`), gets whole lines. Pure.
 */
import stringWidth from 'string-width';
import { fit, printable, type Screen } from './style.ts';

export type Tone = 'plain' | 'bold' | 'dim' | 'good' | 'busy' | 'odd' | 'bad';

/** A part of a line in one tone. */
export interface Piece {
  readonly text: string;
  readonly tone?: Tone;
}

export type Line = readonly Piece[];

/** Select graphic rendition, by ECMA-48. */
const SGR: Readonly<Record<Tone, string>> = {
  plain: '',
  bold: '1',
  dim: '2',
  good: '32',
  busy: '36',
  odd: '33',
  bad: '1;31',
};

/** One line, without its newline: made harmless, cut and styled. */
export function draw(line: Line, screen: Screen): string {
  const pieces = cutLine(trimmed(line), screen.columns, screen);
  return pieces
    .map(({ text, tone = 'plain' }) => {
      const code = screen.isColoured ? SGR[tone] : '';
      return code === '' || text === '' ? text : `\x1b[${code}m${text}\x1b[0m`;
    })
    .join('');
}

/** As much of a line as fits, and a symbol if something was cut. */
export function cutLine(line: Line, columns: number, { isUnicode }: Screen): Line {
  const clean = line.map(({ text, ...rest }) => ({ text: printable(text), ...rest }));
  if (widthOfLine(clean) <= columns) return clean;
  const ellipsis = isUnicode ? '…' : '...';
  const kept: Piece[] = [];
  let left = columns - ellipsis.length;
  for (const { text, ...rest } of clean) {
    const part = cut(text, left);
    left -= stringWidth(part);
    kept.push({ text: part, ...rest });
    if (part !== text) break;
  }
  return [...kept, { text: ellipsis }];
}

/** In terminal columns. */
export function widthOfLine(line: Line): number {
  return line.reduce((sum, { text }) => sum + stringWidth(printable(text)), 0);
}

/** `fit` keeps at least one character, which may be one too many. */
function cut(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  const part = columns <= 0 ? '' : fit(text, columns);
  return stringWidth(part) <= columns ? part : '';
}

/** Removes blanks at the end of a line. */
function trimmed(line: Line): Line {
  const last = line.at(-1);
  if (last === undefined) return line;
  const text = last.text.trimEnd();
  return text === '' ? trimmed(line.slice(0, -1)) : [...line.slice(0, -1), { ...last, text }];
}
