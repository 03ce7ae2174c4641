/**
 * When a window is open: parses `open`, such as "22:00-06:00" or "Sat,Sun", and finds its instants
 * in a time zone. Pure.
 *
 * A span belongs to the day on which it begins, and extends into the next day if its end is before
 * its begin. It opens when local time first reaches its begin, and closes when local time first
 * reaches its end after that. So in a night with a clock change it is longer or shorter by that
 * change, and a span inside a skipped hour does not open in that night.
 */
import { DAY_S, dateOf, instantOf, localAt, type TimeZone, weekdayOf } from './time-zone.ts';

/** Seconds of a day; the end is after the begin, maybe on the next day. */
export interface Span {
  /** By number, 0 is Sunday. */
  readonly days: readonly boolean[];
  readonly begin: number;
  readonly end: number;
}

/** In seconds since the epoch. */
export interface Opening {
  readonly opens: number;
  readonly closes: number;
}

export const SPAN_EXPECTED =
  'days, times of a day or both, such as "22:00-06:00", "Sat,Sun" or "Mon-Fri 20:00-24:00"';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const EVERY_DAY = DAYS.map(() => true);

/** How many days to look ahead: each weekday twice, because one of them may not open. */
const DAYS_AHEAD = 15;
/** A span of the day before yesterday may be open if a zone skips a day. */
const DAYS_BEFORE = 2;

/** Parses one text of `open`; undefined if it is invalid. */
export function parseSpan(text: string): Span | undefined {
  const words = text.trim().split(/\s+/);
  const [first = '', second, ...more] = words;
  if (more.length > 0) return undefined;
  const isTime = first.includes(':');
  if (isTime && second !== undefined) return undefined;
  const days = isTime ? EVERY_DAY : parseDays(first);
  const time = isTime ? first : second;
  const times = time === undefined ? { begin: 0, end: DAY_S } : parseTimes(time);
  return days === undefined || times === undefined ? undefined : { days, ...times };
}

/** "Sat,Sun" or "Fri-Mon", also mixed. */
function parseDays(text: string): readonly boolean[] | undefined {
  const days = DAYS.map(() => false);
  for (const part of text.split(',')) {
    const [from = '', to = from, ...more] = part.split('-');
    const [first, last] = [dayOf(from), dayOf(to)];
    if (first < 0 || last < 0 || more.length > 0) return undefined;
    for (let day = first; ; day = (day + 1) % 7) {
      days[day] = true;
      if (day === last) break;
    }
  }
  return days;
}

function dayOf(text: string): number {
  return DAYS.findIndex((day) => day.toLowerCase() === text.toLowerCase());
}

function parseTimes(text: string): Pick<Span, 'begin' | 'end'> | undefined {
  const [, ...parts] = /^(\d\d?):(\d\d)-(\d\d?):(\d\d)$/.exec(text) ?? [];
  const [hour = Number.NaN, minute = 0, endHour = 0, endMinute = 0] = parts.map(Number);
  const [begin, end] = [hour * 60 + minute, endHour * 60 + endMinute];
  const isDay = begin < 1_440 && end <= 1_440 && minute < 60 && endMinute < 60;
  if (!isDay) return undefined;
  return { begin: begin * 60, end: (end > begin ? end : end + 1_440) * 60 };
}

/** The openings of spans in a zone. Caches the last answer, which is valid until that closes. */
export class Calendar {
  readonly #spans: readonly Span[];
  readonly #zone: TimeZone;
  #known: { readonly from: number; readonly opening: Opening } | undefined;

  constructor(spans: readonly Span[], zone: TimeZone) {
    this.#spans = spans;
    this.#zone = zone;
  }

  /** The current opening at an instant, else the next one; undefined: none in two weeks. */
  openingAt(instant: number): Opening | undefined {
    const known = this.#known;
    if (known !== undefined && known.from <= instant && instant < known.opening.closes) {
      return known.opening;
    }
    const opening = findOpening(this.#spans, this.#zone, instant);
    if (opening !== undefined) this.#known = { from: instant, opening };
    return opening;
  }

  /** The local time, such as "Sat 2026-11-28 22:00". */
  show(instant: number): string {
    const local = localAt(this.#zone, instant);
    const day = Math.floor(local / DAY_S);
    const { year, month, day: ofMonth } = dateOf(day);
    const minutes = Math.floor((local - day * DAY_S) / 60);
    const time = [Math.floor(minutes / 60), minutes % 60];
    const date = `${year}-${two(month)}-${two(ofMonth)}`;
    return `${DAYS[weekdayOf(day)]} ${date} ${time.map(two).join(':')}`;
  }
}

const two = (number: number): string => String(number).padStart(2, '0');

/** Merges openings that touch or overlap. */
function findOpening(spans: readonly Span[], zone: TimeZone, instant: number): Opening | undefined {
  const today = Math.floor(localAt(zone, instant) / DAY_S);
  let found: Opening | undefined;
  for (let day = today - DAYS_BEFORE; day <= today + DAYS_AHEAD; day++) {
    if (found !== undefined && instantOf(zone, day * DAY_S) > found.closes) break;
    for (const { opens, closes } of openingsOn(day, spans, zone)) {
      if (closes <= instant) continue;
      if (found === undefined) found = { opens, closes };
      else if (opens > found.closes) return found;
      else found = { opens: found.opens, closes: Math.max(found.closes, closes) };
    }
  }
  return found;
}

/** In chronological order; those of other days are not between them. */
function openingsOn(day: number, spans: readonly Span[], zone: TimeZone): readonly Opening[] {
  const weekday = weekdayOf(day);
  return spans
    .filter(({ days }) => days[weekday] === true)
    .map(({ begin, end }) => ({
      opens: instantOf(zone, day * DAY_S + begin),
      closes: instantOf(zone, day * DAY_S + end),
    }))
    .filter(({ opens, closes }) => opens < closes)
    .sort((a, b) => a.opens - b.opens);
}
