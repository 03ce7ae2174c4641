/** A plugin that fails makes its own runs wait and says why; everything else continues. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Anything } from '../../../daemon/config/plugin-answers.ts';
import {
  Guard,
  LATE_REST_MS,
  type PluginNotice,
  SLOW_MS,
} from '../../../daemon/config/plugin-guard.ts';
import { FAILED_LOOK_MS, guardPolicy, LOOK_MS_MIN } from '../../../daemon/config/plugin-policy.ts';
import { isLate, TimeLimit } from '../../../daemon/config/plugin-time.ts';
import { bind } from '../../../daemon/core/catalog.ts';
import type { PolicyPlugin } from '../../../daemon/core/plugin.ts';
import type { Policy } from '../../../daemon/core/policy.ts';
import { Core, target } from '../../support/core.ts';

const OPTIONS: PolicyPlugin<unknown>['options'] = {
  '~standard': { version: 1, vendor: 'hand', validate: (value) => ({ value }) },
};

type Answers = Readonly<Record<string, (...args: readonly never[]) => unknown>>;

/** A policy that lets everything start, except for the given answers, which may be nonsense. */
function plugin(answers: Answers): PolicyPlugin<unknown> {
  return {
    type: 'mine',
    options: OPTIONS,
    group: () => 'g',
    admit: () => ({ type: 'admit' }),
    ready: () => ({ type: 'start' }),
    ...answers,
  } as PolicyPlugin<unknown>;
}

interface World {
  readonly notices: PluginNotice[];
  readonly policy: Policy<unknown>;
  readonly core: Core;
}

/** Targets a and b with the plugin, and one without. */
function world(answers: Answers): World {
  const notices: PluginNotice[] = [];
  const guard = new Guard('policy mine', '/x/mine.mjs', {
    bounded: (call) => call(),
    nowMs: () => 0,
    report: (notice) => notices.push(notice),
  });
  const policy = guardPolicy(plugin(answers), guard);
  const bound = (name: string) => target(name, [], { bindings: [bind(policy, {}, { name })] });
  return { notices, policy, core: new Core([bound('a'), bound('b'), target('free')]) };
}

const FAILED = 'policy mine failed: ';
const CORRECT = '; correct /x/mine.mjs, and run "baton reload"';

/** What `ready` may do that is not an answer, and the resulting message. */
const NONSENSE: readonly (readonly [() => unknown, RegExp | string])[] = [
  [
    () => {
      throw new TypeError('x is\nodd');
    },
    'ready() threw TypeError: x is odd',
  ],
  [
    () => {
      throw undefined;
    },
    'ready() threw nothing',
  ],
  [
    () => {
      throw new Proxy({}, { get: () => assert.fail() });
    },
    'ready() threw something that cannot be shown',
  ],
  [() => undefined, /^ready\(\) returned nothing; expected start, wait with a reason, or skip/],
  [() => 'start', /^ready\(\) returned "start"; expected start, wait with a reason/],
  [() => ({ type: 'wait' }), /^ready\(\) returned {"type":"wait"}; expected start/],
  [() => ({ type: 'wait', reason: '\n' }), /^ready\(\) returned {.*}; expected start/],
  [
    () => ({ type: 'wait', reason: 'x', behind: ['y'] }),
    /^ready\(\) returned {.*}; expected start/,
  ],
  [
    () => ({ type: 'wait', reason: 'x', untilMs: Number.NaN }),
    /^ready\(\) returned {.*}; expected start/,
  ],
  [
    () => {
      const self = {};
      return Object.assign(self, { self });
    },
    /^ready\(\) returned something that cannot be shown; expected start/,
  ],
  [() => 5n, /^ready\(\) returned something that cannot be shown; expected start/],
  [
    () => Promise.reject(new Error('late')),
    /^ready\(\) returned a promise; expected the result itself/,
  ],
];

for (const [index, [ready, said]] of NONSENSE.entries()) {
  test(`runs wait for a plugin that fails at a look, and the others go on: case ${index}`, () => {
    let isMended = false;
    const answer = () => (isMended ? { type: 'start' } : ready());
    const { core, notices } = world({ ready: answer });
    const run = core.ask('a');
    const [why = '', ...more] = core.why(run);
    assert.deepEqual(more, []);
    assert.ok(why.startsWith(FAILED) && why.endsWith(CORRECT), why);
    const how = why.slice(FAILED.length, why.length - CORRECT.length);
    if (typeof said === 'string') assert.equal(how, said);
    else assert.match(how, said);
    assert.deepEqual([notices[0]?.method, notices[0]?.failure], ['ready', why]);
    core.expect(core.ask('free'), 'running');
    isMended = true;
    core.advance(FAILED_LOOK_MS - 1);
    core.expect(run, 'queued');
    core.advance(FAILED_LOOK_MS);
    core.expect(run, 'running');
  });
}

test('a survey that fails makes the whole group wait, with one reason', () => {
  const { core } = world({
    survey: () => {
      throw new Error('lost');
    },
  });
  for (const name of ['a', 'b']) {
    assert.deepEqual(core.why(core.ask(name)), [`${FAILED}survey() threw Error: lost${CORRECT}`]);
  }
});

test('a request is taken where the plugin cannot judge it', () => {
  for (const admit of [() => 5, () => ({ type: 'refuse' }), () => ({ type: 'join', run: 99 })]) {
    const { core } = world({ admit });
    core.expect(core.ask('a'), 'running');
  }
});

test('only a run of the same target can be joined or replaced', () => {
  for (const said of [
    { type: 'join', run: 1 },
    { type: 'replace', oneOf: [1, 77] },
  ]) {
    const ready = () => ({ type: 'wait', reason: 'it is night', behind: [] });
    const { core } = world({ ready, admit: () => said });
    const first = core.ask('a');
    const other = core.ask('b');
    assert.deepEqual([first, other], [1, 2]);
    core.expect(first, 'queued');
  }
});

