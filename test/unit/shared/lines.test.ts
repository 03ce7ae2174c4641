/** Lines from data that arrives in pieces. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lastLine, linesOf, WholeLines } from '../../../daemon/shared/lines.ts';

const SIGN = fc.constantFrom('a', '\n', '\r', '\u2028', '\u0085', 'é', '€', '😀', '\0');
const TEXT = fc.array(SIGN, { maxLength: 200 }).map((signs) => signs.join(''));

test('the lines are the same wherever a text is cut into pieces, and end with a newline alone', () => {
  fc.assert(
    fc.property(TEXT, fc.infiniteStream(fc.integer({ min: 1, max: 9 })), (text, sizes) => {
      const bytes = Buffer.from(text);
      const lines = new WholeLines<Buffer>(Buffer.concat);
      const read: string[] = [];
      for (let at = 0; at < bytes.length; ) {
        const end = at + Number(sizes.next().value);
        read.push(...lines.read(bytes.subarray(at, end)));
        at = end;
      }
      const known = text.split('\n');
      const open = known.pop() ?? '';
      assert.deepEqual(
        read,
        known.map((line) => `${line}\n`),
      );
      assert.equal(lines.begunBytes, Buffer.byteLength(open));
      assert.equal(String(Buffer.concat(lines.rest())), open);
      assert.equal(lines.begunBytes, 0);
      assert.deepEqual([...linesOf(text)], open === '' ? read : [...read, open]);
    }),
  );
});

test('a line of many pieces is not gone over again with each of them', () => {
  let joined = 0;
  const lines = new WholeLines<Buffer>((pieces) => {
    joined += pieces.length;
    return Buffer.concat(pieces);
  });
  for (let count = 0; count < 10_000; count++) lines.take(Buffer.from('x'));
  assert.equal(lines.take(Buffer.from('\n'))?.length, 10_001);
  assert.ok(joined < 10_400, `${joined} pieces were joined`);
});

test('the last line is the last one that says something', () => {
  assert.equal(lastLine('one\r\n two \r\n\n'), 'two');
  assert.equal(lastLine(' \n'), '');
});
