/** The file behind a configuration: who may write it, and JSON as people write it. */
import assert from 'node:assert/strict';
import { chownSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONFIG_BYTES_MAX } from '../../../daemon/config/file.ts';
import { DEPTH_MAX, parseJson } from '../../../daemon/config/json.ts';
import { loadConfig } from '../../../daemon/config/load.ts';
import { accepted, directory, loadText, mistakesOf, only } from '../../support/config.ts';
import { whyWithout } from '../../support/tools.ts';

const runner = { type: 'local', args: ['/bin/true'] };

test('a file that is no JSON is told with line and column', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', 'line 1, column 1: expected a value'],
    ['{\n  "a": 1,\n}', 'line 3, column 1: expected a key in double quotes (and no comma after'],
    ['{\n  // no\n}', 'line 2, column 3: expected a key in double quotes'],
    ['{"a": /* no */ 1}', 'line 1, column 7: expected a value; JSON has no comments'],
    ['{"a" 1}', 'line 1, column 6: expected ":" after the key; found "1}"'],
    ['{"a": 1 "b": 2}', 'line 1, column 9: expected "," or "}"; found "\\"b\\":"'],
    ['[1 2]', 'line 1, column 4: expected "," or "]"; found "2]"'],
    ['{"a": tru}', 'line 1, column 7: expected a value'],
    ['{"a": 01}', 'line 1, column 7: expected a value'],
    ["{'a': 1}", 'line 1, column 2: expected a key in double quotes'],
    ['{"a": "x\ny"}', 'line 1, column 7: expected a text that ends'],
    ['{"a": "\\x"}', 'line 1, column 8: expected \\\\ for a backslash, or \\n'],
    ['{} {}', 'line 1, column 4: expected the end of the file; found "{}"'],
    ['{"a": 1', 'line 1, column 8: expected "," or "}"; found the end of the file'],
    ['['.repeat(DEPTH_MAX + 2), `column ${DEPTH_MAX + 2}: expected at most ${DEPTH_MAX} levels`],
  ];
  for (const [text, expected] of cases) {
    const mistake = only(loadText(text));
    assert.ok(mistake.includes(expected), `${text}: ${mistake}`);
  }
});

test('what the scanner takes is what JSON.parse takes', () => {
  const scraps = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"\\n"',
    '1',
    '-0.5e3',
    'null',
    ' ',
  );
  const text = fc.oneof(
    fc.json(),
    fc.array(scraps).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (json) => {
      assert.equal(parseJson(json).ok, isJson(json));
    }),
    { numRuns: 2_000 },
  );
  assert.ok(parseJson(JSON.stringify(`\x7f\x9f\u2028${'x'.repeat(5_000_000)}`)).ok);
});

test('a file that is JSON but no configuration is told', () => {
  for (const text of ['null', '5', '[]', '"x"']) {
    assert.match(only(loadText(text)), /^: expected an object: {…}; found /, text);
  }
});

test('a key that stands twice is a mistake, where JSON would drop one of them silently', () => {
  const target = JSON.stringify({ runner });
  const text = `{"targets":{"web":${target},"db":${target},"web":${target}},"x":1}`;
  assert.deepEqual(mistakesOf(loadText(text)), [
    'targets.web: this key stands here twice; remove one of them or rename it',
    'x: unknown key; known here: $schema, description, log, sockets, idleExit, keep, targets',
  ]);
});

test('a file that others can write is refused with the chmod that helps', () => {
  const text = JSON.stringify({ targets: {} });
  for (const mode of [0o620, 0o602, 0o666]) {
    const octal = mode.toString(8);
    const mistake = only(loadText(text, mode));
    assert.match(mistake, new RegExp(`\\(mode 0${octal}\\).*; run chmod go-w /.*/config\\.json$`));
  }
  for (const mode of [0o600, 0o644, 0o755]) accepted(loadText(text, mode));
});

test('a file of another user is refused, one of root is read', {
  skip: whyWithout('root'),
}, (t) => {
  const path = join(directory(t), 'config.json');
  writeFileSync(path, '{"targets":{}}', { mode: 0o600 });
  accepted(loadConfig(path, 1000));
  chownSync(path, 1000, 1000);
  accepted(loadConfig(path, 1000));
  assert.match(only(loadConfig(path, 0)), /is owned by uid 1000; expected root; run chown root /);
  assert.match(only(loadConfig(path, 1001)), /owned by uid 1000; expected root or uid 1001/);
});

test('what is no readable file is refused, and nothing hangs', (t) => {
  const place = directory(t);
  const path = join(place, 'config.json');
  assert.match(only(loadConfig(path)), /^: does not exist; write one, or name another/);
  assert.match(only(loadConfig(place)), /^: is a directory/);
  symlinkSync('/dev/null', path);
  assert.match(only(loadConfig(path)), /^: is not a regular file/);
  assert.match(only(loadConfig(`${path}/x`)), /^: cannot be read \(ENOTDIR\)/);
});

test('a file longer than the limit is not read', (t) => {
  const path = join(directory(t), 'config.json');
  writeFileSync(path, '', { mode: 0o600 });
  truncateSync(path, CONFIG_BYTES_MAX + 1);
  assert.match(only(loadConfig(path)), /is 16777217 bytes long; expected at most 16777216/);
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
