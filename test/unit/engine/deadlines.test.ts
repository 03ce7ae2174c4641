/** The loop's timer: it waits for what comes next, on a machine that may sleep meanwhile. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandInput } from '../../../daemon/core/command.ts';
import { Deadlines, TIMER_MS_MAX } from '../../../daemon/engine/deadlines.ts';
import { stampOf } from '../../../daemon/shared/elapsed.ts';

const HOUR = 3_600_000;

/** A clock with timers that stop while it sleeps. */
function machine() {
  let [nowMs, asleepMs, setMs] = [0, 0, 0];
  let timers: { readonly atMs: number; readonly callback: () => void }[] = [];
  const clock = {
    now: () => stampOf(nowMs, nowMs + asleepMs + setMs, asleepMs),
    steadyAt: (ms: number) => ms,
    after(delayMs: number, callback: () => void) {
      const timer = { atMs: nowMs + delayMs, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    soon: (callback: () => void) => callback(),
  };
  const wake = (): void => {
    const [due] = timers.splice(0);
    nowMs = due?.atMs ?? nowMs;
    due?.callback();
  };
  return {
    clock,
    wake,
    sleep(ms: number) {
      asleepMs += ms;
    },
    /** The wall clock. */
    set(ms: number) {
      setMs += ms;
    },
    get nowMs() {
      return nowMs;
    },
    get timers() {
      return timers.length;
    },
  };
}

function deadlines() {
  const it = machine();
  const posted: CommandInput[] = [];
  return { it, posted, of: new Deadlines(it.clock, (input) => posted.push(input)) };
}

test('what is due after a sleep is noticed within a minute of waking', () => {
  const { it, posted, of } = deadlines();
  of.add(7, 4 * HOUR);
  of.add('daily', 26 * HOUR);
  of.await();
  for (let minutes = 0; minutes < 60; minutes++) it.wake();
  assert.deepEqual([it.nowMs, posted], [HOUR, []]);
  it.sleep(8 * HOUR);
  it.wake();
  assert.deepEqual([it.nowMs, posted], [HOUR + TIMER_MS_MAX, [{ type: 'due', runs: [7] }]]);
  it.sleep(24 * HOUR);
  it.wake();
  assert.deepEqual(posted.slice(1), [{ type: 'overdue', target: 'daily' }]);
  assert.equal(it.timers, 0, 'nothing is left to wait for');
});

test('a deadline that is near is waited for to the millisecond, with one timer', () => {
  const { it, posted, of } = deadlines();
  of.add(1, TIMER_MS_MAX + 250);
  of.await();
  of.add(2, 40);
  of.await();
  assert.equal(it.timers, 1);
  it.wake();
  assert.deepEqual([it.nowMs, posted], [40, [{ type: 'due', runs: [2] }]]);
  it.wake();
  it.wake();
  assert.deepEqual([it.nowMs, posted.length], [TIMER_MS_MAX + 250, 2]);
});

test('a deadline in steady time comes no later for a sleep that was before', () => {
  const { it, posted, of } = deadlines();
  it.sleep(8 * HOUR);
  of.addSteady(1, 500);
  of.await();
  it.wake();
  assert.deepEqual([it.nowMs, posted], [500, [{ type: 'due', runs: [1] }]]);
  of.addSteady(2, 1_000);
  of.await();
  of.stop();
  assert.equal(it.timers, 0);
});

test('a clock on the wall that somebody sets is noticed within a minute, where anything waits', () => {
  const { it, posted, of } = deadlines();
  of.add(7, 4 * HOUR);
  of.await();
  it.wake();
  it.set(999);
  it.wake();
  assert.deepEqual(posted, [], 'clocks are corrected by less all the time');
  for (const ms of [HOUR, -3 * HOUR]) {
    it.set(ms);
    it.wake();
    assert.deepEqual(posted.splice(0), [{ type: 'configured' }]);
    it.wake();
    assert.deepEqual(posted, []);
  }
  it.sleep(HOUR);
  it.wake();
  assert.deepEqual(posted, [], 'a sleep sets no clock');
});
