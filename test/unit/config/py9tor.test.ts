/** py9tor's configuration, read unchanged. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Config } from '../../../daemon/config/load.ts';
import { loadConfig } from '../../../daemon/config/load.ts';
import { ssh } from '../../../runners/ssh.ts';
import { accepted, directory, load, mistakesOf, ROOT, withConfs } from '../../support/config.ts';

const FIXTURE = join(ROOT, 'test/support/py9tor.config.json');
const local = { class: 'py9tor.worker.LocalExecutor', attrs: { args: ['ls'] } };

function fixture(t: { after(done: () => void): void }): { config: Config; place: string } {
  const place = directory(t);
  const path = join(place, 'config.json');
  writeFileSync(path, '', { mode: 0o600 });
  copyFileSync(FIXTURE, path);
  return { config: accepted(loadConfig(path, undefined, withConfs())), place };
}

function mistakes(targets: unknown): readonly string[] {
  return mistakesOf(load({ targets }));
}

test('every class and handler of py9tor becomes a target of baton', (t) => {
  const { config, place } = fixture(t);
  const { targets, groups } = config.catalog;
  const options = (name: string): unknown => targets.get(name)?.runner.options;
  const { targets: raw } = JSON.parse(readFileSync(FIXTURE, 'utf8')) as { targets: object };
  assert.deepEqual([...targets.keys()], Object.keys(raw));
  assert.deepEqual(options('dummyTarget'), { type: 'dummy', timeMs: 10_000 });
  const env = {};
  assert.deepEqual(options('aLocal'), { type: 'local', args: ['ls', '-l'], user: 'nobody', env });
  assert.deepEqual(options('aProgram'), { type: 'local', args: ['uptime'], user: 0, env });
  assert.deepEqual(options('aRemote'), {
    type: 'ssh',
    host: 'host-fqdn',
    user: 'username',
    key: [join(place, 'keys/backup')],
    port: 2222,
    cmds: ['cd /srv', 'ls -la'],
    stopOnError: false,
    via: 'ssh2',
    hostKey: 'strict',
    connectTimeoutMs: 20_000,
    keepaliveMs: 15_000,
  });
  assert.deepEqual(
    [...groups.values()].map(({ key, members }) => [key, members.map(({ target }) => target)]),
    [
      ['cardinality:target dummyTarget', ['dummyTarget']],
      ['rsnapshot:py9tor', ['rsnap-hourly', 'rsnap-yearly']],
    ],
  );
});

test('full means refused, and a duplicate interval too, as in py9tor', (t) => {
  const { targets } = fixture(t).config.catalog;
  const [counted] = targets.get('dummyTarget')?.bindings ?? [];
  assert.deepEqual(counted?.options, { type: 'cardinality', instances: 2, whenFull: 'refuse' });
  const [ranked] = targets.get('rsnap-yearly')?.bindings ?? [];
  assert.deepEqual(ranked?.options, {
    type: 'rsnapshot',
    interval: 'yearly',
    group: 'py9tor',
    order: ['hourly', 'daily', 'weekly', 'monthly', 'yearly'],
    height: 4,
    onDuplicate: 'refuse',
  });
});

test('host keys are checked, which py9tor did not do', (t) => {
  const target = fixture(t).config.catalog.targets.get('aRemote');
  const plan = ssh.plan(target?.runner.options as Parameters<typeof ssh.plan>[0]);
  assert.ok(plan.keeper === 'ssh');
  assert.equal(plan.session.hostKey, 'strict');
  assert.equal(plan.session.command, 'cd /srv\nls -la');
});

test('host and port are ignored with one warning', (t) => {
  const warning = (keys: object) => accepted(load({ ...keys, targets: { local } })).warnings;
  assert.deepEqual(fixture(t).config.warnings, [
    'host and port are ignored: baton has no network port; remove them',
  ]);
  assert.deepEqual(warning({ port: '8000' }), [
    'port is ignored: baton has no network port; remove it',
  ]);
  assert.deepEqual(warning({}), []);
});

test('a misspelt class, handler or key is told where it stands, with a suggestion', () => {
  const found = mistakes({
    a: { class: 'py9tor.worker.LocalExecuter', attrs: {} },
    b: { ...local, handler: 'py9tor.handlers.cardinalty', instances: 1 },
    c: { ...local, handlr: 'x' },
    d: { class: 'py9tor.worker.DummyExecutor', attrs: { tme: 5 } },
    e: { class: 5, attrs: {} },
  });
  assert.deepEqual(found, [
    'targets.a.class: unknown class "py9tor.worker.LocalExecuter"; did you mean "py9tor.worker.LocalExecutor"?',
    'targets.b.handler: unknown handler "py9tor.handlers.cardinalty"; did you mean "py9tor.handlers.cardinality"?',
    'targets.c.handlr: unknown key; did you mean "handler"?',
    'targets.d.attrs.time: missing key, which py9tor.worker.DummyExecutor needs; add it',
    'targets.d.attrs.tme: unknown key; did you mean "time"?',
    'targets.e.class: expected one of py9tor.worker.DummyExecutor, py9tor.worker.LocalExecutor, py9tor.worker.SSHExecutor; found 5',
  ]);
});

test('what is missing is told once', () => {
  const found = mistakes({
    a: { class: 'py9tor.worker.SSHExecutor', attrs: {} },
    b: { class: 'py9tor.worker.LocalExecutor' },
    c: { ...local, handler: 'py9tor.handlers.cardinality' },
    d: { ...local, handler: 'py9tor.handlers.rsnapshot' },
    e: { ...local, attrs: 5 },
  });
  assert.deepEqual(found, [
    ...['key', 'user', 'host', 'cmds'].map(
      (key) => `targets.a.attrs.${key}: missing key, which py9tor.worker.SSHExecutor needs; add it`,
    ),
    'targets.b.attrs: missing key; expected an object with args',
    'targets.c.instances: missing key, which py9tor.handlers.cardinality needs; add it',
    'targets.d.interval: missing key, which py9tor.handlers.rsnapshot needs; add it',
    'targets.e.attrs: expected an object with args',
  ]);
});

test('a value that baton’s own schema refuses is told where it stands in the user’s file', () => {
  const remote = { key: '/k', user: 'a b', host: '-x', port: '0', cmds: [] };
  const found = mistakes({
    a: { class: 'py9tor.worker.SSHExecutor', attrs: remote },
    b: { ...local, handler: 'py9tor.handlers.cardinality', instances: 0 },
    c: { ...local, handler: 'py9tor.handlers.rsnapshot', interval: 'fortnightly' },
    d: { class: 'py9tor.worker.DummyExecutor', attrs: { time: -1 } },
    e: { class: 'py9tor.worker.LocalExecutor', attrs: { args: [] } },
    '12': local,
  });
  const places = found.map((mistake) => mistake.split(': ')[0]);
  assert.deepEqual(places, [
    'targets.12',
    ...['user', 'host', 'port', 'cmds'].map((key) => `targets.a.attrs.${key}`),
    'targets.b.instances',
    'targets.c.interval',
    'targets.d.attrs.time',
    'targets.e.attrs.args[0]',
  ]);
});

test('an interval that py9tor did not know is told, whatever the rsnapshot.conf says', () => {
  const of = (interval: string) => ({ ...local, handler: 'py9tor.handlers.rsnapshot', interval });
  const [mistake = '', ...more] = mistakes({ a: of('daily'), b: of('beta') });
  assert.match(mistake, /^targets\.b\.interval: expected one of "order" .*; found "beta"/);
  assert.deepEqual(more, []);
});

test('a key of a handler that is not there is ignored with a warning', () => {
  const { warnings } = accepted(load({ targets: { a: { ...local, instances: 1 } } }));
  assert.deepEqual(warnings, [
    'target "a": instances is ignored: no handler reads it; set "handler", or remove it',
  ]);
});

test('both formats stand in one file', (t) => {
  const { targets } = fixture(t).config.catalog;
  assert.deepEqual(targets.get('hello')?.args, ['/bin/echo', 'hello']);
  const mixed = mistakes({ a: local, b: { runner: { type: 'local', args: [] }, attrs: {} } });
  assert.equal(mixed.length, 2);
  assert.match(mixed[0] ?? '', /^targets\.b\.runner\.args\[0\]: expected/);
});
