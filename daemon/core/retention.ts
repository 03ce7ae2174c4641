/**
 * Decides what is forgotten: the ended runs of a target beyond its limits, in the order of their
 * ends, but never the latest; and, by request, everything about a target that is no longer
 * configured. Pure.
 */

import { isConfigured, isInUse } from '../protocol/refusal-text.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import type { RunId } from '../shared/run.ts';
import type { Catalog } from './catalog.ts';
import { answered, type CommandOf, type Decision, decided, NOTHING } from './command.ts';
import type { Event } from './event.ts';
import { pauseKey } from './pause-scope.ts';
import type { ReadonlyState } from './state.ts';

/** Kept at least this long, whatever the limits: a client may be about to reconnect. */
export const RECENT_MS = 300_000;

/** Most at once: each has files to delete, and others wait meanwhile. */
export const FORGOTTEN_AT_ONCE_MAX = 100;

export function retain(state: ReadonlyState, command: CommandOf<'retain'>): Decision {
  const { target, keep, upSinceMs = Number.NEGATIVE_INFINITY, at } = command;
  const targetState = state.targetStates.get(target);
  if (targetState === undefined) return NOTHING;
  let left = targetState.ended.size;
  let bytes = targetState.endedBytes;
  const runs: RunId[] = [];
  for (const number of targetState.ended) {
    const run = state.runs.get(number);
    if (run?.state !== 'ended' || number === targetState.latest) break;
    const ageMs = elapsedMs(at) - elapsedMs(run.ended);
    // A reconnecting client slept with the machine, and found no daemon before this one.
    const awakeMs = at.steadyMs - Math.max(run.ended.steadyMs, upSinceMs);
    const isOver =
      left > keep.runs ||
      ageMs > (keep.ms ?? Number.POSITIVE_INFINITY) ||
      bytes > (keep.bytes ?? Number.POSITIVE_INFINITY);
    // Those behind it ended later.
    if (!isOver || awakeMs < RECENT_MS) break;
    // A run that holds its place is kept in addition, and does not count towards the limits.
    if (run.heldBy.length === 0) {
      if (runs.length >= FORGOTTEN_AT_ONCE_MAX) {
        const rest = { type: 'retain', target, keep, upSinceMs } as const;
        return { ...decided({ type: 'forgotten', runs }), rest };
      }
      runs.push(number);
    }
    left--;
    bytes -= run.bytes ?? 0;
  }
  return runs.length === 0 ? NOTHING : decided({ type: 'forgotten', runs });
}

/** Leaves no trace of a removed or renamed target; see `tidy` in daemon/core/target-state.ts. */
export function forget(
  state: ReadonlyState,
  { target }: CommandOf<'forget'>,
  catalog: Catalog,
): Decision {
  const isConfiguredNow = catalog.targets.has(target) || catalog.fleets.has(target);
  if (isConfiguredNow) return answered({ type: 'refused', reason: isConfigured() });
  const targetState = state.targetStates.get(target);
  if (targetState === undefined) return answered({ type: 'unknown-target' });
  const [open] = targetState.active.size > 0 ? targetState.active : targetState.queue;
  if (open !== undefined) return answered({ type: 'refused', reason: isInUse(open) });
  const isPaused = state.pauses.has(pauseKey({ target }));
  const resumed: readonly Event[] = isPaused ? [{ type: 'resumed', target }] : [];
  const runs = firstOf(targetState.ended, FORGOTTEN_AT_ONCE_MAX);
  const forgotten: readonly Event[] = runs.length === 0 ? [] : [{ type: 'forgotten', runs }];
  const decision = { ...NOTHING, events: [...resumed, ...forgotten] };
  return runs.length < targetState.ended.size
    ? { ...decision, rest: { type: 'forget', target } }
    : decision;
}

function firstOf(runs: ReadonlySet<RunId>, most: number): readonly RunId[] {
  const first: RunId[] = [];
  for (const run of runs) {
    if (first.length >= most) break;
    first.push(run);
  }
  return first;
}
