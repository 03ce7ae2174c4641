/**
 * What is forgotten: the ended runs of a target that its limits leave no room for, those that ended
 * first before others, never the latest. Pure.
 */
import { type CommandOf, type Decision, decided, NOTHING } from './command.ts';
import type { RunId } from './event.ts';
import type { ReadonlyState } from './state.ts';

/** However little is to be kept: a client may still be on its way back to it. */
export const RECENT_MS = 300_000;

export function retain(state: ReadonlyState, { target, keep, at }: CommandOf<'retain'>): Decision {
  const past = [...(state.lanes.get(target)?.ended ?? [])].flatMap((number) => {
    const run = state.runs.get(number);
    return run?.state === 'ended' ? [run] : [];
  });
  let left = past.length;
  let bytes = past.reduce((sum, run) => sum + (run.bytes ?? 0), 0);
  const runs: RunId[] = [];
  for (const run of past.slice(0, -1)) {
    const ageMs = at.steadyMs - run.ended.steadyMs;
    const isOver =
      left > keep.runs ||
      ageMs > (keep.ms ?? Number.POSITIVE_INFINITY) ||
      bytes > (keep.bytes ?? Number.POSITIVE_INFINITY);
    if (!isOver) break;
    if (ageMs < RECENT_MS || run.heldBy.length > 0) continue;
    runs.push(run.run);
    left--;
    bytes -= run.bytes ?? 0;
  }
  return runs.length === 0 ? NOTHING : decided({ type: 'forgotten', runs });
}
