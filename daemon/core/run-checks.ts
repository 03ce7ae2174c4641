/** Checks that an event can happen to a run: one that cannot is a bug or a forged journal. */
import type { RunId } from '../shared/run.ts';
import type { Event } from './event.ts';
import {
  isCancelled,
  type Queued,
  type Run,
  type Running,
  type Starting,
  type State,
} from './state.ts';

export function expectRun(state: State, event: Event, number: RunId): Run {
  const run = state.runs.get(number);
  if (run === undefined) throw impossible(event, 'is not known');
  return run;
}

/** A cancelled run is not retried. */
export function expectNotCancelled(event: Event, run: Queued | Starting | Running): void {
  if (run.state === 'running' && isCancelled(run)) throw impossible(event, 'is cancelled');
}

export function expectState<S extends Run['state']>(
  state: State,
  event: Event,
  number: RunId,
  wanted: S,
): Extract<Run, { state: S }> {
  const run = expectRun(state, event, number);
  if (!isIn(run, wanted)) throw impossible(event, `is ${run.state}, not ${wanted}`);
  return run;
}

function isIn<S extends Run['state']>(run: Run, wanted: S): run is Extract<Run, { state: S }> {
  return run.state === wanted;
}

export function impossible(event: Event, why: string): Error {
  return new Error(`Internal error: event ${JSON.stringify(event)} cannot happen: its run ${why}`);
}
