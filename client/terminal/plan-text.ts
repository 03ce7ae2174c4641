/**
 * `baton plan` as text for a terminal: the drawing of `baton timeline`, but for the future, and
 * below it which runs wait for which, what does not run, and what the plan assumes. Pure.
 */
import type { Planned } from '../../daemon/protocol/planned.ts';
import { showDuration } from '../../daemon/protocol/request.ts';
import {
  countsOf,
  type ReadLines,
  remarks,
  type Trouble,
  troubleIn,
  type Wait,
  waitsIn,
} from '../report/plan-story.ts';
import { plannedTimespan } from '../report/plan-timespan.ts';
import { showMoment } from './calendar.ts';
import { showChances } from './chances-text.ts';
import { type Screen, Style } from './style.ts';
import { drawChart } from './timeline.ts';

/** Most waits, and most other items, that are shown individually. */
const TOLD_MAX = 20;

const MEANINGS = [
  ['waits', 'waits'],
  ['runs', 'runs'],
  ['ok', 'ends'],
  ['warning', 'does not run'],
  ['failed', 'given up, too long'],
] as const;

export function showPlan(planned: Planned, read: ReadLines, screen: Screen): string {
  const style = new Style(screen);
  const timespan = plannedTimespan(planned);
  const { chances } = planned;
  const { fromMs, untilMs } = planned;
  const parts = [
    style.paragraph(`${showMoment(fromMs)} to ${showMoment(untilMs)}: ${countsOf(planned)}`),
    timespan.rows.length === 0 ? '' : drawChart(timespan, screen, MEANINGS),
    chances === undefined ? '' : showChances(chances, screen),
    list(waitsIn(planned).map(tellWait), screen.isUnicode ? '·' : '.', style, 'shorter waits'),
    list(troubleIn(planned).map(tellTrouble), '!', style, 'more'),
    remarks(planned, read)
      .map((text) => style.paragraph(text))
      .join(''),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

interface Told {
  readonly atMs: number;
  readonly text: string;
}

function tellWait({ target, askedAtMs, startedAtMs, ms, why }: Wait): Told {
  const whole = `waits ${showDuration(ms)} and starts ${showMoment(startedAtMs)}`;
  const text = `${showMoment(askedAtMs)} ${target}: ${whole}${why === '' ? '' : `: ${why}`}`;
  return { atMs: askedAtMs, text };
}

function tellTrouble({ atMs, target, text }: Trouble): Told {
  return { atMs, text: `${showMoment(atMs)} ${target}: ${text}` };
}

/** The first ones, in chronological order. */
function list(told: readonly Told[], sign: string, style: Style, rest: string): string {
  const shown = told.slice(0, TOLD_MAX).toSorted((a, b) => a.atMs - b.atMs);
  const more = told.length - shown.length;
  const lines = shown.map(({ text }) => style.paragraph(text, sign));
  if (more > 0) lines.push(style.paragraph(`${more} ${rest}: see --json`));
  return lines.join('');
}
