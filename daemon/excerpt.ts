/**
 * A copy of the state to play with: what holds a place or waits, without the far end of long queues
 * and without the past but the last run of each target. Pure.
 */
import type { RunId } from './event.ts';
import { emptyState, type ReadonlyState, type State } from './state.ts';

/** `ahead`: how many runs of each queue. */
export function excerptOf(state: ReadonlyState, ahead: number): State {
  const copy = emptyState();
  copy.nextRun = state.nextRun;
  const take = (number: RunId | undefined): void => {
    const run = number === undefined ? undefined : state.runs.get(number);
    if (run !== undefined) copy.runs.set(run.run, run);
  };
  for (const [name, lane] of state.lanes) {
    const queue = new Set<RunId>();
    for (const number of lane.queue) {
      if (queue.size >= ahead) break;
      queue.add(number);
    }
    for (const number of [...queue, ...lane.active]) take(number);
    take(lane.latest);
    copy.lanes.set(name, { ...lane, queue, active: new Set(lane.active), ended: new Set() });
  }
  for (const [key, holders] of state.groups) copy.groups.set(key, new Set(holders));
  return copy;
}
