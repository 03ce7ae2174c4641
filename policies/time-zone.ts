/**
 * A time zone as its file says it (TZif, RFC 9636): what the clock on the wall shows at an instant,
 * and when it first shows a time. Pure: the bytes come from the machine's own zoneinfo, which cron,
 * systemd and date(1) go by as well. The data that Node brings along may be years older or newer.
 *
 * Time here is seconds: since the epoch for instants, and as if UTC were shown for local times.
 */

/** The clock on the wall is ahead of UTC by `offset` from then on. */
interface Transition {
  readonly at: number;
  readonly offset: number;
}

export interface TimeZone {
  /** In the order of time; the first one has always been. */
  readonly transitions: readonly Transition[];
  /** What holds after the last of them; absent: it goes on for ever. */
  readonly rule?: Rule;
}

/** Standard time and daylight saving time by turns, each year again. */
interface Rule {
  readonly standard: number;
  readonly daylight: number;
  readonly begins: YearDay;
  readonly ends: YearDay;
}

/** A day of a year, and the second of it; it may be before or after that day. */
type YearDay = { readonly second: number } & (
  | { readonly type: 'month'; readonly month: number; readonly week: number; readonly day: number }
  /** From 1 on, without 29 February. */
  | { readonly type: 'julian'; readonly day: number }
  /** From 0 on. */
  | { readonly type: 'nth'; readonly day: number }
);

export const UTC: TimeZone = { transitions: [{ at: Number.NEGATIVE_INFINITY, offset: 0 }] };

export const DAY_S = 86_400;

/** A piece of time in which the offset stays the same: from `at` until before `until`. */
interface Stretch extends Transition {
  readonly until: number;
}

/** How far around a local time the offsets are looked at: no zone is further from UTC. */
const AROUND_S = 2 * DAY_S;

/** What the clock on the wall shows at an instant. */
export function localAt(zone: TimeZone, instant: number): number {
  return instant + offsetAt(zone, instant);
}

export function offsetAt(zone: TimeZone, instant: number): number {
  const [stretch] = stretches(zone, instant, instant);
  return stretch?.offset ?? 0;
}

/**
 * The first instant at which the clock on the wall shows a local time, or has jumped over it: a
 * time that a night in spring does not have is the moment of the jump, and one that a night in
 * autumn has twice is the first of the two.
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

/** The table, and what the rule adds to it until then. */
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

