/** A configuration in several files: which are read, in which order, and where mistakes are. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { describeConfig } from '../../../daemon/config/describe.ts';
import { CONFIG_BYTES_MAX } from '../../../daemon/config/file.ts';
import {
  FOLDER_ENTRIES_MAX,
  INCLUDED_BYTES_MAX,
  INCLUDED_FILES_MAX,
} from '../../../daemon/config/include.ts';
import { type Loaded, loadConfig } from '../../../daemon/config/load.ts';
import { formatMistakes, shortMistakes } from '../../../daemon/config/mistakes.ts';
import { INCLUDES_MAX } from '../../../daemon/config/schema.ts';
import { ConfigSource } from '../../../daemon/startup/config-source.ts';
import { accepted, directory } from '../../support/config.ts';
import { whyWithout } from '../../support/tools.ts';

const runner = { type: 'local', args: ['/bin/true'] };
const PATTERN = ['conf.d/*.json'];

/** Writes files, each a text or a value, and returns the path of the main one. */
function write(t: TestContext, files: Readonly<Record<string, unknown>>): string {
  const place = directory(t);
  for (const [name, value] of Object.entries(files)) put(join(place, name), value);
  return join(place, 'config.json');
}

function put(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value), { mode: 0o600 });
}

function targets(...names: readonly string[]): unknown {
  return { targets: Object.fromEntries(names.map((name) => [name, { runner }])) };
}

function namesIn(path: string): readonly string[] {
  return [...accepted(loadConfig(path)).catalog.targets.keys()];
}

/** All lines of a refusal, without the directory. */
function told(path: string, loaded: Loaded = loadConfig(path)): readonly string[] {
  assert.ok(!loaded.ok, 'it is accepted');
  return formatMistakes(loaded)
    .replaceAll(`${dirname(path)}/`, '')
    .split('\n');
}

test('files are read in the order of the patterns, and of their names by bytes', (t) => {
  const path = write(t, {
    'config.json': { include: ['late/z.json', ...PATTERN, 'conf.d/a.json'], targets: {} },
    'conf.d/b.json': targets('b'),
    'conf.d/a.json': targets('a', 'a2'),
    'conf.d/Z.json': targets('Z'),
    'conf.d/10.json': targets('ten'),
    'conf.d/9.json': targets('nine'),
    'conf.d/\u{1f600}.json': targets('face'),
    'conf.d/\uffe6.json': targets('won'),
    'late/z.json': targets('z'),
  });
  const expected = ['z', 'ten', 'nine', 'Z', 'a', 'a2', 'b', 'won', 'face'];
  assert.deepEqual(namesIn(path), expected);
});

test('what packages and editors leave beside the files is not read', (t) => {
  const rests = [
    '.hidden.json',
    'a.json.dpkg-new',
    'a.json.dpkg-old',
    'a.json~',
    'a.json.ucf-dist',
  ];
  const path = write(t, {
    'config.json': { include: PATTERN },
    'conf.d/a.json': targets('a'),
    ...Object.fromEntries(
      [...rests, '#a.json#', '.a.json.swp', '.#a.json', 'README'].map((name) => [
        `conf.d/${name}`,
        '?',
      ]),
    ),
  });
  assert.deepEqual(namesIn(path), ['a']);
});

test('no file and no folder need be there for a pattern, but for a name there is one', (t) => {
  const path = write(t, { 'config.json': { include: PATTERN } });
  assert.deepEqual(namesIn(path), []);
  mkdirSync(join(dirname(path), 'conf.d'), { mode: 0o755 });
  assert.deepEqual(namesIn(path), []);
  put(path, { include: ['conf.d/web.json', '../nowhere/x.json'], targets: {} });
  const [first = '', second = '', ...more] = told(path);
  assert.equal(first, 'conf.d/web.json: does not exist; create it, or remove it from "include"');
  assert.match(second, /nowhere\/x\.json: does not exist/);
  assert.deepEqual(more, []);
});

test('a file that fits the pattern itself is not included in itself', (t) => {
  const path = write(t, {
    'config.json': { include: ['*.json'], ...(targets('main') as object) },
    'web.json': targets('web'),
  });
  assert.deepEqual(namesIn(path), ['main', 'web']);
  put(path, { include: ['./config.json'], targets: {} });
  assert.deepEqual(told(path), [
    'config.json:1:13: include[0]: is this file itself; remove it from "include"',
  ]);
});

