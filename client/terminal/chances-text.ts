/** The chances of `baton plan --worst` as a table for a terminal. Pure. */
import type { Chances } from '../../daemon/protocol/planned.ts';
import { chanceColumns, tellPlays } from '../report/chance-columns.ts';
import { type Screen, Style } from './style.ts';
import type { Piece } from './styled-line.ts';
import { type Cell, table } from './table.ts';

export function showChances(chances: Chances, screen: Screen): string {
  const head = new Style(screen).paragraph(tellPlays(chances));
  if (chances.plays === 0) return head;
  const columns = chanceColumns(chances);
  const titles = ['TARGET', ...columns.map(({ brief }) => brief)];
  const title = titles.map((text): Piece => ({ text, tone: 'dim' }));
  const rows = chances.targets.map((target): readonly Cell[] => [
    target.target,
    ...columns.map(({ textOf }) => textOf(target)),
  ]);
  return `${head}\n${table([title, ...rows], screen)}`;
}
