/** Steady time: it continues across boots, whatever the wall clock shows. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { apply } from '../../../daemon/core/apply.ts';
import { NO_WORLD } from '../../../daemon/core/world.ts';
import { viewHistory } from '../../../daemon/server/views/targets.ts';
import { runToEnd } from '../../../daemon/shared/cooperative.ts';
import { elapsedMs, SLEEP_MS_MIN } from '../../../daemon/shared/elapsed.ts';
import { bootEvent, type Kernel, SystemClock } from '../../../daemon/system/clock.ts';
import { Core, target } from '../../support/core.ts';

const HOUR = 3_600_000;

/** The steady time of a boot that follows what this core knows. */
function afterBoot({ state }: Core): number {
  const event = bootEvent(state, 'next boot');
  assert.ok(event?.type === 'booted');
  return new SystemClock(event).now().steadyMs;
}

/** A core whose wall clock was a day ahead, which the machine forgets at its boot. */
function ahead(more: Parameters<typeof target>[2] = {}): Core {
  const targets = [target('job', [], more), target('other')];
  const core = new Core(targets);
  core.nowMs = Date.now() + 24 * HOUR;
  core.configure(targets);
  return core;
}

test('after a boot with the clock set back no run has begun in the future', () => {
  const core = ahead();
  core.send({ type: 'pause', target: 'job' });
  const run = core.ask('job');
  core.nowMs += 2 * HOUR;
  core.send({ type: 'resume', target: 'job' });
  assert.equal(core.state.runs.get(run)?.state, 'running');
  assert.ok(afterBoot(core) >= core.nowMs);
  core.nowMs += HOUR;
  core.send({ type: 'cancel', runs: [run] });
  assert.ok(afterBoot(core) >= core.nowMs, 'nor been stopped');
});

test('after a boot with the clock set back a target is not fresh from the future', () => {
  const core = ahead({ lateAfterMs: HOUR });
  assert.ok(afterBoot(core) >= core.nowMs);
});

test('a clock that is set an hour back and forth changes no duration, no age and no estimate', () => {
  const core = ahead();
  for (const wallShiftMs of [0, -HOUR, HOUR]) {
    const run = core.ask('job');
    core.nowMs += 60_000;
    core.wallShiftMs = wallShiftMs;
    core.end(run);
    core.nowMs += 60_000;
  }
  assert.deepEqual(core.state.targetStates.get('job')?.tookMs, [60_000, 60_000, 60_000]);
  const steadyMs = core.nowMs;
  const ages = (wallMs: number, sinceMs: number) =>
    runToEnd(
      viewHistory(
        {
          ...{ state: core.state, catalog: core.catalog, now: { steadyMs, wallMs } },
          ...{
            lives: () => false,
            worldAround: () => NO_WORLD,
            progressOf: () => undefined,
            unrecordedEnd: () => undefined,
          },
        },
        { type: 'history', limit: 10, sinceMs },
      ),
    ).map(({ run, tookMs, pace }) => [run, tookMs, pace]);
  for (const shiftMs of [-HOUR, 0, HOUR]) {
    assert.deepEqual(ages(steadyMs + shiftMs, 200_000), [
      [3, 60_000, 'usual'],
      [2, 60_000, 'usual'],
    ]);
  }
});

/** The clocks of a machine that sleeps on demand. Its uptime has steps of 10 ms, as in Linux. */
class Machine implements Kernel {
  awakeMs = 50_000;
  asleepMs = 0;
  wallShiftMs = 1_700_000_000_000;
  /** How often its uptime was read. */
  asked = 0;

  monotonicMs(): number {
    return this.awakeMs;
  }

  wallMs(): number {
    return Math.floor(this.awakeMs + this.asleepMs + this.wallShiftMs);
  }

  uptimeMs(): number {
    this.asked++;
    return Math.floor((this.awakeMs + this.asleepMs) / 10) * 10;
  }

  /** The clock of a daemon that starts now. */
  clock(core: Core, bootId = 'this boot'): SystemClock {
    const event = bootEvent(core.state, bootId, this);
    if (event !== undefined) apply(core.state, event);
    return new SystemClock(core.state.boot ?? { offsetMs: 0 }, this);
  }
}

/** As if the older daemon that started this boot had written it. */
function ofOldVersion({ state }: Core): void {
  if (state.boot === undefined) return;
  const { bootId, offsetMs } = state.boot;
  state.boot = { bootId, offsetMs };
}

test('the clock asks for the uptime only where the wall clock moved against the monotonic one', () => {
  const machine = new Machine();
  const clock = machine.clock(new Core([]));
  const before = machine.asked;
  for (let ms = 0; ms < 1_000; ms++) {
    machine.awakeMs += 33.3;
    assert.deepEqual(Object.keys(clock.now()), ['steadyMs', 'wallMs']);
  }
  assert.equal(machine.asked, before);
  machine.asleepMs += 5 * HOUR;
  for (let ms = 0; ms < 1_000; ms++) clock.now();
  assert.ok(machine.asked - before <= 1);
});

