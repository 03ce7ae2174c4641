/**
 * What `sync` means for the levels of a group: their order, and that none of them rotates while the
 * latest sync has failed. Each rotation would discard a good snapshot that nothing replaces; after
 * some weeks none would be left. Part of the rsnapshot policy. Pure.
 *
 * Higher levels wait for a successful sync: a weekly that was skipped would be missing for a week.
 * The lowest is skipped, because it follows every sync anyway; but only when it really is next,
 * because this night's sync may be requested some milliseconds after it, and then goes first.
 * `afterFailedSync: "run"` turns off both for a level. Any end except success or warning is a
 * failure, including a sync that was cancelled or lost: what it should have fetched is missing. A
 * sync that somebody runs by hand is unknown; baton's next one lets the levels continue.
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

/** What a group has to do with `sync`, for any of its targets. */
export interface Ladder {
  readonly syncs: readonly RsnapshotMember[];
  /** The height of the lowest level. */
  readonly lowest: number;
  /** Some level waits for a successful sync. */
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
 * The latest sync of the member's conf, if it failed and the member must not rotate because of
 * that. If a conf is unknown, any sync of the group may belong to it.
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

/** It cannot start before a successful sync, and is not the level that is skipped instead. */
export function isHeld(member: RsnapshotMember, ladder: Ladder): boolean {
  if (failedSync(member, ladder) === undefined) return false;
  return !usesSync(member.options) || rank(member, ladder) !== ladder.lowest;
}

/**
 * No sync is listed as being in the way: if it counted as overtaking, failed syncs would bring a
 * level before those above it.
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
 * `sync` fetches what the lowest level of the group then rotates: it goes just before that level,
 * and before all levels if any of them waits for a successful sync.
 */
export function rank({ options }: RsnapshotMember, { lowest, isAwaited }: Ladder): number {
  if (options.interval !== SYNC) return rankOf(options);
  return isAwaited ? Number.POSITIVE_INFINITY : lowest + 0.5;
}
