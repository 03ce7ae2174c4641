/**
 * Plugins by path: what is loaded when, and that a bad one is just a mistake of the configuration,
 * with its file.
 */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, lchownSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PLUGIN_BYTES_MAX } from '../../../daemon/config/file.ts';
import { accepted } from '../../support/config.ts';
import { mistakesIn, PluginFolder, policyModule, withPolicy } from '../../support/plugins.ts';
import { whyWithout } from '../../support/tools.ts';

/** For modules whose import never ends. */
const GIVEN_UP_MS = 50;

/** Each kind of unusable module, and its message. */
const WRONG: Readonly<Record<string, readonly [string, RegExp]>> = {
  'has a mistake in its syntax': [
    'export const x = 1;\nexport const y = ;\n',
    /: cannot be imported: SyntaxError: Unexpected token ';' \(line 2\); correct it, and try/,
  ],
  throws: [
    '\n\nthrow new Error("no disk");\n',
    /: cannot be imported: Error: no disk \(line 3\); correct it/,
  ],
  'throws no error': ['throw 5;', /: cannot be imported: .*; correct it/],
  'imports what is not there': [
    'import "./nowhere.mjs";',
    /: cannot be imported: Error \[ERR_MODULE_NOT_FOUND\]: .*nowhere\.mjs/,
  ],
  'ends the process': [
    'process.exit(0);',
    /: cannot be imported: it ended the process that imported it \(0\); correct/,
  ],
  'waits for ever': [
    'await new Promise(() => {});',
    /: its import took more than \d+ ms; expected/,
  ],
  'exports nothing': ['const x = 1;', /: exports nothing; expected policies or runners/],
  'exports something else': [
    'export const helper = () => 5;',
    /: export "helper" is neither a policy nor a runner; expected an object with "ready" or/,
  ],
  'exports a policy without a question': [
    policyModule('mine').replace('admit:', 'admitt:'),
    /: export "policy": admitt: unknown key; did you mean "admit"\?\n.*"policy": admit: missing key/,
  ],
  'exports options that are no schema': [
    policyModule('mine', 'options: {},'),
    /: export "policy": options: expected a Standard Schema: .*; found an object with no keys/,
  ],
  'has a type that is no name': [
    policyModule('my policy'),
    /: export "policy": type: expected a name of letters, digits and "-".*; found "my policy"/,
  ],
  'takes the name of our own': [
    policyModule('window'),
    /: export "policy": the type "window" is already used by baton's own policy; choose another/,
  ],
  'takes one name twice': [
    policyModule('a') + policyModule('a').replace('policy', 'other'),
    /: export "(other|policy)": the type "a" is already used by another export of this file; choose/,
  ],
};

for (const [what, [text, said]] of Object.entries(WRONG)) {
  test(`a module that ${what} is a mistake with its file`, async (t) => {
    const folder = new PluginFolder(t, what === 'waits for ever' ? GIVEN_UP_MS : undefined);
    folder.write('x.mjs', text);
    const mistakes = mistakesIn(folder, await folder.load(['x.mjs'], withPolicy('unheard')));
    assert.match(mistakes, /^config\.json:1:\d+: plugins\[0\]: x\.mjs: /);
    assert.match(mistakes, said);
    assert.doesNotMatch(mistakes, /unknown type/, 'it may be the plugin that is missing');
  });
}

test('a module that loops for ever is given up after its time, and others are loaded', async (t) => {
  const folder = new PluginFolder(t, GIVEN_UP_MS);
  folder.write('x.mjs', 'for (;;);');
  const mistakes = mistakesIn(folder, await folder.load(['x.mjs']));
  assert.match(mistakes, /: x\.mjs: its import took more than 50 ms; expected a module that only/);
});