test('a time that has come already is not looked at again and again', () => {
  let looks = 0;
  const { core } = world({
    ready: (_run: never, view: { readonly nowMs: number }) => {
      looks++;
      return { type: 'wait', reason: 'soon', behind: [], untilMs: view.nowMs };
    },
  } as Answers);
  core.ask('a');
  const before = looks;
  core.advance(LOOK_MS_MIN - 1);
  assert.equal(looks, before);
  core.advance(LOOK_MS_MIN);
  assert.ok(looks > before);
});

test('what else a plugin answers wrong stands for no answer', () => {
  const bad = () => {
    throw new Error('no');
  };
  const names = ['group', 'resources', 'level', 'asks', 'conflict', 'rank', 'describeRank'];
  const { core, notices, policy } = world(
    Object.fromEntries([...names, 'deadline', 'preparer'].map((name) => [name, bad])),
  );
  const self = { target: 'a', options: {}, waiting: 0, ignored: 0, active: [] };
  const run = { run: 1, target: 'a', queuedAtMs: 0, waitedMs: 0, queuedMs: 0, overtaken: 0 };
  assert.deepEqual(policy.resources?.({}), []);
  assert.equal(policy.level?.({}), undefined);
  assert.equal(policy.conflict?.(self, self), undefined);
  assert.equal(policy.describeRank?.(run, {}), 'mine');
  const prepared = policy
    .preparer?.(() => ({ ok: false, error: 'ENOENT' }))
    .prepare({}, { name: 'a' });
  assert.match(
    prepared?.problems.join() ?? '',
    /^policy mine failed: preparer\(\) threw Error: no;/,
  );
  core.expect(core.ask('a'), 'running');
  const asked = new Set(notices.map(({ method }) => method));
  for (const name of [...names, 'deadline', 'preparer']) assert.ok(asked.has(name), name);
});

test('a plugin is slow that takes long twice in a row; its answers are good', () => {
  const notices: PluginNotice[] = [];
  let nowMs = 0;
  const guard = new Guard('policy mine', '/x/mine.mjs', {
    bounded: (call) => call(),
    nowMs: () => nowMs,
    report: (notice) => notices.push(notice),
  });
  const answer = (method: string, tookMs: number): void => {
    const said = guard.ask(method, () => (nowMs += tookMs), Anything, 'a value');
    assert.deepEqual(said, { ok: true, value: nowMs });
  };
  answer('ready', SLOW_MS + 1);
  answer('ready', SLOW_MS);
  answer('ready', SLOW_MS + 1);
  answer('admit', SLOW_MS + 1);
  assert.deepEqual(notices, [], 'the machine may have been busy');
  answer('ready', SLOW_MS + 2);
  const about = { plugin: 'policy mine', file: '/x/mine.mjs' };
  assert.deepEqual(notices, [{ ...about, method: 'ready', tookMs: SLOW_MS + 2 }]);
});

test('a plugin that is too late once is left alone for a while, by all', () => {
  const time = { nowMs: 0 };
  let asked = 0;
  const guard = new Guard('policy mine', '/x/mine.mjs', {
    bounded: (call) => {
      call();
      throw Object.assign(new Error('late'), { code: 'ERR_SCRIPT_EXECUTION_TIMEOUT' });
    },
    nowMs: () => time.nowMs,
    report: () => {},
  });
  const ask = () => guard.ask('ready', () => asked++, Anything, 'a value');
  const error = `${FAILED}ready() took more than 1000 ms${CORRECT}`;
  for (const nowMs of [0, 1, LATE_REST_MS - 1]) {
    time.nowMs = nowMs;
    assert.deepEqual(ask(), { ok: false, error });
    assert.equal(asked, 1);
  }
  time.nowMs = LATE_REST_MS;
  ask();
  assert.equal(asked, 2);
});

test('a call that never ends is interrupted, and the next one is not', () => {
  const { bounded } = new TimeLimit(5);
  assert.throws(() => {
    bounded(() => {
      for (;;);
    });
  }, isLate);
  const { bounded: patient } = new TimeLimit();
  assert.equal(
    patient(() => 7),
    7,
  );
  assert.throws(() => {
    patient(() => {
      throw new RangeError('x');
    });
  }, RangeError);
});

test('whatever a plugin answers, the scheduler goes on, and others are not held up', () => {
  const methods = ['admit', 'ready', 'survey', 'rank', 'describeRank', 'deadline', 'group'];
  const answer = fc.oneof(
    fc.anything(),
    fc.constant({ type: 'start' }),
    fc.record({ type: fc.constant('wait'), reason: fc.string(), behind: fc.array(fc.integer()) }),
    fc.record({ type: fc.constant('join'), run: fc.integer({ min: 0, max: 4 }) }),
    fc.record({ type: fc.constant('replace'), oneOf: fc.array(fc.integer({ min: 1, max: 4 })) }),
    fc.record({ wallMs: fc.double(), reason: fc.string() }),
  );
  const answers = fc.record(Object.fromEntries(methods.map((name) => [name, answer])), {
    requiredKeys: [],
  });
  fc.assert(
    fc.property(answers, (given) => {
      const said = Object.entries(given).map(([name, value]) => [name, () => value]);
      const { core } = world(Object.fromEntries(said));
      for (const name of ['a', 'b', 'a']) {
        core.ask(name);
        for (const { run, state } of core.state.runs.values())
          if (state === 'queued') core.why(run);
      }
      core.advance(FAILED_LOOK_MS);
      core.expect(core.ask('free'), 'running');
    }),
    { numRuns: 500 },
  );
});
