/** Pauses of a target, of a group and of everything: what they affect, and until when. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeEvent } from '../../../daemon/core/describe-event.ts';
import { groupViewMaker } from '../../../daemon/core/group-view.ts';
import { heldUp, pausedUntil } from '../../../daemon/core/pauses.ts';
import { Replay } from '../../../daemon/core/replay.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { Core, EXIT_0, type RawPolicy, stamp, target } from '../../support/core.ts';

const DISK: RawPolicy = { type: 'cardinality', instances: 5, group: 'disk' };
const APART: RawPolicy = { type: 'spacing', least: '1ms', group: 'disk' };
const GROUP = { group: 'disk' } as const;
const ALL = { all: true } as const;
const HOUR_MS = 3_600_000;

const CATALOG = [target('a', [DISK]), target('b', [APART]), target('free')];

test('a pause of a group holds up every target of a group of that name, and nobody else', () => {
  const core = new Core(CATALOG);
  assert.deepEqual(core.send({ type: 'pause', ...GROUP }), { type: 'done' });
  const [a, b, free] = [core.ask('a'), core.ask('b'), core.ask('free')];
  const reason = 'group disk is paused; "baton resume --group disk" ends the pause';
  assert.deepEqual([core.why(a), core.why(b)], [[reason], [reason]]);
  core.expect(free, 'running');
  core.send({ type: 'resume', ...GROUP });
  core.expect(a, 'running');
  core.expect(b, 'running');
});

test('a run that runs is left alone by a pause', () => {
  const core = new Core(CATALOG);
  const run = core.ask('a');
  core.send({ type: 'pause', ...ALL });
  core.expect(run, 'running');
  core.end(run, EXIT_0);
  core.expect(run, 'ended');
});

test('each pause ends by itself only: a target is paused as long as any holds it up', () => {
  const core = new Core(CATALOG);
  for (const scope of [{ target: 'a' }, GROUP, ALL]) core.send({ type: 'pause', ...scope });
  const run = core.ask('a');
  assert.equal(core.why(run).length, 3);
  core.send({ type: 'resume', ...ALL });
  core.send({ type: 'resume', target: 'a' });
  assert.match(core.why(run).join(), /^group disk is paused/);
  core.send({ type: 'resume', ...GROUP });
  core.expect(run, 'running');
});

test('a pause with a time ends by itself, to the millisecond, also while the machine sleeps', () => {
  const core = new Core(CATALOG);
  core.send({ type: 'pause', ...ALL, forMs: HOUR_MS });
  const run = core.ask('free');
  assert.equal(pausedUntil(core.state, 'free', core.catalog), HOUR_MS);
  core.advance(HOUR_MS - 1);
  core.expect(run, 'queued');
  core.advance(HOUR_MS);
  core.expect(run, 'running');
  assert.equal(core.state.pauses.size, 0);
  core.send({ type: 'pause', target: 'a', forMs: HOUR_MS });
  const other = core.ask('a');
  core.sleep(HOUR_MS);
  core.advance(core.nowMs);
  core.expect(other, 'running');
});

test('to pause again changes how long it lasts', () => {
  const core = new Core(CATALOG);
  core.send({ type: 'pause', ...GROUP, forMs: 1_000 });
  core.send({ type: 'pause', ...GROUP, forMs: 5_000 });
  const run = core.ask('a');
  core.advance(1_000);
  core.expect(run, 'queued');
  core.send({ type: 'pause', ...GROUP });
  core.advance(6_000);
  core.expect(run, 'queued');
  const events = core.events.length;
  core.send({ type: 'pause', ...GROUP });
  assert.equal(core.events.length, events, 'the same pause once more is no event');
});

test('a reload that puts a target into a paused group holds it up; one that takes it out frees it', () => {
  const core = new Core([target('a', [DISK]), target('x')]);
  core.send({ type: 'pause', ...GROUP });
  const a = core.ask('a');
  core.configure([target('a'), target('x', [DISK])]);
  core.expect(a, 'running');
  const x = core.ask('x');
  assert.match(core.why(x).join(), /group disk is paused/);
  core.configure([target('x')]);
  core.expect(x, 'running');
  assert.equal(core.state.pauses.size, 1, 'the pause is there for who comes next');
  assert.deepEqual(core.send({ type: 'resume', ...GROUP }), { type: 'done' });
  assert.equal(core.state.pauses.size, 0);
});

test('pauses survive a restart and a compaction, and one whose time was over by then ends', () => {
  for (const again of ['restart', 'compact'] as const) {
    const core = new Core(CATALOG);
    core.send({ type: 'pause', ...GROUP });
    core.send({ type: 'pause', ...ALL, forMs: 1_000 });
    core.send({ type: 'pause', target: 'free', forMs: 9_000 });
    const [a, free] = [core.ask('a'), core.ask('free')];
    core.nowMs = 2_000;
    core[again]();
    core.advance(2_000);
    assert.match(core.why(a).join('|'), /^group disk is paused; [^|]*$/);
    assert.match(core.why(free).join('|'), /^target free is paused; [^|]*$/);
    core.advance(9_000);
    core.expect(free, 'running');
  }
});

test('a group that no target is in, and that is not paused, is not known', () => {
  const core = new Core(CATALOG);
  const answer = { type: 'unknown-group', group: 'dosk' };
  assert.deepEqual(core.send({ type: 'pause', group: 'dosk' }), answer);
  assert.deepEqual(core.send({ type: 'resume', group: 'dosk' }), answer);
  assert.deepEqual(core.send({ type: 'pause', target: 'zz' }), { type: 'unknown-target' });
});

test('who is held up by the pause of its group keeps nobody of another group waiting', () => {
  const level = (interval: string): RawPolicy => ({ type: 'rsnapshot', interval, settle: '0ms' });
  const core = new Core([
    target('daily', [{ ...level('daily'), group: 'conf' }]),
    target('weekly', [{ ...level('weekly'), group: 'conf' }, DISK]),
  ]);
  core.send({ type: 'pause', ...GROUP });
  core.ask('weekly');
  core.expect(core.ask('daily'), 'running');
});

test('a pause of a group starts runs that its targets kept waiting in other groups', () => {
  const level = (interval: string): RawPolicy => ({ type: 'rsnapshot', interval, settle: '0ms' });
  const core = new Core([
    target('first', [{ ...DISK, instances: 1 }]),
    target('daily', [{ ...level('daily'), group: 'conf' }]),
    target('weekly', [
      { ...level('weekly'), group: 'conf' },
      { ...DISK, instances: 1 },
    ]),
  ]);
  core.expect(core.ask('first'), 'running');
  core.expect(core.ask('weekly'), 'queued');
  const daily = core.ask('daily');
  core.expect(daily, 'queued');
  core.send({ type: 'pause', ...GROUP });
  core.expect(daily, 'running');
});

test('around a pause few looks are enough, however many targets share their groups', () => {
  const own = (at: number): RawPolicy => ({ type: 'cardinality', group: `own${at}` });
  const many = Array.from({ length: 500 }, (_, at) => target(`t${at}`, [own(at), DISK]));
  const pair = [target('x', [own(500)]), target('y', [own(500), DISK])];
  const { state, catalog } = new Core([...many, ...pair, target('free')]);
  const around = (scope: Parameters<typeof heldUp>[1]) => heldUp(state, scope, catalog);
  assert.deepEqual(around(GROUP), ['t0', 'x'], 'x shares a group with y, which is held up');
  assert.deepEqual(around({ target: 'y' }), ['t0', 'x']);
  assert.deepEqual(around({ target: 'x' }), ['x']);
  assert.deepEqual(around({ target: 'free' }), ['free']);
});

test('of very many pauses whose time is over, some end in a turn, and the rest in the next', () => {
  const many = Array.from({ length: 600 }, (_, at) => target(`t${at}`));
  const core = new Core(many);
  for (const { name } of many) core.send({ type: 'pause', target: name, forMs: 1_000 });
  core.nowMs = 1_000;
  const steps: number[] = [];
  for (let size = -1; size !== core.state.pauses.size; ) {
    size = core.state.pauses.size;
    core.send({ type: 'pause-due' });
    steps.push(size - core.state.pauses.size);
  }
  assert.deepEqual(steps, [250, 250, 100, 0]);
});

test('a journal says what was paused and for how long, and a replay tells who it concerns', () => {
  const say = (event: Parameters<typeof describeEvent>[1]) => describeEvent(emptyState(), event);
  const until = { at: stamp(0), untilMs: 2 * HOUR_MS };
  assert.equal(say({ type: 'paused', ...GROUP, ...until }), 'group disk: paused for 2 h');
  assert.equal(say({ type: 'paused', ...ALL, untilMs: 7 }), 'all targets: paused for a time');
  assert.equal(say({ type: 'resumed', ...ALL }), 'all targets: resumed');
  const core = new Core(CATALOG);
  core.send({ type: 'pause', ...GROUP, forMs: HOUR_MS });
  core.ask('a');
  core.ask('free');
  const told = (only: string): string => {
    const replay = new Replay({ catalog: core.catalog, showTime: () => '', only });
    return core.events.flatMap((event) => replay.take(event)).join('\n');
  };
  assert.match(told('a'), /group disk: paused for 1 h[\s\S]*run 1 \(a\): group disk is paused;/);
  assert.doesNotMatch(told('free'), /disk/);
});

test('in a group the head of a paused target is not the one to start next', () => {
  const core = new Core([target('a', [DISK]), target('b', [DISK])]);
  core.send({ type: 'pause', ...GROUP });
  const run = core.ask('a');
  const [binding] = core.catalog.targets.get('a')?.bindings ?? [];
  assert.ok(binding);
  const { view } = groupViewMaker(core.state, core.catalog, core.now())(binding, 'b');
  const member = view.members.find((it) => it.target === 'a');
  assert.deepEqual([member?.first?.run, member?.head], [run, undefined]);
});
