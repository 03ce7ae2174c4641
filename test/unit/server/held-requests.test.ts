/** Requests that wait for files to be read again: who is held, and in which order they go on. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HeldRequests } from '../../../daemon/server/held-requests.ts';

function stage() {
  /** Refreshes that are under way, by their targets, and how each is ended. */
  const refreshing = new Map<string, () => void>();
  const stale = new Set<string>();
  const told: string[] = [];
  const held = new HeldRequests((target) => {
    told.push(`look at ${target}`);
    if (!stale.has(target)) return undefined;
    return new Promise((done) => refreshing.set(target, done));
  });
  const ask = (name: string, target: string): void =>
    held.pass(target, { hold: () => told.push(`${name} is held`) }, () =>
      told.push(`${name} goes`),
    );
  const end = async (target: string): Promise<void> => {
    refreshing.get(target)?.();
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
  await end('t');
  assert.deepEqual(said(), ['a goes', 'look at other', 'b goes', 'look at t', 'c goes']);
  ask('d', 't');
  assert.deepEqual(said(), ['look at t', 'd goes']);
});

test('a request behind another one may have files of its own to wait for', async () => {
  const { ask, end, said, stale } = stage();
  stale.add('t').add('u');
  ask('a', 't');
  ask('b', 'u');
  ask('c', 'other');
  said();
  await end('t');
  assert.deepEqual(said(), ['a goes', 'look at u']);
  ask('d', 'other');
  assert.deepEqual(said(), ['d is held']);
  await end('u');
  assert.deepEqual(said(), ['b goes', 'look at other', 'c goes', 'look at other', 'd goes']);
});

test('a file that changes all the time holds up each request once', async () => {
  const { ask, end, said, stale } = stage();
  stale.add('t');
  ask('a', 't');
  ask('b', 't');
  said();
  await end('t');
  assert.deepEqual(said(), ['a goes', 'look at t']);
  await end('t');
  assert.deepEqual(said(), ['b goes']);
});