test('each mistake has its own file, line and column, in the order of the files', (t) => {
  const path = write(t, {
    'config.json': '{\n  "include": ["conf.d/*.json"],\n  "targets": { "m": { "runer": 1 } }\n}',
    'conf.d/a.json':
      '{\n  "targets": {\n    "a": { "runner": { "type": "dummy", "time": 5 }, "timeout": 5 }\n  }\n}',
    'conf.d/b.json': '{ "targets": { "b": 1 "c": {} } }',
    'conf.d/c.json': '{ "log": {}, "target": {} }',
    'conf.d/d.json': '',
  });
  const lines = told(path);
  const expected = [
    /^config\.json:3:16: targets\.m\.runner: missing key/,
    /^config\.json:3:23: targets\.m\.runer: unknown key; did you mean "runner"/,
    /^conf\.d\/a\.json:3:54: targets\.a\.timeout: expected a duration/,
    /^conf\.d\/b\.json:1:16: targets\.b: expected an object/,
    /^conf\.d\/b\.json:1:23: targets\.c: expected "," before the next entry/,
    /^conf\.d\/c\.json:1:1: targets: missing key/,
    /^conf\.d\/c\.json:1:3: log: "log" is only allowed in the main file; move it to config\.json$/,
    /^conf\.d\/c\.json:1:14: target: unknown key; did you mean "targets"/,
    /^conf\.d\/d\.json:1:1: expected a value/,
  ];
  assert.equal(lines.length, expected.length, lines.join('\n'));
  for (const [at, line] of lines.entries()) assert.match(line, expected[at] ?? /-/);
  const loaded = loadConfig(path);
  assert.ok(!loaded.ok);
  const [first = '', , third = ''] = shortMistakes(loaded);
  assert.match(first, /^line 3: targets\.m\.runner: missing key/);
  assert.match(third, /^\/.*\/conf\.d\/a\.json:3:54: targets\.a/);
});

test('mistakes between targets are told in the file of the target', (t) => {
  const path = write(t, {
    'config.json': { include: PATTERN, ...(targets('main') as object) },
    'conf.d/a.json': { targets: { a: { runner, onFailure: 'main' } } },
    'conf.d/b.json':
      '{"targets":\n{"b": {"runner": {"type":"dummy","time":"1s"}, "onFailure": "mian"}}}',
  });
  assert.deepEqual(told(path), [
    'conf.d/b.json:2:48: targets.b.onFailure: there is no target "mian"; expected a target of the configuration; did you mean "main"?',
  ]);
});

test('a target that two files define is a mistake that names both places', (t) => {
  const path = write(t, {
    'config.json': { include: PATTERN },
    'conf.d/a.json': '{ "targets": {\n  "web": { "runner": { "type": "dummy", "time": "1s" } } } }',
    'conf.d/b.json': '{ "targets": { "web": { "runner": { "type": "dummy", "time": "1s" } } } }',
  });
  assert.deepEqual(told(path), [
    'conf.d/b.json:1:16: targets.web: target "web" is already defined at conf.d/a.json:2:3; remove one of them or rename it',
  ]);
});

test('a configuration needs targets or files that have some, and included files have only these', (t) => {
  const path = write(t, { 'config.json': {} });
  assert.deepEqual(told(path), ['config.json:1:1: targets: missing key; expected an object: {…}']);
  put(path, { include: PATTERN });
  for (const key of ['include', 'log', 'keep', 'sockets', 'idleExit']) {
    put(join(dirname(path), 'conf.d/a.json'), { targets: {}, [key]: {} });
    assert.deepEqual(told(path), [
      `conf.d/a.json:1:15: ${key}: "${key}" is only allowed in the main file; move it to config.json`,
    ]);
  }
  put(join(dirname(path), 'conf.d/a.json'), { $schema: 'x', description: 'of web', targets: {} });
  assert.deepEqual(namesIn(path), []);
});

test('a path of another shape is a mistake', (t) => {
  for (const wrong of ['', '*/a.json', 'conf.d/', 'a\0b', 5]) {
    const path = write(t, { 'config.json': { include: [wrong], targets: {} } });
    assert.match(
      told(path).join('\n'),
      /^config\.json:1:13: include\[0\]: expected a path of a file/,
    );
  }
});

test('a target of py9tor may stand in an included file', (t) => {
  const path = write(t, {
    'config.json': { include: PATTERN },
    'conf.d/old.json': {
      targets: { old: { class: 'py9tor.worker.DummyExecutor', attrs: { time: '1s' } } },
    },
  });
  assert.deepEqual(namesIn(path), ['old']);
});

test('files and folders that others can write are refused', (t) => {
  const path = write(t, { 'config.json': { include: PATTERN }, 'conf.d/a.json': targets('a') });
  const folder = join(dirname(path), 'conf.d');
  chmodSync(join(folder, 'a.json'), 0o666);
  assert.match(told(path).join(), /^conf\.d\/a\.json: is writable by others \(mode 0666\)/);
  chmodSync(join(folder, 'a.json'), 0o644);
  chmodSync(folder, 0o1777);
  const said =
    /^config\.json:1:13: include\[0\]: directory conf\.d is writable by others \(mode 1777\)/;
  assert.match(told(path).join().replaceAll(folder, 'conf.d'), said);
});

/** On every Linux, with this name. */
const NOBODY = 65_534;

test('files and folders of another user are refused', { skip: whyWithout('root') }, (t) => {
  const path = write(t, { 'config.json': { include: PATTERN }, 'conf.d/a.json': targets('a') });
  const folder = join(dirname(path), 'conf.d');
  chownSync(join(folder, 'a.json'), NOBODY, NOBODY);
  assert.match(told(path, loadConfig(path, 0)).join(), /^conf\.d\/a\.json: is owned by nobody/);
  assert.deepEqual([...accepted(loadConfig(path, NOBODY)).catalog.targets.keys()], ['a']);
  chownSync(folder, NOBODY, NOBODY);
  chownSync(join(folder, 'a.json'), 0, 0);
  assert.match(
    told(path, loadConfig(path, 0)).join(),
    /include\[0\]: directory .* is owned by nobody/,
  );
});

