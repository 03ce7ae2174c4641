/** Returns a run to its queue. Part of daemon/core/apply.ts; not for use elsewhere. */
import { earlierWith } from './earlier.ts';
import type { EventOf } from './event.ts';
import { expectNotCancelled, expectRun, impossible } from './run-checks.ts';
import {
  extraOf,
  type Queued,
  type Running,
  type Starting,
  type State,
  startedBy,
} from './state.ts';
import { noteRetry, returnToQueue } from './target-state.ts';

/** An attempt whose keeper was never told to go did not reach its command. */
export function vainBefore(run: Queued | Starting | Running): number {
  return (run.vain ?? 0) + (run.state === 'starting' ? 1 : 0);
}

/** It returns to its old position, determined by its number. */
export function requeue(state: State, event: EventOf<'requeued'>): void {
  const run = expectRun(state, event, event.run);
  if (run.state === 'queued' || run.state === 'ended') throw impossible(event, `is ${run.state}`);
  expectNotCancelled(event, run);
  returnToQueue(state, run);
  const { target, accepted, merged, tokens, attempt, startNonce } = run;
  const { outcome, notBeforeMs, expiresAtMs } = event;
  const isRetry = outcome !== undefined;
  if (isRetry) noteRetry(state, run, event);
  const earlier = isRetry ? earlierWith(run, { ...event, outcome }) : run.earlier;
  // An attempt that ended counts even if it never reached its command: their number is limited.
  const vain = isRetry ? (run.vain ?? 0) : vainBefore(run);
  state.runs.set(run.run, {
    state: 'queued',
    run: run.run,
    target,
    accepted,
    merged,
    ...extraOf(earlier === undefined ? run : { ...run, earlier }),
    tokens,
    overtaken: 0,
    attempts: attempt,
    ...(vain === 0 ? {} : { vain }),
    ...startedBy(startNonce),
    ...(notBeforeMs === undefined ? {} : { notBeforeMs }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  });
}
