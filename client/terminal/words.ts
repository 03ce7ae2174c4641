/** Words for times and outcomes that all views share. Pure; times are in the client's time zone. */
import {
  lostOutput,
  type PauseView,
  type RunView,
  resumeCommand,
  showDuration,
} from '../../daemon/protocol/request.ts';
import type { Screen } from './style.ts';
import type { Tone } from './styled-line.ts';

const DAY_MS = 86_400_000;
const NEAR_DAYS = 6;
const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** As short as possible: "05:12" today, "Mon 05:12" within a week, else "2025-11-23". */
export function showWhen(ms: number, nowMs: number): string {
  const [date, now] = [new Date(ms), new Date(nowMs)];
  if (date.toDateString() === now.toDateString()) return showClock(date);
  if (Math.abs(ms - nowMs) < NEAR_DAYS * DAY_MS) {
    return `${WEEKDAYS[date.getDay()]} ${showClock(date)}`;
  }
  return showDay(date);
}

/** "2025-11-23 03:00". */
export function showTime(ms: number): string {
  const date = new Date(ms);
  return `${showDay(date)} ${showClock(date)}`;
}

/** In whole seconds: "850 ms" means nothing to a person who waits. */
export function showCoarse(ms: number): string {
  return ms < 59_500 ? `${Math.max(0, Math.round(ms / 1_000))} s` : showDuration(ms);
}

export interface Verdict {
  readonly word: string;
  readonly tone: Tone;
  readonly mark: string;
}

/** How a run ended, in a word. */
export function verdictOf({ verdict, outcome }: RunView, { isUnicode }: Screen): Verdict {
  // Somebody wanted that.
  if (outcome?.kind === 'cancelled') {
    const word = outcome.replacedBy === undefined ? 'cancelled' : 'replaced';
    return { word, tone: 'odd', mark: isUnicode ? '✗' : '-' };
  }
  if (verdict === 'ok') return { word: 'ok', tone: 'good', mark: isUnicode ? '✓' : '+' };
  if (verdict === 'warning') return { word: 'warning', tone: 'odd', mark: isUnicode ? '▲' : '?' };
  return { word: 'failed', tone: 'bad', mark: isUnicode ? '✗' : '!' };
}

/** A cancelled run has not failed. */
export function hasFailed(run: RunView | undefined): boolean {
  return run?.verdict === 'failed' && run.outcome?.kind !== 'cancelled';
}

/** What a run lost or left behind: rarely anything, so it must be visible. */
export function remains({ heldBy, leftovers, lostBytes }: RunView): string {
  const lost = lostBytes === undefined ? '' : lostOutput(lostBytes);
  const left = leftovers?.length ? `; it left processes ${leftovers.join(', ')} behind` : '';
  const held = heldBy?.length
    ? `; still counts as running because of processes ${heldBy.join(', ')}`
    : '';
  return `${lost}${left}${held}`;
}

/** "once", "twice", "3 times". */
export function showTimes(count: number): string {
  return ['never', 'once', 'twice'][count] ?? `${count} times`;
}

/** For a paused target: "with group disk until 14:05 or "baton resume --group disk"". */
export function describePause(pause: PauseView, nowMs: number): string {
  const until = untilOf(pause, nowMs);
  if ('group' in pause) return `with group ${pause.group} ${until}`;
  return 'all' in pause ? `with all targets ${until}` : until;
}

/** When and how a pause ends. */
export function untilOf(pause: PauseView, nowMs: number): string {
  const { untilMs } = pause;
  const when = untilMs === undefined ? '' : `${showWhen(untilMs, nowMs)} or `;
  return `until ${when}"${resumeCommand(pause)}"`;
}

const BAR_CELLS = 10;

/** The progress, as a bar. */
export function bar(percent: number, { isUnicode }: Screen, cells = BAR_CELLS): string {
  const full = Math.min(cells, Math.max(0, Math.floor((percent * cells) / 100)));
  const [done, open] = isUnicode ? ['━', '─'] : ['#', '-'];
  const cellsShown = done.repeat(full) + open.repeat(cells - full);
  return isUnicode ? cellsShown : `[${cellsShown}]`;
}

/** Which attempt of a run this is, if there were several. */
export function attemptOf({ attempt }: RunView): readonly string[] {
  return attempt === undefined ? [] : [`attempt ${attempt}`];
}

/** The Slurm job of a run, and its node; empty if it is none, or has no number yet. */
export function jobOf({ slurm: { job, node } = {} }: RunView): string {
  const at = node === undefined ? '' : ` on ${node}`;
  return job === undefined ? '' : `job ${job}${at}`;
}

/** The progress of a run: from its output, else by time. Undefined if unknown. */
export function percentOf(run: RunView, nowMs: number): number | undefined {
  if (run.progressPercent !== undefined) return run.progressPercent;
  const { expectedEndAtMs, tookMs } = run;
  if (expectedEndAtMs === undefined || tookMs === undefined) return undefined;
  const wholeMs = tookMs + expectedEndAtMs - nowMs;
  return wholeMs > 0 ? Math.min(99, (tookMs * 100) / wholeMs) : undefined;
}

function showDay(date: Date): string {
  return [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
}

function showClock(date: Date): string {
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** For the run of a hook: what triggered it. */
export function causes({ cause }: RunView): readonly string[] {
  if (cause === undefined) return [];
  return [cause.run === undefined ? `called by ${cause.target}` : `called by run ${cause.run}`];
}
