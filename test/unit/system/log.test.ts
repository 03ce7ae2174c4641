/** How a line of the log looks to people, to machines and to the journal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { renderLine } from '../../../daemon/system/log.ts';

const time = Date.parse('2026-11-23T03:00:00.123Z');
const line = (fields: object): string =>
  `${JSON.stringify({ level: 'info', time, ...fields, msg: 'started' })}\n`;

test('a text line has time, level, message and fields', () => {
  assert.equal(
    renderLine(line({ run: 17, target: 'x' }), 'text', false),
    '2026-11-23T03:00:00.123Z info started run=17 target=x\n',
  );
});

test('a text line stays one line, whatever its fields hold', () => {
  const text = renderLine(
    line({ a: 'two words', b: 'a\nb', c: '', d: 'x=y', e: { kind: 'exited', code: 1 }, f: null }),
    'text',
    false,
  );
  assert.equal(
    text,
    '2026-11-23T03:00:00.123Z info started a="two words" b="a\\nb" c="" d="x=y" ' +
      'e={"kind":"exited","code":1} f=null\n',
  );
});

test('the journal is told the priority and has its own clock', () => {
  assert.equal(renderLine(line({ run: 1 }), 'text', true), '<6>info started run=1\n');
  const json = line({ run: 1 });
  assert.equal(renderLine(json, 'json', true), `<6>${json}`);
  assert.equal(renderLine(json, 'json', false), json);
  const warning = line({}).replace('"info"', '"warn"');
  assert.equal(renderLine(warning, 'text', true), '<4>warn started\n');
});
