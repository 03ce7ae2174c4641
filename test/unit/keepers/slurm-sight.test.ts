/** The conclusions about a job from Slurm's reports and the signs of life of its keeper. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Job } from '../../../daemon/keepers/slurm-job-list.ts';
import {
  type Conclusion,
  conclude,
  isInDoubt,
  NOTHING_SEEN,
  type Sight,
  seeBeat,
  seeJobs,
} from '../../../daemon/keepers/slurm-sight.ts';

const OVER = ['COMPLETED', 'FAILED', 'CANCELLED', 'TIMEOUT', 'PREEMPTED', 'OUT_OF_MEMORY'];
const LIVE = ['RUNNING', 'COMPLETING', 'CONFIGURING', 'SUSPENDED', 'A_WORD_OF_THE_FUTURE'];

function job(state: string, reason = 'None'): Job {
  return { job: '1', token: 'baton:x:1.1:0', state, reason, node: 'n1' };
}

/** The conclusion `ms` after Slurm's first such report, with queries every 5 s. */
function after(
  ms: number,
  states: readonly string[],
  hasBegun: boolean,
  beats = false,
): Conclusion {
  let sight: Sight = NOTHING_SEEN;
  for (let nowMs = 0; nowMs <= ms; nowMs += 5_000) {
    sight = seeJobs(
      sight,
      states.map((state) => job(state)),
      nowMs,
    );
    if (isInDoubt(sight, hasBegun)) sight = seeBeat(sight, beats ? nowMs : 7, nowMs);
  }
  return conclude(sight, hasBegun, ms);
}

test('a job that is over, or unknown, and has not begun has not run; not by the first word', () => {
  for (const states of [...OVER.map((state) => [state]), []]) {
    assert.equal(after(5_000, states, false), 'wait', String(states));
    assert.equal(after(10_000, states, false), 'never-ran', String(states));
  }
});

test('one that has begun is lost once its keeper has been silent for as long as files may be late', () => {
  for (const states of [...OVER.map((state) => [state]), []]) {
    assert.equal(after(65_000, states, true), 'wait', String(states));
    assert.equal(after(70_000, states, true), 'lost', String(states));
    assert.equal(after(3_600_000, states, true, true), 'wait', `${states} with signs of life`);
  }
  assert.equal(after(295_000, ['NODE_FAIL'], true), 'wait');
  assert.equal(after(300_000, ['NODE_FAIL'], true), 'lost');
});

test('a job that waits again after it has begun is lost as well once its keeper is silent', () => {
  assert.equal(after(65_000, ['PENDING'], true), 'wait');
  assert.equal(after(70_000, ['PENDING'], true), 'lost');
  assert.equal(after(3_600_000, ['PENDING'], true, true), 'wait');
  assert.equal(after(3_600_000, ['PENDING'], false), 'wait');
});

test('a job that Slurm has not done with is waited for, and so is one whose twin it has', () => {
  for (const state of LIVE) {
    assert.equal(after(3_600_000, [state], true), 'wait', state);
    assert.equal(after(3_600_000, ['COMPLETED', state], false), 'wait', state);
  }
});

test('whatever Slurm says, only silence ends what has begun, and nothing has run that has not', () => {
  const states = fc.array(fc.constantFrom(...OVER, ...LIVE, 'NODE_FAIL', 'PENDING'), {
    maxLength: 2,
  });
  fc.assert(
    fc.property(fc.array(states, { maxLength: 200 }), fc.boolean(), (said, hasBegun) => {
      let sight: Sight = NOTHING_SEEN;
      said.forEach((words, at) => {
        const nowMs = at * 5_000;
        sight = seeJobs(
          sight,
          words.map((word) => job(word)),
          nowMs,
        );
        if (isInDoubt(sight, hasBegun)) sight = seeBeat(sight, at, nowMs);
        const concluded = conclude(sight, hasBegun, nowMs);
        assert.notEqual(concluded, 'lost', 'it gave signs of life');
        if (hasBegun) assert.equal(concluded, 'wait');
      });
    }),
  );
});
