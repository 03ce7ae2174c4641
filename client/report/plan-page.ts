/**
 * `baton plan --html`: a future night as one page, like the report: what goes wrong, when what
 * runs, which runs wait for which, the chances, each run, and what the plan assumes. With a changed
 * configuration: its effects, and both nights. Pure.
 */
import type { Chances, Planned, PlannedRun } from '../../daemon/protocol/planned.ts';
import { showDuration } from '../../daemon/protocol/request.ts';
import { showMoment } from '../terminal/calendar.ts';
import { chanceColumns, tellPlays } from './chance-columns.ts';
import { COUNTS, countChanges, tellChanges } from './change-story.ts';
import { documentOf, scrolled } from './document.ts';
import { html, type Markup } from './markup.ts';
import { DAY_MS, type Meanings, night, ONE_CHART_MS } from './night.ts';
import type { PlanChanges } from './plan-changes.ts';
import {
  countsOf,
  isBad,
  type ReadLines,
  remarks,
  type Trouble,
  troubleIn,
  WAIT_MS_MIN,
  type Wait,
  waitOf,
  waitsIn,
} from './plan-story.ts';
import { plannedTimespan, upTo } from './plan-timespan.ts';
import { type News, newsList, type Tone } from './summary.ts';
import type { Span, Timespan } from './timespan.ts';

/** Most waits, changes and problems that are shown individually. */
const TOLD_MAX = 200;
/** Most rows of the table of runs. */
const TABLE_RUNS_MAX = 1_000;
/** Most runs that are drawn: more are too much for a browser. */
const DRAWN_MAX = 10_000;

const MEANINGS: Meanings = [
  ['waiting', 'waits'],
  ['ok', 'runs'],
  ['warning', 'does not run'],
  ['failed', 'fails'],
];

/** If a chart ends before the plan does. */
const GOES_ON: Meanings = [['running', 'goes on after the end of the chart']];

/** From the worst to mere information. */
const KINDS = {
  late: ['late', 'failed'],
  'never-starts': ['never starts', 'failed'],
  endless: ['does not end', 'failed'],
  fails: ['fails', 'failed'],
  refused: ['refused', 'warning'],
  ignored: ['ignored', 'warning'],
} as const satisfies Readonly<Record<Trouble['kind'], readonly [string, Tone]>>;

export interface PlanPage {
  readonly planned: Planned;
  /** The effects of a changed configuration, and its name. */
  readonly changed?: { readonly changes: PlanChanges; readonly config: string };
  readonly read: ReadLines;
  readonly host: string;
  readonly version: string;
  readonly writtenAtMs: number;
}

export function showPlanPage(page: PlanPage): string {
  const { planned, changed, read, host, version, writtenAtMs } = page;
  const { fromMs, untilMs, chances } = planned;
  const shown = changed?.changes.after ?? planned;
  const now = changed === undefined ? '' : ', as it is now';
  const verdict = changed === undefined ? countsOf(planned) : countChanges(changed.changes);
  const body = html`${summary(page, `${verdict}.`)}
${changed && charts(`With ${changed.config}`, shown)}
${charts(`When what runs${now}`, planned)}
${chances && chancesOf(chances)}
${waiting(shown)}
${table(shown)}
${granted(remarks(shown, read))}`;
  return documentOf({
    ...{ verdict: `${verdict}.`, heading: `Planned runs on ${host}` },
    ...{ window: { fromMs, toMs: untilMs }, body, version, writtenAtMs },
  });
}

function summary({ planned, changed }: PlanPage, verdict: string): Markup {
  const news = changed === undefined ? troubleNews(planned) : changeNews(changed.changes);
  const tones = news.map(({ tone }) => tone);
  const tone = (['failed', 'warning'] as const).find((it) => tones.includes(it)) ?? 'calm';
  const said = changed === undefined ? verdict : `With ${changed.config}: ${verdict}`;
  return html`<section aria-label="Summary">
<p class="verdict ${tone}">${said}</p>
${newsList(news.slice(0, TOLD_MAX))}
${more(news.length, 'more')}
</section>`;
}

