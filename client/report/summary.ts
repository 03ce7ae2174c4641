/**
 * The beginning of a report: one sentence, and below it a line for each target that needs
 * attention, the worst first. Pure.
 */
import { showDuration, type TargetView } from '../../daemon/protocol/request.ts';
import { showMoment } from '../terminal/calendar.ts';
import { html, type Markup } from './markup.ts';
import { countMarks, type Row, type Span, type Timespan } from './timespan.ts';

export type Tone = 'failed' | 'warning' | 'calm';

/** A line about one target. */
export interface News {
  readonly tone: Tone;
  /** One word for a quick look. */
  readonly word: string;
  readonly target: string;
  readonly text: Markup | string;
}

/** From the worst to mere information. */
const WORDS = ['failing', 'late', 'broken', 'failed', 'warning', 'paused', 'waits', 'runs'];

/** `isTold` is true for runs whose end is described further down. */
export function summary(timespan: Timespan, isTold: (span: Span) => boolean): Markup {
  const { tone, text } = verdictOf(timespan);
  const news = timespan.rows.flatMap((row) => newsOf(row, isTold));
  news.sort((a, b) => WORDS.indexOf(a.word) - WORDS.indexOf(b.word));
  return html`<p class="verdict ${tone}">${text}</p>
${newsList(news)}`;
}

export function newsList(news: readonly News[]): Markup | undefined {
  const lines = news.map(
    ({ tone, word, target, text }) =>
      html`<li><span class="word ${tone}">${word}</span> <span><b>${target}</b> ${text}</span></li>
`,
  );
  return lines.length > 0 ? html`<ul class="news">${lines}</ul>` : undefined;
}

/** The one sentence. */
export function verdictOf({ rows }: Timespan): { readonly tone: Tone; readonly text: string } {
  const { ok, warning, failed } = countMarks(rows);
  const ended = ok + warning + failed;
  const late = rows.filter(({ view }) => view?.late === true).length;
  const lateText = late === 0 ? '' : ` ${late === 1 ? '1 target is' : `${late} targets are`} late.`;
  const tone = failed + late > 0 ? 'failed' : warning > 0 || ended === 0 ? 'warning' : 'calm';
  const warned = warning === 0 ? '' : `, ${warning} with a warning`;
  if (ended === 0) return { tone, text: `No run has ended.${lateText}` };
  if (failed > 0) return { tone, text: `${failed} of ${count(ended)} failed${warned}.${lateText}` };
  const all = ended === 1 ? 'The only run' : `All ${ended} runs`;
  const how = warning === 0 ? ' ended well' : ` ended${warned}`;
  return { tone, text: `${all}${how}.${lateText}` };
}

function newsOf(row: Row, isTold: (span: Span) => boolean): readonly News[] {
  const { target, view } = row;
  const news: News[] = [];
  const add = (tone: Tone, word: string, text: Markup): void => {
    news.push({ tone, word, target, text });
  };
  const ends = endsOf(row);
  const last = ends.at(-1);
  const bad = ends.filter(({ mark }) => mark === 'failed');
  const latest = bad.at(-1);
  if (latest !== undefined) {
    const isLast = latest === last;
    const since = isLast ? '' : '; it has not failed since';
    const many = `${bad.length} of ${count(ends.length)} failed, the last at`;
    const share = ends.length === 1 ? 'its only run failed at' : many;
    const told = html`${showMoment(latest.untilMs)}: ${link(latest, isTold)}${since}`;
    add('failed', isLast ? 'failing' : 'failed', html`${share} ${told}`);
  } else if (last?.mark === 'warning') {
    const text = html`ended with a warning at ${showMoment(last.untilMs)}: ${link(last, isTold)}`;
    add('warning', 'warning', text);
  }
  if (view === undefined) return news;
  if (view.late === true) {
    const since = view.freshAtMs === undefined ? 'lately' : `since ${showMoment(view.freshAtMs)}`;
    add('failed', 'late', html`has had no success ${since}`);
  }
  if (view.broken !== undefined) add('failed', 'broken', html`cannot run: ${view.broken}`);
  const held =
    view.waiting === 0 ? '' : `; ${count(view.waiting)} ${view.waiting === 1 ? 'waits' : 'wait'}`;
  if (view.paused) add('warning', 'paused', html`is paused ${pausedUntil(view)}${held}`);
  for (const run of view.active) {
    const took = showDuration(run.tookMs ?? 0);
    const usual = run.usual && `; usually it takes ${showDuration(run.usual.medianMs)}`;
    const tone = run.pace === 'slower' ? 'warning' : 'calm';
    add(tone, 'runs', html`run ${run.run} has been running for ${took}${usual}`);
  }
  for (const run of view.paused ? [] : view.queued.slice(0, 1)) {
    const more = view.waiting > 1 ? ` (and ${view.waiting - 1} more)` : '';
    const why = run.reasons?.join('; ') ?? 'it is about to start';
    const text = html`run ${run.run}${more} has been queued for ${showDuration(run.waitedMs)}: ${why}`;
    add('calm', 'waits', text);
  }
  return news;
}

/** When the pause ends by itself, if it does. */
function pausedUntil({ pauses = [] }: TargetView): string {
  const times = pauses.map(({ untilMs }) => untilMs ?? Number.POSITIVE_INFINITY);
  const lastMs = Math.max(...times);
  return pauses.length > 0 && Number.isFinite(lastMs)
    ? `until ${showMoment(lastMs)} unless resumed earlier`
    : 'until it is resumed';
}

/** The ended runs, in the order of their ends. */
export function endsOf({ spans }: Row): readonly Span[] {
  const ended = spans.filter(({ mark }) => mark !== 'running' && mark !== 'waiting');
  return ended.sort((a, b) => a.untilMs - b.untilMs);
}

export function count(runs: number): string {
  return `${runs} ${runs === 1 ? 'run' : 'runs'}`;
}

function link(span: Span, isTold: (span: Span) => boolean): Markup {
  const { run, text = 'ended' } = span.run;
  const words = html`run ${run} ${text}`;
  return isTold(span) ? html`<a href="#run-${run}">${words}</a>` : words;
}
