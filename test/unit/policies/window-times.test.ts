/**
 * When windows are open, in the time zones of this machine: in examples around nights with a clock
 * change, and compared with independent calendars: Temporal for the past, because its zones come
 * with Node and know of other plans than those of this machine, and date(1) for the future.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { Temporal } from '@js-temporal/polyfill';
import fc from 'fast-check';
import { PolicyFiles } from '../../../daemon/config/policy-files.ts';
import { dateOf, daysOf, offsetAt, type TimeZone } from '../../../policies/time-zone.ts';
import { parseTimeZone } from '../../../policies/time-zone-file.ts';
import { Calendar, type Opening, parseSpan, type Span } from '../../../policies/window-times.ts';
import { amount } from '../../support/amount.ts';
import { whyWithout } from '../../support/tools.ts';

/** Minimal systems have no zones. */
const NEEDS = { skip: whyWithout('tzdata') };
const files = new PolicyFiles();

function zoneOf(name: string): TimeZone {
  const file = files.read(`/usr/share/zoneinfo/${name}`, 'bytes');
  assert.ok(file.ok, `${name}: install tzdata`);
  const zone = parseTimeZone(file.text);
  assert.ok(zone, name);
  return zone;
}

function spansOf(...texts: readonly string[]): readonly Span[] {
  return texts.map((text) => parseSpan(text) ?? assert.fail(text));
}

const seconds = (iso: string): number => Temporal.Instant.from(iso).epochMilliseconds / 1_000;
const iso = (at: number): string =>
  Temporal.Instant.fromEpochMilliseconds(at * 1_000).toString({ smallestUnit: 'minute' });

/** Begin and end of the opening at or after that instant. */
function open(zone: string, at: string, ...texts: readonly string[]): readonly string[] {
  const opening = new Calendar(spansOf(...texts), zoneOf(zone)).openingAt(seconds(at));
  return opening === undefined ? [] : [iso(opening.opens), iso(opening.closes)];
}

test('a night is as long as it is, with an hour less or more where the clock is set', NEEDS, () => {
  const night = (zone: string, at: string) => open(zone, at, '22:00-06:00');
  for (const [zone, at, wanted] of [
    ['Europe/Berlin', '2026-03-28T12:00Z', ['2026-03-28T21:00Z', '2026-03-29T04:00Z']],
    ['Europe/Berlin', '2026-10-24T12:00Z', ['2026-10-24T20:00Z', '2026-10-25T05:00Z']],
    ['America/New_York', '2026-03-07T20:00Z', ['2026-03-08T03:00Z', '2026-03-08T10:00Z']],
    ['America/New_York', '2026-10-31T20:00Z', ['2026-11-01T02:00Z', '2026-11-01T11:00Z']],
    // Half an hour.
    ['Australia/Lord_Howe', '2026-04-04T06:00Z', ['2026-04-04T11:00Z', '2026-04-04T19:30Z']],
    ['Australia/Lord_Howe', '2026-10-03T06:00Z', ['2026-10-03T11:30Z', '2026-10-03T19:00Z']],
    // For Ramadan, and at its end.
    ['Africa/Casablanca', '2025-02-22T12:00Z', ['2025-02-22T21:00Z', '2025-02-23T06:00Z']],
    ['Africa/Casablanca', '2025-04-05T12:00Z', ['2025-04-05T22:00Z', '2025-04-06T05:00Z']],
  ] as const) {
    assert.deepEqual(night(zone, at), wanted, `${zone} ${at}`);
  }
});

test('a time that a night does not have is the moment at which the clock is set', NEEDS, () => {
  const berlin = (text: string) => open('Europe/Berlin', '2026-03-29T00:30Z', text);
  assert.deepEqual(berlin('02:30-04:00'), ['2026-03-29T01:00Z', '2026-03-29T02:00Z']);
  assert.deepEqual(berlin('01:00-02:30'), ['2026-03-29T00:00Z', '2026-03-29T01:00Z']);
  // That night does not have this time; the next one does.
  assert.deepEqual(berlin('02:10-02:50'), ['2026-03-30T00:10Z', '2026-03-30T00:50Z']);
});

test('a time that a night has twice is the first of the two', NEEDS, () => {
  const berlin = (text: string) => open('Europe/Berlin', '2026-10-24T23:30Z', text);
  assert.deepEqual(berlin('02:30-04:00'), ['2026-10-25T00:30Z', '2026-10-25T03:00Z']);
  assert.deepEqual(berlin('01:00-02:30'), ['2026-10-24T23:00Z', '2026-10-25T00:30Z']);
});