test('a sleep adds to elapsed time and not to steady time, to 20 ms', () => {
  const machine = new Machine();
  const clock = machine.clock(new Core([]));
  const before = clock.now();
  machine.asleepMs += 5 * HOUR;
  const { steadyMs, asleepMs = 0 } = clock.now();
  assert.equal(steadyMs, before.steadyMs);
  assert.ok(Math.abs(asleepMs - 5 * HOUR) <= 20, `${asleepMs}`);
});

test('a clock that is set is no sleep, and hides none', () => {
  const machine = new Machine();
  const clock = machine.clock(new Core([]));
  for (const wallShiftMs of [HOUR, -HOUR, -30 * HOUR]) {
    machine.wallShiftMs += wallShiftMs;
    assert.equal(clock.now().asleepMs, undefined);
  }
  machine.asleepMs += 2 * HOUR;
  machine.wallShiftMs += HOUR;
  assert.ok(Math.abs((clock.now().asleepMs ?? 0) - 2 * HOUR) <= 20);
});

test('short sleeps add up to one that is noticed', () => {
  const machine = new Machine();
  const clock = machine.clock(new Core([]));
  machine.asleepMs += SLEEP_MS_MIN - 100;
  assert.equal(clock.now().asleepMs, undefined);
  machine.asleepMs += SLEEP_MS_MIN - 100;
  assert.ok((clock.now().asleepMs ?? 0) >= SLEEP_MS_MIN);
});

test('a process that is held up between two clocks takes that for no sleep', () => {
  const machine = new Machine();
  const clock = machine.clock(new Core([]));
  let isHeldUp = true;
  machine.monotonicMs = () => {
    const nowMs = machine.awakeMs;
    if (isHeldUp) machine.awakeMs += 7_000;
    return nowMs;
  };
  for (let times = 0; times < 10; times++) assert.equal(clock.now().asleepMs, undefined);
  isHeldUp = false;
  assert.equal(clock.now().asleepMs, undefined);
});

test('a daemon that starts in the same boot goes on with the sleep that others have seen', () => {
  const [machine, core] = [new Machine(), new Core([target('job')])];
  machine.asleepMs = 3 * HOUR;
  assert.equal(machine.clock(core).now().asleepMs, undefined, 'before the journal had this boot');
  machine.asleepMs += 5 * HOUR;
  const { boot } = core.state;
  assert.ok(Math.abs((machine.clock(core).now().asleepMs ?? 0) - 5 * HOUR) <= 20);
  assert.equal(core.state.boot, boot, 'and nothing is written again');
});

test('a daemon that was upgraded does not count what the older one has not', () => {
  const [machine, core] = [new Machine(), new Core([target('job')])];
  const before = machine.clock(core).now();
  ofOldVersion(core);
  machine.asleepMs += 5 * HOUR;
  const clock = machine.clock(core);
  assert.equal(elapsedMs(clock.now()), before.steadyMs);
  machine.asleepMs += HOUR;
  assert.ok(Math.abs((clock.now().asleepMs ?? 0) - HOUR) <= 20);
});

test('after the boot that follows a sleep, elapsed time has gone on as the wall clock has', () => {
  const [machine, core] = [new Machine(), new Core([target('job')])];
  const clock = machine.clock(core);
  const before = clock.now();
  machine.asleepMs += 5 * HOUR;
  const run = core.state.nextRun;
  const accepted = { run, target: 'job', nonce: '', token: '', merged: true } as const;
  apply(core.state, { type: 'accepted', at: clock.now(), ...accepted });
  [machine.awakeMs, machine.asleepMs] = [1_000, 0];
  machine.wallShiftMs = before.wallMs + 9 * HOUR - 1_000;
  const after = machine.clock(core, 'next boot').now();
  assert.deepEqual([after.steadyMs - before.steadyMs, after.asleepMs], [9 * HOUR, undefined]);
  [machine.awakeMs, machine.wallShiftMs] = [1_000, 0];
  const later = machine.clock(core, 'boot with a wrong clock').now();
  assert.ok(elapsedMs(later) >= elapsedMs(before) + 5 * HOUR - 20, 'nor does it ever go back');
});

test('an uptime that begins anew in the middle of a boot, as in a container, sets nothing back', () => {
  const [machine, core] = [new Machine(), new Core([target('job')])];
  const clock = machine.clock(core);
  machine.asleepMs += 5 * HOUR;
  const before = clock.now();
  const accepted = { run: 1, target: 'job', nonce: '', token: '', merged: true } as const;
  apply(core.state, { type: 'accepted', at: before, ...accepted });
  machine.awakeMs += HOUR;
  machine.asleepMs = -machine.awakeMs;
  const after = machine.clock(core).now();
  assert.equal(after.steadyMs, before.steadyMs + HOUR);
  assert.ok(elapsedMs(after) >= elapsedMs(before));
  machine.asleepMs += 2 * HOUR;
  assert.ok(elapsedMs(machine.clock(core).now()) >= elapsedMs(before) + 2 * HOUR - 20);
});
