/** How a client detects a daemon that holds its connection but does not answer. */
import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { SILENT_MS_DEFAULT, Silence, silentMsOf } from '../../../client/connection/silence.ts';

function watch(silentMs: number) {
  mock.timers.enable({ apis: ['setInterval'] });
  const said: string[] = [];
  const silence = new Silence(silentMs, {
    ask: () => said.push('ask'),
    giveUp: () => said.push('give up'),
  });
  return { said, silence, pass: (ms: number) => mock.timers.tick(ms) };
}

test('a daemon that never answers is asked once, and given up after the whole time', (t) => {
  t.after(() => mock.timers.reset());
  const { said, pass } = watch(60_000);
  pass(29_999);
  assert.deepEqual(said, []);
  pass(1);
  assert.deepEqual(said, ['ask']);
  pass(29_999);
  assert.deepEqual(said, ['ask']);
  pass(1);
  assert.deepEqual(said, ['ask', 'give up']);
});

test('one that answers the question is asked again and again, and never given up', (t) => {
  t.after(() => mock.timers.reset());
  const { said, silence, pass } = watch(60_000);
  for (let hour = 0; hour < 3_600; hour += 30) {
    const before = said.length;
    pass(30_000);
    if (said.length > before) silence.heard();
  }
  assert.ok(said.length >= 50);
  assert.ok(said.every((word) => word === 'ask'));
});

test('one that talks is not asked anything, and one that falls silent then is', (t) => {
  t.after(() => mock.timers.reset());
  const { said, silence, pass } = watch(60_000);
  for (let at = 0; at < 20; at++) {
    silence.heard();
    pass(30_000);
  }
  assert.deepEqual(said, []);
  pass(60_000);
  assert.deepEqual(said, ['ask', 'give up']);
});

test('after the end nothing is asked', (t) => {
  t.after(() => mock.timers.reset());
  const { said, silence, pass } = watch(60_000);
  silence.stop();
  for (let at = 0; at < 20; at++) pass(30_000);
  assert.deepEqual(said, []);
});

test('the time is that of --connect-timeout, and enough for a daemon that is being started', () => {
  assert.equal(silentMsOf(undefined), SILENT_MS_DEFAULT);
  assert.equal(silentMsOf(90_000), 90_000);
  assert.equal(silentMsOf(0), 2_000);
});
