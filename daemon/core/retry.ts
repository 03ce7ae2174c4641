/**
 * Whether a run whose attempt has failed gets another one by its target's `retry`, and when. Pure.
 *
 * This is decided together with the end of the attempt, in one event, `requeued`. If the daemon
 * crashes before that, the keeper has recorded the end of the attempt, and it is decided again; if
 * it crashes after that, the run is in its queue. The place in the groups is given up: the run is
 * again a queued run of its target, at its old position, and its policies let it start like any
 * other.
 *
 * A run ends as its last attempt did, also if it waits for another one that never comes because it
 * expires, `retry` is removed from the configuration, or the target itself is.
 */

import { describeOutcome } from '../protocol/outcome-text.ts';
import { chanceOf } from '../shared/chance.ts';
import { DURATION_MS_MAX, showDuration } from '../shared/duration.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import type { Outcome, Stamp } from '../shared/run.ts';
import { nameSignal } from '../shared/signals.ts';
import type { Catalog, Retry } from './catalog.ts';
import type { EventOf } from './event.ts';
import {
  expiryOf,
  isCancelled,
  type Queued,
  type Running,
  type Starting,
  triesBefore,
  triesOf,
} from './state.ts';

/** How the run would end without another attempt. */
type End = EventOf<'ended'>;

/** The wait for another attempt that replaces this end; undefined if there is none. */
export function retryAfter(
  run: Starting | Running,
  end: End,
  catalog: Catalog,
): EventOf<'requeued'> | undefined {
  const { retry } = catalog.targets.get(run.target) ?? {};
  if (retry === undefined || !isMeant(retry, end)) return undefined;
  if ((end.heldBy ?? []).length > 0 || triesOf(run) >= retry.attempts) return undefined;
  if (run.state === 'running' && isCancelled(run)) return undefined;
  const { at, outcome, bytes, lostBytes, leftovers } = end;
  const notBeforeMs = elapsedMs(at) + delayOf(retry, triesOf(run), chanceOf(run.run, at));
  const expiresAtMs = lastStartMs(run, retry);
  if (notBeforeMs >= expiresAtMs) return undefined;
  return {
    ...{ type: 'requeued', run: run.run, at, outcome, notBeforeMs },
    ...(Number.isFinite(expiresAtMs) ? { expiresAtMs } : {}),
    ...(bytes === undefined ? {} : { bytes }),
    ...(lostBytes === undefined ? {} : { lostBytes }),
    ...(leftovers === undefined ? {} : { leftovers }),
  };
}

/**
 * The same if the next attempt never reached its command: it may start at once, but the same time
 * limit applies. If an attempt was lost meanwhile, nobody knows how the last one ended, so it does
 * not wait as after a known failure.
 */
export function restAfterVain(
  run: Starting | Running,
  at: Stamp,
  catalog: Catalog,
): Pick<EventOf<'requeued'>, 'notBeforeMs' | 'expiresAtMs'> {
  if (run.earlier === undefined) return expiryOf(run);
  const { retry = {} } = catalog.targets.get(run.target) ?? {};
  const expiresAtMs = lastStartMs(run, retry);
  return {
    ...(isForRetry(run) ? { notBeforeMs: elapsedMs(at) } : {}),
    ...(Number.isFinite(expiresAtMs) ? { expiresAtMs } : {}),
  };
}

/** Whether such an end is retried. A success never is. */
function isMeant({ on }: Retry, { outcome, verdict }: End): boolean {
  if (verdict === 'ok') return false;
  switch (outcome.kind) {
    case 'exited':
      return on.includes(outcome.code) || (verdict === 'failed' && on.includes('exited'));
    case 'signalled':
      return on.includes('signalled') || on.includes(nameSignal(outcome.signal));
    case 'timed-out':
      return on.includes(outcome.reason === undefined ? 'timed-out' : 'window-closed');
    case 'unreachable':
    case 'not-started':
    case 'interrupted':
    case 'lost':
      return on.includes(outcome.kind);
    case 'cancelled':
    case 'expired':
    case 'skipped':
      return false;
    default:
      return outcome satisfies never;
  }
}

/** The delay after this many attempts; `chance` is from 0 up to 1. */
export function delayOf(retry: Retry, tries: number, chance: number): number {
  const { delayMs, growth, delayMsMax = DURATION_MS_MAX, jitterMs = 0 } = retry;
  const grownMs = Math.min(delayMs * growth ** (tries - 1), delayMsMax);
  return Math.round(grownMs) + Math.floor(chance * jitterMs);
}

/** In elapsed time: no attempt starts at or after this time. */
function lastStartMs(run: Starting | Running, { withinMs }: Pick<Retry, 'withinMs'>): number {
  if (withinMs === undefined) return Number.POSITIVE_INFINITY;
  const own = run.state === 'running' ? run.started : run.starting;
  return elapsedMs(run.earlier?.attempts[0]?.started ?? own) + withinMs;
}

/** How long its next attempt has to wait, in elapsed time; undefined: no longer. */
export function restOf({ notBeforeMs }: Queued, at: Stamp): number | undefined {
  return notBeforeMs !== undefined && notBeforeMs > elapsedMs(at) ? notBeforeMs : undefined;
}

/**
 * The outcome of a run without a further attempt: that of the last attempt, if this one was by
 * `retry`. A run that was lost and is to be started again has no known outcome.
 */
export function lastOutcome(
  run: Pick<Queued, 'state' | 'earlier' | 'notBeforeMs'> | Starting | Running,
  otherwise: Outcome,
): Outcome {
  const isAgain = run.state === 'queued' ? run.notBeforeMs !== undefined : isForRetry(run);
  return (isAgain ? run.earlier?.attempts.at(-1)?.outcome : undefined) ?? otherwise;
}

/** It is known how each earlier attempt ended. */
function isForRetry({ attempt, vain = 0, earlier }: Starting | Running): boolean {
  return attempt - 1 - vain === earlier?.attempts.length;
}

/** It waits for another attempt, but its target no longer has `retry`. */
export function isForsaken({ target, notBeforeMs }: Queued, catalog: Catalog): boolean {
  return notBeforeMs !== undefined && catalog.targets.get(target)?.retry === undefined;
}

/** Why it waits: "waits 5 min for attempt 2 of 4: attempt 1 exited with 23". */
export function explainRest(run: Queued, at: Stamp, catalog: Catalog): string | undefined {
  const last = run.earlier?.attempts.at(-1);
  const untilMs = restOf(run, at);
  if (last === undefined || untilMs === undefined) return undefined;
  const tries = triesBefore(run);
  const { attempts = tries + 1 } = catalog.targets.get(run.target)?.retry ?? {};
  const next = `attempt ${tries + 1} of ${Math.max(tries + 1, attempts)}`;
  const delay = showDuration(untilMs - elapsedMs(last.ended));
  return `waits ${delay} for ${next}: attempt ${tries} ${describeOutcome(last.outcome)}`;
}
