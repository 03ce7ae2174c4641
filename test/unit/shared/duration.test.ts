/** Durations, written and shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DURATION_MS_MAX, parseDuration, showDuration } from '../../../daemon/shared/duration.ts';

test('a duration is written with its unit', () => {
  const cases: readonly (readonly [string, number])[] = [
    ['0s', 0],
    ['250ms', 250],
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['30min', 1_800_000],
    ['8h', 28_800_000],
    ['1h30m', 5_400_000],
    ['1h 30min', 5_400_000],
    ['1.5h', 5_400_000],
    ['2 s', 2_000],
    ['7d', 604_800_000],
    ['1w', 604_800_000],
    ['366d', DURATION_MS_MAX],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

test('anything else is no duration', () => {
  const wrong = [
    '',
    ' ',
    '90',
    's',
    '-1s',
    '1 hour',
    '1e3s',
    '1.s',
    '.5s',
    '1s,',
    's1',
    '1y',
    '١s',
  ];
  for (const text of wrong) assert.equal(parseDuration(text), undefined, JSON.stringify(text));
  for (const text of ['367d', '53w', `${'9'.repeat(400)}s`]) {
    assert.equal(parseDuration(text), undefined, `${text.slice(0, 9)} is longer than a year`);
  }
});

test('a duration is shown in its two largest units', () => {
  const cases: readonly (readonly [number, string])[] = [
    [-5, '0 ms'],
    [0, '0 ms'],
    [850, '850 ms'],
    [999, '999 ms'],
    [999.7, '1.0 s'],
    [1_000, '1.0 s'],
    [2_049, '2.0 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min'],
    [60_000, '1 min'],
    [61_000, '1 min 1 s'],
    [3_599_000, '59 min 59 s'],
    [3_599_600, '1 h'],
    [4_320_000, '1 h 12 min'],
    [86_400_000, '1 d'],
    [90_000_000, '1 d 1 h'],
    [DURATION_MS_MAX, '366 d'],
  ];
  for (const [ms, text] of cases) assert.equal(showDuration(ms), text);
});

test('what is shown can be read again, and is near', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: DURATION_MS_MAX }), (ms) => {
      const again = parseDuration(showDuration(ms));
      assert.ok(again !== undefined && Math.abs(again - ms) <= Math.max(60, ms / 24), `${again}`);
    }),
  );
});
