/** Rows in columns as wide as their widest cell; the last column is free. Pure. */
import stringWidth from 'string-width';
import { draw, type Line, type Piece } from '../line.ts';
import { printable, type Screen } from '../pen.ts';

const GAP = 2;

type Cell = string | Piece | Line;

/** A row, or a line of its own across all columns. */
export type Row = readonly Cell[] | { readonly across: Line };

export function table(rows: readonly Row[], screen: Screen): string {
  const widths: number[] = [];
  for (const row of rows) {
    if ('across' in row) continue;
    for (const [at, cell] of row.slice(0, -1).entries()) {
      widths[at] = Math.max(widths[at] ?? 0, widthOfLine(lineOf(cell)));
    }
  }
  const lines = rows.map((row): Line => {
    if ('across' in row) return row.across;
    return row.flatMap((cell, at) => {
      const line = lineOf(cell);
      const blanks = (widths[at] ?? 0) + GAP - widthOfLine(line);
      return at === row.length - 1 ? line : [...line, { text: ' '.repeat(blanks) }];
    });
  });
  return lines.map((line) => `${draw(line, screen)}\n`).join('');
}

function lineOf(cell: Cell): Line {
  if (typeof cell === 'string') return [{ text: cell }];
  return 'text' in cell ? [cell] : cell;
}

function widthOfLine(line: Line): number {
  return line.reduce((sum, { text }) => sum + stringWidth(printable(text)), 0);
}
