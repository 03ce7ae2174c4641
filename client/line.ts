/**
 * A line made of pieces in tones, for tables: a terminal gets lines that are cut, never wrapped; a
 * pipe or a file, whose screen has no end (client/screen.ts, `sheet`), gets whole lines. Pure.
 */
import stringWidth from 'string-width';
import { fit, printable, type Screen } from './pen.ts';

export type Tone = 'plain' | 'bold' | 'dim' | 'good' | 'busy' | 'odd' | 'bad';

/** A stretch of one line in one tone. */
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

/** One line, without its newline: made harmless, cut, and in its tones. */
export function draw(line: Line, screen: Screen): string {
  const { columns, isColoured, isUnicode } = screen;
  const clean = trimmed(line.map(({ text, ...rest }) => ({ text: printable(text), ...rest })));
  const whole = clean.reduce((sum, { text }) => sum + stringWidth(text), 0);
  const ellipsis = whole <= columns ? '' : isUnicode ? '…' : '...';
  let left = columns - ellipsis.length;
  const parts: string[] = [];
  for (const { text, tone = 'plain' } of clean) {
    const part = cut(text, left);
    left -= stringWidth(part);
    const code = isColoured ? SGR[tone] : '';
    parts.push(code === '' || part === '' ? part : `\x1b[${code}m${part}\x1b[0m`);
    if (part !== text) break;
  }
  return parts.join('') + ellipsis;
}

function cut(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  return columns <= 0 ? '' : fit(text, columns);
}

/** Blanks at the end of a line are nobody's. */
function trimmed(line: Line): Line {
  const last = line.at(-1);
  if (last === undefined) return line;
  const text = last.text.trimEnd();
  return text === '' ? trimmed(line.slice(0, -1)) : [...line.slice(0, -1), { ...last, text }];
}
