/** What is forgotten: the oldest ended runs of a target, as few as the limits require. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Keep } from '../../../daemon/core/catalog.ts';
import { decide } from '../../../daemon/core/decide.ts';
import { FORGOTTEN_AT_ONCE_MAX, RECENT_MS } from '../../../daemon/core/retention.ts';
import { Core, EXIT_0, NONCE, target } from '../../support/core.ts';

const LATER_MS = RECENT_MS + 1;

function ended(core: Core, name = 't'): number[] {
  return [...(core.state.targetStates.get(name)?.ended ?? [])];
}

function retain(core: Core, keep: Keep, name = 't'): void {
  core.send({ type: 'retain', target: name, keep });
}

/** Five runs, ended in the order 2, 1, 3, 5, 4, a second apart, with 100 bytes of output each. */
function five(): Core {
  const core = new Core([target('t'), target('other')]);
  for (let n = 0; n < 5; n++) core.ask('t');
  for (const run of [2, 1, 3, 5, 4]) {
    core.advance(core.nowMs + 1_000);
    core.send({ type: 'reported', run, attempt: 1, report: { ...EXIT_0, bytes: 100 } });
  }
  return core;
}

test('the runs that ended first are forgotten first, and no more than needed', () => {
  const core = five();
  core.advance(core.nowMs + LATER_MS);
  retain(core, { runs: 3 });
  assert.deepEqual(ended(core), [3, 5, 4]);
  assert.deepEqual(core.events.at(-1), { type: 'forgotten', runs: [2, 1] });
  assert.deepEqual([...core.state.tokens.values()].toSorted(), [3, 4, 5]);
  const before = core.events.length;
  retain(core, { runs: 3 });
  assert.equal(core.events.length, before, 'nothing is journaled where nothing is forgotten');
});

test('runs are forgotten by their age and by the size of their output', () => {
  const old = five();
  old.advance(old.nowMs + LATER_MS);
  retain(old, { runs: 100, ms: LATER_MS + 2_500 });
  assert.deepEqual(ended(old), [3, 5, 4]);
  const large = five();
  large.advance(large.nowMs + LATER_MS);
  retain(large, { runs: 100, bytes: 250 });
  assert.deepEqual(ended(large), [5, 4]);
});

test('a run that has just ended is kept: its client may be on its way back', () => {
  const core = five();
  retain(core, { runs: 1 });
  assert.deepEqual(ended(core), [2, 1, 3, 5, 4]);
});

test('a run that ended while there was no daemon is kept as long as if it had ended now', () => {
  const core = five();
  core.advance(core.nowMs + LATER_MS);
  const upSinceMs = core.nowMs;
  const keep = { runs: 1 };
  core.send({ type: 'retain', target: 't', keep, upSinceMs });
  assert.deepEqual(ended(core), [2, 1, 3, 5, 4]);
  core.advance(core.nowMs + RECENT_MS);
  core.send({ type: 'retain', target: 't', keep, upSinceMs });
  assert.deepEqual(ended(core), [4]);
});

test('the latest run is always kept', () => {
  const core = five();
  core.advance(core.nowMs + LATER_MS);
  retain(core, { runs: 1, ms: 1, bytes: 0 });
  assert.deepEqual(ended(core), [4]);
});

test('only the target asked about loses runs', () => {
  const core = five();
  core.end(core.ask('other'));
  core.advance(core.nowMs + LATER_MS);
  retain(core, { runs: 1 });
  assert.deepEqual([ended(core), ended(core, 'other')], [[4], [6]]);
  retain(core, { runs: 1 }, 'unknown');
});

test('a run that waits, runs, or is lost with living processes is never forgotten', () => {
  const core = new Core([target('t', [{ type: 'cardinality', instances: 2 }])]);
  for (let n = 0; n < 4; n++) core.ask('t');
  core.lose(1, [77]);
  core.end(2);
  assert.deepEqual([core.runs('running').length, core.runs('queued').length], [1, 1]);
  core.advance(core.nowMs + LATER_MS);
  retain(core, { runs: 1 });
  assert.deepEqual([...core.state.runs.keys()], [1, 2, 3, 4]);
  core.send({ type: 'vacated', run: 1 });
  retain(core, { runs: 1 });
  assert.deepEqual([...core.state.runs.keys()], [2, 3, 4]);
});

