/** Requests that wait for files to be read again: which are held, and in which order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldRequests } from '../../../daemon/server/held-requests.ts';

function stage() {
  let endRefresh = (): void => {};
  const stale = new Set<string>();
  const told: string[] = [];
  const held = new HeldRequests((targets) => {
    told.push(`look at ${[...targets].join(' ')}`);
    if (![...targets].some((target) => stale.has(target))) return undefined;
    return new Promise((done) => {
      endRefresh = done;
    });
  });
  const ask = (name: string, target: string): void =>
    held.pass(target, { hold: () => told.push(`${name} is held`) }, () =>
      told.push(`${name} goes`),
    );
  const end = async (): Promise<void> => {
    endRefresh();
    await new Promise(setImmediate);
  };
  const said = (): readonly string[] => told.splice(0);
  return { ask, end, said, stale };
}

test('where no file has changed a request goes at once, and its client is not held', () => {
  const { ask, said } = stage();
  ask('a', 't');
  ask('b', 't');
  assert.deepEqual(said(), ['look at t', 'a goes', 'look at t', 'b goes']);
});

test('what comes while files are read again goes in the order in which it came', async () => {
  const { ask, end, said, stale } = stage();
  stale.add('t');
  ask('a', 't');
  ask('b', 'other');
  ask('c', 't');
  assert.deepEqual(said(), ['look at t', 'a is held', 'b is held', 'c is held']);
  stale.clear();
  await end();
  assert.deepEqual(said(), ['a goes', 'look at other t', 'b goes', 'c goes']);
  ask('d', 't');
  assert.deepEqual(said(), ['look at t', 'd goes']);
});

test('all that is held shares the next reading, and what comes then the one after it', async () => {
  const { ask, end, said, stale } = stage();
  for (const target of ['t', 'u', 'w', 'x']) stale.add(target);
  ask('a', 't');
  ask('b', 'u');
  ask('c', 'other');
  ask('d', 'w');
  ask('e', 'u');
  said();
  await end();
  assert.deepEqual(said(), ['a goes', 'look at u other w']);
  ask('f', 'x');
  assert.deepEqual(said(), ['f is held']);
  await end();
  assert.deepEqual(said(), ['b goes', 'c goes', 'd goes', 'e goes', 'look at x']);
  await end();
  assert.deepEqual(said(), ['f goes']);
});

test('a file that changes all the time holds up each request once', async () => {
  const { ask, end, said, stale } = stage();
  stale.add('t');
  ask('a', 't');
  ask('b', 't');
  said();
  await end();
  assert.deepEqual(said(), ['a goes', 'look at t']);
  await end();
  assert.deepEqual(said(), ['b goes']);
});
