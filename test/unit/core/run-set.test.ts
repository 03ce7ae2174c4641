/** The runs of a target keep a Set's order, and both ends can be read without a traversal. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Runs } from '../../../daemon/core/run-set.ts';

test('they are what a set of the same runs is, in its order', () => {
  const STEP = fc.record({ isNew: fc.boolean(), which: fc.nat({ max: 1_000 }) });
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 600 }), (steps) => {
      const runs = new Runs();
      const set = new Set<number>();
      for (const [number, { isNew, which }] of steps.entries()) {
        const gone = [...set][which % Math.max(1, set.size)] ?? -1;
        if (isNew) assert.equal(runs.add(number), runs);
        else assert.equal(runs.delete(gone), set.has(gone));
        if (isNew) set.add(number);
        else set.delete(gone);
        assert.deepEqual([...runs], [...set]);
        assert.equal(runs.last, [...set].at(-1));
        assert.equal(runs.size, set.size);
      }
      assert.deepEqual(new Runs(set), runs);
    }),
  );
});

test('the first and the last of many are found however many are gone', () => {
  const COUNT = 50_000;
  for (const takes of ['first', 'last'] as const) {
    const runs = new Runs(Array.from({ length: COUNT }, (_, at) => at));
    let looked = 0;
    const has = runs.has.bind(runs);
    runs.has = (run) => {
      looked++;
      return has(run);
    };
    for (let left = COUNT; left > 0; left--) {
      const [first] = runs;
      const run = takes === 'first' ? first : runs.last;
      assert.equal(run, takes === 'first' ? COUNT - left : left - 1);
      runs.delete(run ?? -1);
    }
    assert.ok(looked < 10 * COUNT, `looked at ${looked} runs to take ${COUNT} from the ${takes}`);
  }
});

test('whoever goes through them sees each once that stays, whatever is deleted meanwhile', () => {
  const runs = new Runs(Array.from({ length: 1_000 }, (_, at) => at));
  const seen: number[] = [];
  for (const run of runs) {
    seen.push(run);
    for (let gone = run; gone <= run + 2; gone++) runs.delete(gone);
    if (runs.size > 900) runs.add(1_000 + run);
  }
  assert.deepEqual(seen.slice(0, 3), [0, 3, 6]);
  assert.equal(new Set(seen).size, seen.length);
  assert.ok([...Array(333).keys()].every((at) => seen.includes(3 * at)));
});
