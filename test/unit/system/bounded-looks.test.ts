/** Looks at files, one of which may never return. */
import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { BoundedLooks, looksReturned } from '../../../daemon/system/bounded-looks.ts';

test('there is one look at a time, and each tells what it found', async () => {
  const looks = new BoundedLooks();
  const made: string[] = [];
  const answers: (() => void)[] = [];
  const look = (name: string) => () => {
    made.push(name);
    return new Promise<string>((resolve) => answers.push(() => resolve(name)));
  };
  const found = [looks.at(look('a')), looks.at(look('b'))];
  await setImmediate();
  assert.deepEqual(made, ['a']);
  answers[0]?.();
  assert.equal(await found[0], 'a');
  await setImmediate();
  answers[1]?.();
  assert.equal(await found[1], 'b');
});

test('a look that fails is told to who asked, and the next one is made', async () => {
  const looks = new BoundedLooks();
  const failed = looks.at(() => Promise.reject(new Error('EIO')));
  const next = looks.at(() => Promise.resolve('b'));
  await assert.rejects(failed, /EIO/);
  assert.equal(await next, 'b');
});

test('while a look is out no other is made, and nobody waits for it for long', async () => {
  const looks = new BoundedLooks(1);
  const timer = setInterval(() => {}, 1_000); // the limit itself keeps no process alive
  let comeBack: () => void = () => {};
  const out = () => new Promise<string>((resolve) => (comeBack = () => resolve('late')));
  assert.equal(await looks.at(out), undefined);
  let made = 0;
  const next = () => Promise.resolve(++made);
  assert.equal(await looks.at(next), undefined);
  assert.equal(made, 0);
  comeBack();
  await setImmediate();
  assert.equal(await looks.at(next), 1);
  clearInterval(timer);
});

test('a thread that was held up says nothing of the server', async () => {
  const looks = new BoundedLooks(500);
  const found = looks.at(async () => {
    for (let step = 0; step < 3; step++) await access('/');
    return 'there';
  });
  await Promise.resolve();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
  assert.equal(await found, 'there');
});

test('a process that ends waits for a look that returns, not for one that hangs', async () => {
  const looks = new BoundedLooks();
  let comeBack: () => void = () => {};
  const out = () => new Promise<string>((resolve) => (comeBack = () => resolve('back')));
  const found = looks.at(out);
  await setImmediate();
  let isOver = false;
  const over = looksReturned().then(() => {
    isOver = true;
  });
  await setImmediate();
  assert.equal(isOver, false);
  comeBack();
  assert.equal(await found, 'back');
  await setImmediate();
  assert.equal(isOver, true);
  await over;
  const hung = looks.at(out);
  await setImmediate();
  await looksReturned();
  comeBack();
  assert.equal(await hung, 'back');
});
