/** One definition for many targets: what is replaced where, and its mistakes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EACH_EXAMPLE } from '../../../contrib/generate/configpage.ts';
import { describeConfig } from '../../../daemon/config/describe.ts';
import { EACH_TARGETS_MAX, expand, findMistakes } from '../../../daemon/config/each.ts';
import { accepted, load, loadText, mistakesOf } from '../../support/config.ts';

const HOSTS = ['web1', 'db2'];

function echo(...args: readonly string[]): object {
  return { runner: { type: 'local', args: ['/bin/echo', ...args] } };
}

/** The names of the targets and their commands. */
function made(targets: unknown, more: object = {}): Record<string, readonly string[]> {
  const { catalog } = accepted(load({ ...more, targets }));
  return Object.fromEntries(
    [...catalog.targets].map(([name, { args = [] }]) => [name, args.slice(1)]),
  );
}

function mistakes(targets: unknown, more: object = {}): readonly string[] {
  return mistakesOf(load({ ...more, targets }));
}

test('each value makes a target, and is put into every text of it', () => {
  const definition = {
    each: { host: HOSTS },
    description: 'of {host}, not {{host}}',
    runner: {
      type: 'local',
      args: ['/bin/cp', '{host}:{host}', '/x/{host}'],
      env: { HOST: '{host}' },
    },
    policies: [{ type: 'cardinality', group: 'disk-{host}' }],
    onFailure: 'tell-{host}',
  };
  const config = accepted(
    load({
      targets: { 'cp-{host}-d': definition, 'tell-{host}': { each: { host: HOSTS }, ...echo() } },
    }),
  );
  const { targets } = config.catalog;
  assert.deepEqual([...targets.keys()], ['cp-web1-d', 'cp-db2-d', 'tell-web1', 'tell-db2']);
  const target = targets.get('cp-db2-d');
  assert.equal(target?.description, 'of db2, not {host}');
  assert.deepEqual(target?.args, ['/bin/cp', 'db2:db2', '/x/db2']);
  assert.deepEqual(Object(target?.runner.options).env, { HOST: 'db2' });
  assert.deepEqual(
    target?.bindings.map(({ key }) => key),
    ['cardinality:disk-db2'],
  );
  assert.deepEqual(target?.hooks, { onFailure: 'tell-db2' });
  assert.match(
    describeConfig(config),
    /: 4 targets\n {2}cp-web1-d {2}local, cardinality:disk-web1/,
  );
});

test('of several lists each combination makes a target, the last list fastest', () => {
  const each = { host: HOSTS, level: ['daily', 'weekly'] };
  assert.deepEqual(made({ '{level}-{host}': { each, ...echo('{host}', '{level}') } }), {
    'daily-web1': ['web1', 'daily'],
    'weekly-web1': ['web1', 'weekly'],
    'daily-db2': ['db2', 'daily'],
    'weekly-db2': ['db2', 'weekly'],
  });
});

test('only a word in braces is a placeholder, and two braces are a plain text', () => {
  const plain = [
    '{print $1}',
    '$'.concat('{var%x}'),
    '{{.Names}}',
    '{1}',
    '{ host }',
    '{}',
    '{a,b}',
    '{host',
    '{{ host }}',
  ];
  const targets = {
    'x-{host}': {
      each: { host: ['a$&'] },
      ...echo(...plain, '{{host}}', '$'.concat('{{HOME}}'), '{host}'),
    },
  };
  assert.deepEqual(made(targets), { 'x-a$&': [...plain, '{host}', '$'.concat('{HOME}'), 'a$&'] });
});

test('without each, braces are plain text', () => {
  assert.deepEqual(made({ 'x-{host}': echo('{host}', '{{host}}') }), {
    'x-{host}': ['{host}', '{{host}}'],
  });
});

test('defaults are for each of the targets, and have no placeholders', () => {
  const defaults = { onFailure: 'tell-web1', timeout: '1h' };
  const targets = { 'tell-{host}': { each: { host: HOSTS }, ...echo() } };
  const { catalog } = accepted(load({ defaults, targets }));
  assert.equal(catalog.targets.get('tell-web1')?.hooks, undefined);
  assert.deepEqual(catalog.targets.get('tell-db2')?.hooks, { onFailure: 'tell-web1' });
  assert.match(
    mistakes({ ...targets }, { defaults: { onFailure: 'tell-{host}' } }).join(),
    /^defaults\.onFailure: there is no target "tell-{host}"/,
  );
});

test('a placeholder that is unknown or not in the name is a mistake, with its place', () => {
  const text = `{ "targets": {
  "a-{hots}": { "each": { "host": ["x", "y"], "kind": ["z"] },
    "runner": { "type": "local", "args": ["/bin/echo",
      "{kid}", "{host}"] } } } }`;
  const loaded = loadText(text);
  assert.ok(!loaded.ok);
  assert.deepEqual(
    loaded.mistakes.map(
      ({ path, text: said, position }) => `${position?.line}:${position?.column} ${path}: ${said}`,
    ),
    [
      '2:3 targets["a-{hots}"]: placeholder {hots} is not in "each"; did you mean "host"? add it there, or write {{hots}} for the literal text',
      '2:27 targets["a-{hots}"].each.host: the name of the target has no {host}; add it, or remove "host" from "each"',
      '2:47 targets["a-{hots}"].each.kind: the name of the target has no {kind}; add it, or remove "kind" from "each"',
      '4:7 targets["a-{hots}"].runner.args[1]: placeholder {kid} is not in "each"; did you mean "kind"? add it there, or write {{kid}} for the literal text',
    ],
  );
});

