/** Reading config.json: what it means, and every way in which it can be wrong. */
import assert from 'node:assert/strict';
import { chownSync, copyFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeConfig, formatMistakes, loadConfig } from '../../daemon/config.ts';
import { CONFIG_BYTES_MAX } from '../../daemon/configfile.ts';
import { DEPTH_MAX } from '../../daemon/json.ts';
import { LOG_LEVELS } from '../../daemon/log.ts';
import { KEEP_RUNS_DEFAULT, KEEP_RUNS_MAX, NAME_CHARS_MAX } from '../../daemon/schema.ts';
import { policies } from '../../policies/index.ts';
import { runners } from '../../runners/index.ts';
import { accepted, directory, load, loadText, mistakesOf, ROOT } from '../support/config.ts';

const runner = { type: 'local', args: ['/bin/true'] };
const lock = { type: 'rsnapshot', interval: 'daily' };

function one(target: unknown, name = 'web'): ReturnType<typeof load> {
  return load({ targets: { [name]: target } });
}

/** The one mistake of a configuration. */
function only(loaded: ReturnType<typeof load>): string {
  const [mistake, ...more] = mistakesOf(loaded);
  assert.deepEqual(more, [], 'one mistake only');
  return mistake ?? 'no mistake';
}

test('the configuration in the repository loads and nothing in it is broken', (t) => {
  // A checkout may be writable by the group, which a configuration may not.
  const path = join(directory(t), 'config.json');
  writeFileSync(path, '', { mode: 0o600 });
  copyFileSync(join(ROOT, 'config.json'), path);
  const { catalog, warnings } = accepted(loadConfig(path));
  assert.deepEqual(warnings, []);
  const targets = [...catalog.targets.values()];
  assert.ok(targets.every((target) => target.broken === undefined));
  const members = (key: string) => catalog.groups.get(key)?.members.map(({ target }) => target);
  assert.deepEqual(members('rsnapshot:/etc/rsnapshot.conf'), [
    ...['rsnap-monthly', 'rsnap-weekly', 'rsnap-daily', 'rsnap-hourly'],
  ]);
  assert.deepEqual(members('cardinality:backup-disk'), ['dump-databases', 'mirror-photos']);
});

test('what a target leaves out has its default', () => {
  const config = accepted(one({ runner }));
  assert.equal(config.keepRuns, KEEP_RUNS_DEFAULT);
  assert.equal(config.logLevel, undefined);
  assert.deepEqual(config.catalog.targets.get('web'), {
    name: 'web',
    args: ['/bin/true'],
    runner: { type: 'local', options: { ...runner, env: {} } },
    bindings: [],
    killAfterMs: 30_000,
    okExit: [0],
    warnExit: [],
  });
});

test('what a configuration says is what the daemon gets', () => {
  const config = accepted(
    load({
      $schema: 'x',
      description: 'all of it',
      log: { level: 'debug' },
      keep: { runs: 7 },
      targets: {
        web: {
          description: 'a web',
          runner: { type: 'dummy', time: '2s' },
          policies: [{ type: 'cardinality', instances: 2, group: 'disk' }, lock],
          timeout: '8h',
          killAfter: '0s',
          maxWait: '90s',
          okExit: [0, 3],
          warnExit: [2],
          keep: { runs: 1 },
        },
      },
    }),
  );
  const { bindings = [], ...web } = config.catalog.targets.get('web') ?? {};
  assert.deepEqual(
    bindings.map(({ key }) => key),
    ['cardinality:disk', 'rsnapshot:/etc/rsnapshot.conf'],
  );
  assert.deepEqual(web, {
    name: 'web',
    description: 'a web',
    runner: { type: 'dummy', options: { type: 'dummy', timeMs: 2_000 } },
    timeoutMs: 28_800_000,
    killAfterMs: 0,
    maxWaitMs: 90_000,
    okExit: [0, 3],
    warnExit: [2],
    keepRuns: 1,
  });
  assert.equal(config.logLevel, 'debug');
  assert.equal(config.keepRuns, 7);
});

test('every level of the log can be configured', () => {
  for (const level of LOG_LEVELS) accepted(load({ log: { level }, targets: {} }));
});

test('the group of an rsnapshot target is the file behind -c of its command', () => {
  const args = ['/usr/bin/rsnapshot', '-c', '/etc/other.conf', 'daily'];
  const config = accepted(one({ runner: { type: 'local', args }, policies: [lock] }));
  assert.deepEqual([...config.catalog.groups.keys()], ['rsnapshot:/etc/other.conf']);
});