/** How many items were cut off. */
function more(all: number, what: string): Markup | undefined {
  const hidden = all - TOLD_MAX;
  return hidden > 0 ? html`<p class="soft">${hidden} ${what}: see --json.</p>` : undefined;
}

function troubleNews(planned: Planned): readonly News[] {
  const order = Object.keys(KINDS);
  const worst = troubleIn(planned).toSorted(
    (a, b) => order.indexOf(a.kind) - order.indexOf(b.kind),
  );
  return worst.map(({ kind, target, atMs, text }) => {
    const [word, tone] = KINDS[kind];
    return { word, tone, target, text: `${showMoment(atMs)}: ${text}` };
  });
}

function changeNews(changes: PlanChanges): readonly News[] {
  return tellChanges(changes).map(({ what, target, atMs, text, isBad: isWorse }) => {
    const tone = isWorse ? 'failed' : 'calm';
    return { word: COUNTS[what], tone, target, text: `${showMoment(atMs)}: ${text}` };
  });
}

/** When what runs: the first day, and for a longer plan all of it. */
function charts(title: string, planned: Planned): Markup {
  const all = plannedTimespan(planned);
  const { timespan, note } = drawn(all);
  const { fromMs, toMs, rows } = timespan;
  if (rows.length === 0) {
    return html`<section><h2>${title}</h2><p class="none">Nothing runs.</p></section>`;
  }
  const whole = (heading: string): Markup => {
    const counted = { rows: all.rows, window: all };
    const shown = { rows, window: timespan, counted, note, meanings: MEANINGS };
    return night({ title: heading, ...shown, tell });
  };
  if (toMs - fromMs <= ONE_CHART_MS) return whole(title);
  const day = upTo(timespan, { fromMs, toMs: fromMs + DAY_MS });
  const first = { rows: day.rows, window: day, meanings: [...MEANINGS, ...GOES_ON] };
  const part = note === undefined ? 'whole' : 'first';
  return html`${night({ title: `${title}: the first 24 hours`, ...first, tell })}
${whole(`${title}: the ${part} ${showDuration(toMs - fromMs)}`)}`;
}

/** The first of very many runs. */
function drawn(timespan: Timespan): { readonly timespan: Timespan; readonly note?: Markup } {
  const asked = timespan.rows.flatMap(({ spans }) => spans.map(({ askedAtMs }) => askedAtMs));
  if (asked.length <= DRAWN_MAX) return { timespan };
  const toMs = asked.toSorted((a, b) => a - b)[DRAWN_MAX] ?? timespan.toMs;
  const note = html`
<p class="soft">Runs after ${showMoment(toMs)} are not shown, because there are too many. The
numbers beside the chart count them, too.</p>`;
  return { timespan: upTo(timespan, { fromMs: timespan.fromMs, toMs }), note };
}

function tell({ run }: Span): string {
  return `${run.target} ${run.text ?? ''}`;
}

function waiting(planned: Planned): Markup {
  const waits = waitsIn(planned);
  const title = 'Waiting runs';
  if (waits.length === 0)
    return html`<section><h2>${title}</h2><p class="none">Nobody.</p></section>`;
  const row = ({ target, askedAtMs, startedAtMs, ms, why }: Wait): Markup =>
    html`<tr><th scope="row">${target}</th><td>${showMoment(askedAtMs)}</td>
<td class="number">${showDuration(ms)}</td><td>${showMoment(startedAtMs)}</td>
<td class="how">${why}</td></tr>
`;
  const heads = ['Target', 'Requested', 'Waits', 'Starts', 'For whom'];
  const rows = waits.slice(0, TOLD_MAX).map(row);
  return html`<section><h2>${title}</h2>
${list(title, 'The longest wait first.', heads, rows)}
${more(waits.length, 'shorter waits')}</section>`;
}

