/**
 * What happened in a period, computed from the daemon's replies: the model that `baton timeline`
 * draws in the terminal and `baton report` as a page. Pure: no clock, the daemon's `nowMs` is used.
 *
 * Invariants: every run of the two replies that touches the window is in exactly one row, once;
 * every target has a row, even if nothing ran, because that may be important.
 */
import type { RunView, StatusReply, TargetView } from '../../daemon/protocol/request.ts';

/** How a run is marked: its verdict, or that it has none yet. */
export type Mark = 'ok' | 'warning' | 'failed' | 'running' | 'waiting';

/** One run; its times are wall-clock milliseconds, ordered even if the clock was set back. */
export interface Span {
  readonly run: RunView;
  readonly mark: Mark;
  readonly askedAtMs: number;
  /** Absent: it never started, or has not yet. */
  readonly startedAtMs?: number;
  /** When it ended, or now. */
  readonly untilMs: number;
}

export interface Row {
  readonly target: string;
  /** Absent: the daemon no longer knows it. */
  readonly view?: TargetView;
  /** In the order of the requests. */
  readonly spans: readonly Span[];
  /** Number of queued runs; `spans` contains only the first of them. */
  readonly waiting: number;
}

export interface Timespan {
  readonly fromMs: number;
  readonly toMs: number;
  readonly rows: readonly Row[];
  /** Runs older than this were left out, because there are too many. */
  readonly cutAtMs?: number;
}

/** `history` contains the ended runs, newest first, at most `limit` of them. */
export function timespanOf(
  status: StatusReply,
  history: readonly RunView[],
  sinceMs: number,
  limit: number,
): Timespan {
  const toMs = status.nowMs;
  const fromMs = toMs - sinceMs;
  const ended = new Map(history.map((run) => [run.run, run]));
  const spans = new Map<string, Span[]>(status.targets.map(({ target }) => [target, []]));
  const live = status.targets.flatMap(({ active, queued }) => [...active, ...queued]);
  for (const run of [...ended.values(), ...live.filter((run) => !ended.has(run.run))]) {
    const span = spanOf(run, toMs);
    if (span.untilMs < fromMs) continue;
    const row = spans.get(run.target) ?? [];
    row.push(span);
    spans.set(run.target, row);
  }
  const views = new Map(status.targets.map((view) => [view.target, view]));
  const rows = [...spans].map(([target, list]): Row => {
    const view = views.get(target);
    list.sort((a, b) => a.askedAtMs - b.askedAtMs || a.run.run - b.run.run);
    return { target, ...(view && { view }), spans: list, waiting: view?.waiting ?? 0 };
  });
  const oldest = history.length >= limit ? history.at(-1)?.endedAtMs : undefined;
  return { fromMs, toMs, rows, ...(oldest !== undefined && { cutAtMs: oldest }) };
}

/** How many runs have each mark; `waiting` includes those without a span. */
export function countMarks(rows: readonly Row[]): Readonly<Record<Mark, number>> {
  const counts = { ok: 0, warning: 0, failed: 0, running: 0, waiting: 0 };
  for (const { spans, waiting } of rows) {
    for (const { mark } of spans) if (mark !== 'waiting') counts[mark]++;
    counts.waiting += Math.max(waiting, spans.filter(({ mark }) => mark === 'waiting').length);
  }
  return counts;
}

/** "12 min", if the run started. */
export function tookOf({ run }: Span): number | undefined {
  return run.startedAtMs === undefined ? undefined : run.tookMs;
}

function spanOf(run: RunView, nowMs: number): Span {
  const askedAtMs = Math.min(run.acceptedAtMs, run.startedAtMs ?? run.endedAtMs ?? nowMs);
  const untilMs = Math.max(run.endedAtMs ?? nowMs, run.startedAtMs ?? askedAtMs);
  const started = run.startedAtMs === undefined ? {} : { startedAtMs: run.startedAtMs };
  return { run, mark: markOf(run), askedAtMs, ...started, untilMs };
}

function markOf(run: RunView): Mark {
  switch (run.state) {
    case 'queued':
      return 'waiting';
    case 'starting':
    case 'running':
    case 'stopping':
      return 'running';
    case 'ended':
      return run.verdict ?? 'failed';
    default:
      return run.state satisfies never;
  }
}
