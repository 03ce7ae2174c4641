/**
 * Rows in columns as wide as their widest cell; the last column gets the rest, and if that is too
 * little, the widest of the others are cut. Pure.
 */

import type { Screen } from './style.ts';
import { cutLine, draw, type Line, type Piece, widthOfLine } from './styled-line.ts';

const GAP = 2;
/** One long name must not push everything else off the screen. */
const COLUMN_SHARE_MAX = 0.4;
/** Minimum width of the last column, if it needs it and no other becomes narrower than that. */
const LAST_MIN = 20;
const COLUMN_MIN = 16;

export type Cell = string | Piece | Line;

/** A row, or a line of its own across all columns. */
export type Row = readonly Cell[] | { readonly across: Line };

export function table(rows: readonly Row[], screen: Screen): string {
  const widthMax = Math.floor(screen.columns * COLUMN_SHARE_MAX);
  const widths: number[] = [];
  for (const row of rows) {
    if ('across' in row) continue;
    for (const [at, cell] of row.slice(0, -1).entries()) {
      const width = Math.min(widthMax, widthOfLine(lineOf(cell)));
      widths[at] = Math.max(widths[at] ?? 0, width);
    }
  }
  leaveRoom(widths, rows, screen);
  const lines = rows.map((row): Line => {
    if ('across' in row) return row.across;
    return row.flatMap((cell, at) => {
      if (at === row.length - 1) return lineOf(cell);
      const width = widths[at] ?? 0;
      const line = cutLine(lineOf(cell), width, screen);
      return [...line, { text: ' '.repeat(width + GAP - widthOfLine(line)) }];
    });
  });
  return lines.map((line) => `${draw(line, screen)}\n`).join('');
}

function leaveRoom(widths: number[], rows: readonly Row[], screen: Screen): void {
  const lasts = rows.map((row) => ('across' in row ? 0 : widthOfLine(lineOf(row.at(-1) ?? ''))));
  const wanted = Math.min(LAST_MIN, Math.max(0, ...lasts));
  let missing = wanted + widths.reduce((sum, width) => sum + width + GAP, 0) - screen.columns;
  while (missing > 0) {
    const widest = Math.max(...widths);
    if (widest <= COLUMN_MIN) return;
    widths[widths.indexOf(widest)] = widest - 1;
    missing--;
  }
}

function lineOf(cell: Cell): Line {
  if (typeof cell === 'string') return [{ text: cell }];
  return 'text' in cell ? [cell] : cell;
}