test('a list that is wrong is told by the schema', () => {
  const at = (each: unknown) => mistakes({ 'x-{host}': { each, ...echo() } });
  assert.deepEqual(at({}), [
    'targets["x-{host}"].each: expected a placeholder at least; found an object with no keys',
  ]);
  assert.match(at({ host: [] }).join(), /each\.host: expected a list that is not empty/);
  assert.match(at({ host: [''] }).join(), /each\.host\[0\]: expected a string that is not empty/);
  assert.match(
    at({ host: [5] }).join(),
    /each\.host\[0\]: expected a string in double quotes; found 5/,
  );
  assert.match(at({ host: 'x' }).join(), /each\.host: expected a list/);
  assert.match(at({ '1a': ['x'] }).join(), /each\.1a: expected a word for a placeholder/);
  assert.match(at(5).join(), /each: expected a placeholder/);
});

test('names that are no names, or that exist, are mistakes', () => {
  const each = { host: ['a/b', 'c', 'd', '-e'] };
  assert.deepEqual(
    mistakes({ 'x-{host}': { each, ...echo() } }).map((it) => it.replace(/: expected.*;/, ':')),
    ['targets["x-{host}"]: found "x-a/b" (in target "x-a/b")'],
  );
  assert.deepEqual(mistakes({ 'x-{host}': { each: { host: ['c', 'd', 'c'] }, ...echo() } }), [
    'targets["x-{host}"].each.host[2]: value "c" appears twice in this list; remove one of them',
  ]);
  const twice = mistakes({ 'x-d': echo(), 'x-{host}': { each: { host: ['c', 'd'] }, ...echo() } });
  assert.match(
    twice.join('\n'),
    /^targets\["x-{host}"\]: target "x-d" is already defined at .*config\.json:1:13; remove one of them or rename it \(in target "x-d"\)$/,
  );
  const same = mistakes({ '{a}{b}': { each: { a: ['x', 'xy'], b: ['yz', 'z'] }, ...echo() } });
  assert.match(same.join('\n'), /^targets\["{a}{b}"\]: target "xyz" is already defined at /);
});

test('a mistake of the definition is told once, one of a value with its target', () => {
  const each = { host: ['8h', 'x', 'y'] };
  const definition = { each, timeot: 1, timeout: '{host}', maxWait: '5', ...echo() };
  assert.deepEqual(
    mistakes({ 'x-{host}': definition }).map((it) => it.replace(/expected.*;/, '')),
    [
      'targets["x-{host}"].timeot: unknown key; did you mean "timeout"?',
      'targets["x-{host}"].timeout:  found "x" (in target "x-x")',
      'targets["x-{host}"].maxWait:  found "5"',
    ],
  );
  const hook = { each: { host: HOSTS }, ...echo(), onFailure: 'tell-{host}' };
  assert.match(
    mistakes({ 'x-{host}': hook }).join('\n'),
    /^targets\["x-{host}"\]\.onFailure: there is no target "tell-web1".*\(in target "x-web1"\)$/,
  );
});

test('more targets than the limit are refused, before they are made', () => {
  const list = (count: number) => Array.from({ length: count }, (_, at) => `${at}`);
  const side = Math.ceil(Math.sqrt(EACH_TARGETS_MAX));
  const each = { a: list(side), b: list(side) };
  assert.match(
    mistakes({ 'x-{a}-{b}': { each, ...echo() } }).join('\n'),
    new RegExp(
      `^targets\\["x-{a}-{b}"\\]\\.each: "each" creates ${side * side} targets; expected at most ${EACH_TARGETS_MAX}`,
    ),
  );
});

test('whatever the values, names and texts are what putting them in by hand makes', () => {
  const value = fc.stringMatching(/^[a-z$&{}]{1,4}$/);
  const part = fc.oneof(
    fc.constantFrom('{a}', '{b}', '{{a}}', '{', '}', '$1', '{ a }'),
    fc.constant('x'),
  );
  const texts = fc.array(part, { maxLength: 6 });
  const values = fc.record({ a: value, b: value });
  fc.assert(
    fc.property(values, texts, ({ a, b }, parts) => {
      // Separated, so that adjacent parts form no other placeholder.
      const text = parts.join(' ');
      const each = { a: [a], b: [b] };
      assert.deepEqual(findMistakes('n {a} {b}', { text: [text] }, each), []);
      const [one, ...more] = expand('n {a} {b}', { text: [text] }, each);
      const put = new Map([
        ['{a}', a],
        ['{b}', b],
        ['{{a}}', '{a}'],
      ]);
      const expected = parts.map((it) => put.get(it) ?? it);
      assert.deepEqual(
        [one, ...more],
        [{ name: `n ${a} ${b}`, value: { text: [expected.join(' ')] } }],
      );
    }),
  );
});

test('the example of the manual loads, and means what the page says', () => {
  const names = Object.keys(made(EACH_EXAMPLE.targets));
  assert.deepEqual(names, [
    'rsnap-web1-daily',
    'rsnap-web1-weekly',
    'rsnap-db2-daily',
    'rsnap-db2-weekly',
  ]);
});
