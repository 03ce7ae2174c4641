/** The notice to a client that waits for a run if an attempt has failed and another one follows. */
import type { EventOf } from '../core/event.ts';
import { triesBefore } from '../core/state.ts';
import type { Loop } from '../engine/loop.ts';
import { retryFollows } from '../protocol/outcome-text.ts';
import { elapsedMs } from '../shared/elapsed.ts';

/** Undefined if the run waits for another reason. */
export function tellRetry(
  { run, at, outcome, notBeforeMs }: EventOf<'requeued'>,
  { state, catalog }: Pick<Loop, 'state' | 'catalog'>,
): string | undefined {
  const queued = state.runs.get(run);
  if (outcome === undefined || queued === undefined) return undefined;
  const { attempts } = catalog.targets.get(queued.target)?.retry ?? {};
  const tries = queued.state === 'queued' ? triesBefore(queued) : undefined;
  const delayMs = notBeforeMs === undefined ? 0 : notBeforeMs - elapsedMs(at);
  return retryFollows(run, outcome, { tries, attempts, delayMs });
}
