/**
 * `baton timeline`: a period as text for a terminal, one row per target. Pure.
 *
 *                   18:00     Mon 23    06:00     runs  ✗
 *                   ┴─────────┴─────────┴────────
 *   rsnap-daily     ····━━━━━━━━━━━━━━━✓             1
 *   db-dump            ✓  ✓  ✗  ✓  ✓  ✓              6  1
 *
 * Invariants: no line is wider than the screen; every run leaves a mark in its row, and nothing
 * hides a failure: if several marks share a column, the worst is drawn; symbols contain all
 * information, colours only repeat it; only printable characters of names reach the terminal.
 */
import stringWidth from 'string-width';
import { resumeCommand, showDuration } from '../../daemon/protocol/request.ts';
import { countMarks, type Mark, type Row, type Span, type Timespan } from '../report/timespan.ts';
import { showMoment, ticksOf } from './calendar.ts';
import { printable, type Screen, Style } from './style.ts';

/** What a column of a row can show, in order of urgency. */
const SIGNS = ['waits', 'runs', 'ok', 'now', 'warning', 'failed'] as const;
type Sign = (typeof SIGNS)[number];

interface Look {
  readonly signs: Readonly<Record<Sign, string>>;
  readonly rule: string;
  readonly tick: string;
}

const UNICODE: Look = {
  signs: { waits: '·', runs: '━', ok: '✓', now: '▶', warning: '!', failed: '✗' },
  rule: '─',
  tick: '┴',
};
const ASCII: Look = {
  signs: { waits: '.', runs: '=', ok: '+', now: '>', warning: '!', failed: 'X' },
  rule: '-',
  tick: '|',
};

type Meanings = readonly (readonly [Sign, string])[];

const MEANINGS: Meanings = [
  ['waits', 'waiting'],
  ['runs', 'running'],
  ['now', 'running now'],
  ['ok', 'ended well'],
  ['warning', 'a warning'],
  ['failed', 'failed'],
];

const GAP = '  ';
const RUNS_COLUMNS = 6;
const FAILED_COLUMNS = 5;
/** On a narrower screen there is no room for numbers. */
const NUMBERS_COLUMNS_MIN = 50;
/** A label of the axis and the gap after it. */
const LABEL_COLUMNS = 8;
/** Most runs that are shown individually. */
const TOLD_MAX = 20;

