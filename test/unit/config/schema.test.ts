/** contrib/config.schema.json, with which editors complete and check config.json. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { parseBytes, parseDuration } from '../../../daemon/shared/duration.ts';
import { load, ROOT } from '../../support/config.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const schema = JSON.parse(readFileSync(join(ROOT, 'contrib/config.schema.json'), 'utf8'));
// Strict: a keyword that no editor knows is a mistake. Tuples are intentionally open-ended.
const lenient = { strictTuples: false, strictRequired: false, allowUnionTypes: true };
const ajv = new Ajv({ strict: true, ...lenient, allErrors: true });
ajv.addFormat('regex', (text) => {
  new RegExp(text, 'u');
  return true;
});
const validate = ajv.compile(schema);

function complaints(value: unknown): string {
  return validate(value) ? '' : ajv.errorsText(validate.errors, { separator: '\n' });
}

/** Blocks of a document that are a configuration, or targets of one. */
function configurations(path: string): Json[] {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const blocks = [...text.matchAll(/(?:^ {4}.*\n|^\n)+/gm)].map(([block]) => block.trim());
  return blocks.flatMap((block): Json[] => {
    if (block.startsWith('{\n')) return [JSON.parse(block)];
    return /^"[\w-]+": \{\n/.test(block) ? [{ targets: JSON.parse(`{${block}}`) }] : [];
  });
}

const EXAMPLES = join(ROOT, 'contrib/examples');
const examples = readdirSync(EXAMPLES).filter((name) => name.endsWith('.json'));
const read = (path: string): Json => JSON.parse(readFileSync(path, 'utf8'));
const documents = [
  ['config.json', read(join(ROOT, 'config.json'))] as const,
  ...examples.map((name) => [name, read(join(EXAMPLES, name))] as const),
  ...['README.md', 'contrib/SSH.md', 'contrib/SLURM.md', 'contrib/FLEETS.md'].flatMap((path) =>
    configurations(path).map((value, at) => [`${path}, block ${at + 1}`, value] as const),
  ),
];

test('the documents have their configurations', () => {
  const names = documents.map(([name]) => name);
  for (const wanted of ['config.json', 'rsnapshot.json', 'README.md, block 1']) {
    assert.ok(names.includes(wanted), wanted);
  }
  assert.ok(names.includes('contrib/SSH.md, block 3'));
  assert.ok(names.includes('contrib/SLURM.md, block 1'));
  assert.ok(names.includes('contrib/FLEETS.md, block 2'));
});

for (const [name, value] of documents) {
  test(`the schema and the daemon accept ${name}`, () => {
    assert.equal(complaints(value), '');
    const config = load(value);
    assert.ok(config.ok, JSON.stringify(config));
  });

  test(`the schema and the daemon refuse every misspelt key of ${name}`, () => {
    const wrong = [...misspelt(value, [])];
    assert.ok(wrong.length > 3);
    for (const { at, value: changed } of wrong) {
      assert.notEqual(complaints(changed), '', at);
      assert.equal(load(changed).ok, false, at);
    }
  });
}

/** The value with one key misspelt, for each key that is not a user-defined name. */
function* misspelt(value: Json, at: readonly string[]): Generator<{ at: string; value: Json }> {
  if (typeof value !== 'object' || value === null) return;
  const entries = Object.entries(value);
  for (const [key, part] of entries) {
    const put = (name: string, changed: Json): Json =>
      Array.isArray(value)
        ? value.map((it, index) => (`${index}` === key ? changed : it))
        : Object.fromEntries(
            entries.map(([other, it]) => (other === key ? [name, changed] : [other, it])),
          );
    const isOwn = Array.isArray(value) || ['targets', 'env'].includes(at.at(-1) ?? '');
    if (!isOwn) yield { at: [...at, key].join('.'), value: put(`${key}x`, part) };
    for (const inner of misspelt(part, [...at, key])) {
      yield { at: inner.at, value: put(key, inner.value) };
    }
  }
}

const target = (more: object): object => ({
  targets: { web: { runner: { type: 'dummy', time: 1 }, ...more } },
});

test('a duration is to the schema what it is to the daemon', () => {
  // No consecutive digits: only the daemon can tell that a duration is too long.
  const units = ['ms', 's', 'm', 'min', 'h', 'd', 'w', ' s'].map((unit) => `1${unit}`);
  const part = fc.constantFrom(...units, ' ', '.', '2', 'x', '-');
  const texts = fc.array(part, { maxLength: 5 }).map((parts) => parts.join(''));
  let good = 0;
  fc.assert(
    fc.property(
      texts.filter((text) => !/\d\d/.test(text)),
      (text) => {
        const isOne = parseDuration(text) !== undefined;
        assert.equal(complaints(target({ killAfter: text })) === '', isOne, text);
        if (isOne) good++;
      },
    ),
    { numRuns: 1_000 },
  );
  assert.ok(good > 50, `${good} were durations`);
});

test('a size is to the schema what it is to the daemon', () => {
  const sizes = [0, 1, 2.5, -1, '0', '1kB', '1KB', '2 GiB', '2.5MB', 'GB', '', '1 PB'];
  for (const size of sizes) {
    const isOne = parseBytes(size) !== undefined;
    assert.equal(complaints(target({ logMaxBytes: size })) === '', isOne, String(size));
  }
});

const wrong: readonly (readonly [string, object])[] = [
  ['a runner that does not exist', { targets: { web: { runner: { type: 'locl', args: ['x'] } } } }],
  ['a target without a runner', { targets: { web: {} } }],
  ['a command that is empty', { targets: { web: { runner: { type: 'local', args: [] } } } }],
  ['a name of digits', { targets: { 17: { runner: { type: 'dummy', time: 1 } } } }],
  ['a policy that does not exist', target({ policies: [{ type: 'cardinalty' }] })],
  ['a number where a duration is meant', target({ timeout: 90 })],
  ['an exit code out of range', target({ okExit: [256] })],
  ['a socket without a place', { sockets: [{ mode: '0660' }], targets: {} }],
  [
    'ssh with both kinds of commands',
    { targets: { a: { runner: { type: 'ssh', host: 'h', args: ['x'], cmds: ['x'] } } } },
  ],
  ['no targets', {}],
];
for (const [what, value] of wrong) {
  test(`the schema refuses ${what}, as the daemon does`, () => {
    assert.notEqual(complaints(value), '');
    assert.equal(load(value).ok, false);
  });
}

const brought = {
  runner: { type: 'podman', image: 'x' },
  policies: [
    { type: 'quiet-hours', file: '/x' },
    { type: 'cardinality', instances: 2 },
  ],
};

test('types of plugins are accepted where plugins are given, and nowhere else', () => {
  const given = { plugins: ['./x.mjs'] };
  const targets = { web: brought };
  const defaults = { policies: [{ type: 'quiet-hours' }] };
  assert.equal(complaints({ ...given, targets, defaults }), '');
  assert.match(complaints({ targets }), /targets\/web\/runner\/type must be equal to one of/);
  assert.match(complaints({ targets }), /web\/policies\/0\/type must be equal to one of/);
  const { targets: plain } = target({}) as { targets: object };
  assert.match(complaints({ targets: plain, defaults }), /defaults\/policies\/0\/type must be/);
  assert.equal(complaints({ ...given, targets: { web: { ...brought, policies: null } } }), '');
});

test('known types stay checked where plugins are given, and a type is always needed', () => {
  const given = { plugins: ['./x.mjs'] };
  for (const wrong of [
    { ...brought, policies: [{ type: 'cardinality', instance: 2 }] },
    { ...brought, policies: [{ type: 'window', open: 'always' }] },
    { ...brought, policies: [{ file: '/x' }] },
    { ...brought, policies: [{ type: '' }] },
    { ...brought, runner: { type: 'local', args: [] } },
    { ...brought, runner: { image: 'x' } },
  ]) {
    assert.notEqual(complaints({ ...given, targets: { web: wrong } }), '', JSON.stringify(wrong));
  }
});

test('every key is explained', () => {
  const walk = (node: unknown, at: string): void => {
    if (typeof node !== 'object' || node === null) return;
    if ('properties' in node && typeof node.properties === 'object') {
      for (const [key, property] of Object.entries(node.properties ?? {})) {
        assert.match(
          property.description ?? '',
          /^["`A-Z0-9].*\.$/s,
          `${at}.${key}: name it in "keys"`,
        );
      }
    }
    // Keys there are described where they are defined.
    const parts = Object.entries(node).filter(([key]) => key !== 'then');
    for (const [key, part] of parts) walk(part, `${at}.${key}`);
  };
  walk(schema, '');
});
