/** What config.json means to the daemon, and conflicts in it. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeConfig } from '../../../daemon/config/describe.ts';
import { loadConfig } from '../../../daemon/config/load.ts';
import { LOG_LEVELS } from '../../../daemon/system/log.ts';
import { policies } from '../../../policies/index.ts';
import { runners } from '../../../runners/index.ts';
import {
  accepted,
  directory,
  load,
  mistakesOf,
  only,
  ROOT,
  withConfs,
} from '../../support/config.ts';

const runner = { type: 'local', args: ['/bin/true'] };
const lock = { type: 'rsnapshot', interval: 'daily' };

function one(target: unknown): ReturnType<typeof load> {
  return load({ targets: { web: target } });
}

test('the configuration in the repository loads and nothing in it is broken', (t) => {
  // A checkout may be writable by the group, which a configuration must not be.
  const path = join(directory(t), 'config.json');
  writeFileSync(path, '', { mode: 0o600 });
  copyFileSync(join(ROOT, 'config.json'), path);
  const { catalog, warnings } = accepted(loadConfig(path, undefined, withConfs()));
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
          stopSignal: 'INT',
          stopTo: 'main',
          maxWait: '90s',
          okExit: [0, 3],
          warnExit: [2],
          keep: { runs: 1, days: 30 },
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
    stopSignal: 'INT',
    stopTo: 'main',
    maxWaitMs: 90_000,
    okExit: [0, 3],
    warnExit: [2],
    keep: { runs: 1, ms: 86_400_000 * 30 },
  });
  assert.equal(config.logLevel, 'debug');
});

test('every level of the log can be configured', () => {
  for (const level of LOG_LEVELS) accepted(load({ log: { level }, targets: {} }));
});

test('the group of an rsnapshot target is the file behind -c of its command', () => {
  const args = ['/usr/bin/rsnapshot', '-c', '/etc/other.conf', 'daily'];
  const config = accepted(one({ runner: { type: 'local', args }, policies: [lock] }));
  assert.deepEqual([...config.catalog.groups.keys()], ['rsnapshot:/etc/other.conf']);
});

test('one target in two rsnapshot groups, or twice in one group, is a mistake', () => {
  const cases: readonly (readonly [readonly unknown[], RegExp])[] = [
    [
      [lock, { ...lock, group: 'b' }],
      /policies\[1\]: type rsnapshot is already used by policies\[0\]/,
    ],
    [[lock, lock], /policies\[1\]: group "rsnapshot:\/etc\/rsnapshot\.conf" is already used/],
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
    retry: { attempts: 4 },
    okExit: [0, 3],
    warnExit: [2],
    keep: { runs: 5 },
  };
  const said = describeConfig(accepted(one({ runner, policies: [lock], ...limits })));
  const [, line] = said.split('\n');
  assert.equal(
    line,
    '  web  local, rsnapshot:/etc/rsnapshot.conf, timeout 8 h, killAfter 30.0 s, maxWait 12 h, retry 4 attempts, okExit 0 3, warnExit 2, keeps 5 runs',
  );
});

test('every plugin shows its keys, so that a misspelt one is found', () => {
  for (const [name, plugin] of Object.entries({ ...runners, ...policies })) {
    assert.equal(plugin.type, name);
    const shape = plugin.options as { type?: string; entries?: { type?: { literal?: string } } };
    assert.equal(shape.type, 'strict_object', name);
    assert.equal(shape.entries?.type?.literal, name);
  }
});
