/** The file of a configuration: who may write to it, and JSON as people write it. */
import assert from 'node:assert/strict';
import { chownSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { CONFIG_BYTES_MAX } from '../../../daemon/config/file.ts';
import { DEPTH_MAX, FAULTS_MAX, parseJson } from '../../../daemon/config/json.ts';
import { type Loaded, loadConfig } from '../../../daemon/config/load.ts';
import { formatMistakes } from '../../../daemon/config/mistakes.ts';
import { accepted, directory, loadText, mistakesOf, only } from '../../support/config.ts';
import { whyWithout } from '../../support/tools.ts';

const runner = { type: 'local', args: ['/bin/true'] };

/** All lines of a refusal, without the directory. */
function told(loaded: Loaded): readonly string[] {
  assert.ok(!loaded.ok, 'it is accepted');
  return formatMistakes(loaded)
    .split('\n')
    .map((line) => line.replace(/^.*config\.json/, ''));
}

test('a file that is no JSON is told with line and column', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['', ':1:1: expected a value'],
    ['{\n  "a": 1,\n}', ':3:1: expected a key in double quotes (and no comma after'],
    ['{"a" 1}', ':1:6: a: expected ":" after the key; found "1}"'],
    ['{"a": 1 "b": 2}', ':1:9: b: expected "," before the next entry; found "\\"b\\":"'],
    ['[1 2]', ':1:4: [0]: expected "," before the next entry; found "2]"'],
    ['{"a": tru}', ':1:7: a: expected a value'],
    ['{"a": 01}', ':1:8: a: expected "," before the next entry; found "1}"'],
    ["{'a': 1}", ':1:2: expected a key in double quotes'],
    ['{"a": "x\ny"}', ':1:7: a: expected a string that ends'],
    ['{"a": "\\x"}', ':1:7: a: expected \\\\ for a backslash, or \\n'],
    ['{"a": "\u0007"}', ':1:7: a: expected \\n, \\t, … in place of a control character'],
    ['{} {}', ':1:4: expected the end of the file; found "{}"'],
    ['{"a": 1', ':1:8: a: expected "," or "}"; found the end of the file'],
    ['{"a": 1} /* so', ':1:10: expected a comment that ends with */'],
    ['['.repeat(DEPTH_MAX + 2), `:1:${DEPTH_MAX + 1}: expected at most ${DEPTH_MAX} levels`],
    ['{"a": '.repeat(100_000), `expected at most ${DEPTH_MAX} levels`],
  ];
  for (const [text, expected] of cases) {
    const [first = '', ...more] = told(loadText(text)).filter((line) => !line.includes('unknown'));
    assert.ok(first.includes(expected), `${text.slice(0, 40)}: ${first}`);
    assert.ok(more.length <= 1, more.join('\n'));
  }
});

test('every mistake has its line and column, those of the syntax beside the others', () => {
  const text = `{
  // Comments are no mistake.
  "targets": {
    "web": {
      "runner": { "type": "local", "args": ["/bin/true" "x"] },
      "timeot": "5s"
    },
    "db": { "runner": { "type": "local", "args": [] }, "timeout": 5 },
    /* Nor is this one. */
    "nas": {
      "policies": [{ "type": "cardinality", "instances": 0 }],
      "onFailure": "web"
    },
    "db": 1
  },
  "loog": {}
}`;
  assert.deepEqual(told(loadText(text)), [
    ':5:57: targets.web.runner.args[0]: expected "," before the next entry; found "\\"x\\"]"',
    ':8:5: targets.db: expected an object: {…}; found 1',
    ':10:5: targets.nas.runner: missing key; expected an object with a "type": {…}',
    ':11:45: targets.nas.policies[0].instances: expected at least 1; found 0',
    ':14:5: targets.db: duplicate key; remove one of them or rename it',
  ]);
  const mended = text.replace('"/bin/true" "x"', '"/bin/true", "x"');
  assert.deepEqual(
    told(loadText(mended))[0],
    ':6:7: targets.web.timeot: unknown key; did you mean "timeout"?',
  );
});

test('a configuration with comments is one', () => {
  const text = `// of the backups\n{"targets": {"web": /* local */ {"runner": ${JSON.stringify(runner)}}}} // end`;
  assert.deepEqual([...accepted(loadText(text)).catalog.targets.keys()], ['web']);
});

test('a byte order mark is named', () => {
  const text = `\ufeff{"targets": {"web": {"runner": ${JSON.stringify(runner)}}}}`;
  assert.deepEqual(told(loadText(text)), [
    ':1:1: begins with a byte order mark (BOM); expected UTF-8 without one; remove it',
  ]);
});

test('what stands in an environment is not told, however wrong it is written', () => {
  const text = '{"targets": {"web": {"runner": {"env": {"PASSWORD": hunter2, "A": "x" hunter3}}}}}';
  for (const line of told(loadText(text))) assert.ok(!line.includes('hunter'), line);
  assert.match(told(loadText(text)).join('\n'), /found something in "env", which is not shown/);
});

test('of very many mistakes of the syntax the first are told', () => {
  const lines = Array.from({ length: 5_000 }, (_, at) => `"a${at}": tru`);
  assert.equal(told(loadText(`{${lines.join(',\n')}}`)).length, FAULTS_MAX);
});

test('what is no mistake is what JSON.parse takes, but for comments', () => {
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
      const isRight = parseJson(json).faults.every(({ isSound }) => isSound);
      assert.equal(isRight, isJson(json));
    }),
    { numRuns: 2_000 },
  );
  const long = JSON.stringify(`\x7f\x9f\u2028${'x'.repeat(5_000_000)}`);
  assert.deepEqual(parseJson(long).faults, []);
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
    'targets.web: duplicate key; remove one of them or rename it',
    'x: unknown key; known here: $schema, description, include, log, sockets, idleExit, keep, plugins, defaults, targets',
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

/** On every Linux, with this name. */
const NOBODY = 65_534;

test('a file of another user is refused, one of root is read', {
  skip: whyWithout('root'),
}, (t) => {
  const path = join(directory(t), 'config.json');
  writeFileSync(path, '{"targets":{}}', { mode: 0o600 });
  accepted(loadConfig(path, NOBODY));
  chownSync(path, NOBODY, NOBODY);
  accepted(loadConfig(path, NOBODY));
  const said = /is owned by nobody \(uid 65534\); expected root; run chown root /;
  assert.match(only(loadConfig(path, 0)), said);
  const others = /owned by nobody \(uid 65534\); expected root or uid 4000000001, the user/;
  assert.match(only(loadConfig(path, 4_000_000_001)), others);
});

test('what is no readable file is refused, and nothing hangs', (t) => {
  const place = directory(t);
  const path = join(place, 'config.json');
  assert.match(only(loadConfig(path)), /^: does not exist; create it, or name another/);
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
