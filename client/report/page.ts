/**
 * `baton report`: a period as one self-contained HTML page: no network, no scripts, to be mailed,
 * printed or kept. Pure. First what failed, then when what ran, then the details. The frame is in
 * client/report/document.ts.
 */
import { showDuration } from '../../daemon/protocol/request.ts';
import { showMoment } from '../terminal/calendar.ts';
import { remains } from '../terminal/words.ts';
import { describe, durations, fate, type Window } from './chart.ts';
import { documentOf, scrolled } from './document.ts';
import { html, type Markup } from './markup.ts';
import { DAY_MS, type Meanings, night, ONE_CHART_MS } from './night.ts';
import { count, endsOf, summary, verdictOf } from './summary.ts';
import { readTail, type Tail } from './tail.ts';
import { countMarks, type Row, type Span, type Timespan, tookOf } from './timespan.ts';

/** Most failures that are shown individually, with their output. */
const TOLD_MAX = 40;
/** Most rows of the table of runs. */
const TABLE_RUNS_MAX = 1_000;
/** Shorter waits are not shown: even an immediate start takes some milliseconds. */
const WAIT_SHOWN_MS = 1_000;

const MEANINGS: Meanings = [
  ['waiting', 'waiting'],
  ['ok', 'ended well'],
  ['running', 'running now'],
  ['warning', 'a warning'],
  ['failed', 'failed'],
];

/** The end of both streams of a run. */
export interface RunTail {
  readonly out: Tail;
  readonly err: Tail;
}

export interface Report {
  readonly timespan: Timespan;
  readonly host: string;
  readonly version: string;
  /** Of the runs that `endsToTell` returns, as far as they are remembered. */
  readonly tails: ReadonlyMap<number, RunTail>;
}

/** The failed runs, then those with a warning, latest first; as many as there is room for. */
export function endsToTell({ rows }: Timespan): readonly Span[] {
  const latest = rows.flatMap(endsOf).sort((a, b) => b.untilMs - a.untilMs);
  const failed = latest.filter(({ mark }) => mark === 'failed');
  const warned = latest.filter(({ mark }) => mark === 'warning');
  return [...failed, ...warned].slice(0, TOLD_MAX);
}

export function showReport(report: Report): string {
  const { timespan, host, version } = report;
  const { fromMs, toMs } = timespan;
  const told = endsToTell(timespan);
  const body = html`<section aria-label="Summary">
${summary(timespan, (span) => told.includes(span))}
</section>
${charts(timespan)}
${ends(report, told)}
${times(timespan)}
${table(timespan)}`;
  return documentOf({
    ...{ verdict: verdictOf(timespan).text, heading: `Runs on ${host}` },
    ...{ window: { fromMs, toMs }, body, version, writtenAtMs: toMs },
  });
}

/** When what ran: the last day, and for a longer period all of it. */
function charts(timespan: Timespan): Markup {
  const { fromMs, toMs, rows } = timespan;
  if (rows.length === 0) return html`<p class="none">No targets are configured.</p>`;
  if (toMs - fromMs <= ONE_CHART_MS) return chart('When targets ran', timespan, timespan);
  const day = { fromMs: toMs - DAY_MS, toMs };
  const whole = `The whole ${showDuration(toMs - fromMs)}`;
  return html`${chart('The last 24 hours', timespan, day)}
${chart(whole, timespan, timespan)}`;
}

function chart(title: string, { rows }: Timespan, window: Window): Markup {
  return night({ title, rows, window, meanings: MEANINGS, tell: describe });
}

/** The details of failures and warnings. */
function ends({ timespan, tails }: Report, told: readonly Span[]): Markup {
  const { failed, warning } = countMarks(timespan.rows);
  if (told.length === 0) return html`<section><h2>Failures</h2><p class="none">None.</p></section>`;
  const hidden = failed + warning - told.length;
  const more = html`<p class="soft">${count(hidden)} more are only in the charts.</p>`;
  return html`<section><h2>${warning > 0 ? 'Failures and warnings' : 'Failures'}</h2>
${told.map((span) => end(span, tails.get(span.run.run)))}
${hidden > 0 ? more : undefined}
</section>`;
}

