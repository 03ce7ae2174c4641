/** Arguments of a request: only those that match the target's patterns, and no others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from '../../../client/cli.ts';
import { describeConfig } from '../../../daemon/config/describe.ts';
import { apply } from '../../../daemon/core/apply.ts';
import { findUnfit, type Target } from '../../../daemon/core/catalog.ts';
import { decide } from '../../../daemon/core/decide.ts';
import { minimalHistory } from '../../../daemon/core/minimal-history.ts';
import { emptyState, type State } from '../../../daemon/core/state.ts';
import { planOf } from '../../../daemon/engine/daemon.ts';
import { accepted, load, only } from '../../support/config.ts';
import { NONCE } from '../../support/core.ts';

const runner = { type: 'local', args: ['/bin/echo', 'fixed'] };
const at = { steadyMs: 1, wallMs: 1 };

function catalogOf(acceptArgs: readonly string[], more: object = {}) {
  return accepted(load({ targets: { x: { runner, acceptArgs, ...more } } })).catalog;
}

function targetOf(acceptArgs: readonly string[]): Target {
  const target = catalogOf(acceptArgs).targets.get('x');
  assert.ok(target);
  return target;
}

for (const [patterns, args, words] of [
  [[], [], undefined],
  [[], ['a'], /^takes no arguments, found 1; to allow arguments, set "acceptArgs" of the target$/],
  [['[a-z]+'], ['abc'], undefined],
  [['[a-z]+'], [], /^takes 1 argument, found 0; give 1 after "--"$/],
  [['[a-z]+'], ['abc', 'd'], /^takes 1 argument, found 2; give 1 after "--"$/],
  [['[a-z]+'], ['abc; rm'], /^does not accept argument 1: expected \[a-z\]\+, found "abc; rm"$/],
  [['[a-z]+'], ['abc\n'], /argument 1/],
  [['[a-z]+'], ['\nabc'], /argument 1/],
  [['[a-z]+', '\\d'], ['abc', 'x'], /argument 2/],
  [['a|b'], ['ab'], /argument 1/],
  [['a|b'], ['b'], undefined],
  [['|a'], [''], undefined],
  [['.*'], ['--option'], undefined],
] as const) {
  test(`patterns ${JSON.stringify(patterns)} and arguments ${JSON.stringify(args)}`, () => {
    const unfit = findUnfit(targetOf(patterns), args);
    if (words === undefined) assert.equal(unfit, undefined);
    else assert.match(unfit ?? 'it does', words);
  });
}

test('the whole argument has to match, whatever it is', () => {
  const target = targetOf(['[a-z]{1,8}']);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const isWord =
        text.length >= 1 && text.length <= 8 && [...text].every((c) => c >= 'a' && c <= 'z');
      assert.equal(findUnfit(target, [text]) === undefined, isWord);
    }),
    { numRuns: 2_000 },
  );
});

test('arguments are appended to those of the target', () => {
  const plan = planOf(targetOf(['.*', '.*']), ['a b', '$HOME']);
  assert.ok(plan.keeper === 'process');
  assert.deepEqual(plan.args, ['/bin/echo', 'fixed', 'a b', '$HOME']);
});

test('a request whose arguments do not fit is not permitted and records nothing', () => {
  const command = {
    type: 'submit',
    target: 'x',
    token: 't',
    merged: true,
    at,
    nonce: NONCE,
  } as const;
  const catalog = catalogOf(['\\d+']);
  for (const args of [undefined, [], ['x'], ['1', '2']]) {
    const given = args === undefined ? {} : { args };
    const { answer, events } = decide(emptyState(), { ...command, ...given }, catalog);
    assert.equal(answer.type, 'not-permitted');
    assert.deepEqual(events, []);
  }
  const { events } = decide(emptyState(), { ...command, args: ['7'] }, catalog);
  assert.deepEqual(events, [
    {
      ...{ type: 'accepted', run: 1, target: 'x', at, nonce: NONCE },
      ...{ token: 't', merged: true, args: ['7'] },
    },
  ]);
});

test('a run is shared with a request of the same arguments only', () => {
  const policies = [{ type: 'cardinality', whenFull: 'join' }];
  const catalog = catalogOf(['.+', '.+'], { policies });
  const state = emptyState();
  apply(state, {
    type: 'accepted',
    run: 1,
    target: 'x',
    at,
    token: 't',
    merged: true,
    args: ['a', 'b,c'],
  });
  const groups = catalog.targets.get('x')?.bindings.map(({ key }) => key) ?? [];
  apply(state, { type: 'starting', run: 1, attempt: 1, at, groups });
  const SUBMIT = { type: 'submit', target: 'x', merged: true, nonce: NONCE } as const;
  const ask = (...args: string[]) =>
    decide(state, { ...SUBMIT, token: 'u', at, args }, catalog).answer;
  assert.deepEqual(ask('a', 'b,c'), { type: 'joined', run: 1 });
  assert.deepEqual(ask('a,b', 'c'), { type: 'accepted', run: 2 });
});

test('arguments survive every state of a run and a compaction of the journal', () => {
  const keeper = { pid: 1, startTime: 1, bootId: 'b' };
  const state = emptyState();
  const replayed = (): State => {
    const copy = emptyState();
    for (const event of minimalHistory(state)) apply(copy, event);
    return copy;
  };
  const events = [
    { type: 'accepted', run: 1, target: 'x', at, token: 't', merged: true, args: ['7', ''] },
    { type: 'starting', run: 1, attempt: 1, at },
    { type: 'started', run: 1, attempt: 1, at, keeper },
    { type: 'stopping', run: 1, at, why: 'cancelled' },
    { type: 'ended', run: 1, at, outcome: { kind: 'exited', code: 0 }, verdict: 'ok' },
  ] as const;
  for (const event of events) {
    apply(state, event);
    assert.deepEqual(state.runs.get(1)?.args, ['7', ''], event.type);
    assert.deepEqual(replayed().runs.get(1)?.args, ['7', ''], event.type);
  }
});

test('a pattern that is none, and arguments for another runner, are mistakes', () => {
  const one = (target: object): string => only(load({ targets: { x: target } }));
  assert.match(
    one({ runner, acceptArgs: ['('] }),
    /^targets\.x\.acceptArgs\[0\]: expected a regular expression/,
  );
  assert.match(one({ runner, acceptArgs: ['a)(b'] }), /expected a regular expression/);
  assert.match(one({ runner, acceptArgs: 'a' }), /^targets\.x\.acceptArgs: expected a list/);
  const dummy = { type: 'dummy', time: 0 };
  assert.match(
    one({ runner: dummy, acceptArgs: ['a'] }),
    /^targets\.x\.acceptArgs: expected none: only a runner/,
  );
});

test('--check says that a target accepts arguments', () => {
  const config = accepted(load({ targets: { x: { runner, acceptArgs: ['a', 'b'] } } }));
  assert.match(describeConfig(config), /x {2}local, accepts 2 arguments/);
});

for (const [words, args] of [
  ['run x -- a --wait -E 3', ['a', '--wait', '-E', '3']],
  ['run --wait x -- -- a', ['--', 'a']],
  ['run x --', undefined],
] as const) {
  test(`"baton ${words}" hands on what follows`, () => {
    const parsed = parse(words.split(' '));
    assert.ok(parsed.ok && parsed.invocation.command.verb === 'run');
    assert.equal(parsed.invocation.command.target, 'x');
    assert.deepEqual(parsed.invocation.command.args, args);
  });
}

test('arguments without "--", or for another command, are refused', () => {
  for (const words of ['run x a -- b', 'pause x -- a', '-t x -- a']) {
    assert.equal(parse(words.split(' ')).ok, false, words);
  }
});
