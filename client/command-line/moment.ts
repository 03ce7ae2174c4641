/**
 * A time as typed: `03:00` is the next one, `2026-11-29` begins a day, `2026-11-29 03:00` (or with
 * a T between) is exact. In local time.
 */
const FORM = /^(?:(\d{4})-(\d\d)-(\d\d)(?:$|[T ](?=\d)))?(?:(\d\d?):(\d\d))?$/;

/** For messages. */
export const MOMENT_EXPECTED = 'a time such as 03:00, 2026-11-29 or "2026-11-29 03:00"';

/** In ms since the epoch; undefined if it is invalid. */
export function momentOf(text: string, nowMs: number): number | undefined {
  const match = FORM.exec(text);
  if (match === null || text === '') return undefined;
  const [year, month, day, hour = 0, minute = 0] = match
    .slice(1)
    .map((word) => (word === undefined ? undefined : Number(word)));
  if (hour > 23 || minute > 59) return undefined;
  if (year === undefined || month === undefined || day === undefined) {
    const now = new Date(nowMs);
    const at = (days: number): number =>
      new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour, minute).getTime();
    return at(0) > nowMs ? at(0) : at(1);
  }
  // Date reads the year 50 as 1950, and no crontab ran before 1970.
  if (year <= 1970) return undefined;
  const date = new Date(year, month - 1, day, hour, minute);
  return date.getMonth() === month - 1 && date.getDate() === day ? date.getTime() : undefined;
}