test('days, leap days, midnight, and spans that touch', NEEDS, () => {
  const utc = (at: string, ...texts: readonly string[]) => open('Etc/UTC', at, ...texts);
  // 29 February 2028 is a Tuesday.
  assert.deepEqual(utc('2028-02-28T00:00Z', 'Tue'), ['2028-02-29T00:00Z', '2028-03-01T00:00Z']);
  assert.deepEqual(utc('2028-02-28T23:00Z', '22:00-02:00'), [
    '2028-02-28T22:00Z',
    '2028-02-29T02:00Z',
  ]);
  assert.deepEqual(utc('2026-11-25T12:00Z', 'Sat,Sun'), ['2026-11-28T00:00Z', '2026-11-30T00:00Z']);
  assert.deepEqual(utc('2026-11-25T12:00Z', 'Fri-Mon 22:00-06:00'), [
    '2026-11-27T22:00Z',
    '2026-11-28T06:00Z',
  ]);
  assert.deepEqual(utc('2026-11-27T23:00Z', '22:00-06:00', 'Sat,Sun'), [
    '2026-11-27T22:00Z',
    '2026-11-30T06:00Z',
  ]);
  assert.deepEqual(utc('2026-11-27T06:00Z', '22:00-24:00', '00:00-06:00'), [
    '2026-11-27T22:00Z',
    '2026-11-28T06:00Z',
  ]);
  const [opens = '', closes = ''] = utc('2026-11-27T05:00Z', '06:00-06:00');
  assert.ok(opens < '2026-11-27' && closes > '2026-12-10', 'it never closes');
});

test('a zone that changes its mind is followed: Samoa had no 30 December 2011', NEEDS, () => {
  assert.deepEqual(open('Pacific/Apia', '2011-12-30T00:00Z', '22:00-06:00'), [
    '2011-12-30T08:00Z',
    '2011-12-30T16:00Z',
  ]);
  // A skipped day does not open; the next one with its name does.
  assert.deepEqual(open('Pacific/Apia', '2011-12-29T12:00Z', 'Fri'), [
    '2012-01-05T10:00Z',
    '2012-01-06T10:00Z',
  ]);
});

test('what is no span is none', () => {
  const texts = ['', '25:00-26:00', '22:00', '22:00-06:60', 'Sat-', 'Someday', 'Sat 22:00'];
  for (const text of [...texts, '22:00-06:00 Sat', '24:00-06:00', 'Sat,,Sun', 'Mon-Tue-Wed']) {
    assert.equal(parseSpan(text), undefined, text);
  }
  assert.deepEqual(parseSpan('sat,SUN'), parseSpan('Sat-Sun'));
});

const ZONES = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Europe/Dublin',
  'America/St_Johns',
  'Asia/Kolkata',
];
const YEAR_S = 365.2425 * 86_400;
const START = seconds('2005-01-01T00:00Z');

