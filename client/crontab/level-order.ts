/**
 * Whether a higher level starts at the right end of the gap between two starts of a lower one. A
 * higher level takes the oldest snapshot of the one below, which leaves a gap there until the lower
 * level's next start: so it belongs shortly before that start (weekly 23:30, daily 00:00), not
 * shortly after one (daily 03:00, weekly 03:30). Calendar days do not matter. Pure.
 */
import { DAY_MS, DAYS, FIRST_DAY_MS } from './cron-verdicts.ts';
import { runsOn, type Schedule } from './crontab.ts';

/** With more starts a day than this, it is not a level of rsnapshot worth checking. */
const STARTS_A_DAY_MAX = 24;
const DAY_MINUTES = 1_440;

export interface Disorder {
  /** A start of the lower level, and how many minutes after it the higher one starts. */
  readonly lowAtMs: number;
  readonly afterMinutes: number;
  readonly highAtMs: number;
}

/** The first one, or undefined. A lower level with several starts a day has no relevant gap. */
export function findGap(low: Schedule, high: Schedule): Disorder | undefined {
  if (low.minutes.length !== 1 || high.minutes.length > STARTS_A_DAY_MAX) return undefined;
  const lows = startsOf(low);
  let at = 0;
  for (const start of startsOf(high)) {
    while (at < lows.length && (lows[at] ?? 0) < start) at++;
    const [before, next] = [lows[at - 1], lows[at]];
    if (before === undefined || next === undefined || start - before >= next - start) continue;
    const ms = (minute: number): number => FIRST_DAY_MS + minute * 60_000;
    return { lowAtMs: ms(before), afterMinutes: start - before, highAtMs: ms(start) };
  }
  return undefined;
}

/** In minutes since the first day, ascending. */
function startsOf(schedule: Schedule): readonly number[] {
  return Array.from({ length: DAYS }, (_, day) => day).flatMap((day) =>
    runsOn(schedule, new Date(FIRST_DAY_MS + day * DAY_MS))
      ? schedule.minutes.map((minute) => day * DAY_MINUTES + minute)
      : [],
  );
}
