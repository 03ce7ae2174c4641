/** Which runs that are Slurm jobs are looked at in one round. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dueOf, WAITING_LOOKS_MAX } from '../../../daemon/keepers/slurm-look.ts';
import { NOTHING_SEEN, type Sight } from '../../../daemon/keepers/slurm-sight.ts';
import { LOOK_MS } from '../../../daemon/keepers/supervision.ts';

const COUNT = 10 * WAITING_LOOKS_MAX;
const NOW_MS = 100_000;

/** `lookedAtMs` is written, as by the looks. */
function jobs(count: number, sight: Sight = NOTHING_SEEN, releasedAtMs = 0) {
  return Array.from({ length: count }, (_, at) => ({
    ...{ name: at, sight, releasedAtMs },
    lookedAtMs: 0,
  }));
}

test('of many runs that wait the oldest are looked at each second, and the others in turn', () => {
  const waiting = jobs(COUNT);
  const oldest = waiting.slice(0, WAITING_LOOKS_MAX / 2);
  const seen = new Set<number>();
  let rounds = 0;
  for (let nowMs = NOW_MS; seen.size < COUNT; nowMs += LOOK_MS) {
    const due = dueOf(waiting, nowMs);
    assert.ok(due.length <= WAITING_LOOKS_MAX);
    for (const job of due) {
      job.lookedAtMs = nowMs;
      seen.add(job.name);
    }
    assert.ok(oldest.every(({ lookedAtMs }) => nowMs - lookedAtMs < 1_000));
    rounds += 1;
  }
  assert.ok(rounds <= (2 * COUNT) / WAITING_LOOKS_MAX, `all were looked at in ${rounds} rounds`);
});

test('few runs are looked at in each round for a while, and each second then', () => {
  const fresh = jobs(WAITING_LOOKS_MAX, NOTHING_SEEN, NOW_MS);
  for (const job of fresh) job.lookedAtMs = NOW_MS;
  assert.equal(dueOf(fresh, NOW_MS + LOOK_MS).length, WAITING_LOOKS_MAX);
  for (const job of fresh) job.lookedAtMs = NOW_MS + 5_000;
  assert.deepEqual(dueOf(fresh, NOW_MS + 5_750), []);
  assert.equal(dueOf(fresh, NOW_MS + 6_000).length, WAITING_LOOKS_MAX);
});

test('a run whose command has begun, or may have, is looked at in each round', () => {
  const [job, token, node] = ['1', 'baton:t:1.1:0', 'n1'];
  const runs = { job: { job, token, state: 'RUNNING', reason: 'None', node }, overLooks: 0 };
  const begun = jobs(COUNT).map((waiting) => ({ ...waiting, begun: {} }));
  const all = [...jobs(COUNT, runs), ...jobs(COUNT, { overAtMs: 1, overLooks: 1 }), ...begun];
  for (const looked of all) looked.lookedAtMs = NOW_MS;
  assert.equal(dueOf(all, NOW_MS + 1).length, all.length);
});
