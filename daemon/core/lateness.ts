/**
 * A target with `lateAfter` is late when its last success is older than that. Watching begins when
 * the configuration first has `lateAfter`, or from its last success if there was one. Both are in
 * the journal, so neither a restart nor a crash resets it. Time in which the machine sleeps counts.
 * A target becomes late once, and stays late until one of its runs ends with success or a warning.
 * Pure.
 */

import { showDuration } from '../shared/duration.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import type { Cause, Stamp, TargetName } from '../shared/run.ts';
import type { Catalog } from './catalog.ts';
import { type CommandOf, type Decision, NOTHING, type Wakeup } from './command.ts';
import type { Event } from './event.ts';
import { add, call } from './hooks.ts';
import type { ReadonlyState } from './state.ts';

/**
 * Starts watching what is configured, and stops watching what no longer is. `before`: earlier
 * events of the same decision, such as a success.
 */
export function watch(
  state: ReadonlyState,
  at: Stamp,
  catalog: Catalog,
  before: readonly Event[] = [],
): Decision {
  const succeeded = new Set(before.flatMap((event) => successOf(state, event) ?? []));
  const events: Event[] = [];
  const wakeups: Wakeup[] = [];
  for (const [target, { freshAt }] of state.targetStates) {
    const isWanted = catalog.targets.get(target)?.lateAfterMs !== undefined;
    if (freshAt !== undefined && !isWanted) events.push({ type: 'watched', target });
  }
  for (const { name: target, lateAfterMs } of catalog.targets.values()) {
    if (lateAfterMs === undefined) continue;
    const known = state.targetStates.get(target)?.freshAt;
    const freshAt = known ?? (succeeded.has(target) ? at : (lastSuccess(state, target) ?? at));
    if (known === undefined) events.push({ type: 'watched', target, at: freshAt });
    wakeups.push({ target, atMs: elapsedMs(freshAt) + lateAfterMs });
  }
  return { ...NOTHING, events, wakeups };
}

/** Schedules another look for every success in a decision. */
export function withWatch(state: ReadonlyState, decision: Decision, catalog: Catalog): Decision {
  const wakeups = decision.events.flatMap((event) => {
    const target = successOf(state, event);
    const { lateAfterMs } = catalog.targets.get(target ?? '') ?? {};
    if (target === undefined || lateAfterMs === undefined || event.type !== 'ended') return [];
    return [{ target, atMs: elapsedMs(event.at) + lateAfterMs }];
  });
  return wakeups.length === 0
    ? decision
    : { ...decision, wakeups: [...decision.wakeups, ...wakeups] };
}

/** The target whose run the event ends with success or a warning. */
function successOf(state: ReadonlyState, event: Event): TargetName | undefined {
  const isSuccess = event.type === 'ended' && event.verdict !== 'failed';
  return isSuccess ? state.runs.get(event.run)?.target : undefined;
}

export function overdue(
  state: ReadonlyState,
  { target, at, nonce }: CommandOf<'overdue'>,
  catalog: Catalog,
): Decision {
  const { freshAt, late } = state.targetStates.get(target) ?? {};
  const { lateAfterMs, hooks } = catalog.targets.get(target) ?? {};
  if (freshAt === undefined || lateAfterMs === undefined || late === true) return NOTHING;
  const dueMs = elapsedMs(freshAt) + lateAfterMs;
  if (elapsedMs(at) < dueMs) return { ...NOTHING, wakeups: [{ target, atMs: dueMs }] };
  const decision: Decision = { ...NOTHING, events: [{ type: 'late', target, at }] };
  if (hooks?.onLate === undefined) return decision;
  const text = `has had no success for ${showDuration(elapsedMs(at) - elapsedMs(freshAt))}, longer than its lateAfter of ${showDuration(lateAfterMs)}`;
  const cause: Cause = { why: 'late', target, text };
  const run = { run: state.nextRun, target: hooks.onLate, at, nonce };
  return add(decision, [call(state, run, cause, catalog)]);
}

/** Not simply the last one reported: of two runs at once, the other may have ended later. */
function lastSuccess(state: ReadonlyState, target: TargetName): Stamp | undefined {
  let last: Stamp | undefined;
  for (const number of state.targetStates.get(target)?.ended ?? []) {
    const run = state.runs.get(number);
    if (run?.state !== 'ended' || run.verdict === 'failed') continue;
    if (last === undefined || elapsedMs(run.ended) >= elapsedMs(last)) last = run.ended;
  }
  return last;
}
