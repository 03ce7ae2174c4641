/**
 * `baton report`: a span of time as one HTML page that needs nothing else: no network, no scripts,
 * to be mailed, printed or kept. Pure. First what failed, then when what ran, then the details.
 *
 * Invariant: whatever comes from elsewhere passes `html` (client/report/markup.ts), and should that
 * ever fail, the page's own policy still runs no script and loads nothing.
 */
import { showDuration } from '../../daemon/protocol/request.ts';
import { showDate, showMoment, ticksOf } from '../terminal/calendar.ts';
import { remains } from '../terminal/words.ts';
import { axis, durations, fate, lane, signs, touches, type Window } from './chart.ts';
import { html, type Markup } from './markup.ts';
import { style } from './stylesheet.ts';
import { count, endsOf, summary, verdictOf } from './summary.ts';
import { readTail, type Tail } from './tail.ts';
import { countMarks, type Row, type Span, type Timespan, tookOf } from './timespan.ts';

/** Most bad ends that are told of one by one, with their output. */
const TOLD_MAX = 40;
/** Most rows of the table of runs. */
const TABLE_RUNS_MAX = 1_000;
/** Longer ones have a chart of their last day as well. */
const ONE_CHART_MS = 36 * 3_600_000;
/** A run that starts at once waits for milliseconds, too. */
const WAIT_SHOWN_MS = 1_000;
const DAY_MS = 86_400_000;
const TICKS = 9;

/** What both streams of a run ended with. */
export interface RunTail {
  readonly out: Tail;
  readonly err: Tail;
}

export interface Report {
  readonly timespan: Timespan;
  readonly host: string;
  readonly version: string;
  /** Of the runs that `endsToTell` names, as far as they are remembered. */
  readonly tails: ReadonlyMap<number, RunTail>;
}

/**
 * The runs that failed, then those with a warning, the latest first; as many as there is room for.
 */
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
  const period = `${showMoment(fromMs)} to ${showDate(toMs)}, ${showMoment(toMs).slice(-5)}`;
  const page = html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${verdictOf(timespan).text} Runs on ${host}, ${period}</title>
<style>${style()}</style>
</head>
<body>
${signs()}
<header>
<h1>Runs on ${host}</h1>
<p class="soft">${period} (${showDuration(toMs - fromMs)})</p>
</header>
<main>
<section aria-label="Summary">
${summary(timespan, (span) => told.includes(span))}
</section>
${charts(timespan)}
${ends(report, told)}
${times(timespan)}
${table(timespan)}
</main>
<footer><p>Written by baton ${version} at ${showMoment(toMs)}, all times in ${zone()}.</p></footer>
</body>
</html>
`;
  return page.text;
}

/** The time zone of the text, such as "Europe/Berlin". */
function zone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** When what ran: the last day, and of a longer time all of it. */
function charts(timespan: Timespan): Markup {
  const { fromMs, toMs, rows } = timespan;
  if (rows.length === 0) return html`<p class="none">No targets are configured.</p>`;
  if (toMs - fromMs <= ONE_CHART_MS) return chart('When what ran', timespan, timespan);
  const day = { fromMs: toMs - DAY_MS, toMs };
  const whole = `The whole ${showDuration(toMs - fromMs)}`;
  return html`${chart('The last 24 hours', timespan, day)}
${chart(whole, timespan, timespan)}`;
}

function chart(title: string, { rows }: Timespan, window: Window): Markup {
  const ticks = ticksOf(window.fromMs, window.toMs, TICKS);
  const lines = rows.map((row) => {
    const spans = row.spans.filter((span) => touches(span, window));
    const counts = countMarks([{ ...row, spans }]);
    const said = counts.failed > 0 ? `${count(spans.length)}, ${counts.failed} failed` : undefined;
    return html`<tr><th scope="row">${row.target}</th>
<td class="drawn">${lane(said ?? count(spans.length), spans, ticks, window)}</td>
<td class="number">${spans.length}</td><td class="number failed">${counts.failed || ''}</td></tr>
`;
  });
  return html`<section><h2>${title}</h2>
<table class="night">
<thead><tr><th scope="col">Target</th><td class="drawn">${axis(ticks, window)}</td>
<th scope="col" class="number">Runs</th><th scope="col" class="number">Failed</th></tr></thead>
<tbody>${lines}</tbody>
</table>
${legend()}
</section>`;
}

function legend(): Markup {
  const bar = (mark: string): Markup =>
    html`<svg class="${mark}" width="22" height="12" aria-hidden="true"><rect class="bar" width="22" height="12" rx="1.5"/></svg>`;
  const sign = (name: string): Markup =>
    html`<svg width="14" height="14" aria-hidden="true"><use href="#sign-${name}" class="sign ${name}" x="7" y="7"/></svg>`;
  return html`<ul class="legend">
<li><svg width="22" height="12" aria-hidden="true"><rect class="wait" y="5" width="22" height="2"/></svg>waiting</li>
<li>${bar('ok')}ended well</li>
<li>${bar('running')}running now</li>
<li>${sign('warning')}a warning</li>
<li>${sign('failed')}failed</li>
</ul>`;
}

/** What bad ends have left behind for people to read. */
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
  const gone = 'Its output is no longer kept, or this socket does not permit to read it.';
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
  const older = cutAtMs === undefined ? '' : `Runs before ${showMoment(cutAtMs)} are left out. `;
  const heads = ['Run', 'Target', 'Asked for', 'Waited', 'Took', 'Ended', 'How it ended'];
  const lines = shown.map(({ run, askedAtMs, startedAtMs, untilMs, mark }) => {
    const took = startedAtMs === undefined ? '–' : showDuration(run.tookMs ?? 0);
    const waited = run.waitedMs < WAIT_SHOWN_MS ? '–' : showDuration(run.waitedMs);
    return html`<tr><td class="number">${run.run}</td><th scope="row">${run.target}</th>
<td>${showMoment(askedAtMs)}</td><td class="number">${waited}</td><td class="number">${took}</td>
<td>${showMoment(untilMs)}</td><td class="how ${mark}">${run.text}${remains(run)}</td></tr>
`;
  });
  return html`<section><h2>All runs</h2>
<div class="scroll"><table class="runs">
<caption>${left}${older}The latest first.</caption>
<thead><tr>${heads.map((head) => html`<th scope="col">${head}</th>`)}</tr></thead>
<tbody>${lines}</tbody>
</table></div></section>`;
}
