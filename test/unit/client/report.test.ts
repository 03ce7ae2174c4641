/** `baton report`: the content of the page, and that nothing breaks out of it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { html } from '../../../client/report/markup.ts';
import { endsToTell, type RunTail, showReport } from '../../../client/report/page.ts';
import { verdictOf } from '../../../client/report/summary.ts';
import { readTail } from '../../../client/report/tail.ts';
import { timespanOf } from '../../../client/report/timespan.ts';
import {
  HOUR_MS,
  hostileText,
  past,
  sampleNight,
  skeleton,
  status,
  type Told,
  told,
  view,
} from '../../support/nights.ts';

process.env['TZ'] = 'UTC';

const NOTHING = { bytes: new Uint8Array(), isCut: false };

function pageOf({ timespan }: Told, output: Uint8Array = NOTHING.bytes, host = 'backup01'): string {
  const tail: RunTail = { out: { bytes: output, isCut: true }, err: NOTHING };
  const tails = new Map(endsToTell(timespan).map(({ run }) => [run.run, tail]));
  return showReport({ timespan, host, version: '0.1.0', tails });
}

test('whatever names, sentences and outputs hold, the page has the tags that it has without', () => {
  const output = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 300 }),
    hostileText.map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(told(), output, hostileText, (hostile, bytes, host) => {
      // The same night with harmless words: the number of texts stays the same.
      const names = new Map(hostile.timespan.rows.map(({ target }, at) => [target, `t${at}`]));
      const tamed = JSON.parse(JSON.stringify(hostile), (key, value) => {
        if (key === 'target') return names.get(value) ?? value;
        if (key === 'text' || key === 'broken') return 'x';
        return key === 'reasons' ? value.map(() => 'x') : value;
      });
      const hasOutput = readTail({ bytes, isCut: true }) !== '';
      const harmless = pageOf(tamed, Buffer.from(hasOutput ? 'x' : ''), 'x');
      assert.deepEqual(skeleton(pageOf(hostile, bytes, host)), skeleton(harmless));
    }),
    { numRuns: 300 },
  );
});

test('no character is on the page that HTML forbids or that turns the direction of text', () => {
  const forbidden = /(?![\n\t])[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}\p{Bidi_Control}]/u;
  fc.assert(
    fc.property(told(), fc.uint8Array({ maxLength: 300 }), (timespan, bytes) => {
      assert.doesNotMatch(pageOf(timespan, bytes), forbidden);
    }),
  );
});

test('what is put into markup is escaped, and can be read again', () => {
  const entities: Readonly<Record<string, string>> = {
    ...{ '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" },
  };
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const { text: shown } = html`<p title="${text}">${[text]}</p>`;
      const [, title = '', content = ''] = /^<p title="([^"<>]*)">([^<>]*)<\/p>$/.exec(shown) ?? [];
      assert.equal(title, content);
      const read = content.replace(/&[^;]+;/g, (entity) => entities[entity] ?? '?');
      assert.equal(read, text.replace(/\p{Bidi_Control}/gu, '\ufffd'));
    }),
  );
});

test('a control character is shown as its picture', () => {
  assert.equal(html`${'\0\x1b\x7f\x80\u202e\ud800\t\n'}`.text, '␀␛␡\ufffd\ufffd\ufffd\t\n');
});

test('a tail begins with a whole line, and is text however binary it is', () => {
  const tail = (text: string | Uint8Array, isCut = true): string =>
    readTail({ bytes: typeof text === 'string' ? Buffer.from(text) : text, isCut });
  assert.equal(tail('half a line\nwhole\n\n'), 'whole');
  assert.equal(tail('not cut\nwhole\n', false), 'not cut\nwhole');
  assert.equal(tail('one long line'), 'one long line');
  assert.equal(tail('\n\x1b[1;31mred\x1b[0m and \x1b]0;title\x07plain'), 'red and plain');
  assert.equal(tail('\n10%\r20%\r100%\r\ndone\r\n'), '100%\ndone');
  assert.equal(tail(Buffer.from([0x0a, 0xff, 0xfe, 0x61])), '\ufffd\ufffda');
  assert.equal(tail(''), '');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isCut) => {
      assert.equal(typeof readTail({ bytes, isCut }), 'string');
    }),
  );
});

test('the summary is one true sentence', () => {
  const of = (...verdicts: readonly ('ok' | 'warning' | 'failed')[]): string => {
    const runs = verdicts.map((verdict, at) => past(at + 1, 'x', [2, 2, 1], { verdict }));
    return verdictOf(timespanOf(status([view({ target: 'x' })]), runs, 24 * HOUR_MS, 99)).text;
  };
  assert.equal(of(), 'No run has ended.');
  assert.equal(of('ok'), 'The only run ended well.');
  assert.equal(of('ok', 'ok'), 'All 2 runs ended well.');
  assert.equal(of('ok', 'warning'), 'All 2 runs ended, 1 with a warning.');
  assert.equal(of('ok', 'failed', 'warning'), '1 of 3 runs failed, 1 with a warning.');
  const late = status([view({ target: 'x', late: true }), view({ target: 'y' })]);
  assert.deepEqual(verdictOf(timespanOf(late, [], HOUR_MS, 99)), {
    tone: 'failed',
    text: 'No run has ended. 1 target is late.',
  });
});

test('what fails comes before what failed, and leads to its output', () => {
  const page = pageOf(sampleNight(), Buffer.from('half\nEvery disk is full.\n'));
  const text = page
    .replace(/<title>[^<]*<\/title>|<style>[^<]*<\/style>/g, '')
    .replace(/<[^>]*>/g, '');
  const order = ['2 of 16 runs failed', 'failing photos', 'failed db-dump', 'warning rsnap-beta'];
  const places = order.map((words) => text.indexOf(words));
  assert.deepEqual(
    places,
    [...places].sort((a, b) => a - b),
  );
  assert.ok(!places.includes(-1), `${places}`);
  assert.match(page, /<a href="#run-24">run 24 could not connect/);
  assert.match(page, /<article class="end" id="run-24">/);
  assert.match(page, /<pre [^>]*>Every disk is full\.<\/pre>/);
});

test('every run of the window is in the table and in a chart', () => {
  fc.assert(
    fc.property(told(fc.stringMatching(/^[a-z]{1,8}$/)), (it) => {
      const page = pageOf(it);
      const tables = page.split('<h2>All runs</h2>')[1] ?? '';
      for (const { spans } of it.timespan.rows) {
        for (const { run, mark } of spans) {
          assert.match(page, new RegExp(`<title>run ${run.run} of `));
          if (mark === 'running' || mark === 'waiting') continue;
          assert.match(tables, new RegExp(`<td class="number">${run.run}</td>`));
        }
      }
    }),
  );
});

test('a run of no time at all is drawn, too', () => {
  const runs = [past(1, 'x', [2, 2, 2], { verdict: 'ok' })];
  const timespan = timespanOf(status([view({ target: 'x' })]), runs, 168 * HOUR_MS, 99);
  const page = pageOf({ ...sampleNight(), timespan });
  const [, width] = /class="bar" x="[^"]*" y="[^"]*" width="([^"]*)%"/.exec(page) ?? [];
  assert.ok(Number(width) > 0, `${width}`);
});

test('the page forbids itself scripts and the network', () => {
  const page = pageOf(sampleNight());
  assert.match(page, /content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.doesNotMatch(page, /<script|<link|<img|<iframe|\bon\w+=|url\(|@import|https?:/i);
});