function chancesOf(chances: Chances): Markup {
  const title = 'Chances';
  const plays = tellPlays(chances);
  const said = `${plays.charAt(0).toUpperCase()}${plays.slice(1)}.`;
  if (chances.plays === 0) return html`<section><h2>${title}</h2><p>${said}</p></section>`;
  const columns = chanceColumns(chances);
  const rows = chances.targets.map(
    (target) => html`<tr><th scope="row">${target.target}</th>${columns.map(
      ({ textOf }) => html`<td>${textOf(target)}</td>`,
    )}</tr>
`,
  );
  const heads = ['Target', ...columns.map(({ title: head }) => head)];
  return html`<section><h2>${title}</h2>
<p>${said}</p>
${list(title, undefined, heads, rows)}</section>`;
}

/** Every request, ordered by time. */
function table(planned: Planned): Markup {
  const rows = [
    ...planned.runs.map((run) => ({ atMs: run.askedAtMs, row: runRow(run) })),
    ...planned.refused.map(({ atMs, target, isIgnored, reason }) => {
      const word = isIgnored === true ? 'ignored' : 'refused';
      return { atMs, row: requestRow(target, atMs, [], 'warning', `is ${word}: ${reason}`) };
    }),
  ].sort((a, b) => a.atMs - b.atMs);
  const title = 'All runs';
  if (rows.length === 0) return html`<section><h2>${title}</h2><p class="none">None.</p></section>`;
  const shown = rows.slice(0, TABLE_RUNS_MAX);
  const left = rows.length > shown.length ? `The first ${shown.length} of ${rows.length}. ` : '';
  const heads = ['Target', 'Requested', 'Waits', 'Starts', 'Takes', 'Ends', 'How it ends'];
  const lines = shown.map(({ row }) => row);
  return html`<section><h2>${title}</h2>
${list(title, `${left}In the order of the requests.`, heads, lines)}</section>`;
}

function runRow(run: PlannedRun): Markup {
  const { target, askedAtMs, startedAtMs, endedAtMs, text = '', waits = [] } = run;
  const waitMs = waitOf(run);
  const tookMs = startedAtMs === undefined || endedAtMs === undefined ? 0 : endedAtMs - startedAtMs;
  const open = startedAtMs === undefined ? `never starts: ${waits.at(-1)?.reason ?? ''}` : 'no end';
  const mark = isBad(run) ? 'failed' : endedAtMs === undefined ? 'warning' : 'ok';
  const cells = [
    waitMs < WAIT_MS_MIN ? undefined : showDuration(waitMs),
    startedAtMs === undefined ? undefined : showMoment(startedAtMs),
    startedAtMs === undefined || endedAtMs === undefined ? undefined : showDuration(tookMs),
    endedAtMs === undefined ? undefined : showMoment(endedAtMs),
  ];
  const how = [endedAtMs === undefined ? open : text, ...about(run)].join('; ');
  return requestRow(target, askedAtMs, cells, mark, how);
}

function about({ attempts, joined, hookOf }: PlannedRun): readonly string[] {
  return [
    ...(attempts === undefined ? [] : [`attempt ${attempts}`]),
    ...(joined === undefined ? [] : [`shared by ${joined + 1} requests`]),
    ...(hookOf === undefined ? [] : [`a hook of ${hookOf.target} (${hookOf.why})`]),
  ];
}

/** `cells`: its wait, start, time and end; unknown values are a dash. */
function requestRow(
  target: string,
  atMs: number,
  [waits, starts, takes, ends]: readonly (string | undefined)[],
  mark: string,
  how: string,
): Markup {
  return html`<tr><th scope="row">${target}</th><td>${showMoment(atMs)}</td>
<td class="number">${waits ?? '–'}</td><td>${starts ?? '–'}</td>
<td class="number">${takes ?? '–'}</td><td>${ends ?? '–'}</td><td class="how ${mark}">${how}</td></tr>
`;
}

function list(
  title: string,
  caption: string | undefined,
  heads: readonly string[],
  rows: readonly Markup[],
): Markup {
  return scrolled(
    title,
    html`<table class="list">
${caption && html`<caption>${caption}</caption>`}
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${rows}</tbody>
</table>`,
  );
}

function granted(texts: readonly string[]): Markup | undefined {
  if (texts.length === 0) return undefined;
  return html`<section><h2>What the plan takes for granted</h2>
<ul class="remarks">${texts.map((text) => html`<li>${text}</li>`)}</ul></section>`;
}
