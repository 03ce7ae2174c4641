/** The short version of `npm run crash`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../soak.ts';
import { amount } from '../support/amount.ts';

test('real runs survive real deaths of the daemon, with every byte and every status', async (t) => {
  const seed = Date.now() % 1_000_000;
  const { runs, deaths, orphanings, seconds, faults } = await soak(amount(60), amount(15), seed);
  const died = `${deaths} daemon deaths, ${orphanings} fork server deaths`;
  t.diagnostic(`seed ${seed}: ${runs} runs, ${died}, ${seconds.toFixed(0)} s`);
  assert.deepEqual(faults, [], `seed ${seed}`);
});
