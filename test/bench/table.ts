/**
 * The output of the benchmark: rows of figures, each beside the bound or the tool that was measured
 * in the same minute, with its budget and its goal. Pure.
 *
 * Invariant: a row without a figure, because a tool is missing, never meets its budget.
 */

export type Unit = 'ms' | '/s' | 'MB/s' | 'MB' | 'wake-ups' | 'processes' | 'files';

export interface Budget {
  readonly rule: 'at most' | 'at least';
  /** What is limited: the figure itself, or its ratio to `against`. */
  readonly on: 'figure' | 'ratio';
  readonly bound: number;
  /** The origin of the bound, if not obvious: "1.3 × node -e 0 + 12 ms". */
  readonly from?: string;
}

export interface Row {
  readonly what: string;
  readonly unit: Unit;
  readonly figure: number;
  /** A lower bound or another tool, in the same unit. */
  readonly against?: { readonly what: string; readonly figure: number };
  readonly budget?: Budget;
  /** What the row should reach one day: --check ignores it until it becomes the budget. */
  readonly goal?: Budget;
}

/** A row that could not be measured: "needs tsp (apt-get install task-spooler)". */
export interface Gap {
  readonly what: string;
  readonly why: string;
}

export type Line = Row | Gap;

export interface Part {
  readonly section: string;
  readonly lines: readonly Line[];
}

export function ratioOf({ figure, against }: Row): number | undefined {
  return against === undefined ? undefined : figure / against.figure;
}

/** Undefined: no budget. A figure that is not a number meets no budget. */
export function isMet(line: Line): boolean | undefined {
  return 'why' in line ? false : keeps(line, line.budget);
}

/** Undefined: the line has no goal. */
export function isReached(line: Line): boolean | undefined {
  return 'why' in line ? undefined : keeps(line, line.goal);
}

function keeps(row: Row, budget: Budget | undefined): boolean | undefined {
  if (budget === undefined) return undefined;
  const found = budget.on === 'figure' ? row.figure : ratioOf(row);
  if (found === undefined) return false;
  return budget.rule === 'at most' ? found <= budget.bound : found >= budget.bound;
}

/** All lines that do not meet their budgets. */
export function findMissed(parts: readonly Part[]): readonly string[] {
  return parts.flatMap(({ section, lines }) =>
    lines.filter((line) => isMet(line) === false).map((line) => `${section}: ${explain(line)}`),
  );
}

/** The goals that have not been reached yet. */
export function findUnreached(parts: readonly Part[]): readonly string[] {
  return parts.flatMap(({ section, lines }) =>
    lines.flatMap((line) => {
      if (isReached(line) !== false || 'why' in line) return [];
      return [`${section}: ${expect(line, line.goal)}`];
    }),
  );
}

/** The exit status of the benchmark: with --check, every budget has to be met. */
export function exitStatus(parts: readonly Part[], isCheck: boolean): number {
  return isCheck && findMissed(parts).length > 0 ? 1 : 0;
}

function explain(line: Line): string {
  if ('why' in line) return `${line.what}: not measured, ${line.why}`;
  return expect(line, line.budget);
}

function expect(row: Row, budget: Budget | undefined): string {
  const found = budget?.on === 'ratio' ? showRatio(row) : showFigure(row);
  return `${row.what}: expected ${showBudget(budget, row.unit)}, found ${found}`;
}

const HEADS = ['what', 'figure', 'against', 'ratio', 'budget', ''];

export function render(parts: readonly Part[]): string {
  const rows = parts.flatMap(({ lines }) => lines.map(cells));
  const widths = HEADS.map((head, at) =>
    Math.max(head.length, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const draw = (row: readonly string[]): string =>
    row
      .map((cell, at) => pad(cell, widths[at] ?? 0, at))
      .join('  ')
      .trimEnd();
  const blocks = parts.map(({ section, lines }) =>
    [section, ...lines.map((line) => `  ${draw(cells(line))}`)].join('\n'),
  );
  return [`  ${draw(HEADS)}`, ...blocks, ''].join('\n');
}

/** Numbers are right-aligned, words left-aligned. */
function pad(cell: string, width: number, at: number): string {
  return at === 1 || at === 3 ? cell.padStart(width) : cell.padEnd(width);
}

function cells(line: Line): readonly string[] {
  if ('why' in line) return [line.what, '', line.why, '', '', 'NOT MEASURED'];
  const { budget, goal, unit } = line;
  const aim = goal === undefined ? '' : `goal ${showBudget(goal, unit)}`;
  const [met, reached] = [isMet(line), isReached(line)];
  return [
    line.what,
    showFigure(line),
    line.against === undefined ? '' : `${line.against.what} ${show(line.against.figure)}`,
    showRatio(line),
    [showBudget(budget, unit), aim].filter((text) => text !== '').join(', '),
    [
      ...(met === undefined ? [] : [met ? 'ok' : 'MISSED']),
      ...(reached === undefined ? [] : [reached ? 'goal reached' : 'goal not reached']),
    ].join(', '),
  ];
}

function showFigure({ figure, unit }: Row): string {
  return unit.startsWith('/') ? `${show(figure)}${unit}` : `${show(figure)} ${unit}`;
}

function showRatio(row: Row): string {
  const ratio = ratioOf(row);
  return ratio === undefined ? '' : `${ratio.toFixed(2)} ×`;
}

function showBudget(budget: Budget | undefined, unit: Unit): string {
  if (budget === undefined) return '';
  const sign = budget.rule === 'at most' ? '≤' : '≥';
  const bound = budget.on === 'ratio' ? `${budget.bound} ×` : `${show(budget.bound)} ${unit}`;
  return `${sign} ${bound}${budget.from === undefined ? '' : ` (${budget.from})`}`;
}

/** More than three digits would be meaningless on a busy machine. */
function show(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(3)));
}
