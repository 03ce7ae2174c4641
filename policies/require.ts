/**
 * require: conditions on the machine for the start of a run, such as a mounted disk. A run waits
 * until they are met, or is skipped.
 *
 * Instant answers (mounts) are checked at the moment of the decision. A slow answer is valid for as
 * long as it may have taken plus FRESH_MS, and only if the check began after the run was requested,
 * or its last attempt ended; any other answer neither starts nor skips a run, but is checked again.
 * What remains is the time from the decision to the start of the command, some milliseconds: nobody
 * can rule out that a disk is unmounted just then.
 *
 * Nothing is checked while another policy makes the run wait, or while no run waits.
 */
import { subjectOf } from '../daemon/core/describe-condition.ts';
import type { Policy, QueuedRun, Readiness } from '../daemon/core/policy.ts';
import { type Finding, isSlow, keyOf, type SlowCondition } from '../daemon/core/world.ts';
import { showDuration } from '../daemon/shared/duration.ts';
import { conditionsOf, Options, type RequireOptions } from './require-options.ts';

/** How long a good answer is valid, beyond the time that it may take to get it. */
export const FRESH_MS = 5_000;
export const require: Policy<RequireOptions> = {
  type: 'require',
  options: Options,

  /** A target may have several, each with its own `otherwise`. */
  group: (options, target) =>
    `target ${target.name}, ${conditionsOf(options).map(subjectOf).join(', ')}`,

  asks: conditionsOf,

  admit: () => ({ type: 'admit' }),

  ready(run, { self: { options }, nowMs, world }): Readiness {
    const conditions = conditionsOf(options);
    const isLast = isOver(run, options);
    const unmet: Finding[] = [];
    const asks: SlowCondition[] = [];
    let isNext = true;
    for (const condition of conditions) {
      const found = world.findings.get(keyOf(condition));
      if (world.isAssumed === true && found?.holds !== false) continue;
      const isValid = found !== undefined && found.agoMs <= validMs(run, found, options, isLast);
      if (isValid && !found.holds) unmet.push(found);
      if (isValid || !isSlow(condition)) continue;
      asks.push(condition);
      if (found?.holds === false) isNext = false;
    }
    const [first] = unmet;
    if (first !== undefined) {
      const texts = unmet.map(({ text }) => text).join(', and ');
      if (isLast) return { type: 'skip', reason: skipReason(texts, first, options) };
      const every = showDuration(options.every);
      return {
        type: 'wait',
        reason: `waits for: ${texts} (checked ${first.seen}, again every ${every})`,
        behind: [],
        isOfWorld: true,
        untilMs: nextMs(run, nowMs, first, options),
      };
    }
    const [next] = asks;
    if (next === undefined) return { type: 'start' };
    const reason = `waits for: ${subjectOf(next)}, which is checked right before the start`;
    return { type: 'wait', reason, behind: [], isOfWorld: true, asks, isNext };
  },
};

/** It is decided now, without further waiting. */
function isOver({ waitedMs }: QueuedRun, { otherwise, giveUp }: RequireOptions): boolean {
  return otherwise === 'skip' || (giveUp !== undefined && waitedMs >= giveUp);
}

/** How long an answer is valid. */
function validMs(
  { queuedMs }: QueuedRun,
  { holds }: Finding,
  { timeout, every }: RequireOptions,
  isLast: boolean,
): number {
  // A bad answer is checked again after `every`, but no run is given up because of an old one.
  return holds || isLast ? Math.min(timeout + FRESH_MS, queuedMs) : every - 1;
}

function nextMs(
  { waitedMs }: QueuedRun,
  nowMs: number,
  { agoMs }: Finding,
  { every, giveUp = Number.POSITIVE_INFINITY }: RequireOptions,
): number {
  return nowMs + Math.max(1, Math.min(every - agoMs, giveUp - waitedMs));
}

function skipReason(
  texts: string,
  { seen }: Finding,
  { otherwise, giveUp }: RequireOptions,
): string {
  const what = `${texts} (checked ${seen})`;
  if (otherwise === 'skip' || giveUp === undefined) return what;
  return `${what}, ${showDuration(giveUp)} after it was requested`;
}
