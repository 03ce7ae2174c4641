/** `baton timeline`: the drawing of a night, on different screens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import stringWidth from 'string-width';
import { ticksOf } from '../../../client/terminal/calendar.ts';
import { screenOf } from '../../../client/terminal/screen.ts';
import { COLUMNS_MIN, type Screen } from '../../../client/terminal/style.ts';
import { showTimeline } from '../../../client/terminal/timeline.ts';
import { HOUR_MS, NOW_MS, sampleNight, told } from '../../support/nights.ts';

process.env['TZ'] = 'UTC';

const screen = (columns: number, more: Partial<Screen> = {}): Screen => {
  return { columns, isColoured: false, isUnicode: true, ...more };
};
const someScreen: fc.Arbitrary<Screen> = fc.record({
  columns: fc.integer({ min: COLUMNS_MIN, max: 250 }),
  isColoured: fc.boolean(),
  isUnicode: fc.boolean(),
});
/** Names whose end in a row can be determined. */
const shortName = fc.stringMatching(/^[a-z]{1,4}$/);

test('a night is drawn with an axis, a row for each target, and what went wrong', () => {
  const text = showTimeline(sampleNight().timespan, screen(80));
  assert.equal(
    text,
    `Sun 22 Nov 07:40 to Mon 23 Nov 07:40: 2 failed, 1 with a warning, 13 ended well,
1 running, 1 waiting

                              12:00       18:00      Mon 23     06:00  runs    ✗
                      ────────┴───────────┴──────────┴───────────┴───
db-dump                ━✓  ━✓  ✓   ✓   ✓   ✓   ✓   ✗   ✓   ✓   ✓   ✓     12    1
rsnap-alpha                                         ━✓     ····━✓         2
rsnap-beta                                                 ━━━━!          1
rsnap-gamma                                                               0
photos                                                    ━✗              1    1
offsite-replication…                                           ··━━━▶     2

· waiting  ━ running  ▶ running now  ✓ ended well  ! a warning  ✗ failed

✗ Sun 22 Nov 22:46 db-dump: run 8 exited with 1 after 6 min
✗ Mon 23 Nov 02:40 photos: run 24 could not connect: connect ECONNREFUSED
  192.0.2.7:22 after 36 min
! Mon 23 Nov 04:40 rsnap-beta: run 23 exited with 2 after 1 h 36 min
✗ rsnap-gamma is late: no success since Sat 21 Nov 05:40
· photos is paused; "baton resume photos" ends the pause
· offsite-replication-of-everything: run 26 has waited 1 h: run 25 of
  offsite-replication-of-everything is running
to see the output of a run: baton logs 24
`,
  );
});

test('no line is wider than the screen, and nothing of a name or a sentence controls it', () => {
  fc.assert(
    fc.property(told(), someScreen, ({ timespan }, on) => {
      const text = showTimeline(timespan, on);
      assert.ok(text.endsWith('\n'));
      const bare = on.isColoured ? stripVTControlCharacters(text) : text;
      assert.doesNotMatch(bare, /(?!\n)[\p{Cc}\p{Cs}\p{Bidi_Control}\u2028\u2029]/u);
      for (const line of bare.split('\n')) assert.ok(stringWidth(line) <= on.columns, line);
    }),
  );
});

test('colours say nothing that the signs do not say', () => {
  fc.assert(
    fc.property(told(), someScreen, ({ timespan }, on) => {
      const coloured = showTimeline(timespan, { ...on, isColoured: true });
      const plain = showTimeline(timespan, { ...on, isColoured: false });
      assert.equal(stripVTControlCharacters(coloured), plain);
    }),
  );
});

test('every run of the window leaves its sign, a bad end is never hidden by another', () => {
  fc.assert(
    fc.property(told(shortName), fc.integer({ min: 60, max: 200 }), ({ timespan }, columns) => {
      const lines = showTimeline(timespan, screen(columns)).split('\n');
      const names = Math.max(0, ...timespan.rows.map(({ target }) => target.length));
      const from = names + 2;
      const width = columns - from - 11;
      for (const { target, spans, waiting } of timespan.rows) {
        const line = lines.find(
          (it) => it.startsWith(`${target.padEnd(names)}  `) || it === target,
        );
        const chart = [...(line ?? '').padEnd(columns)].slice(from, from + width);
        for (const { untilMs, mark } of spans) {
          const part = (untilMs - timespan.fromMs) / (timespan.toMs - timespan.fromMs);
          const sign = chart[Math.max(0, Math.min(width - 1, Math.floor(part * width)))] ?? '';
          const worse = {
            failed: '✗',
            warning: '✗!',
            running: '✗!▶',
            ok: '✗!▶✓',
            waiting: '✗!▶✓━·',
          };
          assert.ok(sign !== '' && worse[mark].includes(sign), `${mark} of ${target}: "${sign}"`);
        }
        const live = spans.filter(({ mark }) => mark === 'waiting').length;
        const [runs] = (line ?? '').slice(from + width).match(/\d+/) ?? [];
        assert.equal(Number(runs), spans.length - live + Math.max(live, waiting));
      }
    }),
  );
});

