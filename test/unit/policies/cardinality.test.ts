/** The cardinality policy in examples: what a full group does, and several policies together. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { describeOutcome } from '../../../daemon/protocol/outcome-text.ts';
import { exitStatus } from '../../../daemon/shared/exit-status.ts';
import { parsePattern } from '../../../daemon/shared/pattern.ts';
import { cardinality, INSTANCES_MAX } from '../../../policies/cardinality.ts';
import { Core, EXIT_0, NEVER_RAN, type RawPolicy, target } from '../../support/core.ts';

function limit(more: Omit<RawPolicy, 'type'> = {}): RawPolicy {
  return { type: 'cardinality', ...more };
}

function running(core: Core): string[] {
  return core.runs('running').map((run) => `${run.run} ${run.target}`);
}

test('one instance is the default, and the rest wait in the order of their requests', () => {
  const core = new Core([target('t', [limit()])]);
  for (let n = 0; n < 5; n++) core.ask('t');
  for (let run = 1; run <= 5; run++) {
    assert.deepEqual(running(core), [`${run} t`]);
    core.end(run);
  }
});

test('without any policy everything runs at once', () => {
  const core = new Core([target('t')]);
  for (let n = 0; n < 5; n++) core.ask('t');
  assert.equal(running(core).length, 5);
});

test('as many instances run at once as are allowed', () => {
  const core = new Core([target('t', [limit({ instances: 3 })])]);
  for (let n = 0; n < 5; n++) core.ask('t');
  assert.deepEqual(running(core), ['1 t', '2 t', '3 t']);
  core.end(2);
  assert.deepEqual(running(core), ['1 t', '3 t', '4 t']);
});

test('whenFull refuse says what is being served, and admits again once there is room', () => {
  const core = new Core([target('t', [limit({ instances: 2, whenFull: 'refuse' })])]);
  const first = core.ask('t');
  core.ask('t');
  assert.deepEqual(core.submit('t'), {
    type: 'refused',
    reason: 'already serving run 1 (t), run 2 (t); at most 2 at once',
  });
  core.end(first);
  assert.equal(core.submit('t').type, 'accepted');
});

test('whenFull ignore answers that the wish is being served', () => {
  const core = new Core([target('t', [limit({ whenFull: 'ignore' })])]);
  core.ask('t');
  const reason = 'already serving run 1 (t); at most 1 at once';
  assert.deepEqual(core.submit('t'), { type: 'ignored', reason });
  assert.equal(core.state.runs.size, 1);
});

test('whenFull join shares the waiting run, else the running one', () => {
  const core = new Core([target('t', [limit({ whenFull: 'join' })])]);
  const first = core.ask('t');
  assert.deepEqual(core.submit('t'), { type: 'joined', run: first });
  core.end(first);
  core.send({ type: 'pause', target: 't' });
  const second = core.ask('t');
  assert.deepEqual(core.submit('t'), { type: 'joined', run: second });
});

/** A queued run that a request shares a second later, and its state after that. */
function shared(own: number | undefined, first: number | undefined, second: number | undefined) {
  const limits = own === undefined ? {} : { maxWaitMs: own };
  const policies = [limit({ group: 'disk', whenFull: 'join' })];
  const core = new Core([
    target('disk', [limit({ group: 'disk' })]),
    target('t', policies, limits),
  ]);
  core.ask('disk');
  const ask = (token: string, maxWaitMs: number | undefined) => {
    const given = maxWaitMs === undefined ? {} : { maxWaitMs };
    return core.send({ type: 'submit', target: 't', token, merged: true, ...given });
  };
  ask('first', first);
  core.advance(1_000);
  assert.deepEqual(ask('second', second), { type: 'joined', run: 2 });
  core.compact();
  return (ms: number) => {
    core.advance(ms);
    return core.state.runs.get(2)?.state;
  };
}

test('a shared run expires when the one that would wait longest gives up', () => {
  const longer = shared(undefined, 5_000, 9_000);
  assert.deepEqual([longer(9_999), longer(10_000)], ['queued', 'ended']);
  const shorter = shared(undefined, 5_000, 1_000);
  assert.deepEqual([shorter(4_999), shorter(5_000)], ['queued', 'ended']);
  assert.equal(shared(undefined, 5_000, undefined)(1_000_000), 'queued');
  assert.equal(shared(undefined, undefined, 5_000)(1_000_000), 'queued');
});

