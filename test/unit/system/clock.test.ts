/** Steady time: it goes on across boots, whatever the clock on the wall says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { viewHistory } from '../../../daemon/server/views/targets.ts';
import { whole } from '../../../daemon/shared/cooperative.ts';
import { bootEvent, SystemClock } from '../../../daemon/system/clock.ts';
import { Core, target } from '../../support/core.ts';

const HOUR = 3_600_000;

/** The steady time of a boot that follows on what this core knows. */
function afterBoot({ state }: Core): number {
  const event = bootEvent(state, 'next boot');
  assert.ok(event?.type === 'booted');
  return new SystemClock(event.offsetMs).now().steadyMs;
}

/** A core whose clock on the wall was a day ahead, which the machine forgets at its boot. */
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
  core.send({ type: 'cancel', run });
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
  assert.deepEqual(core.state.lanes.get('job')?.tookMs, [60_000, 60_000, 60_000]);
  const steadyMs = core.nowMs;
  const ages = (wallMs: number, sinceMs: number) =>
    whole(
      viewHistory(
        {
          ...{ state: core.state, catalog: core.catalog, now: { steadyMs, wallMs } },
          ...{
            lives: () => false,
            holdersAround: () => new Map(),
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
