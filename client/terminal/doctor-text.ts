/**
 * The findings of `baton doctor`, for people: problems first, and no line wider than the screen.
 * Pure.
 */
import type { Finding } from '../doctor/finding.ts';
import { printable, type Screen, Style, type Tone, wrap } from './style.ts';

const LEVELS = ['wrong', 'note', 'ok'] as const;
const TONES: Readonly<Record<Finding['level'], Tone>> = {
  wrong: 'failed',
  note: 'warning',
  ok: 'ok',
};
const LEVEL_COLUMNS = 7;
const LOOK_COLUMNS = 10;
const INDENT = LEVEL_COLUMNS + LOOK_COLUMNS;
/** Wider lines are hard to read. */
const COLUMNS_MAX = 100;
const TEXT_COLUMNS_MIN = 20;

export function showFindings(findings: readonly Finding[], screen: Screen): string {
  const style = new Style(screen);
  const columns = Math.max(TEXT_COLUMNS_MIN, Math.min(screen.columns, COLUMNS_MAX) - INDENT);
  const lines = LEVELS.flatMap((level) =>
    findings.filter((it) => it.level === level).flatMap((it) => show(it, style, columns)),
  );
  const count = (level: Finding['level']): number =>
    findings.filter((it) => it.level === level).length;
  const notes = count('note') === 1 ? '1 note' : `${count('note')} notes`;
  const sum = `${count('wrong')} wrong, ${notes}, ${count('ok')} ok`;
  return `${lines.join('\n')}\n${sum}\n`;
}

function show(finding: Finding, style: Style, columns: number): readonly string[] {
  const { level, look, found } = finding;
  const head = style.paint(level, TONES[level]) + ' '.repeat(LEVEL_COLUMNS - level.length);
  const [first = '', ...rest] = wrap(printable(found), columns);
  const parts =
    finding.level === 'ok'
      ? []
      : [...hung('expected: ', finding.expected, columns), ...hung('do: ', finding.todo, columns)];
  const below = [...rest, ...parts].map((line) => ' '.repeat(INDENT) + line);
  return [`${head}${look.padEnd(LOOK_COLUMNS)}${first}`, ...below];
}

function hung(lead: string, text: string, columns: number): readonly string[] {
  const [first = '', ...rest] = wrap(lead + printable(text), columns);
  return [first, ...rest.map((line) => `  ${line}`)].flatMap((line) =>
    line.length > columns ? wrap(line, columns) : [line],
  );
}
