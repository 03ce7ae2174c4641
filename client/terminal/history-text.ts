/** `baton history`: the ended runs, newest first, and how each compares. Pure. */
import { type RunView, showDuration } from '../../daemon/protocol/request.ts';
import type { Screen } from './style.ts';
import { draw, type Piece } from './styled-line.ts';
import { type Cell, table } from './table.ts';
import { attemptOf, causes, remains, showTime, verdictOf } from './words.ts';

/** From this multiple of the median on, a factor is shown, below that a percentage. */
const FACTOR_MIN = 2;
/** With fewer runs than this, the median says nothing. */
const RUNS_MIN = 2;

/** On narrower screens, the waiting time is omitted: `baton why` and --json have it. */
const WAITED_COLUMNS_MIN = 100;
const WAITED_AT = 3;

export function showHistory(runs: readonly RunView[], screen: Screen): string {
  if (runs.length === 0) return `${draw([{ text: 'no such run has ended yet' }], screen)}\n`;
  const titles = ['  RUN', 'TARGET', 'ENDED', 'WAITED', 'TOOK', 'VS USUAL', 'OUTCOME'];
  const title = titles.map((text) => ({ text, tone: 'dim' as const }));
  const rows = [title, ...runs.map((run) => rowOf(run, screen))];
  const isNarrow = screen.columns < WAITED_COLUMNS_MIN;
  return table(isNarrow ? rows.map((row) => row.toSpliced(WAITED_AT, 1)) : rows, screen);
}

function rowOf(run: RunView, screen: Screen): readonly Cell[] {
  const { tone, mark } = verdictOf(run, screen);
  const { text = 'ended', verdict } = run;
  const outcome = `${text}${verdict === 'warning' ? ' (a warning)' : ''}${remains(run)}`;
  const told = [outcome, ...attemptOf(run), ...causes(run)].join(', ');
  return [
    [{ text: `${mark} `, tone }, { text: String(run.run) }],
    { text: run.target, tone: tone === 'bad' ? 'bad' : 'plain' },
    run.endedAtMs === undefined ? '' : showTime(run.endedAtMs),
    showDuration(run.waitedMs),
    run.tookMs === undefined ? '-' : showDuration(run.tookMs),
    comparison(run),
    { text: told, tone },
  ];
}

/** Difference from the median: "+12%", "-30%", "3.1x". */
function comparison({ tookMs, usual, pace }: RunView): Piece {
  if (tookMs === undefined || usual === undefined || usual.runs < RUNS_MIN) return { text: '' };
  const ratio = tookMs / Math.max(1, usual.medianMs);
  const percent = Math.round((ratio - 1) * 100);
  const text =
    ratio >= FACTOR_MIN ? `${ratio.toFixed(1)}x` : `${percent >= 0 ? '+' : ''}${percent}%`;
  return { text, tone: pace === 'slower' || pace === 'faster' ? 'odd' : 'plain' };
}
