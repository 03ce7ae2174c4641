/**
 * When what runs: a lane for each target below one axis, and a legend. Pure. For the report of the
 * past and for the page of a plan.
 */
import { ticksOf } from '../terminal/calendar.ts';
import { axis, lane, touches, type Window } from './chart.ts';
import { html, type Markup } from './markup.ts';
import { count } from './summary.ts';
import { countMarks, type Mark, type Row, type Span } from './timespan.ts';

/** Longer periods also get a chart of one day. */
export const ONE_CHART_MS = 36 * 3_600_000;
export const DAY_MS = 86_400_000;
const TICKS = 9;

/** The meanings of marks, in the order of the legend. */
export type Meanings = readonly (readonly [Mark, string])[];

export interface Night {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly window: Window;
  /** The rows that are counted, with all their runs, if not all of them are drawn. */
  readonly counted?: { readonly rows: readonly Row[]; readonly window: Window };
  /** Above the chart. */
  readonly note?: Markup | undefined;
  readonly meanings: Meanings;
  /** A run in words. */
  readonly tell: (span: Span) => string;
}

export function night({ title, rows, window, counted, note, meanings, tell }: Night): Markup {
  const ticks = ticksOf(window.fromMs, window.toMs, TICKS);
  const lines = rows.map((row, at) => {
    const spans = touching(row, window);
    const all = counted === undefined ? spans : touching(counted.rows[at] ?? row, counted.window);
    const counts = countMarks([{ ...row, spans: all }]);
    const said = counts.failed > 0 ? `${count(all.length)}, ${counts.failed} failed` : undefined;
    return html`<tr><th scope="row">${row.target}</th>
<td class="drawn">${lane(said ?? count(all.length), spans, ticks, window, tell)}</td>
<td class="number">${all.length}</td><td class="number failed">${counts.failed || ''}</td></tr>
`;
  });
  return html`<section><h2>${title}</h2>${note}
<table class="night">
<thead><tr><th scope="col">Target</th><td class="drawn">${axis(ticks, window)}</td>
<th scope="col" class="number">Runs</th><th scope="col" class="number">Failed</th></tr></thead>
<tbody>${lines}</tbody>
</table>
${legend(meanings)}
</section>`;
}

function touching({ spans }: Row, window: Window): readonly Span[] {
  return spans.filter((span) => touches(span, window));
}

function legend(meanings: Meanings): Markup {
  const items = meanings.map(
    ([mark, word]) => html`<li>${swatch(mark)}${word}</li>
`,
  );
  return html`<ul class="legend">
${items}</ul>`;
}

function swatch(mark: Mark): Markup {
  switch (mark) {
    case 'waiting':
      return html`<svg width="22" height="12" aria-hidden="true"><rect class="wait" y="5" width="22" height="2"/></svg>`;
    case 'ok':
    case 'running':
      return html`<svg class="${mark}" width="22" height="12" aria-hidden="true"><rect class="bar" width="22" height="12" rx="1.5"/></svg>`;
    case 'warning':
    case 'failed':
      return html`<svg width="14" height="14" aria-hidden="true"><use href="#sign-${mark}" class="sign ${mark}" x="7" y="7"/></svg>`;
    default:
      return mark satisfies never;
  }
}
