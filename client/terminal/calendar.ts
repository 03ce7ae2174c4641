/**
 * Wall-clock times for people, and the ticks of a time axis. Pure except for the time zone, which
 * is that of the process. Names of days and months are English, like all of baton's texts.
 */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** "Mon 23 Nov" */
function showDay(ms: number): string {
  const date = new Date(ms);
  return `${DAYS[date.getDay()]} ${date.getDate()} ${MONTHS[date.getMonth()]}`;
}

/** "03:05" */
export function showClock(ms: number): string {
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${two(date.getHours())}:${two(date.getMinutes())}`;
}

/** "Mon 23 Nov 03:05" */
export function showMoment(ms: number): string {
  return `${showDay(ms)} ${showClock(ms)}`;
}

/** "Mon 23 Nov 2026" */
export function showDate(ms: number): string {
  return `${showDay(ms)} ${new Date(ms).getFullYear()}`;
}

export interface Tick {
  readonly atMs: number;
  /** "03:00", or the day at midnight: "Mon 23". */
  readonly label: string;
}

const DAY_MINUTES = 24 * 60;
const STEPS_MINUTES = [
  ...[1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720],
  ...[1, 2, 7, 14, 28, 91, 182, 364].map((days) => days * DAY_MINUTES),
];
const MINUTE_MS = 60_000;

/**
 * Round times within `fromMs` and `toMs`, at most `most` of them, oldest first. Steps are counted
 * from midnight (those of several days from the first midnight), so that they stay round when the
 * clocks change.
 */
export function ticksOf(fromMs: number, toMs: number, most: number): readonly Tick[] {
  const fits = (minutes: number): boolean => (toMs - fromMs) / (minutes * MINUTE_MS) < most;
  const step = STEPS_MINUTES.find(fits);
  if (step === undefined || most < 1) return [];
  const first = new Date(fromMs);
  const ticks: Tick[] = [];
  for (let minute = 0; ; minute += step) {
    const [year, month, day] = [first.getFullYear(), first.getMonth(), first.getDate()];
    const days = Math.floor(minute / DAY_MINUTES);
    const date = new Date(year, month, day + days, 0, minute % DAY_MINUTES);
    const atMs = date.getTime();
    if (Number.isNaN(atMs) || atMs > toMs || ticks.length >= most) return ticks;
    // An hour that the clocks skip falls on the next one.
    if (atMs < fromMs || atMs <= (ticks.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY)) continue;
    const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
    const label = isMidnight ? `${DAYS[date.getDay()]} ${date.getDate()}` : showClock(atMs);
    ticks.push({ atMs, label });
  }
}
