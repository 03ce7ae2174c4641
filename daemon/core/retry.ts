/**
 * Whether a run whose attempt has failed has another one, by its target's `retry`, and when. Pure.
 *
 * It is decided together with the end of the attempt, by one event, `requeued`: a crash before it
 * finds the end of the attempt where its keeper has recorded it, and decides again; a crash after
 * it finds the run in its queue. The place in the groups is given back: the run is again a queued
 * run of its target, where it stood before, and its policies let it start like any other.
 *
 * A run ends as its last attempt did, also where it waited for another one that never comes: its
 * time is over, `retry` was taken out of the configuration, or the target itself was.
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

/** What the end of an attempt would be without another one. */
type End = EventOf<'ended'>;

/** The wait for another attempt, in the place of this end; undefined: there is none. */
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
 * The same where the attempt that was to come never came to its command: it may start at once, but
 * no later than before. If an attempt was lost meanwhile, nobody knows how the last one ended, and
 * it does not wait as one that is known to have failed.
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

/** Whether there is a further attempt after such an end. A success never is tried again. */
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

/** Between an attempt and the next, after this many; `chance` is from 0 up to 1. */
export function delayOf(retry: Retry, tries: number, chance: number): number {
  const { delayMs, growth, delayMsMax = DURATION_MS_MAX, jitterMs = 0 } = retry;
  const grownMs = Math.min(delayMs * growth ** (tries - 1), delayMsMax);
  return Math.round(grownMs) + Math.floor(chance * jitterMs);
}

/** In elapsed time: no attempt begins then, or later. */
function lastStartMs(run: Starting | Running, { withinMs }: Pick<Retry, 'withinMs'>): number {
  if (withinMs === undefined) return Number.POSITIVE_INFINITY;
  const own = run.state === 'running' ? run.started : run.starting;
  return elapsedMs(run.earlier?.attempts[0]?.started ?? own) + withinMs;
}

/** Until when its next attempt has to wait, in elapsed time; undefined: no longer. */
export function restOf({ notBeforeMs }: Queued, at: Stamp): number | undefined {
  return notBeforeMs !== undefined && notBeforeMs > elapsedMs(at) ? notBeforeMs : undefined;
}

/**
 * As a run ends that has no further attempt: as the last one did, if this one is by `retry`. One
 * that was lost, and is to be started again, ended in no way that is known.
 */
export function lastOutcome(
  run: Pick<Queued, 'state' | 'earlier' | 'notBeforeMs'> | Starting | Running,
  otherwise: Outcome,
): Outcome {
  const isAgain = run.state === 'queued' ? run.notBeforeMs !== undefined : isForRetry(run);
  return (isAgain ? run.earlier?.attempts.at(-1)?.outcome : undefined) ?? otherwise;
}

/** It is known how each attempt before ended. */
function isForRetry({ attempt, vain = 0, earlier }: Starting | Running): boolean {
  return attempt - 1 - vain === earlier?.attempts.length;
}

/** It waits for another attempt, which its target does not have any more. */
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
