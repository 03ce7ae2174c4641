/** What is forgotten: the oldest ended runs of a target, as few as the limit asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Core, target } from '../support/core.ts';

function ended(core: Core, name = 't'): number[] {
  return [...(core.state.lanes.get(name)?.ended ?? [])];
}

/** Five runs, ended in the order 2, 1, 3, 5, 4. */
function five(): Core {
  const core = new Core([target('t'), target('other')]);
  for (let n = 0; n < 5; n++) core.ask('t');
  for (const run of [2, 1, 3, 5, 4]) core.end(run);
  return core;
}

test('the runs that ended first are forgotten first, and no more than needed', () => {
  const core = five();
  core.send({ type: 'retain', target: 't', runsMax: 3 });
  assert.deepEqual(ended(core), [3, 5, 4]);
  assert.deepEqual(core.events.at(-1), { type: 'forgotten', runs: [2, 1] });
  assert.deepEqual([...core.state.tokens.values()].toSorted(), [3, 4, 5]);
  const before = core.events.length;
  core.send({ type: 'retain', target: 't', runsMax: 3 });
  assert.equal(core.events.length, before, 'nothing is journaled where nothing is forgotten');
});

test('only the target asked about loses runs', () => {
  const core = five();
  core.end(core.ask('other'));
  core.send({ type: 'retain', target: 't', runsMax: 0 });
  assert.deepEqual([ended(core), ended(core, 'other')], [[], [6]]);
  core.send({ type: 'retain', target: 'unknown', runsMax: 0 });
});

test('a run that waits, runs, or is lost with living processes is never forgotten', () => {
  const core = new Core([target('t', [{ type: 'cardinality', instances: 2 }])]);
  for (let n = 0; n < 4; n++) core.ask('t');
  core.lose(1, [77]);
  core.end(2);
  assert.deepEqual([core.runs('running').length, core.runs('queued').length], [1, 1]);
  core.send({ type: 'retain', target: 't', runsMax: 0 });
  assert.deepEqual([...core.state.runs.keys()], [1, 3, 4]);
  core.send({ type: 'vacated', run: 1 });
  core.send({ type: 'retain', target: 't', runsMax: 0 });
  assert.deepEqual([...core.state.runs.keys()], [3, 4]);
});

test('a number that was forgotten is not given away again', () => {
  const core = five();
  core.send({ type: 'retain', target: 't', runsMax: 0 });
  core.compact();
  assert.equal(core.ask('t'), 6);
});

test('what is left are the latest, whatever was kept before', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(6), { maxLength: 30 }), fc.nat(9), (order, runsMax) => {
      const core = new Core([target('t')]);
      const ends: number[] = [];
      for (let n = 0; n < 7; n++) core.ask('t');
      for (const at of order) {
        const run = core.runs('running')[at]?.run;
        if (run === undefined) continue;
        core.end(run);
        ends.push(run);
      }
      core.send({ type: 'retain', target: 't', runsMax });
      assert.deepEqual(ended(core), runsMax === 0 ? [] : ends.slice(-runsMax));
    }),
  );
});