test('all mistakes are told at once, in the order of the file, with suggestions', () => {
  const loaded = load({
    targets: {
      web: {
        runner: { type: 'locl', args: [] },
        timeot: '5s',
        timeout: 5,
        policies: [{ type: 'cardinality', instance: 2, qeueMax: 1, whenFull: 'drop' }],
        kilAfter: 1,
      },
      db: {},
    },
    loog: {},
  });
  assert.deepEqual(mistakesOf(loaded), [
    'targets.web.runner.type: unknown type "locl"; did you mean "local"? known types: local, dummy, ssh',
    'targets.web.timeot: unknown key; did you mean "timeout"?',
    'targets.web.timeout: expected a duration with a unit, such as "90s", "30m", "8h" or "1h30m"; found 5',
    'targets.web.policies[0].instance: unknown key; did you mean "instances"?',
    'targets.web.policies[0].qeueMax: unknown key; did you mean "queueMax"?',
    'targets.web.policies[0].whenFull: expected one of "queue", "refuse", "ignore", "join"; found "drop"',
    'targets.web.kilAfter: unknown key; did you mean "killAfter"?',
    'targets.db.runner: missing key; expected an object with a "type": {…}',
    'loog: unknown key; did you mean "log"?',
  ]);
  assert.ok(!loaded.ok);
  const [first = ''] = formatMistakes(loaded).split('\n');
  assert.match(first, /^\/.*\/config\.json: targets\.web\.runner\.type: unknown type "locl"/);
});

test('a key that is like none is told with those that are known', () => {
  const mistake = only(one({ runner: { ...runner, zzzzzz: 1 } }));
  const known = 'type, args, cwd, env, user, group, umask, nice, ionice';
  assert.equal(mistake, `targets.web.runner.zzzzzz: unknown key; known here: ${known}`);
});

test('a runner or policy without a type, or of no known one, is told with all types', () => {
  assert.equal(
    only(one({ runner: {} })),
    'targets.web.runner.type: missing key; expected one of local, dummy, ssh',
  );
  assert.equal(
    only(one({ runner: { type: 'zzzzzz' } })),
    'targets.web.runner.type: unknown type "zzzzzz"; known types: local, dummy, ssh',
  );
  assert.equal(
    only(one({ runner, policies: [{ type: 5 }] })),
    'targets.web.policies[0].type: expected one of cardinality, rsnapshot; found 5',
  );
  assert.match(
    only(one({ runner, policies: [5] })),
    /policies\[0\]: expected an object .*; found 5/,
  );
});

test('each value out of bounds is told with what was expected', () => {
  const cases: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ timeout: '0s' }, /^targets\.web\.timeout: .*longer than 0; found/],
    [{ timeout: '367d' }, /timeout: .*at most 366d; found "367d"/],
    [{ maxWait: '90' }, /maxWait: expected a duration with a unit/],
    [{ killAfter: true }, /killAfter: expected a duration with a unit.*; found true/],
    [{ okExit: [256] }, /okExit\[0\]: expected an exit code: .* from 0 to 255; found 256/],
    [{ okExit: 0 }, /okExit: expected a list of exit codes; found 0/],
    [{ warnExit: [-1] }, /warnExit\[0\]: expected an exit code/],
    [{ warnExit: [1.5] }, /warnExit\[0\]: expected an exit code/],
    [
      { warnExit: [0, 2] },
      /warnExit: expected exit codes that okExit .* not name .*; found \[0,2\]/,
    ],
    [{ keep: { runs: 0 } }, /keep\.runs: expected a whole number from 1 to 1000000; found 0/],
    [{ keep: { runs: KEEP_RUNS_MAX + 1 } }, /keep\.runs: expected a whole number/],
    [{ description: 5 }, /description: expected a text in double quotes; found 5/],
    [{ description: 'x'.repeat(10_001) }, /expected at most 10000 characters; found "x{59}…$/],
    [{ policies: lock }, /policies: expected a list: .*; found an object with type, interval/],
    [{ policies: [{ ...lock, interval: 'x' }] }, /policies\[0\]\.interval: expected .*; found "x"/],
    [{ policies: [{ type: 'cardinality', instances: 0 }] }, /expected at least 1; found 0/],
    [
      { policies: [{ type: 'cardinality', instances: 1.5 }] },
      /expected a whole number; found 1\.5/,
    ],
    [{ policies: [{ type: 'cardinality', group: '' }] }, /expected a text that is not empty/],
  ];
  for (const [wrong, expected] of cases) assert.match(only(one({ runner, ...wrong })), expected);
});

test('a target’s name cannot be taken for a run, an option or a path', () => {
  const longest = 'n'.repeat(NAME_CHARS_MAX);
  for (const name of ['a', '12a', 'a b', 'Ärger', longest]) accepted(one({ runner }, name));
  for (const name of ['', '12', '-a', 'a/b', 'a\nb', 'a\x7f', `${longest}n`]) {
    assert.match(only(one({ runner }, name)), /expected a target name/, JSON.stringify(name));
  }
  for (const name of ['__proto__', 'constructor', 'prototype']) {
    const text = `{"targets":{"${name}":${JSON.stringify({ runner })}}}`;
    assert.match(only(loadText(text)), /this name cannot be used/);
  }
});