test('of a plugin behind links, the folders above each link are judged, and the links', async (t) => {
  const folder = new PluginFolder(t);
  const at = (name: string): string => join(folder.path, name);
  folder.write('real/x.mjs', policyModule('mine'));
  for (const name of ['one', 'two']) mkdirSync(at(name));
  symlinkSync(at('two'), at('dir'));
  symlinkSync('../dir/b.mjs', at('one/a.mjs'));
  symlinkSync('../real/x.mjs', at('two/b.mjs'));
  const said = async (): Promise<string> => mistakesIn(folder, await folder.load(['one/a.mjs']));
  accepted(await folder.load(['one/a.mjs']));
  for (const name of ['one', 'two', 'real']) {
    chmodSync(at(name), 0o777);
    assert.match(
      await said(),
      new RegExp(`directory ${name} is writable by others .*go-w ${name}$`),
    );
    chmodSync(at(name), 0o755);
  }
  // Made by somebody else, for a daemon of a user other than root.
  const own = process.getuid?.() ?? 0;
  if (own === 0) {
    lchownSync(at('two/b.mjs'), 12_345, 12_345);
    assert.match(
      await said(),
      /: link two\/b\.mjs is owned by uid 12345; .*; run chown -h root two/,
    );
  }
  symlinkSync('loop', at('loop'));
  assert.match(mistakesIn(folder, await folder.load(['loop'])), /ELOOP/);
});

test('a plugin that two files bring is a mistake of the second', async (t) => {
  const folder = new PluginFolder(t);
  for (const name of ['a.mjs', 'b.mjs']) folder.write(name, policyModule('mine'));
  const mistakes = mistakesIn(folder, await folder.load(['a.mjs', 'b.mjs']));
  assert.match(
    mistakes,
    /plugins\[1\]: b\.mjs: export "policy": .* already used by a\.mjs; choose another type$/,
  );
});

test('a file that is not there, no file, or writable by others is refused', async (t) => {
  const folder = new PluginFolder(t);
  const said = async (): Promise<string> => mistakesIn(folder, await folder.load(['d/x.mjs']));
  assert.match(await said(), /d\/x\.mjs: does not exist; create it, or name another in "plugins"/);
  folder.write('d/x.mjs', policyModule('mine'));
  accepted(await folder.load(['d/x.mjs']));
  chmodSync(join(folder.path, 'd/x.mjs'), 0o620);
  assert.match(await said(), /is writable by others \(mode 0620\).*; run chmod go-w .*d\/x\.mjs$/);
  chmodSync(join(folder.path, 'd/x.mjs'), 0o600);
  chmodSync(join(folder.path, 'd'), 0o722);
  assert.match(await said(), /directory d is writable by others .*; run chmod go-w d$/);
  chmodSync(join(folder.path, 'd'), 0o1777);
  accepted(await folder.load(['d/x.mjs']));
  rmSync(join(folder.path, 'd/x.mjs'));
  mkdirSync(join(folder.path, 'd/x.mjs'));
  assert.match(await said(), /d\/x\.mjs: is a directory; name the module \(\.mjs\) inside$/);
});

test('a module that is longer than the limit is not read', async (t) => {
  const folder = new PluginFolder(t);
  folder.write('x.mjs', `${policyModule('mine')}//${' '.repeat(PLUGIN_BYTES_MAX)}`);
  const mistakes = mistakesIn(folder, await folder.load(['x.mjs']));
  assert.match(mistakes, /: x\.mjs: is \d+ bytes long; expected at most 1048576$/);
});

test('what a link leads to is judged, not the link', { skip: whyWithout('root') }, async (t) => {
  const folder = new PluginFolder(t);
  const file = folder.write('theirs/x.mjs', policyModule('mine'));
  symlinkSync(file, join(folder.path, 'x.mjs'));
  accepted(await folder.load(['x.mjs']));
  chownSync(file, 65_534, 65_534);
  const mistakes = mistakesIn(folder, await folder.load(['x.mjs']));
  assert.match(mistakes, /: x\.mjs: is owned by nobody \(uid 65534\); expected root; run chown/);
});

test('options go through the schema of the plugin, and its issues are mistakes', async (t) => {
  const folder = new PluginFolder(t);
  const validate = `(value) => value.from === 5
    ? { value: { from: 6 } }
    : { issues: [{ message: 'Invalid type:\\nexpected 5', path: [{ key: 'from' }] }] }`;
  const options = `options: { '~standard': { version: 1, vendor: 'v', validate: ${validate} } },`;
  folder.write('x.mjs', policyModule('mine', options));
  const { catalog } = accepted(await folder.load(['x.mjs'], withPolicy('mine', { from: 5 })));
  const [binding] = catalog.targets.get('t')?.bindings ?? [];
  assert.deepEqual(binding?.options, { from: 6, type: 'mine' });
  assert.equal(binding?.key, 'mine:t');
  const wrong = mistakesIn(folder, await folder.load(['x.mjs'], withPolicy('mine', { from: 'x' })));
  assert.match(
    wrong,
    /: targets\.t\.policies\[0\]\.from: policy mine reports: Invalid type: expected 5; correct it$/,
  );
});