test('what is no file or no folder is refused, and nothing hangs', (t) => {
  const path = write(t, { 'config.json': { include: PATTERN, targets: {} }, 'conf.d/x': '' });
  const folder = join(dirname(path), 'conf.d');
  symlinkSync('/dev/zero', join(folder, 'a.json'));
  mkdirSync(join(folder, 'b.json'));
  symlinkSync('/nowhere/x', join(folder, 'c.json'));
  assert.deepEqual(
    told(path).map((line) => line.replace(/;.*/, '')),
    [
      'conf.d/a.json: is not a regular file',
      'conf.d/b.json: is a directory',
      'conf.d/c.json: does not exist',
    ],
  );
  writeFileSync(path, JSON.stringify({ include: ['conf.d'], targets: {} }));
  assert.match(told(path).join(), /^conf\.d: is a directory; name "conf\.d\/\*\.json" to include/);
  writeFileSync(path, JSON.stringify({ include: PATTERN, targets: {} }));
  rmSync(folder, { recursive: true });
  writeFileSync(folder, '');
  assert.match(told(path).join(), /include\[0\]: conf\.d is not a directory; name a directory$/);
});

test('more files, longer files and larger folders than the limits are refused', (t) => {
  const path = write(t, { 'config.json': { include: PATTERN, targets: {} } });
  const folder = join(dirname(path), 'conf.d');
  const place = (at: number): string => join(folder, `${at}.json`);
  mkdirSync(folder, { mode: 0o755 });
  for (let at = 0; at < INCLUDED_FILES_MAX; at++)
    writeFileSync(place(at), '{"targets":{}}', { mode: 0o600 });
  assert.deepEqual(namesIn(path), []);
  writeFileSync(place(INCLUDED_FILES_MAX), '{"targets":{}}', { mode: 0o600 });
  assert.match(told(path).join(), /include\[0\]: more than 1000 files are included/);
  rmSync(folder, { recursive: true });

  const most = Math.floor(CONFIG_BYTES_MAX / INCLUDED_BYTES_MAX);
  // A comment is read in one step, blanks one by one.
  const long = (bytes: number): string => `${'{"targets":{}}/*'.padEnd(bytes - 2, '-')}*/`;
  put(place(0), long(INCLUDED_BYTES_MAX));
  assert.deepEqual(namesIn(path), []);
  put(place(0), long(INCLUDED_BYTES_MAX + 1));
  assert.match(
    told(path).join(),
    /^conf\.d\/0\.json: is 1048577 bytes long; expected at most 1048576/,
  );
  for (let at = 0; at < most; at++) put(place(at), long(INCLUDED_BYTES_MAX));
  const [line = '', ...more] = told(path);
  assert.match(
    line,
    /^conf\.d\/9\.json: with this file, the configuration is longer than 16777216 bytes/,
  );
  assert.deepEqual(more, []);
  rmSync(folder, { recursive: true });

  mkdirSync(folder, { mode: 0o755 });
  for (let at = 0; at < FOLDER_ENTRIES_MAX; at++) symlinkSync('x', join(folder, `${at}`));
  assert.deepEqual(namesIn(path), []);
  symlinkSync('x', join(folder, 'x'));
  assert.match(told(path).join(), /directory conf\.d has more than 10000 entries/);

  put(path, { include: Array.from({ length: INCLUDES_MAX + 1 }, () => '*.x'), targets: {} });
  assert.match(told(path).join(), /include: expected at most 100 entries/);
});

test('--check names the files', (t) => {
  const path = write(t, { 'config.json': { include: PATTERN }, 'conf.d/a.json': targets('a') });
  const text = describeConfig(accepted(loadConfig(path)));
  assert.equal(
    text.replaceAll(dirname(path), ''),
    '/config.json: 1 target\n  includes /conf.d/a.json\n  a  local\n',
  );
});

test('a daemon that was refused notices every change of a file or a folder', async (t) => {
  const path = write(t, { 'config.json': { include: PATTERN }, 'conf.d/a.json': '?' });
  const places = { env: {}, uid: process.getuid?.() ?? 0, exists: () => true };
  const source = new ConfigSource(path, places);
  assert.equal((await source.read()).ok, false);
  assert.equal(await source.readIfChanged(), undefined);
  put(join(dirname(path), 'conf.d/b.json'), '??');
  assert.equal((await source.readIfChanged())?.ok, false);
  assert.equal(await source.readIfChanged(), undefined);
  put(join(dirname(path), 'conf.d/a.json'), targets('a'));
  assert.equal((await source.readIfChanged())?.ok, false);
  rmSync(join(dirname(path), 'conf.d/b.json'));
  assert.equal((await source.readIfChanged())?.ok, true);
});