export function showTimeline(timespan: Timespan, screen: Screen): string {
  const style = new Style(screen);
  if (timespan.rows.length === 0) return style.paragraph('no targets are configured');
  const frame = frameOf(timespan, screen);
  const parts = [
    style.paragraph(headline(timespan)),
    ...chartOf(frame, style, MEANINGS),
    trouble(frame, style),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

/** Only the rows, and the legend below them. */
export function drawChart(timespan: Timespan, screen: Screen, meanings: Meanings): string {
  return chartOf(frameOf(timespan, screen), new Style(screen), meanings).join('\n');
}

function chartOf(frame: Frame, style: Style, meanings: Meanings): readonly string[] {
  const rows = frame.timespan.rows.map((row) => rowLine(row, frame, style));
  return [[...axis(frame, style), ...rows].join(''), legend(frame, style, meanings)];
}

/** How the columns of the screen are divided: names, the chart, numbers. */
interface Frame {
  readonly timespan: Timespan;
  readonly look: Look;
  readonly names: number;
  readonly columns: number;
  /** Otherwise the two columns of numbers are omitted. */
  readonly isNumbered: boolean;
}

function frameOf(timespan: Timespan, { columns, isUnicode }: Screen): Frame {
  const longest = Math.max(...timespan.rows.map(({ target }) => stringWidth(printable(target))));
  const names = Math.max(1, Math.min(longest, Math.floor(columns / 4)));
  const isNumbered = columns >= NUMBERS_COLUMNS_MIN;
  const rest = columns - names - GAP.length - (isNumbered ? RUNS_COLUMNS + FAILED_COLUMNS : 0);
  return { timespan, look: isUnicode ? UNICODE : ASCII, names, columns: rest, isNumbered };
}

function headline({ fromMs, toMs, rows }: Timespan): string {
  const counts = countMarks(rows);
  const said = (['failed', 'warning', 'ok', 'running', 'waiting'] as const).flatMap((mark) =>
    counts[mark] === 0 ? [] : [WORDS[mark](counts[mark])],
  );
  const what = said.length === 0 ? 'nothing ran' : said.join(', ');
  return `${showMoment(fromMs)} to ${showMoment(toMs)}: ${what}`;
}

const WORDS: Readonly<Record<Mark, (count: number) => string>> = {
  failed: (count) => `${count} failed`,
  warning: (count) => `${count} with a warning`,
  ok: (count) => `${count} ended well`,
  running: (count) => `${count} running`,
  waiting: (count) => `${count} waiting`,
};

/** The labels, and below them a rule with a tick for each. */
function axis(frame: Frame, style: Style): readonly string[] {
  const { timespan, look, columns, names, isNumbered } = frame;
  const labels = Array.from({ length: columns }, () => ' ');
  const rule = Array.from({ length: columns }, () => look.rule);
  const most = Math.floor(columns / LABEL_COLUMNS);
  for (const { atMs, label } of ticksOf(timespan.fromMs, timespan.toMs, most)) {
    const at = columnOf(atMs, frame);
    rule[at] = look.tick;
    // The last one ends at the edge, unless another one is in its way.
    const left = Math.max(0, Math.min(at, columns - label.length));
    if (labels.slice(Math.max(0, left - 1)).some((letter) => letter !== ' ')) continue;
    for (const [index, letter] of [...label].entries()) labels[left + index] = letter;
  }
  const gap = ' '.repeat(names) + GAP;
  const failed = look.signs.failed.padStart(FAILED_COLUMNS);
  const heads = isNumbered ? 'runs'.padStart(RUNS_COLUMNS) + failed : '';
  const above = `${labels.join('')}${heads}`.trimEnd();
  return [above, rule.join('')].map((line) => `${gap}${style.paint(line, 'faint')}\n`);
}

function rowLine(row: Row, frame: Frame, style: Style): string {
  const { look, names, isNumbered } = frame;
  const { ok, warning, failed, running, waiting } = countMarks([row]);
  const runs = String(ok + warning + failed + running + waiting).padStart(RUNS_COLUMNS);
  const bad = (failed === 0 ? '' : String(failed)).padStart(FAILED_COLUMNS);
  const numbers = isNumbered ? runs + style.paint(bad, 'failed') : '';
  // Merges equal symbols, so that each colour is set once.
  const pieces: { readonly sign: Sign | undefined; text: string }[] = [];
  for (const sign of signsOf(row.spans, frame)) {
    if (pieces.length === 0 || pieces.at(-1)?.sign !== sign) pieces.push({ sign, text: '' });
    const piece = pieces.at(-1);
    if (piece !== undefined) piece.text += sign === undefined ? ' ' : look.signs[sign];
  }
  const chart = pieces.map(({ sign, text }) => (sign ? style.paint(text, sign) : text)).join('');
  return `${`${style.cell(row.target, names)}${GAP}${chart}${numbers}`.trimEnd()}\n`;
}

/** What each column shows. */
function signsOf(spans: readonly Span[], frame: Frame): readonly (Sign | undefined)[] {
  const signs: (Sign | undefined)[] = Array.from({ length: frame.columns }, () => undefined);
  const put = (at: number, sign: Sign): void => {
    const there = signs[at];
    if (there === undefined || SIGNS.indexOf(there) < SIGNS.indexOf(sign)) signs[at] = sign;
  };
  for (const { askedAtMs, startedAtMs, untilMs, mark } of spans) {
    const end = columnOf(untilMs, frame);
    const start = startedAtMs === undefined ? end : columnOf(startedAtMs, frame);
    for (let at = columnOf(askedAtMs, frame); at < start; at++) put(at, 'waits');
    for (let at = start; at < end; at++) put(at, 'runs');
    put(end, lastSign(mark));
  }
  return signs;
}

function lastSign(mark: Mark): Sign {
  if (mark === 'running') return 'now';
  return mark === 'waiting' ? 'waits' : mark;
}

function columnOf(ms: number, { timespan, columns }: Frame): number {
  const { fromMs, toMs } = timespan;
  const at = Math.floor(((ms - fromMs) / (toMs - fromMs || 1)) * columns);
  return Math.max(0, Math.min(columns - 1, at));
}

/** The symbols that occur here, and their meanings. */
function legend({ timespan, look }: Frame, style: Style, meanings: Meanings): string {
  const { ok, warning, failed, running } = countMarks(timespan.rows);
  const spans = timespan.rows.flatMap((row) => row.spans);
  const shows: Readonly<Record<Sign, boolean>> = {
    waits: spans.length > 0,
    runs: spans.some(({ startedAtMs }) => startedAtMs !== undefined),
    now: running > 0,
    ok: ok > 0,
    warning: warning > 0,
    failed: failed > 0,
  };
  const words = meanings.filter(([sign]) => shows[sign]);
  return style.flow(words.map(([sign, word]) => [look.signs[sign], sign, word]));
}

/** What needs attention: failures, latest last, then what does not run. */
function trouble({ timespan, look }: Frame, style: Style): string {
  const bad = timespan.rows
    .flatMap(({ spans }) => spans)
    .filter(({ mark }) => mark === 'failed' || mark === 'warning')
    .sort((a, b) => a.untilMs - b.untilMs);
  const tell = ({ run, mark, untilMs }: Span): string => {
    const took = run.tookMs === undefined ? '' : ` after ${showDuration(run.tookMs)}`;
    const text = `${showMoment(untilMs)} ${run.target}: run ${run.run} ${run.text ?? 'ended'}${took}`;
    const sign = mark === 'failed' ? 'failed' : 'warning';
    return style.paragraph(text, style.paint(look.signs[sign], sign));
  };
  const last = bad.findLast(({ mark }) => mark === 'failed') ?? bad.at(-1);
  const older = bad.length - TOLD_MAX;
  const cutAt = timespan.cutAtMs === undefined ? '' : showMoment(timespan.cutAtMs);
  return [
    older > 0 ? style.paragraph(`${older} older ones: see baton history`) : '',
    ...bad.slice(-TOLD_MAX).map(tell),
    ...timespan.rows.flatMap((row) => standing(row, look, style)),
    cutAt === ''
      ? ''
      : style.paragraph(
          `runs that ended before ${cutAt} are not shown, because there are too many`,
        ),
    last === undefined
      ? ''
      : style.paragraph(`to see the output of a run: baton logs ${last.run.run}`),
  ].join('');
}

/** Why a target does not run, or should have. */
function standing({ target, view }: Row, look: Look, style: Style): readonly string[] {
  if (view === undefined) return [];
  const bad = style.paint(look.signs.failed, 'failed');
  const calm = style.paint(look.signs.waits, 'waits');
  const lines: string[] = [];
  const since =
    view.freshAtMs === undefined ? '' : `: no success since ${showMoment(view.freshAtMs)}`;
  if (view.late === true) lines.push(style.paragraph(`${target} is late${since}`, bad));
  if (view.broken !== undefined) lines.push(style.paragraph(`${target}: ${view.broken}`, bad));
  const slow = style.paint(look.signs.warning, 'warning');
  for (const { run, pace, usual, tookMs = 0 } of view.active) {
    if (pace !== 'slower' || usual === undefined) continue;
    const took = `${showDuration(tookMs)}, usually it takes ${showDuration(usual.medianMs)}`;
    lines.push(style.paragraph(`${target}: run ${run} has been running for ${took}`, slow));
  }
  const { pauses = [{ target }] } = view;
  for (const pause of view.paused ? pauses : []) {
    const by = 'group' in pause ? ` with group ${pause.group}` : '';
    const until = pause.untilMs === undefined ? '' : ` until ${showMoment(pause.untilMs)}`;
    const all = 'all' in pause ? ' with all targets' : '';
    const resume = `"${resumeCommand(pause)}" ends the pause`;
    lines.push(style.paragraph(`${target} is paused${by}${all}${until}; ${resume}`, calm));
  }
  // If it is paused, that is why its runs wait.
  for (const { run, waitedMs, reasons } of view.paused ? [] : view.queued.slice(0, 1)) {
    const why = reasons?.join('; ') ?? 'it is about to start';
    const waited = `has waited ${showDuration(waitedMs)}`;
    lines.push(style.paragraph(`${target}: run ${run} ${waited}: ${why}`, calm));
  }
  return lines;
}