test('a schema that throws, answers later or answers nonsense is a mistake', async (t) => {
  for (const [validate, said] of [
    [
      '() => { throw new TypeError("oh"); }',
      /validate\(\) threw TypeError: oh \(line \d+\); correct x/,
    ],
    [
      'async () => { throw new Error("later"); }',
      /validate\(\) returned a promise; expected the result itself/,
    ],
    ['() => 5', /validate\(\) returned 5; expected a value that is an object, or issues/],
    [
      '() => ({ value: 5 })',
      /validate\(\) returned {"value":5}; expected a value that is an object/,
    ],
  ] as const) {
    const folder = new PluginFolder(t);
    const options = `options: { '~standard': { version: 1, vendor: 'v', validate: ${validate} } },`;
    folder.write('x.mjs', policyModule('mine', options));
    const mistakes = mistakesIn(folder, await folder.load(['x.mjs'], withPolicy('mine')));
    assert.match(mistakes, /: targets\.t\.policies\[0\]: policy mine failed: /);
    assert.match(mistakes, said);
  }
});

test('a type that no plugin brings is a mistake that names those that there are', async (t) => {
  const folder = new PluginFolder(t);
  folder.write('x.mjs', policyModule('mine'));
  const mistakes = mistakesIn(folder, await folder.load(['x.mjs'], withPolicy('mien')));
  assert.match(mistakes, /unknown type "mien"; did you mean "mine"\? known types: .*window, mine$/);
});

test('a group that cannot be told is a mistake, each time that it is loaded', async (t) => {
  const folder = new PluginFolder(t);
  folder.write('x.mjs', policyModule('mine', 'group: () => 5,'));
  for (let time = 0; time < 2; time++) {
    const mistakes = mistakesIn(folder, await folder.load(['x.mjs'], withPolicy('mine')));
    assert.match(
      mistakes,
      /: plugins: policy mine failed: group\(\) returned 5; expected a string; correct x\.mjs/,
    );
  }
});

test('options that cannot be completed break their target, and no other', async (t) => {
  const folder = new PluginFolder(t);
  folder.write(
    'x.mjs',
    policyModule('mine', 'preparer: () => ({ prepare() { throw Error("no"); } }),'),
  );
  const { catalog } = accepted(await folder.load(['x.mjs'], withPolicy('mine')));
  assert.match(
    catalog.targets.get('t')?.broken ?? '',
    /^policy mine failed: prepare\(\) threw Error: no \(line \d+\); correct .*x\.mjs, and run/,
  );
});

test('a file that is as it was is not imported again, a changed one is, and so is a corrected one', async (t) => {
  const folder = new PluginFolder(t);
  const policyOf = async () => {
    const loaded = accepted(await folder.load(['x.mjs'], withPolicy('mine')));
    return loaded.catalog.targets.get('t')?.bindings[0]?.policy;
  };
  folder.write('x.mjs', policyModule('mine'));
  const first = await policyOf();
  assert.equal(await policyOf(), first);
  folder.write('x.mjs', policyModule('mine', 'warnExit: [7],'));
  const second = await policyOf();
  assert.deepEqual(second?.warnExit, [7]);
  folder.write('x.mjs', 'export const y = ;');
  assert.notEqual(mistakesIn(folder, await folder.load(['x.mjs'])), '');
  folder.write('x.mjs', policyModule('mine', 'warnExit: [7],'));
  assert.equal(await policyOf(), second);
});

test('a configuration without plugins imports nothing and asks for nothing', async (t) => {
  const folder = new PluginFolder(t);
  const { plugins } = accepted(await folder.load([]));
  assert.deepEqual([plugins.policies.size, plugins.stamps, plugins.mistakes], [0, [], []]);
});
