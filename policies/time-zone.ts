/**
 * A time zone: converts instants to local times, and finds the first instant of a local time.
 * policies/time-zone-file.ts reads its file. Pure.
 *
 * Times are in seconds: since the epoch for instants, and as if UTC were shown for local times.
 */

/** From this instant on, local time is ahead of UTC by `offset`. */
export interface Transition {
  readonly at: number;
  readonly offset: number;
}

export interface TimeZone {
  /** In chronological order; the first one has always applied. */
  readonly transitions: readonly Transition[];
  /** Applies after the last transition; absent: nothing changes any more. */
  readonly rule?: Rule;
}

/** Standard time and daylight saving time alternate, the same every year. */
interface Rule {
  readonly standard: number;
  readonly daylight: number;
  readonly begins: YearDay;
  readonly ends: YearDay;
}

/** A day of the year and a second in it, which may lie before or after that day. */
export type YearDay = { readonly second: number } & (
  | { readonly type: 'month'; readonly month: number; readonly week: number; readonly day: number }
  /** From 1, without 29 February. */
  | { readonly type: 'julian'; readonly day: number }
  /** From 0. */
  | { readonly type: 'nth'; readonly day: number }
);

export const UTC: TimeZone = { transitions: [{ at: Number.NEGATIVE_INFINITY, offset: 0 }] };

export const DAY_S = 86_400;

/** A period with a constant offset: from `at` until before `until`. */
interface Stretch extends Transition {
  readonly until: number;
}

/** How far around a local time to search: no zone is further from UTC. */
const AROUND_S = 2 * DAY_S;

/** The local time at an instant. */
export function localAt(zone: TimeZone, instant: number): number {
  return instant + offsetAt(zone, instant);
}

export function offsetAt(zone: TimeZone, instant: number): number {
  const [stretch] = stretches(zone, instant, instant);
  return stretch?.offset ?? 0;
}

/**
 * The first instant at which the local time is reached or has been skipped: a time that a spring
 * night does not have is the moment of the jump, and for a time that an autumn night has twice it
 * is the first one.
 */
export function instantOf(zone: TimeZone, local: number): number {
  for (const { at, until, offset } of stretches(zone, local - AROUND_S, local + AROUND_S)) {
    const instant = Math.max(at, local - offset);
    if (instant < until) return instant;
  }
  return local;
}

function stretches(zone: TimeZone, from: number, to: number): readonly Stretch[] {
  const all = tableUntil(zone, from, to);
  const found: Stretch[] = [];
  for (let index = firstBefore(all, from); index < all.length; index++) {
    const { at, offset } = all[index] ?? { at: to, offset: 0 };
    if (at > to) break;
    found.push({ at, offset, until: all[index + 1]?.at ?? Number.POSITIVE_INFINITY });
  }
  return found;
}

/** The table, and the transitions that the rule adds up to that time. */
function tableUntil(
  { transitions, rule }: TimeZone,
  from: number,
  to: number,
): readonly Transition[] {
  const last = transitions.at(-1) ?? { at: 0, offset: 0 };
  if (rule === undefined || to < last.at) return transitions;
  const turns = yearsOf(Math.max(from, last.at) - DAY_S, to + DAY_S)
    .flatMap((year) => turnsOf(rule, year))
    .filter(({ at }) => at > last.at)
    .sort((a, b) => a.at - b.at);
  return from < (turns[0]?.at ?? 0) ? [...transitions, ...turns] : turns;
}

/** The index of the last transition at or before an instant; the first one if there is none. */
function firstBefore(transitions: readonly Transition[], instant: number): number {
  let [low, high] = [0, transitions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((transitions[middle]?.at ?? 0) <= instant) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The years that may matter between two instants, and the one before. */
function yearsOf(from: number, to: number): readonly number[] {
  const first = dateOf(Math.floor(from / DAY_S)).year - 1;
  const last = dateOf(Math.floor(to / DAY_S)).year;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function turnsOf({ standard, daylight, begins, ends }: Rule, year: number): readonly Transition[] {
  return [
    { at: dayIn(year, begins) * DAY_S + begins.second - standard, offset: daylight },
    { at: dayIn(year, ends) * DAY_S + ends.second - daylight, offset: standard },
  ];
}

/** Days since the epoch. */
function dayIn(year: number, day: YearDay): number {
  const first = daysOf(year, 1, 1);
  switch (day.type) {
    case 'nth':
      return first + day.day;
    case 'julian': {
      const isLeap = daysOf(year + 1, 1, 1) - first === 366;
      return first + day.day - (isLeap && day.day > 59 ? 0 : 1);
    }
    case 'month': {
      const start = daysOf(year, day.month, 1);
      const found = start + ((day.day - weekdayOf(start) + 7) % 7) + 7 * (day.week - 1);
      const end = day.month === 12 ? daysOf(year + 1, 1, 1) : daysOf(year, day.month + 1, 1);
      return found < end ? found : found - 7;
    }
    default:
      return day satisfies never;
  }
}

/** 0 is Sunday. */
export function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

/** Days since the epoch of a Gregorian date; internally, years begin in March. */
export function daysOf(year: number, month: number, day: number): number {
  const [y, m] = month > 2 ? [year, month - 3] : [year - 1, month + 9];
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * m + 2) / 5) + day - 1;
  const days = ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear;
  return era * 146_097 + days - 719_468;
}

export function dateOf(days: number): {
  readonly year: number;
  readonly month: number;
  readonly day: number;
} {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const ofEra = shifted - era * 146_097;
  const leaps =
    Math.floor(ofEra / 1_460) - Math.floor(ofEra / 36_524) + Math.floor(ofEra / 146_096);
  const year = Math.floor((ofEra - leaps) / 365);
  const ofYear = ofEra - (365 * year + Math.floor(year / 4) - Math.floor(year / 100));
  const m = Math.floor((5 * ofYear + 2) / 153);
  const month = m < 10 ? m + 3 : m - 9;
  return {
    year: year + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: ofYear - Math.floor((153 * m + 2) / 5) + 1,
  };
}
