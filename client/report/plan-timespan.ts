/** A plan as a timespan, for drawing: like `baton timeline`, but for the future. Pure. */
import type { Planned, PlannedRun } from '../../daemon/protocol/planned.ts';
import { showDuration } from '../../daemon/protocol/request.ts';
import { showMoment } from '../terminal/calendar.ts';
import type { Window } from './chart.ts';
import { isBad, WAIT_MS_MIN, waitOf } from './plan-story.ts';
import type { Span, Timespan } from './timespan.ts';

/** The `text` of its runs says what happens to them, as the rest of a sentence. */
export function plannedTimespan({
  fromMs,
  untilMs,
  endsAtMs = 0,
  runs,
  refused,
}: Planned): Timespan {
  const toMs = Math.max(untilMs, endsAtMs);
  const spans = new Map<string, Span[]>();
  const put = (target: string, span: Span): void => {
    const its = spans.get(target);
    if (its === undefined) spans.set(target, [span]);
    else its.push(span);
  };
  for (const run of runs) put(run.target, spanOf(run, toMs));
  for (const { target, atMs, isIgnored, reason } of refused) {
    const text = `is ${isIgnored === true ? 'ignored' : 'refused'} ${showMoment(atMs)}: ${reason}`;
    const run = { run: 0, target, state: 'ended', acceptedAtMs: atMs, waitedMs: 0, text } as const;
    put(target, { run, mark: 'warning', askedAtMs: atMs, untilMs: atMs });
  }
  const rows = [...spans].map(([target, its]) => ({ target, spans: its, waiting: 0 }));
  return { fromMs, toMs, rows };
}

/** The part that is visible up to the end of a window: later outcomes are hidden. */
export function upTo(timespan: Timespan, { toMs }: Window): Timespan {
  const rows = timespan.rows.map((row) => {
    const asked = row.spans.filter(({ askedAtMs }) => askedAtMs <= toMs);
    return { ...row, spans: asked.map((span) => cutAt(span, toMs)) };
  });
  return { ...timespan, toMs, rows };
}

function cutAt({ startedAtMs, ...span }: Span, toMs: number): Span {
  const hasStarted = startedAtMs !== undefined && startedAtMs <= toMs;
  const started = startedAtMs === undefined ? {} : { startedAtMs };
  if (span.untilMs <= toMs) return { ...span, ...started };
  return hasStarted
    ? { ...span, startedAtMs, mark: 'running', untilMs: toMs }
    : { ...span, mark: 'waiting', untilMs: toMs };
}

function spanOf(planned: PlannedRun, toMs: number): Span {
  const { run, target, askedAtMs, startedAtMs, endedAtMs } = planned;
  const view = { run, target, state: 'ended', acceptedAtMs: askedAtMs } as const;
  const isOpen = endedAtMs === undefined;
  const mark = isOpen && startedAtMs === undefined ? 'warning' : isBad(planned) ? 'failed' : 'ok';
  const started = startedAtMs === undefined ? {} : { startedAtMs };
  const said = { ...view, waitedMs: waitOf(planned), text: goes(planned) };
  return { run: said, mark, askedAtMs, ...started, untilMs: endedAtMs ?? toMs };
}

/** "waits 2 h, starts Mon 23 Nov 05:00 and ends Mon 23 Nov 06:00" */
function goes(planned: PlannedRun): string {
  const { askedAtMs, startedAtMs, endedAtMs, text = 'fails', waits = [] } = planned;
  const asked = `is requested ${showMoment(askedAtMs)}`;
  const how = isBad(planned) ? `: ${text}` : '';
  if (startedAtMs === undefined) {
    const why = waits.at(-1)?.reason;
    if (endedAtMs !== undefined) return `${asked} and ends ${showMoment(endedAtMs)}${how}`;
    return `${asked} and never starts${why === undefined ? '' : `: ${why}`}`;
  }
  const waitMs = waitOf(planned);
  const waited = waitMs < WAIT_MS_MIN ? '' : `waits ${showDuration(waitMs)}, `;
  const end = endedAtMs === undefined ? 'does not end' : `ends ${showMoment(endedAtMs)}${how}`;
  return `${waited}starts ${showMoment(startedAtMs)} and ${end}`;
}
