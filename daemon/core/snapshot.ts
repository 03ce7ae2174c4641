/**
 * A copy of the state of one moment: what holds a place or waits, without the far end of long queues
 * and without the past but the last run of each target. To play with, and to look at while the
 * state itself goes on: the runs never change, so that to hold on to them is enough. Pure.
 */
import type { RunId } from '../shared/run.ts';
import { Runs } from './run-set.ts';
import { emptyState, type ReadonlyState, type State, waitingIn } from './state.ts';

/** Most waiting runs of one target that are in it; the rest are counted. */
const AHEAD_MAX = 100;
/** The same of all targets together; but one of each. */
const AHEAD_ALL_MAX = 2_000;

export function excerptOf(state: ReadonlyState): State {
  const copy = emptyState();
  copy.nextRun = state.nextRun;
  const take = (number: RunId | undefined): void => {
    const run = number === undefined ? undefined : state.runs.get(number);
    if (run !== undefined) copy.runs.set(run.run, run);
  };
  const ahead = aheadIn(state);
  for (const [name, lane] of state.lanes) {
    const queue = new Runs();
    for (const number of lane.queue) {
      if (queue.size >= ahead) break;
      queue.add(number);
    }
    const beyond = waitingIn(lane) - queue.size;
    for (const number of [...queue, ...lane.active]) take(number);
    take(lane.latest);
    const sets = {
      queue,
      active: new Runs(lane.active),
      ended: new Runs(),
      began: new Map(lane.began),
    };
    copy.lanes.set(name, { ...lane, ...sets, beyond });
  }
  for (const [key, holders] of state.groups) copy.groups.set(key, new Runs(holders));
  return copy;
}

/** The same for an excerpt as for what it was taken from. */
function aheadIn(state: ReadonlyState): number {
  let lanes = 0;
  for (const { queue } of state.lanes.values()) if (queue.size > 0) lanes++;
  return Math.min(AHEAD_MAX, Math.max(1, Math.floor(AHEAD_ALL_MAX / Math.max(1, lanes))));
}
