/** Which ended runs may be forgotten, and which must be. */
import assert from 'node:assert/strict';
import { type Catalog, KEEP_DEFAULT } from '../../daemon/core/catalog.ts';
import type { EventOf } from '../../daemon/core/event.ts';
import { RECENT_MS } from '../../daemon/core/retention.ts';
import type { Ended, ReadonlyState } from '../../daemon/core/state.ts';
import { elapsedMs } from '../../daemon/shared/elapsed.ts';
import type { Stamp, TargetName } from '../../daemon/shared/run.ts';
import type { Entry } from './journal.ts';

/** None that holds a place, is the latest, ended a moment ago, or must be kept by its target. */
export function checkForgotten(
  state: ReadonlyState,
  { runs }: EventOf<'forgotten'>,
  { catalog, at }: Entry,
): void {
  for (const number of runs) {
    const run = state.runs.get(number);
    assert.ok(run?.state === 'ended', `run ${number} is forgotten, and has not ended`);
    assert.deepEqual(run.heldBy, [], `run ${number} is forgotten, and holds its place`);
    const { latest } = state.targetStates.get(run.target) ?? {};
    assert.notEqual(number, latest, `run ${number} is forgotten, the latest of ${run.target}`);
    assert.ok(isOld(run, at), `run ${number} is forgotten at once`);
    assert.ok(isBeyond(state, run, catalog, at), `run ${number} is forgotten, and is to be kept`);
  }
}

/** The runs that a target should have forgotten when its latest run ended. */
export function surplusOf(
  state: ReadonlyState,
  target: TargetName,
  catalog: Catalog,
  at: Stamp,
): readonly Ended[] {
  const ended = endedOf(state, target).slice(0, -1);
  // If one ended while no daemon was there, that is known late, and it stays with those before it.
  const kept = ended.findIndex((run) => !(isOld(run, at) && isBeyond(state, run, catalog, at)));
  return kept < 0 ? ended : ended.slice(0, kept);
}

/** No client can still be about to reconnect to it. */
function isOld(run: Ended, at: Stamp): boolean {
  return at.steadyMs - run.ended.steadyMs >= RECENT_MS;
}

/** Newer ones alone are as much as its target keeps, or it is too old. */
function isBeyond(state: ReadonlyState, run: Ended, catalog: Catalog, at: Stamp): boolean {
  const keep = catalog.targets.get(run.target)?.keep ?? KEEP_DEFAULT;
  const { ms: ageMsMax = Number.POSITIVE_INFINITY, bytes: bytesMax = Number.POSITIVE_INFINITY } =
    keep;
  const all = endedOf(state, run.target);
  const newer = all.slice(all.findIndex((other) => other.run === run.run) + 1);
  const bytes = newer.reduce((sum, other) => sum + (other.bytes ?? 0), run.bytes ?? 0);
  return (
    newer.length >= keep.runs || elapsedMs(at) - elapsedMs(run.ended) > ageMsMax || bytes > bytesMax
  );
}

/** In the order of their ends. */
function endedOf(state: ReadonlyState, target: TargetName): readonly Ended[] {
  return [...(state.targetStates.get(target)?.ended ?? [])].flatMap((number) => {
    const run = state.runs.get(number);
    return run?.state === 'ended' ? run : [];
  });
}
