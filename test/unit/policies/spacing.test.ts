/** The spacing policy in examples. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chanceOf } from '../../../daemon/shared/chance.ts';
import { Core, NEVER_RAN, type RawPolicy, stamp, target } from '../../support/core.ts';

const MINUTE = 60_000;

function apart(more: Omit<RawPolicy, 'type'> = {}): RawPolicy {
  return { type: 'spacing', least: '10m', ...more };
}

test('the first run starts at once, the next one the least time after the start of that', () => {
  const core = new Core([target('t', [apart()])]);
  core.advance(MINUTE);
  core.expect(core.ask('t'), 'running');
  core.advance(4 * MINUTE);
  const second = core.ask('t');
  assert.deepEqual(core.why(second), ['waits for 10 min to pass since the start of run 1 (t)']);
  core.advance(11 * MINUTE - 1);
  core.expect(second, 'queued');
  core.advance(11 * MINUTE);
  core.expect(second, 'running');
  core.expect(1, 'running');
});

test('counted from the end, a run that goes on is waited for, and then the least time', () => {
  const core = new Core([target('t', [apart({ from: 'end' })])]);
  core.ask('t');
  const second = core.ask('t');
  core.advance(30 * MINUTE);
  assert.deepEqual(core.why(second), [
    'waits for run 1 (t), which is running, and 10 min after its end',
  ]);
  core.end(1);
  assert.deepEqual(core.why(second), ['waits for 10 min to pass since the end of run 1 (t)']);
  core.advance(40 * MINUTE - 1);
  core.expect(second, 'queued');
  core.advance(40 * MINUTE);
  core.expect(second, 'running');
});

test('targets of one group keep apart from each other, each by its own time', () => {
  const core = new Core([
    target('a', [apart({ group: 'mirror' })]),
    target('b', [apart({ group: 'mirror', least: '3m' })]),
    target('c', [apart()]),
  ]);
  core.ask('a');
  const [a, b, c] = [core.ask('a'), core.ask('b'), core.ask('c')];
  core.expect(c, 'running');
  core.advance(3 * MINUTE);
  core.expect(b, 'running');
  core.expect(a, 'queued');
  // Since b, the latest of the group.
  core.advance(13 * MINUTE - 1);
  core.expect(a, 'queued');
  core.advance(13 * MINUTE);
  core.expect(a, 'running');
});

test('a run that never started leaves no gap behind, one that was tried again only one', () => {
  const core = new Core([target('t', [apart()])], { manualKeepers: true });
  core.send({ type: 'pause', target: 't' });
  core.send({ type: 'cancel', runs: [core.ask('t')] });
  core.send({ type: 'resume', target: 't' });
  const run = core.ask('t');
  core.keep(run);
  core.advance(MINUTE);
  core.end(run, NEVER_RAN);
  core.keep(run);
  const next = core.ask('t');
  core.advance(11 * MINUTE - 1);
  core.expect(next, 'queued');
  core.advance(11 * MINUTE);
  core.expect(next, 'starting');
});

test('the gap goes on while the machine sleeps, and is over when it wakes', () => {
  const core = new Core([target('t', [apart()])]);
  core.ask('t');
  const second = core.ask('t');
  core.advance(MINUTE);
  core.sleep(9 * MINUTE - 1);
  core.advance(MINUTE);
  core.expect(second, 'queued');
  core.sleep(1);
  core.advance(MINUTE);
  core.expect(second, 'running');
});

test('a gap outlives the daemon, the compaction of its journal, and the run that it follows', () => {
  for (const anew of ['restart', 'compact'] as const) {
    const core = new Core([target('t', [apart()])]);
    const first = core.ask('t');
    core.end(first);
    // It ends later, and is the one that is remembered.
    core.send({ type: 'pause', target: 't' });
    core.send({ type: 'cancel', runs: [core.ask('t')] });
    core.send({ type: 'resume', target: 't' });
    core.advance(6 * MINUTE);
    core.send({ type: 'retain', target: 't', keep: { runs: 1 } });
    assert.equal(core.state.runs.has(first), false);
    core[anew]();
    const third = core.ask('t');
    assert.deepEqual(core.why(third), ['waits for 10 min to pass since the start of run 1 (t)']);
    core.advance(10 * MINUTE);
    core.expect(third, 'running');
  }
});

test('jitter lengthens each gap by chance, the same however often it is looked at', () => {
  const gaps = Array.from({ length: 200 }, (_, at) => {
    const core = new Core([target('t', [apart({ jitter: '5m' })])]);
    core.advance(at * 7);
    core.ask('t');
    const second = core.ask('t');
    core.restart();
    core.advance(at * 7 + 10 * MINUTE - 1);
    core.expect(second, 'queued');
    core.advance(at * 7 + 15 * MINUTE);
    return core.expect(second, 'running').started.steadyMs - at * 7 - 10 * MINUTE;
  });
  assert.ok(gaps.every((ms) => ms >= 0 && ms < 5 * MINUTE));
  for (const third of [0, 1, 2]) {
    const within = gaps.filter((ms) => Math.floor(ms / ((5 * MINUTE) / 3)) === third).length;
    assert.ok(within > 40 && within < 95, `${within} of 200 gaps in the third ${third}`);
  }
});

test('chance is the same for the same moment of a run, and another one for any other', () => {
  assert.equal(chanceOf(7, stamp(1_000)), chanceOf(7, stamp(1_000)));
  const all = Array.from({ length: 1_000 }, (_, at) => [
    chanceOf(at, stamp(5)),
    chanceOf(5, stamp(at + 6)),
  ]).flat();
  assert.ok(all.every((chance) => chance >= 0 && chance < 1));
  assert.ok(new Set(all).size > 1_990);
});

test('nothing wakes the daemon while no run waits for a gap', () => {
  const core = new Core([target('t', [apart({ jitter: '5m' })])]);
  core.end(core.ask('t'));
  assert.deepEqual(core.timers, []);
});
