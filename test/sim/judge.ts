/** What must be true of a simulated history: at each step, at rest, and at the end. */
import assert from 'node:assert/strict';
import { apply } from '../../daemon/core/apply.ts';
import { minimalHistory } from '../../daemon/core/minimal-history.ts';
import { type Ended, emptyState } from '../../daemon/core/state.ts';
import { TIMER_MS_MAX } from '../../daemon/engine/deadlines.ts';
import { elapsedMs } from '../../daemon/shared/elapsed.ts';
import { checkWaits, mostOf } from './start-rules.ts';
import type { World } from './world.ts';

/** Most live commands of a group, as long as it is the same group. */
export function checkLimits(world: World): void {
  if (world.reloads > 0) return;
  const running = [...world.processes.values()].filter(
    // What a killed keeper has left behind is found only through the journal.
    (process) => (world.restorations === 0 ? process.isLive() : process.phase === 'running'),
  );
  const bindings = [...world.catalog.targets.values()].flatMap((target) => target.bindings);
  for (const [key, binding] of new Map(bindings.map((it) => [it.key, it]))) {
    const members = world.catalog.groups.get(key)?.options;
    const live = running.filter((process) => members?.has(process.run.target));
    assert.ok(live.length <= mostOf(binding), `${live.length} of ${key} run at once`);
  }
}

/** Time is about to pass: everything possible has been done. */
export function checkRest(world: World): void {
  const { daemon, catalog, audit } = world;
  // What does not fit into the journal is retried later.
  if (daemon === undefined || daemon.loop.isClosing || world.hazards.full > 0) return;
  const at = world.now();
  // A timer, which ignores sleeps, has to fire before a sleep or a set clock is noticed.
  if (world.nowMs - Math.max(world.sleptAtMs, world.setAtMs) <= TIMER_MS_MAX) return;
  checkWaits(
    audit.state,
    { catalog, at },
    (target) => daemon.loop.worldAround(target),
    (run, isFree) => world.machine.isSoon(run, isFree),
  );
  for (const [name, { lateAfterMs }] of catalog.targets) {
    if (lateAfterMs === undefined) continue;
    const sinceMs = elapsedMs(at) - (audit.freshMs.get(name) ?? Number.NEGATIVE_INFINITY);
    assert.ok(sinceMs < lateAfterMs || audit.late.has(name), `${name} is late, and nobody hears`);
  }
}

export function checkCompacted({ audit: { state } }: World): void {
  const again = emptyState();
  for (const event of minimalHistory(state)) apply(again, event);
  assert.deepEqual(again, state, 'the compacted history leads elsewhere');
}

/** Everything is at rest, and there are no more disturbances. */
export function judge(world: World): void {
  const state = world.journal.replay();
  assert.deepEqual(world.daemon?.loop.state, state, 'the live state is not what the journal says');
  assert.deepEqual(world.audit.state, state, 'compactions have changed what the journal says');
  checkCompacted(world);
  for (const run of state.runs.values()) {
    assert.ok(run.state === 'ended', `run ${run.run} is ${run.state} for ever`);
    assert.deepEqual(run.heldBy, [], `run ${run.run} holds its place for ever`);
    checkTruth(world, run);
  }
  for (const client of world.clients) {
    if (client.refused !== undefined || client.isForsaken) continue;
    assert.ok(client.run !== undefined, `${client.token} never got an answer`);
    assert.ok(client.told !== undefined, `${client.token} was never told`);
    const run = state.runs.get(client.run);
    // Already told, or it would not be forgotten; see `World.checkForgotten`.
    if (run === undefined) continue;
    if (world.mayForget(client)) continue;
    if (world.restorations > 0 && run.nonce !== client.nonce) continue;
    assert.ok(run.state === 'ended');
    assert.deepEqual(client.told, run.outcome, `${client.token} was told something else`);
  }
}

/** The outcome matches what the processes really did. */
export function checkTruth(world: World, { run, nonce, outcome }: Ended): void {
  const names = [world.foundAs.get(`${run} ${nonce}`), `${run} ${nonce}`];
  const executed = [...world.processes.values()].filter(
    (process) => names.includes(process.name) && process.executed,
  );
  const process = executed.at(-1);
  // The attempt before one that never started may have been interrupted, or lost.
  const first = world.mayRetry(process?.run.target) ? undefined : process;
  // A run that a shutdown ended is never reported as killed by somebody.
  if (process?.wasTold) assert.notEqual(outcome.kind, 'signalled', `run ${run}`);
  switch (outcome.kind) {
    case 'exited':
      assert.equal(process?.report?.code, outcome.code);
      break;
    case 'cancelled':
      if (outcome.signal === undefined) assert.equal(first, undefined, 'it did run');
      break;
    case 'not-started': {
      // Only commands fail in a system call here.
      const isCalled = outcome.errno !== undefined;
      assert.equal(isCalled, outcome.stage === 'command', `run ${run}: ${outcome.errno}`);
      assert.equal(first, undefined, `run ${run} did run`);
      break;
    }
    case 'expired':
    case 'skipped':
      assert.equal(first, undefined, `run ${run} is ${outcome.kind} and did run`);
      break;
    case 'lost':
      assert.equal(process?.phase, 'dead', 'its keeper lives');
      break;
    case 'interrupted':
      assert.notEqual(first?.report?.code, 0, `run ${run} succeeded`);
      assert.ok(world.boot > 1, `run ${run} was interrupted by nothing`);
      break;
    default:
      break;
  }
}
