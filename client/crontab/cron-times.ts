/**
 * When cron starts a line, in the local time of this process, including the changes to and from
 * daylight saving time; see `Schedule.atChange`. Pure, apart from the time zone.
 */
import { runsOn, type Schedule } from './crontab.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** Ascending, from `fromMs` up to but not including `untilMs`; about `most` of very many. */
export function timesOf(
  schedule: Schedule,
  fromMs: number,
  untilMs: number,
  most: number,
): readonly number[] {
  const times = new Set<number>();
  const first = new Date(fromMs);
  const [year, month] = [first.getFullYear(), first.getMonth()];
  // Times that the clocks skipped at the end of the day before may follow now.
  for (let date = first.getDate() - 1; times.size <= most; date++) {
    if (new Date(year, month, date).getTime() >= untilMs) break;
    if (!runsOn(schedule, new Date(Date.UTC(year, month, date)))) continue;
    const day = { year, month, date };
    for (const ms of timesOfDay(schedule, day)) if (ms >= fromMs && ms < untilMs) times.add(ms);
  }
  return [...times].sort((a, b) => a - b);
}

interface Day {
  readonly year: number;
  readonly month: number;
  readonly date: number;
}

function timesOfDay({ minutes, atChange }: Schedule, day: Day): readonly number[] {
  const at = (minute: number): number =>
    new Date(day.year, day.month, day.date, 0, minute).getTime();
  const change = changeWithin(at(0) - HOUR_MS, at(24 * 60));
  if (change === undefined) return minutes.map((minute) => at(0) + minute * MINUTE_MS);
  const { atMs, backMs } = change;
  return minutes.flatMap((minute): readonly number[] => {
    const ms = at(minute);
    const shown = new Date(ms).getHours() * 60 + new Date(ms).getMinutes();
    if (shown !== minute) return atChange === 'catch up' ? [atMs] : [];
    const isRepeated = ms < atMs && ms >= atMs - backMs;
    return isRepeated && atChange === 'by the clock' ? [ms, ms + backMs] : [ms];
  });
}

/** The minute from which another offset from UTC applies, and how far clocks are set back. */
function changeWithin(
  beginMs: number,
  endMs: number,
): { readonly atMs: number; readonly backMs: number } | undefined {
  const offset = (ms: number): number => new Date(ms).getTimezoneOffset();
  if (offset(beginMs) === offset(endMs)) return undefined;
  let [before, after] = [beginMs, endMs];
  while (after - before > MINUTE_MS) {
    const middle = before + Math.floor((after - before) / MINUTE_MS / 2) * MINUTE_MS;
    if (offset(middle) === offset(beginMs)) before = middle;
    else after = middle;
  }
  return { atMs: after, backMs: (offset(endMs) - offset(beginMs)) * MINUTE_MS };
}
