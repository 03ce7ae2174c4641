/** What `batond --check` prints about the conditions of targets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCatalog } from '../../../daemon/core/catalog.ts';
import type { SlowCondition } from '../../../daemon/core/world.ts';
import { keyOf } from '../../../daemon/core/world.ts';
import { describeRequirements } from '../../../daemon/startup/requirements.ts';
import type { WorldPort } from '../../../daemon/system/machine.ts';
import { type RawPolicy, target } from '../../support/core.ts';

const MOUNT: RawPolicy = { type: 'require', mounted: '/mnt/a' };
const COMMAND: RawPolicy = { type: 'require', command: ['/bin/ready'] };
const FILE: RawPolicy = { type: 'require', exists: '/x' };

/** A machine whose answer to every condition is its kind; `check` answers as given. */
function machineThat(check: WorldPort['check']): Pick<WorldPort, 'look' | 'check'> {
  return {
    look: (conditions) =>
      new Map(conditions.map((it) => [keyOf(it), { holds: true, text: `${it.kind} is seen` }])),
    check,
  };
}

const answering = machineThat((condition, done) => {
  setImmediate(done, { holds: false, text: `${condition.kind} is wrong` });
  return () => {};
});

test('each condition is told once, with those who require it, and what it says now', async () => {
  const catalog = makeCatalog([
    target('a', [MOUNT, FILE]),
    ...['b', 'c', 'd', 'e'].map((name) => target(name, [MOUNT])),
    target('free'),
  ]);
  assert.equal(
    await describeRequirements(catalog, answering),
    'requirement of a, b, c and 2 more: mounted is seen: met now\n' +
      'requirement of a: exists is wrong: not met now\n',
  );
  assert.equal(await describeRequirements(makeCatalog([target('free')]), answering), '');
});

test('no command of an administrator is run', async () => {
  const asked: SlowCondition[] = [];
  const port = machineThat((condition) => {
    asked.push(condition);
    return () => {};
  });
  const catalog = makeCatalog([target('a', [COMMAND])]);
  assert.equal(
    await describeRequirements(catalog, port),
    'requirement of a: the command /bin/ready: not checked, --check does not run commands\n',
  );
  assert.deepEqual(asked, []);
});

test('a check that never has an answer is ended, and there is an end to all of them', async () => {
  let [begun, ended] = [0, 0];
  const port = machineThat(() => {
    begun++;
    return () => void ended++;
  });
  const many = Array.from({ length: 40 }, (_, at) =>
    target(`t${at}`, [{ type: 'require', exists: `/${at}` }]),
  );
  const told = await describeRequirements(makeCatalog(many), port, 20);
  const lines = told.trimEnd().split('\n');
  assert.equal(lines.length, 40);
  for (const line of lines) {
    assert.match(
      line,
      /: the file \/\d+ could not be checked within |: not checked, time limit reached$/,
    );
  }
  assert.ok(lines.some((line) => line.endsWith('not checked, time limit reached')));
  assert.equal(begun, ended);
});
