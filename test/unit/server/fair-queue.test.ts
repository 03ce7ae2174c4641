/** Whose turn is next: in order, and never so many in one turn that others wait for long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FairQueue } from '../../../daemon/server/fair-queue.ts';

function work(ms: number): void {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; ) {
    // Like a relay that reads and writes.
  }
}

test('many that have much to do follow one another, and others have their turn in between', async () => {
  const fairQueue = new FairQueue();
  const done: number[] = [];
  for (let number = 0; number < 20; number++) {
    fairQueue.add(() => {
      work(4);
      done.push(number);
    });
  }
  let most = 0;
  for (let before = 0; done.length < 20; before = done.length) {
    await nextTurn();
    most = Math.max(most, done.length - before);
  }
  assert.ok(most <= 2, `${most} of 4 ms each in one go`);
  assert.deepEqual(
    done,
    Array.from({ length: 20 }, (_, number) => number),
  );
});

test('who comes again waits until all others have had their turn', async () => {
  const fairQueue = new FairQueue();
  const turns: string[] = [];
  const come = (name: string): void => {
    fairQueue.add(() => {
      turns.push(name);
      if (turns.length < 9) come(name);
    });
  };
  for (const name of ['a', 'b', 'c']) come(name);
  while (turns.length < 9) await nextTurn();
  assert.equal(turns.join(''), 'abcabcabc');
});

test('a turn that was taken back does not come, also if another one takes it back', async () => {
  const fairQueue = new FairQueue();
  const turns: string[] = [];
  const second: { giveUp?: () => void } = {};
  fairQueue.add(() => {
    turns.push('first');
    second.giveUp?.();
  });
  second.giveUp = fairQueue.add(() => turns.push('second'));
  fairQueue.add(() => turns.push('third'));
  await nextTurn();
  await nextTurn();
  assert.deepEqual(turns, ['first', 'third']);
});
