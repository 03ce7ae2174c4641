/** A client is told of each start of its run once, whatever is on the disk when it connects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../../daemon/core/event.ts';
import { tellStarts } from '../../../daemon/server/tell-starts.ts';
import { EXIT_0, keeper, stamp } from '../../support/core.ts';

const RUN = { run: 1, attempt: 1, at: stamp(0) };
const STARTING: Event = { type: 'starting', ...RUN, attempt: 2 };
const STARTED: Event = { type: 'started', ...RUN, keeper: keeper(1, 1) };
const REQUEUED: Event = { type: 'requeued', run: 1, at: stamp(0) };
const ENDED: Event = {
  ...{ type: 'ended', run: 1, at: stamp(0), verdict: 'ok' },
  outcome: { kind: 'exited', code: EXIT_0.code ?? 0 },
};

/** How often a client was told after each step: an event, or that all before it is on the disk. */
function told(isRunning: boolean, ...steps: readonly (Event | 'durable' | 'lost')[]) {
  let times = 0;
  let durable: (loss?: string) => void = () => {};
  const hear = tellStarts(
    isRunning,
    (callback) => {
      durable = callback;
    },
    () => times++,
  );
  return steps.map((step) => {
    if (step === 'durable') durable();
    else if (step === 'lost') durable('the journal was removed');
    else hear(step);
    return times;
  });
}

test('a start that gets on the disk after the client came is told once', () => {
  assert.deepEqual(told(true, STARTED, 'durable', ENDED), [1, 1, 1]);
  assert.deepEqual(told(false, STARTED, ENDED), [1, 1]);
});

test('a run that was running before the client came is told of once that is known to be durable', () => {
  assert.deepEqual(told(true, 'durable', ENDED), [1, 1]);
  assert.deepEqual(told(true, ENDED, 'durable'), [1, 1], 'its end comes after its start');
  assert.deepEqual(told(true, 'lost'), [0]);
});

test('every further attempt is told, and one that never started is not', () => {
  assert.deepEqual(told(true, 'durable', STARTING, STARTED, ENDED), [1, 1, 2, 2]);
  assert.deepEqual(told(true, REQUEUED, 'durable', STARTED), [0, 0, 1]);
  assert.deepEqual(told(false, ENDED), [0]);
});
