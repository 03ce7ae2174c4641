/** When an idle daemon ends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../../daemon/core/apply.ts';
import { emptyState } from '../../../daemon/core/state.ts';
import { hasWork, Idle } from '../../../daemon/engine/idle-exit.ts';
import type { Clock } from '../../../daemon/system/clock.ts';

/** A clock whose timers fire on demand. */
function stage() {
  const timers = new Set<{ delayMs: number; callback: () => void }>();
  const clock: Clock = {
    now: () => ({ steadyMs: 0, wallMs: 0 }),
    steadyAt: (monotonicMs) => monotonicMs,
    after: (delayMs, callback) => {
      const timer = { delayMs, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    soon: (callback) => {
      world.meanwhile();
      callback();
    },
  };
  const world = { busy: false, exits: 0, meanwhile: () => {} };
  const idle = new Idle({
    afterMs: 60_000,
    clock,
    isBusy: () => world.busy,
    exit: () => world.exits++,
  });
  const fire = (): void => {
    for (const timer of [...timers]) {
      timers.delete(timer);
      timer.callback();
    }
  };
  return { timers, world, idle, fire };
}

test('a daemon with nothing to do ends when the time is over', () => {
  const { timers, world, idle, fire } = stage();
  idle.touch();
  assert.deepEqual(
    [...timers].map(({ delayMs }) => delayMs),
    [60_000],
  );
  fire();
  assert.equal(world.exits, 1);
});

test('whatever ends meanwhile makes the time begin anew', () => {
  const { timers, idle } = stage();
  idle.touch();
  const [first] = timers;
  idle.touch();
  assert.equal(timers.size, 1);
  assert.equal(first !== undefined && timers.has(first), false);
});

test('a client that comes at the very last moment is seen', () => {
  const { world, idle, fire } = stage();
  idle.touch();
  world.meanwhile = () => {
    world.busy = true;
  };
  fire();
  assert.equal(world.exits, 0);
});

test('a busy daemon has no timer, and one that has become busy stays', () => {
  const { timers, world, idle, fire } = stage();
  world.busy = true;
  idle.touch();
  assert.equal(timers.size, 0);
  world.busy = false;
  idle.touch();
  world.busy = true;
  fire();
  assert.equal(world.exits, 0);
  world.busy = false;
  idle.touch();
  fire();
  assert.equal(world.exits, 1);
});

test('a run is work from its acceptance to its end, and as long as processes of a lost one live', () => {
  const at = { steadyMs: 1, wallMs: 1 };
  const state = emptyState();
  assert.equal(hasWork(state), false);
  apply(state, { type: 'accepted', run: 1, target: 'x', at, token: 't', merged: true });
  assert.equal(hasWork(state), true);
  apply(state, { type: 'starting', run: 1, attempt: 1, at });
  assert.equal(hasWork(state), true);
  const keeper = { pid: 1, startTime: 1, bootId: 'b' };
  apply(state, { type: 'started', run: 1, attempt: 1, at, keeper });
  assert.equal(hasWork(state), true);
  const lost = { type: 'ended', run: 1, at, outcome: { kind: 'lost' }, verdict: 'failed' } as const;
  apply(state, { ...lost, heldBy: [7] });
  assert.equal(hasWork(state), true);
  apply(state, { type: 'released', run: 1 });
  assert.equal(hasWork(state), false);
});
