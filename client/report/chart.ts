/**
 * The charts of a report as SVG: a lane of runs, the axis above the lanes, and how long the runs of
 * a target took. Pure. Horizontal positions are percentages, so that a chart uses the available
 * width while text and strokes keep their size. Colours are in client/report/stylesheet.ts;
 * failures have a symbol of their own, and every run has a description in words.
 */
import { showDuration } from '../../daemon/protocol/request.ts';
import { showClock, showMoment, type Tick } from '../terminal/calendar.ts';
import { remains } from '../terminal/words.ts';
import { html, type Markup } from './markup.ts';
import { type Mark, type Span, tookOf } from './timespan.ts';

/** The time that a chart shows, in wall-clock milliseconds. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

const LANE_HEIGHT = 24;
const BAR_HEIGHT = 12;
const TIMES_HEIGHT = 88;
/** Room for the label of the longest duration. */
const TIMES_TOP = 22;
const TIMES_BOTTOM = 80;
/** With more runs than this, they are drawn without stems. */
const STEMS_MAX = 50;

/** The symbols for lanes and durations, once per page. */
export function signs(): Markup {
  return html`<svg class="signs" width="0" height="0" aria-hidden="true"><defs>
<g id="sign-failed"><circle r="6.5"/><path d="M-2.6-2.6 2.6 2.6M-2.6 2.6 2.6-2.6"/></g>
<g id="sign-warning"><circle r="6.5"/><path d="M0-3.4V.6M0 3.2v.2"/></g>
</defs></svg>`;
}

/** Runs of one target over time: a thin line while queued, a bar while running. */
export function lane(
  label: string,
  shown: readonly Span[],
  ticks: readonly Tick[],
  window: Window,
  tell: (span: Span) => string,
): Markup {
  return html`<svg class="lane" role="img" aria-label="${label}" width="100%" height="${LANE_HEIGHT}">
${grid(ticks, window, LANE_HEIGHT)}
${shown.map((span) => bar(span, window, tell(span)))}
${shown.map((span) => sign(span, window, LANE_HEIGHT / 2))}
</svg>`;
}

export function axis(ticks: readonly Tick[], window: Window): Markup {
  return html`<svg class="axis" aria-hidden="true" width="100%" height="18">
${ticks.map(({ atMs, label }) => html`<text x="${percentOf(atMs, window)}%" y="12">${label}</text>`)}
</svg>`;
}

/** How long runs took: a stroke of that height for each; `usualMs` is a horizontal line. */
export function durations(
  label: string,
  spans: readonly Span[],
  usualMs: number | undefined,
  window: Window,
): Markup {
  const longestMs = Math.max(1, ...spans.map((span) => tookOf(span) ?? 0));
  const yOf = (ms: number): string =>
    (TIMES_BOTTOM - (ms / longestMs) * (TIMES_BOTTOM - TIMES_TOP)).toFixed(1);
  const usualY = usualMs === undefined ? undefined : yOf(usualMs);
  const look = spans.length > STEMS_MAX ? 'times dense' : 'times';
  return html`<svg class="${look}" role="img" aria-label="${label}" width="100%" height="${TIMES_HEIGHT}">
<line class="base" x1="0" x2="100%" y1="${TIMES_BOTTOM}" y2="${TIMES_BOTTOM}"/>
${usualY && html`<line class="usual" x1="0" x2="100%" y1="${usualY}" y2="${usualY}"/>`}
<text x="0" y="12">${showDuration(longestMs)}</text>
${spans.map((span) => {
  const x = `${percentOf(span.untilMs, window)}%`;
  const y = yOf(tookOf(span) ?? 0);
  return html`<g class="${span.mark}"><title>${describe(span)}</title><line x1="${x}" x2="${x}"
 y1="${TIMES_BOTTOM}" y2="${y}"/><circle cx="${x}" cy="${y}" r="2.5"/></g>
`;
})}
${spans.map((span) => sign(span, window, Number(yOf(tookOf(span) ?? 0))))}
</svg>`;
}

/** One run in words: "run 17 of x exited with 1 after 3 min, Mon 23 Nov 03:00 to 03:03". */
export function describe(span: Span): string {
  return `run ${span.run.run} of ${span.run.target} ${fate(span)}`;
}

/** How a run ended: the rest of a sentence that begins with it. */
export function fate({ run, mark, askedAtMs, startedAtMs, untilMs }: Span): string {
  const took = run.tookMs === undefined ? '' : ` after ${showDuration(run.tookMs)}`;
  const asked = showMoment(askedAtMs);
  switch (mark) {
    case 'waiting':
      return `has waited ${showDuration(run.waitedMs)}, since ${asked}`;
    case 'running': {
      const since = startedAtMs === undefined ? asked : showMoment(startedAtMs);
      return `has been running for ${showDuration(run.tookMs ?? 0)}, since ${since}`;
    }
    case 'ok':
    case 'warning':
    case 'failed': {
      const begin = showMoment(startedAtMs ?? askedAtMs);
      return `${run.text ?? 'ended'}${took}, ${begin} to ${showClock(untilMs)}${remains(run)}`;
    }
    default:
      return mark satisfies never;
  }
}

/** A window ends now; later times were written before the clock was set back. */
export function touches({ untilMs }: Span, { fromMs }: Window): boolean {
  return untilMs >= fromMs;
}

function bar(span: Span, window: Window, said: string): Markup {
  const { askedAtMs, startedAtMs, untilMs, mark } = span;
  const middle = LANE_HEIGHT / 2;
  const waitEnd = startedAtMs ?? untilMs;
  const [asked, started] = [percentOf(askedAtMs, window), percentOf(waitEnd, window)];
  // Nothing is drawn without a width; the border makes the shortest run 2 px wide.
  const width = (from: number, to: number): string => `${Math.max(0.01, to - from).toFixed(2)}%`;
  const end = percentOf(untilMs, window);
  const wait = html`<rect class="wait" x="${asked}%" y="${middle - 1}" width="${width(asked, started)}" height="2"/>`;
  const run = html`<rect class="bar" x="${started}%" y="${middle - BAR_HEIGHT / 2}" width="${width(started, end)}" height="${BAR_HEIGHT}" rx="1.5"/>`;
  const isWaitSeen = started > asked || startedAtMs === undefined;
  return html`<g class="${mark}"><title>${said}</title>${isWaitSeen ? wait : undefined}${
    startedAtMs === undefined ? undefined : run
  }</g>
`;
}

const SIGNS: Readonly<Partial<Record<Mark, string>>> = { warning: 'warning', failed: 'failed' };

function sign(span: Span, window: Window, y: number): Markup | undefined {
  const name = SIGNS[span.mark];
  if (name === undefined) return undefined;
  const x = percentOf(span.untilMs, window);
  return html`<use href="#sign-${name}" class="sign ${name}" x="${x}%" y="${y}"/>
`;
}

function grid(ticks: readonly Tick[], window: Window, height: number): readonly Markup[] {
  return ticks.map(({ atMs }) => {
    const x = `${percentOf(atMs, window)}%`;
    return html`<line class="grid" x1="${x}" x2="${x}" y1="0" y2="${height}"/>`;
  });
}

/** The position of a time, from 0 to 100. */
function percentOf(ms: number, { fromMs, toMs }: Window): number {
  const part = ((ms - fromMs) / (toMs - fromMs || 1)) * 100;
  return Number(Math.max(0, Math.min(100, part)).toFixed(2));
}
