/** Work in slices: all of it is done in order, and others run in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CooperativeSteps } from '../../../daemon/shared/cooperative.ts';
import { runInSlices } from '../../../daemon/system/slices.ts';

/** Longer than a slice, however fast the machine is. */
const STEP_MS = 20;

function* long(done: number[], count: number): CooperativeSteps<string> {
  for (let at = 0; at < count; at++) {
    const untilMs = performance.now() + STEP_MS;
    while (performance.now() < untilMs);
    done.push(at);
    yield;
  }
  return 'made';
}

test('between long steps others have their turn, and the result is that of all', async () => {
  const done: number[] = [];
  const seen: number[] = [];
  const look = (): void => {
    seen.push(done.length);
    if (done.length < 4) setImmediate(look);
  };
  setImmediate(look);
  assert.equal(await runInSlices(long(done, 4)), 'made');
  assert.deepEqual(done, [0, 1, 2, 3]);
  assert.deepEqual([...new Set(seen)].slice(0, 4), [1, 2, 3, 4]);
});

test('short steps share a slice', async () => {
  function* short(): CooperativeSteps<number> {
    yield;
    yield;
    return 3;
  }
  assert.equal(await runInSlices(short()), 3);
});

test('what a step throws is thrown', async () => {
  function* broken(): CooperativeSteps<number> {
    yield;
    throw new Error('broken');
  }
  await assert.rejects(runInSlices(broken()), /broken/);
});
