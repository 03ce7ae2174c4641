/**
 * What `sync` means to the levels of a group: their order, and that none of them rotates while the
 * newest sync has failed. Each rotation would throw a good snapshot away for one that nothing
 * replaces; after some weeks of it none were left. A part of the rsnapshot policy. Pure.
 *
 * Higher levels wait for a sync that succeeds: a weekly that was left out would be missed for a
 * week. The lowest is skipped, since it comes with every sync anyway; but only when it really is
 * next, for this night's sync may be asked for some milliseconds after it, and goes first then.
 * `afterFailedSync: "run"` turns both off for a level. Every end that is neither a success nor a
 * warning is a failure, also of a sync that was cancelled or lost: what it was to fetch is not
 * there. A sync that somebody runs by hand is not known; the next one of baton's lets the levels go
 * on.
 */

import type {
  EndedRun,
  GroupView,
  Member,
  QueuedRun,
  Readiness,
  RunName,
  SharedView,
} from '../daemon/core/policy.ts';
import { nameRun } from '../daemon/core/policy.ts';
import { syncAwaited } from './policy-messages.ts';
import { SYNC } from './rsnapshot-conf.ts';
import { type RsnapshotOptions, rankOf, usesSync } from './rsnapshot-options.ts';

export type RsnapshotMember = Member<RsnapshotOptions>;
export type RsnapshotView = GroupView<RsnapshotOptions>;
type EndedSync = EndedRun & RunName;

/** What a group has to do with `sync`, whichever of its targets asks. */
export interface Ladder {
  readonly syncs: readonly RsnapshotMember[];
  /** The height of the lowest level. */
  readonly lowest: number;
  /** Some level waits for a sync that succeeds. */
  readonly isAwaited: boolean;
}

export function ladderOf({ members }: SharedView<RsnapshotOptions>): Ladder {
  const syncs = members.filter(({ options }) => options.interval === SYNC);
  const heights = members.map(({ options }) => rankOf(options));
  const lowest = heights.reduce(
    (least, height) => (height >= 0 ? Math.min(least, height) : least),
    Number.POSITIVE_INFINITY,
  );
  const isAwaited = members.some((member) => failedSync(member, { syncs }) !== undefined);
  return { syncs, lowest, isAwaited };
}

/**
 * The newest sync of the member's conf, if it failed and the member must not rotate for that. Where
 * a conf is not known, any sync of the group may be its own.
 */
export function failedSync(
  { options }: RsnapshotMember,
  { syncs }: Pick<Ladder, 'syncs'>,
): EndedSync | undefined {
  const { interval, found, afterFailedSync } = options;
  if (interval === SYNC || afterFailedSync === 'run' || found?.syncFirst === false)
    return undefined;
  let newest: EndedSync | undefined;
  for (const { target, options: other, last } of syncs) {
    if (last === undefined) continue;
    const path = other.found?.path ?? found?.path;
    if (found !== undefined && path !== found.path) continue;
    if (newest === undefined || last.endedAtMs >= newest.endedAtMs) newest = { ...last, target };
  }
  return newest?.verdict === 'failed' ? newest : undefined;
}

/** It cannot start before a sync succeeds, and is not the level that is skipped instead. */
export function isHeld(member: RsnapshotMember, ladder: Ladder): boolean {
  if (failedSync(member, ladder) === undefined) return false;
  return !usesSync(member.options) || rank(member, ladder) !== ladder.lowest;
}

/**
 * No sync is named as in the way: to be overtaken by each one that fails must not bring a level
 * before those above it.
 */
export function awaitSync(
  { run, target }: EndedSync,
  { self }: RsnapshotView,
  { syncs }: Ladder,
): Readiness {
  const next = syncs.flatMap(({ head }): readonly QueuedRun[] => (head ? [head] : []))[0];
  const hope = next === undefined ? `"baton run ${target}" queues one` : `${nameRun(next)} is next`;
  const reason = syncAwaited(run, nameRun({ run, target }), self.options.interval, hope);
  return { type: 'wait', reason, behind: [] };
}

/**
 * `sync` fetches what the lowest level of the group then rotates: it goes just before that, and
 * before all levels where any of them waits for a sync that succeeds.
 */
export function rank({ options }: RsnapshotMember, { lowest, isAwaited }: Ladder): number {
  if (options.interval !== SYNC) return rankOf(options);
  return isAwaited ? Number.POSITIVE_INFINITY : lowest + 0.5;
}
