/** The short version of `npm run crash`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { soak } from '../soak.ts';
import { amount } from '../support/amount.ts';

test('real runs survive real deaths of the daemon, with every byte and every status', async (t) => {
  const seed = Date.now() % 1_000_000;
  const result = await soak(amount(60), amount(15), seed);
  const { runs, deaths, orphanings, upsets, seconds, faults } = result;
  const died = `${deaths} daemon deaths, ${orphanings} fork server deaths, ${upsets} journals lost`;
  t.diagnostic(`seed ${seed}: ${runs} runs, ${died}, ${seconds.toFixed(0)} s`);
  assert.deepEqual(faults, [], `seed ${seed}`);
});
