/** The short version of `npm run fuzz`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzz } from '../fuzz.ts';

test('hostile clients neither disturb others, nor grow, nor end the daemon', async (t) => {
  const seed = Date.now() % 1_000_000;
  const result = await fuzz({ cases: 3_000, seed, bigBytes: 200_000_000, fastReads: 1 });
  const { cases, seconds, peakRssBytes, slowestAnswerMs, faults } = result;
  t.diagnostic(
    `seed ${seed}: ${cases} cases, ${seconds.toFixed(0)} s, peak RSS ${peakRssBytes}, slowest answer ${slowestAnswerMs.toFixed(0)} ms`,
  );
  assert.deepEqual(faults, [], `seed ${seed}`);
});