test('a shared run never waits longer than its target lets it, whoever joins it', () => {
  for (const second of [undefined, 60_000, 6_000]) {
    const state = shared(7_000, 5_000, second);
    assert.deepEqual([state(6_999), state(7_000)], ['queued', 'ended']);
  }
});

test('whenFull join waits for itself where only another target fills the group', () => {
  const options = limit({ group: 'disk', whenFull: 'join' });
  const core = new Core([target('a', [options]), target('b', [options])]);
  core.ask('a');
  assert.deepEqual(core.submit('b'), { type: 'accepted', run: 2 });
  assert.deepEqual(core.submit('b'), { type: 'joined', run: 2 });
});

test('whenFull join does not share a run that is being stopped', () => {
  const core = new Core([target('t', [limit({ whenFull: 'join' })])]);
  const first = core.ask('t');
  core.send({ type: 'cancel', runs: [first] });
  assert.deepEqual(core.submit('t'), { type: 'accepted', run: 2 });
});

test('nobody joins a run that is lost, only waits until its processes are gone', () => {
  const core = new Core([target('t', [limit({ whenFull: 'join' })])]);
  const first = core.ask('t');
  core.lose(first, [77]);
  assert.deepEqual(core.submit('t'), { type: 'accepted', run: 2 });
  assert.match(core.why(2)[0] ?? '', /run 1 \(t\), which was lost but still has processes$/);
  core.send({ type: 'vacated', run: first });
  assert.deepEqual(running(core), ['2 t']);
});

test('queueMax bounds how many wait, and 0 lets none wait', () => {
  const core = new Core([target('t', [limit({ queueMax: 2 })])]);
  for (let n = 0; n < 3; n++) core.ask('t');
  assert.deepEqual(core.submit('t'), {
    type: 'refused',
    reason:
      'its queue is full: already serving run 1 (t), 2 waiting; at most 1 at once, queueMax is 2',
  });
  core.end(1);
  assert.equal(core.submit('t').type, 'accepted');
  const none = new Core([target('t', [limit({ queueMax: 0 })])]);
  assert.equal(none.submit('t').type, 'accepted');
  assert.equal(none.submit('t').type, 'refused');
});

test('a shared group is one limit over its targets, first come, first served', () => {
  const shared = limit({ group: 'disk' });
  const core = new Core(['a', 'b', 'c'].map((name) => target(name, [shared])));
  for (const name of ['b', 'a', 'b', 'c', 'a']) core.ask(name);
  assert.deepEqual(core.why(2), ['waits for run 1 (b), which is running (group "disk")']);
  assert.deepEqual(core.why(3), ['waits for run 1 (b), which is running (group "disk")']);
  assert.deepEqual(core.why(5), ['waits for run 2 (a), which was requested earlier']);
  core.drain();
  assert.deepEqual(core.order(), ['b', 'a', 'b', 'c', 'a']);
});

test('a reason names three runs in the way, and counts the rest', () => {
  const core = new Core([target('t', [limit({ instances: 5 })])]);
  for (let n = 0; n < 6; n++) core.ask('t');
  const named = [1, 2, 3].map((run) => `run ${run} (t), which is running`).join(' or ');
  assert.deepEqual(core.why(6), [`waits for ${named} or one of 2 more`]);
});

test('a run that waits for another limit does not keep the place from those behind it', () => {
  const core = new Core([
    target('both', [limit({ group: 'disk', instances: 2 }), limit({ group: 'net' })]),
    target('disk', [limit({ group: 'disk', instances: 2 })]),
    target('net', [limit({ group: 'net' })]),
  ]);
  core.ask('net');
  core.ask('both');
  core.ask('disk');
  assert.deepEqual(running(core), ['1 net', '3 disk']);
  core.end(1);
  assert.deepEqual(running(core), ['2 both', '3 disk']);
});

test('rsnapshot intervals and a shared disk keep their order and come to an end', () => {
  const disk = limit({ group: 'disk' });
  const interval = (name: string) => target(name, [{ type: 'rsnapshot', interval: name }, disk]);
  const core = new Core([...['hourly', 'daily', 'weekly'].map(interval), target('dump', [disk])]);
  for (const name of ['dump', 'hourly', 'daily', 'dump', 'weekly']) core.ask(name);
  assert.deepEqual(running(core), ['1 dump']);
  assert.equal(core.why(2).length, 2, 'it waits for the higher interval, and for the disk');
  core.drain();
  assert.deepEqual(core.order(), ['dump', 'dump', 'weekly', 'daily', 'hourly']);
});

