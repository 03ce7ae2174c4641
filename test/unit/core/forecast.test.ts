/** The forecast, compared with what happens when every run takes its usual time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { apply } from '../../../daemon/core/apply.ts';
import { type Expected, forecast } from '../../../daemon/core/forecast.ts';
import type { Run } from '../../../daemon/core/state.ts';
import { runToEnd } from '../../../daemon/shared/cooperative.ts';
import { perform, steps, targets } from '../../support/arbitraries.ts';
import { Core, exit, stamp, target } from '../../support/core.ts';

function expect(core: Core): ReadonlyMap<number, Expected> {
  const { state, catalog, nowMs } = core;
  return runToEnd(forecast({ state, catalog, now: stamp(nowMs), worldAround: () => core.world() }));
}

function remember(core: Core, durations: Readonly<Record<string, number>>): void {
  for (const [name, ms] of Object.entries(durations)) {
    apply(core.state, { type: 'remembered', target: name, tookMs: [ms] });
  }
}

const disk = (instances = 1) => ({ type: 'cardinality', group: 'disk', instances }) as const;
const level = (interval: string) => ({ type: 'rsnapshot', interval }) as const;

test('what waits for a place starts when the run that holds it is expected to end', () => {
  const core = new Core([target('a', [disk()]), target('b', [disk()]), target('c', [disk()])]);
  remember(core, { a: 60_000, b: 5_000 });
  const [a, b, c] = [core.ask('a'), core.ask('b'), core.ask('c')];
  core.advance(20_000);
  const expected = expect(core);
  assert.deepEqual(expected.get(a), { endMs: 60_000 });
  assert.deepEqual(expected.get(b), { startMs: 60_000, endMs: 65_000 });
  assert.deepEqual(expected.get(c), { startMs: 65_000 }, 'nobody knows how long c takes');
});

test('nothing is said of a run behind one whose end nobody knows, or of a paused one', () => {
  const core = new Core([target('a', [disk()]), target('b', [disk()]), target('c')]);
  remember(core, { b: 5, c: 5 });
  core.send({ type: 'pause', target: 'c' });
  const [, b, c] = [core.ask('a'), core.ask('b'), core.ask('c')];
  const expected = expect(core);
  assert.deepEqual([expected.get(b), expected.get(c)], [undefined, undefined]);
});

test('the highest interval goes first in the forecast, after the settle window', () => {
  const names = ['daily', 'weekly', 'monthly'];
  const core = new Core([
    ...names.map((name) => target(name, [level(name)])),
    target('yearly', [level('yearly')]),
  ]);
  remember(core, { daily: 1_000, weekly: 200, monthly: 30 });
  const runs = names.map((name) => core.ask(name));
  const starts = runs.map((run) => expect(core).get(run)?.startMs);
  assert.deepEqual(starts, [2_230, 2_030, 2_000]);
});

test('a run that takes longer than ever before has no expected end', () => {
  const core = new Core([target('a')]);
  remember(core, { a: 1_000 });
  const run = core.ask('a');
  core.advance(1_000);
  assert.deepEqual(expect(core).get(run), undefined);
});

test('a run is expected to end at its timeout at the latest', () => {
  const core = new Core([target('a', [], { timeoutMs: 700 })]);
  remember(core, { a: 1_000 });
  const run = core.ask('a');
  assert.deepEqual(expect(core).get(run), { endMs: 700 });
});

test('the start of a run is foreseen whatever else starts before it, and how often it is looked at', () => {
  const spaced = { type: 'spacing', group: 'disk', from: 'end' } as const;
  const core = new Core([
    target('often', [{ ...spaced, least: '100ms' }]),
    target('daily', [level('daily'), { ...spaced, least: '150ms' }]),
    target('weekly', [level('weekly')]),
  ]);
  remember(core, { often: 10, daily: 1_000 });
  for (let n = 0; n < 24; n++) core.ask('often');
  const daily = core.ask('daily');
  assert.equal(expect(core).get(daily)?.startMs, 23 * 110 + 10 + 150);
});

test('a lock of a stranger is waited for without an end of work', () => {
  const found = {
    lockfile: '/run/rsnapshot.pid',
    levels: ['daily'],
    order: ['daily'],
    heights: new Map([['daily', 0]]),
    unread: [],
  };
  const core = new Core([target('a', [{ ...level('daily'), settle: '0s' }])]);
  const binding = core.catalog.targets.get('a')?.bindings[0];
  assert.ok(binding);
  Object.assign(Object(binding.options), { found });
  core.holders = new Map([[found.lockfile, { pid: 1, text: 'rsnapshot hourly' }]]);
  remember(core, { a: 5 });
  const run = core.ask('a');
  assert.equal(core.state.runs.get(run)?.state, 'queued');
  assert.equal(expect(core).get(run), undefined);
});

test('nothing is foretold beyond what is looked at of a long queue', () => {
  const core = new Core([target('a', [disk()]), target('b', [disk()])]);
  remember(core, { a: 1_000, b: 1_000 });
  const runs = Array.from({ length: 150 }, () => core.ask('a'));
  const last = core.ask('b');
  const expected = expect(core);
  assert.equal(expected.get(runs[100] ?? 0)?.startMs, 100_000);
  assert.deepEqual([expected.get(runs[101] ?? 0), expected.get(last)], [undefined, undefined]);
});

test('of many queues less is looked at of each, and the forecast ends where the first one does', () => {
  const crowd = Array.from({ length: 1_000 }, (_, at) => {
    return target(`t${at}`, [{ type: 'cardinality', group: `g${at}`, instances: 1 }]);
  });
  const core = new Core(crowd);
  for (const { name } of crowd) remember(core, { [name]: 1_000 });
  const runs = crowd.map(({ name }) => Array.from({ length: 5 }, () => core.ask(name)));
  const expected = expect(core);
  // One runs; of the four that wait, two are examined.
  const starts = (place: number) =>
    runs.flatMap((of) => expected.get(of[place] ?? 0)?.startMs ?? []);
  assert.deepEqual(starts(1), Array(1_000).fill(1_000));
  assert.deepEqual(starts(2), [2_000]);
  assert.deepEqual([starts(3), starts(4)], [[], []]);
});

test('thousands of targets in one group cost no more than the limit on work', () => {
  const crowd = Array.from({ length: 1_000 }, (_, at) => target(`t${at}`, [disk()]));
  const core = new Core(crowd);
  for (const { name } of crowd) remember(core, { [name]: 1_000 });
  const [first = 0, second = 0, ...others] = crowd.map(({ name }, run) => {
    apply(core.state, accepted(run + 1, name));
    return run + 1;
  });
  core.send({ type: 'resume', target: 't0' });
  const looks = countMembers(core);
  const expected = expect(core);
  assert.deepEqual([expected.get(first)?.startMs, expected.get(second)?.startMs], [0, 1_000]);
  assert.equal(expected.get(others.at(-1) ?? 0), undefined);
  assert.ok(looks.count >= 20_000, 'it works up to the limit');
  assert.ok(looks.count < 100_000, `${looks.count} looks at members of the group`);
});

/** From now on: how often a group member is looked at. */
function countMembers(core: Core): { count: number } {
  const looks = { count: 0 };
  const groups = [...core.catalog.groups].map(([key, group]) => {
    const members = new Proxy(group.members, {
      get: (all, at, self) => {
        if (typeof at === 'string' && /^\d+$/.test(at)) looks.count++;
        return Reflect.get(all, at, self);
      },
    });
    return [key, { ...group, members }] as const;
  });
  core.catalog = { ...core.catalog, groups: new Map(groups) };
  return looks;
}