test('a lost run with living processes takes no room from the runs that are to be kept', () => {
  const core = new Core([target('t')]);
  core.lose(core.ask('t'), [77]);
  for (let n = 0; n < 2; n++) core.end(core.ask('t'));
  core.advance(core.nowMs + LATER_MS);
  retain(core, { runs: 2 });
  assert.deepEqual(ended(core), [1, 2, 3]);
  core.end(core.ask('t'));
  retain(core, { runs: 2 });
  assert.deepEqual(ended(core), [1, 3, 4]);
});

test('a number that was forgotten is not given away again', () => {
  const core = five();
  core.advance(core.nowMs + LATER_MS);
  retain(core, { runs: 1 });
  core.compact();
  assert.equal(core.ask('t'), 6);
});

test('what is left are the latest, whatever was kept before', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(6), { maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      (order, runs) => {
        const core = new Core([target('t')]);
        const ends: number[] = [];
        for (let n = 0; n < 7; n++) core.ask('t');
        for (const at of order) {
          const run = core.runs('running')[at]?.run;
          if (run === undefined) continue;
          core.end(run);
          ends.push(run);
        }
        core.advance(core.nowMs + LATER_MS);
        retain(core, { runs });
        assert.deepEqual(ended(core), ends.slice(-runs));
      },
    ),
  );
});

test('a lost run is tried again only where its target says so, and not for ever', () => {
  const core = new Core([target('t', [{ type: 'cardinality' }], { onLost: 'retry' })]);
  const run = core.ask('t');
  const attempts: (string | number)[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    attempts.push(attempt);
    core.send({ type: 'gone', run, attempt, rebooted: attempt === 2, survivors: [] });
  }
  assert.deepEqual(attempts, [1, 2, 3]);
  const end = core.state.runs.get(run);
  assert.ok(end?.state === 'ended' && end.outcome.kind === 'lost');
});

test('the past of a removed target is dropped when somebody asks, and nothing is left of it', () => {
  const core = five();
  core.send({ type: 'pause', target: 't' });
  const forget = () => core.send({ type: 'forget', target: 't' });
  assert.match(JSON.stringify(forget()), /"refused","reason":"it is still configured/);
  core.configure([target('other')]);
  assert.deepEqual(forget(), { type: 'done' });
  assert.deepEqual([...core.state.targetStates.keys()], []);
  assert.equal(core.state.tokens.size, 0);
  assert.deepEqual(forget(), { type: 'unknown-target' });
  core.restart();
  assert.equal(core.state.runs.size, 0);
  core.configure([target('t')]);
  assert.equal(core.ask('t'), 6, 'its numbers are not given away again');
});

test('a removed target of which a run is not over yet is not forgotten', () => {
  const core = new Core([target('t')]);
  const run = core.ask('t');
  core.configure([]);
  const forget = () => JSON.stringify(core.send({ type: 'forget', target: 't' }));
  assert.match(forget(), /"refused","reason":"its run 1 has not ended/);
  core.lose(run, [4_711]);
  assert.match(
    forget(),
    /"refused","reason":"its run 1 has not ended, or processes of the run are still alive/,
  );
  core.send({ type: 'vacated', run });
  assert.equal(forget(), '{"type":"done"}');
});

test('a long past is dropped in several steps', () => {
  const core = new Core([target('t')]);
  for (let n = 0; n <= FORGOTTEN_AT_ONCE_MAX; n++) core.end(core.ask('t'));
  core.configure([]);
  const at = { steadyMs: core.nowMs, wallMs: 0 };
  const forget = { type: 'forget', target: 't', at, nonce: NONCE } as const;
  const decision = decide(core.state, forget, core.catalog);
  assert.deepEqual(decision.rest, { type: 'forget', target: 't' });
  core.send({ type: 'forget', target: 't' });
  assert.equal(ended(core).length, 1);
});