test('a run that fails to start releases its place', () => {
  const core = new Core([target('t', [limit()])]);
  core.ask('t');
  core.ask('t');
  const failure = {
    kind: 'not-started',
    stage: 'command',
    errno: 'ENOENT',
    detail: 'x',
  } as const;
  core.end(1, { started: true, code: null, signal: null, core: false, failure });
  assert.equal(core.expect(1, 'ended').outcome.kind, 'not-started');
  assert.deepEqual(running(core), ['2 t']);
});

test('a run whose command never ran keeps its place and starts again', () => {
  const core = new Core([target('t', [limit()])]);
  core.ask('t');
  core.ask('t');
  core.end(1, NEVER_RAN);
  assert.deepEqual(running(core), ['1 t']);
  assert.equal(core.expect(1, 'running').attempt, 2);
});

test('a cancelled run gives its place away: at once before it runs, else when it has ended', () => {
  const core = new Core([target('t', [limit()])], { manualKeepers: true });
  for (let n = 0; n < 3; n++) core.ask('t');
  core.send({ type: 'cancel', runs: [1] });
  core.keep(2);
  core.send({ type: 'cancel', runs: [2] });
  assert.equal(core.runs('starting').length, 0);
  core.end(2);
  assert.equal(core.expect(3, 'starting').run, 3);
});

test('a reload that allows more starts more, one that allows fewer stops none', () => {
  const one = [target('t', [limit()])];
  const core = new Core(one);
  for (let n = 0; n < 4; n++) core.ask('t');
  core.configure([target('t', [limit({ instances: 3 })])]);
  assert.equal(running(core).length, 3);
  core.configure(one);
  core.end(1);
  assert.equal(running(core).length, 2);
});

test('a reload that removes or moves a running target does not free its place', () => {
  const disk = limit({ group: 'disk' });
  for (const after of [[], [target('a', [limit({ group: 'other' })])]]) {
    const core = new Core([target('a', [disk]), target('b', [disk])]);
    const first = core.ask('a');
    core.configure([...after, target('b', [disk])]);
    const second = core.ask('b');
    assert.deepEqual(running(core), [`${first} a`]);
    core.end(first);
    assert.deepEqual(running(core), [`${second} b`]);
  }
});

/** A target where the newest request wins. */
const NEWEST = limit({ whenFull: 'replace' });
const TERMINATED = { started: true, code: null, signal: 15, core: false };

test('whenFull replace ends the running run, and the new one starts once that has ended', () => {
  const core = new Core([target('t', [NEWEST])]);
  const old = core.ask('t');
  const fresh = core.ask('t');
  assert.deepEqual(core.expect(old, 'running').stopping?.by, fresh);
  assert.deepEqual(core.why(fresh), ['waits for run 1 (t), which is being stopped']);
  core.end(old, TERMINATED);
  const { outcome, verdict } = core.expect(old, 'ended');
  assert.deepEqual(outcome, { kind: 'cancelled', signal: 15, replacedBy: fresh });
  assert.equal(describeOutcome(outcome), 'was replaced by run 2 (signal 15 (SIGTERM))');
  assert.equal(exitStatus(outcome, verdict), 143);
  core.expect(fresh, 'running');
});

test('whenFull replace keeps one that waits at most: the newest', () => {
  const core = new Core([target('t', [NEWEST])]);
  for (let n = 0; n < 4; n++) core.ask('t');
  const ends = [2, 3].map((run) => core.expect(run, 'ended').outcome);
  assert.deepEqual(ends, [
    { kind: 'cancelled', replacedBy: 3 },
    { kind: 'cancelled', replacedBy: 4 },
  ]);
  assert.equal(
    describeOutcome({ kind: 'cancelled', replacedBy: 3 }),
    'was replaced by run 3 before it started',
  );
  core.end(1, TERMINATED);
  assert.deepEqual(running(core), ['4 t']);
});

test('whenFull replace ends what is being started, and one of several, the oldest', () => {
  const core = new Core([target('t', [limit({ whenFull: 'replace', instances: 2 })])], {
    manualKeepers: true,
  });
  core.ask('t');
  core.keep(core.ask('t'));
  core.ask('t');
  assert.deepEqual(core.expect(1, 'ended').outcome, { kind: 'cancelled', replacedBy: 3 });
  core.keep(3);
  assert.deepEqual(running(core), ['2 t', '3 t']);
  core.ask('t');
  assert.equal(core.expect(2, 'running').stopping?.by, 4);
  assert.equal(core.expect(3, 'running').stopping, undefined);
});