test('a place whose name is no plain word stands in brackets', () => {
  assert.match(only(one({ runner, x: 1 }, 'my.web')), /^targets\["my\.web"\]\.x: unknown key/);
});

test('one target in two rsnapshot groups, or twice in one group, is a mistake', () => {
  const cases: readonly (readonly [readonly unknown[], RegExp])[] = [
    [
      [lock, { ...lock, group: 'b' }],
      /policies\[1\]: type rsnapshot is already named by policies\[0\]/,
    ],
    [[lock, lock], /policies\[1\]: group "rsnapshot:\/etc\/rsnapshot\.conf" is already named/],
    [[{ type: 'cardinality' }, { type: 'cardinality' }], /group "cardinality:target web"/],
  ];
  for (const [names, expected] of cases) {
    assert.match(only(one({ runner, policies: names })), expected);
  }
  const [disk, net] = ['disk', 'net'].map((group) => ({ type: 'cardinality', group }));
  accepted(one({ runner, policies: [disk, net, lock] }));
});

test('options that cannot stand together in one group are a mistake of the second target', () => {
  const of = (instances: number) => ({
    runner,
    policies: [lock, { type: 'cardinality', group: 'disk', instances }],
  });
  const daily = { ...of(1) };
  const weekly = { runner, policies: [{ type: 'rsnapshot', interval: 'beta' }] };
  assert.deepEqual(mistakesOf(load({ targets: { a: daily, b: of(2), c: weekly } })), [
    'targets.b.policies[1]: instances is 2 here and 1 in target "a" of the same group; make them equal',
    'targets.c.policies[0]: the order is alpha < beta < gamma < delta here and hourly < daily < weekly < monthly < yearly in target "a" of the same group; make them equal',
  ]);
  accepted(load({ targets: { a: of(2), b: of(2) } }));
});

test('what cannot work on this machine breaks its target only, and --check says so', () => {
  const key = '/no/such/key';
  const nas = { runner: { type: 'ssh', host: 'nas', key: [key, `${key}2`], args: ['id'] } };
  const config = accepted(load({ targets: { web: { runner }, nas } }));
  const { broken } = config.catalog.targets.get('nas') ?? {};
  assert.match(broken ?? '', /key "\/no\/such\/key" does not exist.*; key "\/no\/such\/key2"/);
  assert.equal(config.catalog.targets.get('web')?.broken, undefined);
  const said = describeConfig(config);
  assert.match(said, /config\.json: 2 targets\n {2}web {2}local\n {2}nas {2}ssh\n/);
  assert.match(said, /\nproblem: target "nas" is broken: key "\/no\/such\/key" does not exist/);
});

test('--check shows groups and limits', () => {
  const limits = {
    timeout: '8h',
    maxWait: '12h',
    okExit: [0, 3],
    warnExit: [2],
    keep: { runs: 5 },
  };
  const said = describeConfig(accepted(one({ runner, policies: [lock], ...limits })));
  const [, line] = said.split('\n');
  assert.equal(
    line,
    '  web  local, rsnapshot:/etc/rsnapshot.conf, timeout 8 h, killAfter 30.0 s, maxWait 12 h, okExit 0 3, warnExit 2, keeps 5 runs',
  );
});

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
    ['{"a": "\\x"}', 'line 1, column 7: expected a text that ends'],
    ['{} {}', 'line 1, column 4: expected the end of the file; found "{}"'],
    ['{"a": 1', 'line 1, column 8: expected "," or "}"; found the end of the file'],
    ['['.repeat(DEPTH_MAX + 2), `column ${DEPTH_MAX + 2}: expected at most ${DEPTH_MAX} levels`],
  ];
  for (const [text, expected] of cases) {
    const mistake = only(loadText(text));
    assert.ok(mistake.includes(expected), `${text}: ${mistake}`);
  }
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
    'x: unknown key; known here: $schema, description, log, keep, targets',
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

test('a file of another user is refused, one of root is read', { skip: notRoot() }, (t) => {
  const path = join(directory(t), 'config.json');
  writeFileSync(path, '{"targets":{}}', { mode: 0o600 });
  accepted(loadConfig(path, 1000));
  chownSync(path, 1000, 1000);
  accepted(loadConfig(path, 1000));
  assert.match(only(loadConfig(path, 0)), /is owned by uid 1000; expected root; chown it/);
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

test('every plugin shows its keys, so that a misspelt one is found', () => {
  for (const [name, plugin] of Object.entries({ ...runners, ...policies })) {
    assert.equal(plugin.type, name);
    const shape = plugin.options as { type?: string; entries?: { type?: { literal?: string } } };
    assert.equal(shape.type, 'strict_object', name);
    assert.equal(shape.entries?.type?.literal, name);
  }
});

function notRoot(): string | false {
  return process.getuid?.() === 0 ? false : 'only root can give a file away';
}
