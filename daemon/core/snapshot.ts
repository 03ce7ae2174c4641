/**
 * Copies the state at one moment: the runs that hold a place or wait, without the tails of long
 * queues, and of the past only the latest run of each target. The copy may be changed, or read
 * while the state itself moves on: runs never change, so references to them are enough. Pure.
 */
import type { RunId } from '../shared/run.ts';
import { Runs } from './run-set.ts';
import { emptyState, type ReadonlyState, type State, waitingIn } from './state.ts';

/** Most queued runs of one target in a snapshot; the rest are only counted. */
const AHEAD_MAX = 100;
/** The same for all targets together, but at least one of each. */
const AHEAD_ALL_MAX = 2_000;

export function snapshotOf(state: ReadonlyState): State {
  const copy = emptyState();
  copy.nextRun = state.nextRun;
  const take = (number: RunId | undefined): void => {
    const run = number === undefined ? undefined : state.runs.get(number);
    if (run !== undefined) copy.runs.set(run.run, run);
  };
  const ahead = aheadIn(state);
  for (const [name, targetState] of state.targetStates) {
    const queue = new Runs();
    for (const number of targetState.queue) {
      if (queue.size >= ahead) break;
      queue.add(number);
    }
    const beyond = waitingIn(targetState) - queue.size;
    for (const number of [...queue, ...targetState.active]) take(number);
    take(targetState.latest);
    const sets = {
      queue,
      active: new Runs(targetState.active),
      ended: new Runs(),
      began: new Map(targetState.began),
    };
    copy.targetStates.set(name, { ...targetState, ...sets, beyond });
  }
  for (const [key, pause] of state.pauses) copy.pauses.set(key, pause);
  for (const [key, holders] of state.groups) copy.groups.set(key, new Runs(holders));
  return copy;
}

/** Queued runs to copy of each target; a snapshot of a snapshot gives the same number. */
function aheadIn(state: ReadonlyState): number {
  let targetStates = 0;
  for (const { queue } of state.targetStates.values()) if (queue.size > 0) targetStates++;
  return Math.min(AHEAD_MAX, Math.max(1, Math.floor(AHEAD_ALL_MAX / Math.max(1, targetStates))));
}
