/** Diagnostics: where, what was found, what was expected, what to do; all of them at once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import { check } from '../../../daemon/config/diagnostics.ts';
import { NAME_CHARS_MAX } from '../../../daemon/config/field-types.ts';
import { KEEP_RUNS_MAX } from '../../../daemon/config/keep.ts';
import { formatMistakes } from '../../../daemon/config/mistakes.ts';
import { accepted, load, loadText, mistakesOf, only } from '../../support/config.ts';

const runner = { type: 'local', args: ['/bin/true'] };
const lock = { type: 'rsnapshot', interval: 'daily' };

function one(target: unknown, name = 'web'): ReturnType<typeof load> {
  return load({ targets: { [name]: target } });
}

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
    'targets.web.runner.type: unknown type "locl"; did you mean "local"? known types: local, dummy, ssh, slurm',
    'targets.web.timeot: unknown key; did you mean "timeout"?',
    'targets.web.timeout: expected a duration with a unit, such as "90s", "30m", "8h" or "1h30m"; found 5',
    'targets.web.policies[0].instance: unknown key; did you mean "instances"?',
    'targets.web.policies[0].qeueMax: unknown key; did you mean "queueMax"?',
    'targets.web.policies[0].whenFull: expected one of "queue", "refuse", "ignore", "join", "replace"; found "drop"',
    'targets.web.kilAfter: unknown key; did you mean "killAfter"?',
    'targets.db.runner: missing key; expected an object with a "type": {…}',
    'loog: unknown key; did you mean "log"?',
  ]);
  assert.ok(!loaded.ok);
  const [first = ''] = formatMistakes(loaded).split('\n');
  assert.match(first, /^\/.*\/config\.json:1:\d+: targets\.web\.runner\.type: unknown type "locl"/);
});

test('a key that is like none is told with those that are known', () => {
  const mistake = only(one({ runner: { ...runner, zzzzzz: 1 } }));
  const known = 'type, args, cmds, continueOn, cwd, env, user, group, umask, nice, ionice';
  assert.equal(mistake, `targets.web.runner.zzzzzz: unknown key; known here: ${known}`);
});

test('a runner or policy without a type, or of no known one, is told with all types', () => {
  assert.equal(
    only(one({ runner: {} })),
    'targets.web.runner.type: missing key; expected one of local, dummy, ssh, slurm',
  );
  assert.equal(
    only(one({ runner: { type: 'zzzzzz' } })),
    'targets.web.runner.type: unknown type "zzzzzz"; known types: local, dummy, ssh, slurm',
  );
  assert.equal(
    only(one({ runner, policies: [{ type: 5 }] })),
    'targets.web.policies[0].type: expected one of cardinality, priority, require, rsnapshot, spacing, window; found 5',
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
    [{ stopSignal: 'KILL' }, /stopSignal: expected a signal .*TERM, INT.*; found "KILL"/],
    [{ killAfter: true }, /killAfter: expected a duration with a unit.*; found true/],
    [{ okExit: [256] }, /okExit\[0\]: expected an exit code: .* from 0 to 255; found 256/],
    [{ okExit: 0 }, /okExit: expected a list of exit codes; found 0/],
    [{ warnExit: [-1] }, /warnExit\[0\]: expected an exit code/],
    [{ warnExit: [1.5] }, /warnExit\[0\]: expected an exit code/],
    [
      { warnExit: [0, 2] },
      /warnExit: expected exit codes that okExit .* not name .*; found \[0,2\]/,
    ],
    [{ keep: { runs: 0 } }, /keep\.runs: expected an integer from 1 to 1000000; found 0/],
    [{ keep: { runs: KEEP_RUNS_MAX + 1 } }, /keep\.runs: expected an integer/],
    [{ description: 5 }, /description: expected a string in double quotes; found 5/],
    [{ description: 'x'.repeat(10_001) }, /expected at most 10000 characters; found "x{59}…$/],
    [{ policies: lock }, /policies: expected a list: .*; found an object with type, interval/],
    [
      { policies: [{ ...lock, interval: 'x', order: ['y'] }] },
      /policies\[0\]\.interval: expected .*; found "x"/,
    ],
    [{ policies: [{ type: 'cardinality', instances: 0 }] }, /expected at least 1; found 0/],
    [{ policies: [{ type: 'cardinality', instances: 1.5 }] }, /expected an integer; found 1\.5/],
    [{ policies: [{ type: 'cardinality', group: '' }] }, /expected a string that is not empty/],
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

test('a list is no object', () => {
  const none = { runner, targets: [] };
  assert.match(mistakesOf(load(none))[1] ?? '', /^targets: expected an object: {…}; found \[\]/);
  for (const wrong of [{ runner: [] }, { runner: [runner] }, { runner: { ...runner, env: [] } }]) {
    assert.match(only(one(wrong)), /runner(\.env)?: expected an object.*; found (\[|a list)/);
  }
  assert.match(only(one([])), /^targets\.web: expected an object: {…}; found \[\]/);
});

test('whatever a file holds, it is read or the mistakes are told', () => {
  const keys = [
    'type',
    'runner',
    'policies',
    'args',
    'class',
    'attrs',
    'handler',
    'targets',
    'web',
  ];
  const values = [
    'local',
    'dummy',
    'rsnapshot',
    'cardinality',
    'py9tor.worker.LocalExecutor',
    '5s',
  ];
  const { node } = fc.letrec<{ node: unknown }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom<unknown>(...values, 0, 1.5, true, null, ''),
      fc.dictionary(fc.constantFrom(...keys), tie('node'), { maxKeys: 4 }),
      fc.array(tie('node'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom('web', 'db'), node), (targets) => {
      const loaded = load({ targets });
      assert.ok(loaded.ok || loaded.mistakes.length > 0);
    }),
    { numRuns: 500 },
  );
});

test('what a schema says is expected is told as it stands, whatever words it begins with', () => {
  const schema = v.object({
    at: v.pipe(
      v.string(),
      v.check(() => false, 'Invalid dates, too'),
    ),
  });
  const checked = check(schema, { at: 'x' });
  assert.ok(!checked.ok);
  assert.deepEqual(
    checked.diagnostics.map(({ text }) => text),
    ['expected Invalid dates, too; found "x"'],
  );
});