/** Any moment in twenty years, or one around a clock change. */
const cases = fc.record({
  zone: fc.constantFrom(...ZONES),
  at: fc.integer({ min: START, max: START + 20 * YEAR_S }),
  /** Relative to the next transition; none: the moment itself. */
  near: fc.option(fc.integer({ min: -40 * 3_600, max: 40 * 3_600 }), { freq: 3 }),
  spans: fc.array(
    fc.record({
      first: fc.option(fc.nat(6)),
      last: fc.nat(6),
      begin: fc.nat(1_439),
      end: fc.nat(1_440),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});
type Case = typeof cases extends fc.Arbitrary<infer C> ? C : never;

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const clock = (minutes: number): string =>
  [Math.floor(minutes / 60), minutes % 60].map((it) => String(it).padStart(2, '0')).join(':');

function textOf({ first, last, begin, end }: Case['spans'][number]): string {
  const times = `${clock(begin)}-${clock(end)}`;
  return first === null ? times : `${DAYS[first]}-${DAYS[last]} ${times}`;
}

/** The first moment at which a clock there shows this, or has skipped it. */
function shown(day: Temporal.PlainDate, minutes: number, zone: string): number {
  const date = day.add({ days: Math.floor(minutes / 1_440) });
  const local = date.toPlainDateTime({
    hour: Math.floor((minutes % 1_440) / 60),
    minute: minutes % 60,
  });
  const earlier = local.toZonedDateTime(zone, { disambiguation: 'earlier' });
  const isThere = earlier.toPlainDateTime().equals(local);
  const found = isThere ? earlier : earlier.getTimeZoneTransition('next');
  assert.ok(found);
  return found.epochMilliseconds / 1_000;
}

/** The same question, answered by Temporal. */
function expected(spans: Case['spans'], zone: string, at: number): Opening | undefined {
  const today = Temporal.Instant.fromEpochMilliseconds(at * 1_000)
    .toZonedDateTimeISO(zone)
    .toPlainDate();
  let found: Opening | undefined;
  for (let ahead = -2; ahead <= 15; ahead++) {
    const day = today.add({ days: ahead });
    const openings = spans
      .filter(({ first, last }) => {
        const weekday = day.dayOfWeek % 7;
        return first === null || (weekday - first + 7) % 7 <= (last - first + 7) % 7;
      })
      .map(({ begin, end }) => ({
        opens: shown(day, begin, zone),
        closes: shown(day, end > begin ? end : end + 1_440, zone),
      }))
      .filter(({ opens, closes }) => opens < closes && closes > at)
      .sort((a, b) => a.opens - b.opens);
    for (const { opens, closes } of openings) {
      if (found !== undefined && opens > found.closes) return found;
      found = { opens: found?.opens ?? opens, closes: Math.max(found?.closes ?? closes, closes) };
    }
  }
  return found;
}

test(`${amount(1_000)} random windows are open when another calendar has them open`, NEEDS, () => {
  fc.assert(
    fc.property(cases, ({ zone, at: some, near, spans }) => {
      const next = Temporal.Instant.fromEpochMilliseconds(some * 1_000)
        .toZonedDateTimeISO(zone)
        .getTimeZoneTransition('next');
      const at = near === null || next === null ? some : next.epochMilliseconds / 1_000 + near;
      const found = new Calendar(spansOf(...spans.map(textOf)), zoneOf(zone)).openingAt(at);
      assert.deepEqual(found, expected(spans, zone, at), iso(at));
    }),
    { numRuns: amount(1_000) },
  );
});

test('long after the end of its table a zone goes on by its rule', NEEDS, () => {
  const zones = [...ZONES, 'Asia/Jerusalem', 'America/Nuuk', 'Pacific/Auckland', 'Asia/Tokyo'];
  const far = fc.integer({ min: seconds('2038-01-01T00:00Z'), max: seconds('2086-01-01T00:00Z') });
  for (const zone of zones) {
    const moments = fc.sample(far, amount(200));
    const shown = execFileSync('date', ['--file=-', '+%::z'], {
      input: moments.map((at) => `@${at}\n`).join(''),
      env: { TZ: zone, PATH: process.env['PATH'] },
      encoding: 'utf8',
    });
    const found = moments.map((at) => `${at} ${showOffset(offsetAt(zoneOf(zone), at))}`);
    const wanted = shown.trim().split('\n');
    assert.deepEqual(
      found,
      moments.map((at, place) => `${at} ${wanted[place]}`),
      zone,
    );
  }
});

/** As date(1) prints it. */
function showOffset(offset: number): string {
  const parts = [3_600, 60, 1].map((unit) => Math.floor(Math.abs(offset) / unit) % 60);
  return `${offset < 0 ? '-' : '+'}${parts.map((it) => String(it).padStart(2, '0')).join(':')}`;
}

/** A file without a table, as for a zone that has only a rule. */
function fileOf(footer: string, version = '2'): string {
  const header = `TZif${version}${'\0'.repeat(15)}${[0, 0, 0, 0, 1, 4].map((it) => `\0\0\0${String.fromCharCode(it)}`).join('')}`;
  const block = `${header}\0\0\x0e\x10\0\0ABC\0`;
  return `${block}${block}\n${footer}\n`;
}

test('a rule may count days in each of the ways of POSIX', () => {
  const offsets = (footer: string, ...at: readonly string[]) => {
    const zone = parseTimeZone(fileOf(footer));
    assert.ok(zone, footer);
    return at.map((it) => offsetAt(zone, seconds(it)) / 3_600);
  };
  // The 60th day is 1 March in every year by J60, and 29 February in a leap year by 59.
  const julian = 'AAA0BBB,J60/0,J300/0';
  assert.deepEqual(offsets(julian, '2028-02-29T12:00Z', '2028-03-01T12:00Z'), [0, 1]);
  assert.deepEqual(offsets(julian, '2027-02-28T12:00Z', '2027-03-01T12:00Z'), [0, 1]);
  const nth = 'AAA0BBB,59/0,300/0';
  assert.deepEqual(offsets(nth, '2028-02-28T12:00Z', '2028-02-29T12:00Z'), [0, 1]);
  assert.deepEqual(offsets('<+0530>-5:30', '2028-02-28T12:00Z'), [5.5]);
  assert.deepEqual(offsets('', '2028-02-28T12:00Z'), [1], 'it stays so');
});

test('what is no file of a zone, or half of one, is none', () => {
  const whole = fileOf('CET-1CEST,M3.5.0,M10.5.0/3');
  for (const text of ['', 'TZif', 'no zone at all', fileOf('?'), fileOf('AAA0BBB,X1,X2')]) {
    assert.equal(parseTimeZone(text), undefined, text);
  }
  for (let length = 0; length < whole.length - 30; length++) {
    assert.equal(parseTimeZone(whole.slice(0, length)), undefined, `${length} bytes`);
  }
  assert.equal(offsetAt(parseTimeZone(fileOf('', '\0')) ?? assert.fail(), 0), 3_600);
});

test('dates and days since the epoch are each other', () => {
  assert.equal(daysOf(1970, 1, 1), 0);
  fc.assert(
    fc.property(fc.integer({ min: -800_000, max: 800_000 }), (days) => {
      const { year, month, day } = dateOf(days);
      assert.equal(daysOf(year, month, day), days);
      const known = Temporal.PlainDate.from('1970-01-01').add({ days });
      assert.deepEqual([year, month, day], [known.year, known.month, known.day]);
    }),
  );
});