test('a screen without Unicode is sent ASCII alone', () => {
  fc.assert(
    fc.property(told(shortName), ({ timespan }) => {
      const rows = timespan.rows.map((row) => ({ ...row, spans: [] }));
      const plain = showTimeline({ ...timespan, rows }, screen(80, { isUnicode: false }));
      assert.match(
        plain
          .split('\n')
          .slice(0, rows.length + 4)
          .join('\n'),
        /^[\x20-\x7e\n]*$/,
      );
    }),
  );
  const text = showTimeline(sampleNight().timespan, screen(80, { isUnicode: false }));
  assert.match(text, /^[\x20-\x7e\n]*$/);
});

test('a target that did not run has a row as well', () => {
  assert.match(showTimeline(sampleNight().timespan, screen(80)), /^rsnap-gamma {50,}0$/m);
});

test('the screen is as wide as the terminal, or as $COLUMNS says, or 80', () => {
  assert.equal(screenOf({ COLUMNS: '100' }, true, 120).columns, 120);
  assert.equal(screenOf({ COLUMNS: '100' }, false, undefined).columns, 100);
  for (const COLUMNS of ['', '0', '-5', 'x', '99999']) {
    assert.equal(screenOf({ COLUMNS }, false, undefined).columns, 80, COLUMNS);
  }
  assert.equal(screenOf({}, true, 3).columns, COLUMNS_MIN);
});

test('colours are for terminals whose owner does not mind', () => {
  assert.equal(screenOf({ TERM: 'xterm' }, true, 80).isColoured, true);
  assert.equal(screenOf({ TERM: 'xterm', NO_COLOR: '' }, true, 80).isColoured, true);
  assert.equal(screenOf({ TERM: 'xterm', NO_COLOR: '1' }, true, 80).isColoured, false);
  assert.equal(screenOf({ TERM: 'dumb' }, true, 80).isColoured, false);
  assert.equal(screenOf({ TERM: 'xterm' }, false, undefined).isColoured, false);
});

test('signs beyond ASCII are for locales and fonts that have them', () => {
  const isUnicode = (env: Record<string, string>): boolean => screenOf(env, true, 80).isUnicode;
  assert.equal(isUnicode({ LANG: 'de_DE.UTF-8' }), true);
  assert.equal(isUnicode({ LC_CTYPE: 'C.utf8' }), true);
  assert.equal(isUnicode({ LANG: 'de_DE.UTF-8', LC_ALL: 'C' }), false);
  assert.equal(isUnicode({ LANG: 'de_DE.UTF-8', TERM: 'linux' }), false);
  assert.equal(isUnicode({}), false);
});

test('ticks are round times within the window, in order, and not too many', () => {
  const zones = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Asia/Kathmandu', 'Pacific/Apia'];
  const span = fc.integer({ min: 60_000, max: 400 * 24 * HOUR_MS });
  const end = fc.integer({ min: 0, max: 2 * NOW_MS });
  try {
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        end,
        span,
        fc.integer({ min: 1, max: 30 }),
        (zone, toMs, ms, most) => {
          process.env['TZ'] = zone;
          const ticks = ticksOf(toMs - ms, toMs, most);
          assert.ok(ticks.length <= most);
          if (ms > 2 * HOUR_MS && ms < 300 * 24 * HOUR_MS && most >= 8)
            assert.ok(ticks.length >= 1);
          for (const [at, { atMs, label }] of ticks.entries()) {
            assert.ok(atMs >= toMs - ms && atMs <= toMs);
            assert.ok(at === 0 || atMs > (ticks[at - 1]?.atMs ?? 0));
            assert.match(label, /^([A-Z][a-z]{2} \d{1,2}|\d\d:\d\d)$/);
          }
        },
      ),
    );
    process.env['TZ'] = 'Europe/Berlin';
    const timespan = ticksOf(Date.parse('2026-10-24T21:00Z'), Date.parse('2026-10-25T05:30Z'), 5);
    // At three o'clock the clocks are set back to two.
    assert.deepEqual(
      timespan.map(({ label }) => label),
      ['Sun 25', '02:00', '04:00', '06:00'],
    );
  } finally {
    process.env['TZ'] = 'UTC';
  }
});