test('a run that ended by itself before it heard of its replacement ended as it did', () => {
  const core = new Core([target('t', [NEWEST])]);
  core.ask('t');
  core.advance(10);
  core.ask('t');
  core.end(1, { ...EXIT_0, ended: { tookMs: 9, wallMs: 0, steadyMs: 9 } });
  assert.deepEqual(core.expect(1, 'ended').outcome, { kind: 'exited', code: 0 });
});

test('whenFull replace leaves other targets and other arguments alone', () => {
  const shared = limit({ group: 'disk', whenFull: 'replace' });
  const any = parsePattern('.*');
  assert.ok(typeof any !== 'string');
  const core = new Core([target('a', [shared], { acceptArgs: [any] }), target('b', [shared])]);
  const ask = (arg: string) =>
    core.send({
      type: 'submit',
      target: 'a',
      token: `${arg} ${core.state.nextRun}`,
      merged: true,
      args: [arg],
    });
  ask('x');
  core.ask('b');
  ask('y');
  assert.equal(core.expect(1, 'running').stopping, undefined);
  assert.deepEqual(
    core.runs('queued').map(({ run }) => run),
    [2, 3],
  );
  assert.deepEqual(ask('y'), { type: 'accepted', run: 4 });
  assert.deepEqual(core.expect(3, 'ended').outcome, { kind: 'cancelled', replacedBy: 4 });
});

test('whenFull replace calls no hook for what it ends, and is no loss to be tried again', () => {
  const more = { hooks: { onFailure: 'tell' }, onLost: 'retry' } as const;
  const core = new Core([target('t', [NEWEST], more), target('tell')]);
  core.ask('t');
  core.ask('t');
  core.lose(1);
  assert.deepEqual(core.expect(1, 'ended').outcome, { kind: 'lost' });
  core.ask('t');
  core.end(2, TERMINATED);
  const hooks = core.events.filter((it) => it.type === 'accepted' && it.target === 'tell');
  assert.equal(hooks.length, 1, 'one for the loss');
});

test('what another policy refuses replaces nothing', () => {
  const full = limit({ group: 'disk', whenFull: 'refuse' });
  const core = new Core([target('t', [NEWEST, full])]);
  core.ask('t');
  assert.equal(core.submit('t').type, 'refused');
  assert.equal(core.expect(1, 'running').stopping, undefined);
});

test('a replacement outlives the daemon, and the compaction of its journal', () => {
  for (const anew of ['restart', 'compact'] as const) {
    const core = new Core([target('t', [NEWEST])]);
    core.ask('t');
    core.ask('t');
    core[anew]();
    core.end(1, TERMINATED);
    const outcome = { kind: 'cancelled', signal: 15, replacedBy: 2 };
    assert.deepEqual(core.expect(1, 'ended').outcome, outcome);
    core[anew]();
    assert.deepEqual(core.expect(1, 'ended').outcome, outcome);
    core.expect(2, 'running');
  }
});

test('a replacement needs no room in the queue: it takes the place of another run', () => {
  const core = new Core([target('t', [limit({ whenFull: 'replace', queueMax: 0 })])]);
  core.ask('t');
  assert.equal(core.submit('t').type, 'accepted');
  assert.equal(core.submit('t').type, 'accepted');
  assert.equal(core.runs('queued').length, 1);
});

test('options are checked: instances from 1 to its limit, and nothing misspelt', () => {
  const good = (more: object) =>
    v.safeParse(cardinality.options, { type: 'cardinality', ...more }).success;
  assert.equal(good({ instances: INSTANCES_MAX }), true);
  const bad = [
    { instances: INSTANCES_MAX + 1 },
    { instances: 0 },
    { instances: 1.5 },
    { instances: '1' },
    { queueMax: -1 },
    { whenFull: 'wait' },
    { group: '' },
    { instnaces: 1 },
  ];
  for (const more of bad) assert.equal(good(more), false, JSON.stringify(more));
});

test('targets of one group must agree on its instances', () => {
  const member = (instances: number) => ({
    target: `t${instances}`,
    options: v.parse(cardinality.options, { type: 'cardinality', instances, group: 'disk' }),
    waiting: 0,
    ignored: 0,
    active: [],
  });
  assert.equal(cardinality.conflict?.(member(1), member(1)), undefined);
  assert.equal(
    cardinality.conflict?.(member(1), member(2)),
    'instances is 1 here and 2 in target "t2" of the same group',
  );
});
