/**
 * Reads the file of a time zone (TZif, RFC 9636). Pure: the bytes come from the machine's own
 * zoneinfo, which cron, systemd and date(1) use as well; the data in Node may be years older or
 * newer.
 */
import type { TimeZone, Transition, YearDay } from './time-zone.ts';

const HEADER_BYTES = 44;

/** The zone in a file, one character for each byte; undefined if the format is wrong. */
export function parseTimeZone(bytes: string): TimeZone | undefined {
  const first = headerAt(bytes, 0);
  if (first === undefined) return undefined;
  if (first.version === 0) return readBlock(bytes, HEADER_BYTES, first, 4)?.zone;
  // The first block is for 32-bit programs only.
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
  const count = (index: number): number => integerAt(bytes, at + 20 + 4 * index, 4);
  return {
    version: bytes.charCodeAt(at + 4),
    utCount: count(0),
    standardCount: count(1),
    leapCount: count(2),
    timeCount: count(3),
    typeCount: count(4),
    charCount: count(5),
  };
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

/** Signed, big-endian. */
function integerAt(bytes: string, at: number, size: 4 | 8): number {
  let value = bytes.charCodeAt(at) >= 128 ? -1 : 0;
  for (let index = 0; index < size; index++) value = value * 256 + bytes.charCodeAt(at + index);
  return value;
}

/** The footer after the table is a POSIX TZ string; an empty one means no further changes. */
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