function end(span: Span, tail: RunTail | undefined): Markup {
  const { run, target } = span.run;
  const streams = [
    ['output', tail?.out],
    ['standard error', tail?.err],
  ] as const;
  const shown = streams.flatMap(([name, stream]) => {
    const text = stream && readTail(stream);
    if (!stream || !text) return [];
    const label = `${stream.isCut ? 'the end of its' : 'its'} ${name}`;
    return [
      html`<pre tabindex="0" aria-label="Run ${run}, ${label}">${text}</pre>
`,
    ];
  });
  const gone = 'Its output is no longer kept, or this socket does not permit reading it.';
  const isSilent = tail !== undefined || span.run.bytes === 0;
  const none = html`<p class="none">${isSilent ? 'It wrote nothing.' : gone}</p>`;
  return html`<article class="end" id="run-${run}">
<h3><span class="word ${span.mark}">${target}</span>, run ${run}</h3>
<p>It ${fate(span)}.</p>
${shown.length > 0 ? shown : none}
</article>
`;
}

/** How long the runs of each target took. */
function times(timespan: Timespan): Markup | undefined {
  const cards = timespan.rows.flatMap((row) => card(row, timespan));
  if (cards.length === 0) return undefined;
  return html`<section><h2>How long runs took</h2>
<div class="cards">${cards}</div></section>`;
}

function card(row: Row, window: Window): readonly Markup[] {
  const spans = endsOf(row).filter((span) => tookOf(span) !== undefined);
  const last = spans.at(-1);
  if (spans.length < 2 || last === undefined) return [];
  const usual = row.view?.usual;
  const range = usual && `${showDuration(usual.lowMs)} to ${showDuration(usual.highMs)}`;
  const said = usual && `usually ${showDuration(usual.medianMs)}, half of them ${range}`;
  const text = `${said ?? count(spans.length)}; the last took ${showDuration(tookOf(last) ?? 0)}`;
  return [
    html`<figure><h3>${row.target}</h3><figcaption>${text}</figcaption>
${durations(`${count(spans.length)}: ${text}`, spans, usual?.medianMs, window)}</figure>
`,
  ];
}

function table({ rows, cutAtMs }: Timespan): Markup {
  const all = rows.flatMap(endsOf).sort((a, b) => b.untilMs - a.untilMs);
  if (all.length === 0) return html`<section><h2>All runs</h2><p class="none">None.</p></section>`;
  const shown = all.slice(0, TABLE_RUNS_MAX);
  const left =
    all.length > shown.length ? `The latest ${shown.length} of ${all.length} runs. ` : '';
  const older = cutAtMs === undefined ? '' : `Runs before ${showMoment(cutAtMs)} are omitted. `;
  const heads = ['Run', 'Target', 'Requested', 'Waited', 'Took', 'Ended', 'How it ended'];
  const lines = shown.map(({ run, askedAtMs, startedAtMs, untilMs, mark }) => {
    const took = startedAtMs === undefined ? '–' : showDuration(run.tookMs ?? 0);
    const waited = run.waitedMs < WAIT_SHOWN_MS ? '–' : showDuration(run.waitedMs);
    return html`<tr><td class="number">${run.run}</td><th scope="row">${run.target}</th>
<td>${showMoment(askedAtMs)}</td><td class="number">${waited}</td><td class="number">${took}</td>
<td>${showMoment(untilMs)}</td><td class="how ${mark}">${run.text}${remains(run)}</td></tr>
`;
  });
  return html`<section><h2>All runs</h2>
${scrolled(
  'All runs',
  html`<table class="runs">
<caption>${left}${older}The latest first.</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${lines}</tbody>
</table>`,
)}</section>`;
}
