/** What clients are shown of the state, on the pure core. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OUTCOME_WORDS } from '../../daemon/protocol.ts';
import { type Scenery, viewHistory } from '../../daemon/view.ts';
import { perform, steps, targets } from '../support/arbitraries.ts';
import { Core, exit, stamp, target } from '../support/core.ts';

function sceneryOf({ state, catalog, nowMs }: Core): Scenery {
  const holdersAround = () => new Map();
  return { state, catalog, now: stamp(nowMs), lives: () => false, holdersAround };
}

const ALL = { type: 'history', limit: 10_000 } as const;

test('history is narrowed by the age of the end and by verdict or kind of outcome', () => {
  const core = new Core([target('a', [], { warnExit: [2] })]);
  for (const [ms, code] of [0, 2, 1].entries()) {
    core.advance(ms * 1_000);
    core.end(core.ask('a'), exit(code));
  }
  core.lose(core.ask('a'));
  core.advance(5_000);
  const numbers = (more: object) =>
    viewHistory(sceneryOf(core), { ...ALL, ...more }).map(({ run }) => run);
  assert.deepEqual(numbers({}), [4, 3, 2, 1]);
  assert.deepEqual(numbers({ sinceMs: 4_000 }), [4, 3, 2]);
  assert.deepEqual(numbers({ sinceMs: 0 }), []);
  assert.deepEqual(numbers({ outcome: 'ok' }), [1]);
  assert.deepEqual(numbers({ outcome: 'warning' }), [2]);
  assert.deepEqual(numbers({ outcome: 'failed' }), [4, 3]);
  assert.deepEqual(numbers({ outcome: 'lost' }), [4]);
  assert.deepEqual(numbers({ outcome: 'exited', sinceMs: 3_000, limit: 1 }), [3]);
});

test('a narrowed history is what the whole one holds of it', () => {
  const word = fc.constantFrom(...OUTCOME_WORDS);
  fc.assert(
    fc.property(targets, steps, word, fc.nat(9_000), (catalog, list, outcome, sinceMs) => {
      const core = new Core(catalog);
      for (const step of list) perform(core, step);
      const scenery = sceneryOf(core);
      const fits = viewHistory(scenery, ALL).filter(
        (run) =>
          (run.verdict === outcome || run.outcome?.kind === outcome) &&
          scenery.now.wallMs - (run.endedAtMs ?? 0) <= sinceMs,
      );
      assert.deepEqual(viewHistory(scenery, { ...ALL, outcome, sinceMs }), fits);
    }),
    { numRuns: 100 },
  );
});
