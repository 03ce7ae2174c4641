/** Queries whose answers take long: one after another, with time for others in between. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Reply } from '../../../daemon/protocol/request.ts';
import { FairQueue } from '../../../daemon/server/fair-queue.ts';
import { QueryQueue } from '../../../daemon/server/query-queue.ts';
import type { Responder } from '../../../daemon/server/responder.ts';
import type { CooperativeSteps } from '../../../daemon/shared/cooperative.ts';

const DONE: Reply = { type: 'done' };

/** Work of this many milliseconds, in steps of one. */
function* pieces(ms: number): CooperativeSteps<Reply> {
  for (let at = 0; at < ms; at++) {
    for (const untilMs = performance.now() + 1; performance.now() < untilMs; ) {
      // Like a view that looks at a thousand targets.
    }
    yield;
  }
  return DONE;
}

function stage() {
  const queries = new QueryQueue(new FairQueue());
  const told: string[] = [];
  const leave = new Map<string, () => void>();
  const responder = (name: string): Responder => ({
    send: () => told.push(`${name} is answered`),
    hasRoom: () => true,
    onDrain: () => {},
    onClose: (callback) => leave.set(name, callback),
    hold: () => told.push(`${name} is held`),
    finish: () => {},
  });
  const ask = (name: string, ms: number): void =>
    queries.ask(responder(name), () => {
      told.push(`${name} begins`);
      return ms < 0 ? undefined : pieces(ms);
    });
  return { ask, told, leave: (name: string) => leave.get(name)?.() };
}

test('a short answer is given at once, and one that there is not, too', () => {
  const { ask, told } = stage();
  ask('short', 0);
  ask('none', -1);
  assert.deepEqual(told, ['short begins', 'short is answered', 'none begins']);
});

test('a long answer lets others have their turn, and the next one begins only after it', async () => {
  const { ask, told } = stage();
  ask('first', 40);
  ask('second', 1);
  assert.deepEqual(told, ['first begins', 'first is held', 'second is held']);
  let turns = 0;
  for (; told.length < 6; turns++) await nextTurn();
  assert.deepEqual(told.slice(3), ['first is answered', 'second begins', 'second is answered']);
  assert.ok(turns > 5, `only ${turns} turns for others in 40 ms`);
});

test('whoever has left is not answered, and keeps nobody waiting', async () => {
  const { ask, told, leave } = stage();
  ask('first', 40);
  ask('second', 40);
  ask('third', 1);
  leave('second');
  leave('first');
  while (!told.includes('third is answered')) await nextTurn();
  assert.deepEqual(told.slice(4), ['third begins', 'third is answered']);
});