/** Where the last transition stands that is not after an instant; the first one where none is. */
function firstBefore(transitions: readonly Transition[], instant: number): number {
  let [low, high] = [0, transitions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((transitions[middle]?.at ?? 0) <= instant) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** The years that may matter from one instant to another, with the one before. */
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

/** Days since the epoch of a date, by the Gregorian calendar; years that begin in March. */
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

const HEADER_BYTES = 44;

/** The zone of a file, a character for each byte; undefined: it is no such file. */
export function parseTimeZone(bytes: string): TimeZone | undefined {
  const first = headerAt(bytes, 0);
  if (first === undefined) return undefined;
  if (first.version === 0) return readBlock(bytes, HEADER_BYTES, first, 4)?.zone;
  // The first block is for programs that know 32 bits only.
  const start = HEADER_BYTES + sizeOf(first, 4);
  const second = headerAt(bytes, start);
  if (second === undefined) return undefined;
  const block = readBlock(bytes, start + HEADER_BYTES, second, 8);
  if (block === undefined) return undefined;
  const [, footer = ''] = /^\n([^\n]*)\n/.exec(bytes.slice(block.end)) ?? [];
  return withFooter(block.zone, footer);
}

interface Header {
  readonly version: number;
  readonly utCount: number;
  readonly standardCount: number;
  readonly leapCount: number;
  readonly timeCount: number;
  readonly typeCount: number;
  readonly charCount: number;
}

function headerAt(bytes: string, at: number): Header | undefined {
  if (bytes.slice(at, at + 4) !== 'TZif' || bytes.length < at + HEADER_BYTES) return undefined;
  const [utCount, standardCount, leapCount, timeCount, typeCount, charCount] = [
    ...[0, 1, 2, 3, 4, 5].map((index) => integerAt(bytes, at + 20 + 4 * index, 4)),
  ] as [number, number, number, number, number, number];
  const version = bytes.charCodeAt(at + 4);
  return { version, utCount, standardCount, leapCount, timeCount, typeCount, charCount };
}

function sizeOf(header: Header, timeBytes: number): number {
  const { utCount, standardCount, leapCount, timeCount, typeCount, charCount } = header;
  const times = timeCount * (timeBytes + 1) + leapCount * (timeBytes + 4);
  return times + typeCount * 6 + charCount + standardCount + utCount;
}

function readBlock(
  bytes: string,
  start: number,
  header: Header,
  timeBytes: 4 | 8,
): { readonly zone: TimeZone; readonly end: number } | undefined {
  const end = start + sizeOf(header, timeBytes);
  if (bytes.length < end || header.typeCount === 0) return undefined;
  const kinds = start + header.timeCount * timeBytes;
  const types = kinds + header.timeCount;
  const offsetOf = (type: number): number => integerAt(bytes, types + 6 * type, 4);
  const transitions: Transition[] = [{ at: Number.NEGATIVE_INFINITY, offset: offsetOf(0) }];
  for (let index = 0; index < header.timeCount; index++) {
    const type = bytes.charCodeAt(kinds + index);
    if (type >= header.typeCount) return undefined;
    const at = integerAt(bytes, start + timeBytes * index, timeBytes);
    transitions.push({ at, offset: offsetOf(type) });
  }
  return { zone: { transitions }, end };
}

/** Signed, the highest byte first. */
function integerAt(bytes: string, at: number, size: 4 | 8): number {
  let value = bytes.charCodeAt(at) >= 128 ? -1 : 0;
  for (let index = 0; index < size; index++) value = value * 256 + bytes.charCodeAt(at + index);
  return value;
}

/** What follows the table, as POSIX writes TZ; none is read as "it stays so". */
function withFooter(zone: TimeZone, footer: string): TimeZone | undefined {
  if (footer === '') return zone;
  const found = FOOTER.exec(footer);
  if (found === null) return undefined;
  const [, west, daylightWest, begins, ends] = found;
  const standard = 0 - secondsOf(west);
  if (begins === undefined || ends === undefined) return withLast(zone, standard);
  const [begin, end] = [yearDay(begins), yearDay(ends)];
  if (begin === undefined || end === undefined) return undefined;
  const daylight = daylightWest === undefined ? standard + 3_600 : 0 - secondsOf(daylightWest);
  return { ...zone, rule: { standard, daylight, begins: begin, ends: end } };
}

/** A file may have no table at all. */
function withLast({ transitions }: TimeZone, offset: number): TimeZone {
  if (transitions.length > 1) return { transitions };
  return { transitions: [{ at: Number.NEGATIVE_INFINITY, offset }] };
}

const NAME = '(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)';
const HOURS = '[+-]?\\d+(?::\\d+(?::\\d+)?)?';
const FOOTER = new RegExp(`^${NAME}(${HOURS})(?:${NAME}(${HOURS})?(?:,([^,]+),([^,]+))?)?$`);

/** `[+-]hh[:mm[:ss]]`. */
function secondsOf(text: string | undefined): number {
  const [hours = 0, minutes = 0, seconds = 0] = (text ?? '')
    .replace(/^[+-]/, '')
    .split(':')
    .map(Number);
  const sum = hours * 3_600 + minutes * 60 + seconds;
  return text?.startsWith('-') ? -sum : sum;
}

const RULE_TIME = '02:00:00';

function yearDay(text: string): YearDay | undefined {
  const [day = '', time = RULE_TIME] = text.split('/');
  const second = secondsOf(time);
  const [, month, week, weekday] = /^M(\d+)\.(\d+)\.(\d+)$/.exec(day) ?? [];
  if (weekday !== undefined) {
    return {
      type: 'month',
      month: Number(month),
      week: Number(week),
      day: Number(weekday),
      second,
    };
  }
  const [, isJulian, number] = /^(J?)(\d+)$/.exec(day) ?? [];
  if (number === undefined) return undefined;
  return { type: isJulian === 'J' ? 'julian' : 'nth', day: Number(number), second };
}