function accepted(run: number, name: string) {
  const token = `token of ${run}`;
  return { type: 'accepted', run, target: name, at: stamp(0), token, merged: true } as const;
}

test('every start that is foreseen comes true if all runs take their usual time', () => {
  const tookMs = fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 6, maxLength: 6 });
  let compared = 0;
  fc.assert(
    fc.property(targets, steps, tookMs, (catalog, list, durations) => {
      const core = new Core(catalog);
      for (const step of list) perform(core, step);
      const usual = Object.fromEntries(durations.map((ms, at) => [`t${at}`, ms]));
      const known = new Set(core.state.targetStates.keys());
      remember(core, Object.fromEntries(Object.entries(usual).filter(([name]) => known.has(name))));
      const expected = expect(core);
      const { starts, sureUntilMs } = live(core, usual);
      for (const [run, { startMs }] of expected) {
        if (startMs === undefined || startMs >= sureUntilMs) continue;
        assert.equal(starts.get(run), startMs, `start of run ${run}`);
        compared++;
      }
      for (const [run, startMs] of starts) {
        if (startMs < sureUntilMs) assert.equal(expected.get(run)?.startMs, startMs, `run ${run}`);
      }
    }),
    { numRuns: 1_000 },
  );
  assert.ok(compared > 200, `only ${compared} starts were compared`);
});

