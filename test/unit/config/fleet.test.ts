/** `hosts`: the targets of a fleet, their names, and mistakes in them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FLEET_EXAMPLE } from '../../../contrib/generate/configpage.ts';
import { describeConfig } from '../../../daemon/config/describe.ts';
import { FLEET_HOSTS_MAX } from '../../../daemon/config/field-types.ts';
import { accepted, load, loadText, mistakesOf } from '../../support/config.ts';

const runner = { type: 'local', args: ['/bin/echo', '{host}'] };
const HOSTS = ['web1', 'db2.example', '10.0.0.7', 'fe80::1'];

function mistakes(targets: unknown): readonly string[] {
  return mistakesOf(load({ targets }));
}

test('each host makes a target, and the fleet stands for them', () => {
  const policies = [
    { type: 'cardinality', instances: 2 },
    { type: 'spacing', least: '1s' },
  ];
  const config = accepted(load({ targets: { up: { hosts: HOSTS, runner, policies } } }));
  const { targets, fleets, groups } = config.catalog;
  const names = HOSTS.map((host) => `up@${host}`);
  assert.deepEqual([...targets.keys()], names);
  assert.deepEqual([...fleets], [['up', names]]);
  assert.deepEqual(targets.get('up@10.0.0.7')?.args, ['/bin/echo', '10.0.0.7']);
  assert.equal(targets.get('up@web1')?.fleet, 'up');
  assert.ok(groups.has('cardinality:fleet up'));
  assert.match(describeConfig(config), /4 targets\n {2}fleet up: 4 targets\n/);
});

test('with each, every other combination makes a fleet', () => {
  const definition = { each: { what: ['a', 'b'] }, hosts: ['x', 'y'], runner };
  const { fleets } = accepted(load({ targets: { 'do-{what}': definition } })).catalog;
  assert.deepEqual(
    [...fleets],
    [
      ['do-a', ['do-a@x', 'do-a@y']],
      ['do-b', ['do-b@x', 'do-b@y']],
    ],
  );
});

test('a mistake is told at its place in the list of hosts', () => {
  const text = `{ "targets": { "up": { "hosts": ["a", "b", "a"],
    "runner": { "type": "local", "args": ["/bin/echo", "{host}", "{hots}"] } } } }`;
  const loaded = loadText(text);
  assert.ok(!loaded.ok);
  assert.deepEqual(
    loaded.mistakes.map(({ path, text: said, position }) => `${position?.line} ${path}: ${said}`),
    [
      '1 targets.up.hosts[2]: value "a" appears twice in this list; remove one of them',
      '2 targets.up.runner.args[2]: placeholder {hots} is not in "each"; did you mean "host"? add it there, or write {{hots}} for the literal text',
    ],
  );
});

test('hosts that are not used, not hosts or given twice are mistakes', () => {
  const plain = { type: 'local', args: ['/bin/echo'] };
  assert.match(
    mistakes({ up: { hosts: ['a'], runner: plain } }).join(),
    /^targets\.up\.hosts: this definition does not contain {host}/,
  );
  assert.match(
    mistakes({ up: { each: { host: ['b'] }, hosts: ['a'], runner } }).join(),
    /targets\.up\.each\.host: {host} is already replaced by the hosts of "hosts"/,
  );
  for (const host of ['a b', '-a', 'a/b', 'a,b', 'a*', 'u@a', '', 5]) {
    assert.match(
      mistakes({ up: { hosts: [host], runner } }).join(),
      /^targets\.up\.hosts\[0\]: expected a/,
      String(host),
    );
  }
  assert.match(mistakes({ up: { hosts: [], runner } }).join(), /^targets\.up\.hosts: expected/);
});

test('a name is a fleet or a target, and a hook is a target', () => {
  const up = { hosts: ['a', 'b'], runner };
  const one = { runner: { type: 'dummy', time: '1s' } };
  assert.match(
    mistakes({ up, '{x}': { each: { x: ['up'] }, ...one } }).join('\n'),
    /^targets\.up: "up" is the name of a fleet and of a target \(defined at .*\); rename one of them$/,
  );
  assert.match(mistakes({ up, 'up@b': one }).join('\n'), /target "up@b" is already defined/);
  assert.match(
    mistakes({ up, other: { ...one, onFailure: 'up' } }).join('\n'),
    /^targets\.other\.onFailure: "up" is a fleet; expected a single target/,
  );
});

test('a fleet of the most hosts loads, and one more is refused', () => {
  const list = (count: number) => Array.from({ length: count }, (_, at) => `h${at}`);
  const { fleets } = accepted(
    load({ targets: { up: { hosts: list(FLEET_HOSTS_MAX), runner } } }),
  ).catalog;
  assert.equal(fleets.get('up')?.length, FLEET_HOSTS_MAX);
  assert.match(
    mistakes({ up: { hosts: list(FLEET_HOSTS_MAX + 1), runner } }).join(),
    /^targets\.up\.hosts: expected/,
  );
});

test('sockets may name a fleet', () => {
  const sockets = [{ path: '/s', targets: ['up'] }];
  const { warnings } = accepted(load({ sockets, targets: { up: { hosts: ['a'], runner } } }));
  assert.deepEqual(warnings, []);
});

test('the example of the manual loads, and means what the page says', () => {
  const { fleets, targets } = accepted(load(FLEET_EXAMPLE)).catalog;
  assert.deepEqual(
    fleets.get('update-all'),
    ['web1', 'web2', 'db1'].map((it) => `update-all@${it}`),
  );
  assert.equal(targets.get('update-all@db1')?.host, 'db1');
});