/**
 * Continues the core, each run taking its usual time, until everything rests. If two things happen
 * in the same millisecond, their order is open, and so is everything that follows.
 */
function live(core: Core, usual: Readonly<Record<string, number>>) {
  const starts = new Map<number, number>();
  const waiting = new Set(core.runs('queued').map(({ run }) => run));
  const beganMs = core.nowMs;
  let sureUntilMs = Number.POSITIVE_INFINITY;
  const note = () => {
    for (const { run } of core.runs('running')) {
      if (waiting.delete(run)) starts.set(run, core.nowMs);
    }
  };
  for (;;) {
    const ends = core.runs('running').flatMap((run) => endOf(run, usual, beganMs));
    const expiries = core.runs('queued').flatMap((run) => run.expiresAtMs ?? []);
    const times = [
      ...ends.map(({ atMs }) => atMs),
      ...new Set([...expiries, ...core.timers.map(({ atMs }) => atMs)]),
    ];
    const nextMs = Math.min(...times);
    if (nextMs === Number.POSITIVE_INFINITY) return { starts, sureUntilMs };
    const isOpen = times.filter((ms) => ms <= nextMs).length > 1 || !areOneLook(core, nextMs);
    if (isOpen) sureUntilMs = Math.min(sureUntilMs, nextMs);
    const end = ends.find(({ atMs }) => atMs <= nextMs);
    core.advance(nextMs);
    // A limit has ended what was expected to run for ever.
    if (
      core
        .runs('running')
        .some(
          (run) => (run.stopping?.at.steadyMs ?? -1) >= nextMs && isOverdue(run, usual, beganMs),
        )
    ) {
      sureUntilMs = Math.min(sureUntilMs, nextMs);
    }
    note();
    if (end !== undefined) core.end(end.run, exit(0));
    note();
  }
}

/** What is due then shares a group pairwise: a look at any of them covers all. */
function areOneLook(core: Core, nextMs: number): boolean {
  const due = core.timers.filter(({ atMs }) => atMs <= nextMs);
  // The end of a pause means a look at everything.
  if (due.some((look) => 'pauses' in look)) return false;
  const names = due.map((look) =>
    'run' in look ? core.state.runs.get(look.run)?.target : 'target' in look ? look.target : '',
  );
  const keys = [...new Set(names)].map(
    (name = '') => core.catalog.targets.get(name)?.bindings.map(({ key }) => key) ?? [],
  );
  return keys.every((own) =>
    keys.every((other) => own === other || own.some((key) => other.includes(key))),
  );
}

/** It had taken longer than ever when the forecast was made: its end is unknown. */
function isOverdue(
  { started: { steadyMs }, target: name }: Extract<Run, { state: 'running' }>,
  usual: Readonly<Record<string, number>>,
  beganMs: number,
): boolean {
  return steadyMs + (usual[name] ?? Number.POSITIVE_INFINITY) <= beganMs && steadyMs < beganMs;
}

function endOf(
  run: Extract<Run, { state: 'running' }>,
  usual: Readonly<Record<string, number>>,
  beganMs: number,
): readonly { run: number; atMs: number }[] {
  if (run.stopping !== undefined) return [{ run: run.run, atMs: beganMs }];
  const { steadyMs } = run.started;
  const atMs = steadyMs + (usual[run.target] ?? Number.POSITIVE_INFINITY);
  if (isOverdue(run, usual, beganMs)) return [];
  return [{ run: run.run, atMs: Math.min(atMs, run.timeoutAtMs ?? atMs) }];
}
