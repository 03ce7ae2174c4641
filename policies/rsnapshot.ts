/**
 * rsnapshot: one interval of a configuration at a time, the highest first.
 *
 * A higher interval rotates the oldest snapshot of the one below it, so it has to run before the
 * lower one deletes that. Lower intervals therefore wait until every higher one has ended, in
 * whatever way: a monthly that has nothing to promote yet fails, and that is normal.
 *
 * Cron lines of the same minute arrive within a tenth of a second in random order. So a group
 * starts nothing until its oldest queued run is `settle` old; only the highest interval of all need
 * not wait, because nothing can outrank it. A running interval is never stopped for a higher one,
 * and a queued one is overtaken at most once per interval of the group; then it is next.
 *
 * The group is the rsnapshot.conf, because that names the lockfile. If a process outside this group
 * holds the lock (somebody runs rsnapshot by hand, or another target does), runs wait for it. The
 * conf is read together with the configuration; see policies/rsnapshot-options.ts, and
 * rsnapshot-sync.ts for `sync`.
 */

import type { Admission, Policy, QueuedRun, Readiness, SharedView } from '../daemon/core/policy.ts';
import { describeActive, nameRun } from '../daemon/core/policy.ts';
import { differs, ignoredLong, staleLock, syncFailed } from './policy-messages.ts';
import { SYNC } from './rsnapshot-conf.ts';
import {
  confPath,
  levelOf,
  Options,
  orderOf,
  preparer,
  type RsnapshotOptions,
  SETTLE_MS_DEFAULT,
} from './rsnapshot-options.ts';
import {
  awaitSync,
  failedSync,
  isHeld,
  type Ladder,
  ladderOf,
  type RsnapshotMember,
  type RsnapshotView,
  rank,
} from './rsnapshot-sync.ts';

/** How long to wait before checking again a lock that an external process holds. */
export const LOCK_RETRY_MS = 2_000;
/** rsnapshot's "backup finished, with warnings": never a failure. */
const EXIT_WARNINGS = 2;

/** A member with its oldest queued run. */
interface Head {
  readonly run: QueuedRun;
  readonly member: RsnapshotMember;
}

export const rsnapshot: Policy<RsnapshotOptions, Whole> = {
  type: 'rsnapshot',
  options: Options,

  warnExit: [EXIT_WARNINGS],
  preparer,
  level: levelOf,

  /** The configuration file is the group; one on another machine is another file. */
  group(options, target) {
    if (options.group !== undefined) return options.group;
    const path = options.found?.path ?? confPath(options, target);
    return target.host === undefined ? path : `${target.host}:${path}`;
  },

  exclusivePerTarget: true,
  resources({ found }) {
    return [
      ...(found?.lockfile === undefined ? [] : [`lockfile ${found.lockfile}`]),
      ...(found?.snapshotRoot === undefined ? [] : [`snapshot_root ${found.snapshotRoot}`]),
    ];
  },

  asks({ found, respectLock }) {
    if (found?.lockfile === undefined || respectLock === false) return [];
    const { lockfile: path, stopOnStaleLockfile: stopsWhenStale } = found;
    return [{ kind: 'lockfile', path, program: 'rsnapshot', stopsWhenStale }];
  },

  conflict(self, other) {
    const isKnown = ({ options }: RsnapshotMember): boolean => orderOf(options) !== undefined;
    if (isKnown(self) && isKnown(other) && !haveOneOrder(self.options, other.options)) {
      return differs('the order', orderName(self.options), orderName(other.options), other.target);
    }
    if (settleMs(self.options) !== settleMs(other.options)) {
      const [here, there] = [settleMs(self.options), settleMs(other.options)];
      return differs('settle', `${here} ms`, `${there} ms`, other.target);
    }
    return undefined;
  },

  admit(view): Admission {
    const { interval, onDuplicate, skipAlarm = Number.POSITIVE_INFINITY } = view.self.options;
    const same = view.members.filter((member) => member.options.interval === interval);
    const queued = same.find((member) => member.first !== undefined)?.first;
    const [active] = same.flatMap((member) => [...member.active]);
    if (queued === undefined && active === undefined) return { type: 'admit' };
    if (onDuplicate === 'join' && queued !== undefined) return { type: 'join', run: queued.run };
    const reason =
      queued !== undefined
        ? `${interval} is already queued as ${nameRun(queued)}`
        : active !== undefined
          ? `${interval} is already served by ${describeActive(active)}`
          : '';
    const { ignored } = view.self;
    if (onDuplicate !== 'ignore') return { type: 'refuse', reason };
    if (ignored < skipAlarm) return { type: 'ignore', reason };
    // If such requests were always ignored, nobody would notice the missing backup.
    return {
      type: 'refuse',
      reason: ignoredLong(reason, ignored),
    };
  },

  survey,

  ready(run, view, whole): Readiness {
    const [active] = view.active;
    if (active !== undefined) {
      const reason = `waits for ${describeActive(active)}`;
      return { type: 'wait', reason, behind: [active.run], isForAll: true };
    }
    const failed = failedSync(view.self, whole);
    if (failed !== undefined && isHeld(view.self, whole)) return awaitSync(failed, view, whole);
    const { next } = whole;
    if (next !== undefined && next.run.run !== run.run) return after(next, view, whole);
    if (failed === undefined) return locked(view) ?? settled(run, view, whole);
    const settling = settled(run, view, whole);
    if (settling.type === 'wait') return settling;
    return { type: 'skip', reason: syncFailed(failed.run, view.self.options.interval) };
  },
};

/** What is the same for all queued runs of a group. */
export interface Whole extends Ladder {
  /** Number of levels in the group. */
  readonly levels: number;
  /** The height of the highest one. */
  readonly top: number;
  /** Of the heads, except those that wait for a sync. */
  readonly oldestMs: number;
  readonly next?: Head;
}

function survey(group: SharedView<RsnapshotOptions>): Whole {
  const { members } = group;
  const ladder = ladderOf(group);
  const levels = new Set(members.map((member) => member.options.interval)).size;
  const top = members.reduce(
    (highest, member) => Math.max(highest, rank(member, ladder)),
    Number.NEGATIVE_INFINITY,
  );
  // A run may wait for a sync for days, so the window does not start with it.
  const oldestMs = members.reduce(
    (oldest, member) =>
      member.head === undefined || isHeld(member, ladder)
        ? oldest
        : Math.min(oldest, member.head.queuedAtMs),
    Number.POSITIVE_INFINITY,
  );
  const next = nextUp(members, { ...ladder, levels });
  return { ...ladder, levels, top, oldestMs, ...(next === undefined ? {} : { next }) };
}

function after(first: Head, view: RsnapshotView, whole: Whole): Readiness {
  const { interval } = view.self.options;
  const above = first.member.options.interval;
  const why =
    above === interval
      ? 'which was requested earlier'
      : isOverdue(first.run, whole)
        ? 'which has been overtaken too often'
        : above === SYNC && failedSync(view.self, whole) !== undefined
          ? 'which goes first, because the most recent sync failed'
          : `which goes first: ${above} is above ${interval}`;
  const settling = settled(first.run, { nowMs: view.nowMs, self: first.member }, whole);
  return {
    type: 'wait',
    reason: `waits for ${nameRun(first.run)}, ${why}`,
    behind: [first.run.run],
    ...(settling.type === 'wait' && settling.untilMs !== undefined
      ? { untilMs: settling.untilMs }
      : {}),
  };
}

/**
 * An external process holds the lock: rsnapshot would give up at once. Runs of this group do not
 * matter here, because nothing starts beside them; runs of other groups count as external.
 */
function locked({ self, world, nowMs }: RsnapshotView): Readiness | undefined {
  const { found, respectLock } = self.options;
  const holder = found?.lockfile === undefined ? undefined : world.holders.get(found.lockfile);
  if (holder === undefined || respectLock === false) return undefined;
  const { pid, text, run, isOther } = holder;
  const untilMs = nowMs + LOCK_RETRY_MS;
  if (run !== undefined) {
    const reason = `waits for ${nameRun(run)} of another group, which holds ${found?.lockfile}`;
    return { type: 'wait', reason, behind: [run.run], untilMs };
  }
  if (isOther === true) {
    const reason = staleLock(pid, text, found?.lockfile ?? '');
    return { type: 'wait', reason, behind: [], untilMs };
  }
  return {
    type: 'wait',
    reason: `waits for external process ${pid} (${text}), which holds ${found?.lockfile}`,
    behind: [],
    untilMs,
  };
}

/** The settle window: starts with the oldest queued run; does not apply to the top interval. */
function settled(
  run: QueuedRun,
  { nowMs, self }: Pick<RsnapshotView, 'nowMs' | 'self'>,
  whole: Whole,
): Readiness {
  if (rank(self, whole) === whole.top) return { type: 'start' };
  const untilMs = Math.min(run.queuedAtMs, whole.oldestMs) + settleMs(self.options);
  if (nowMs >= untilMs) return { type: 'start' };
  return {
    type: 'wait',
    reason:
      `waits ${settleMs(self.options) / 1_000} s from the first request, in case a higher ` +
      'interval is requested in the same minute',
    behind: [],
    untilMs,
  };
}

/** The next run: the one overtaken too often that waits longest, else the highest interval. */
function nextUp(
  members: readonly RsnapshotMember[],
  ladder: Pick<Whole, 'levels' | keyof Ladder>,
): Head | undefined {
  const heads = members.flatMap((member) =>
    member.head === undefined ? [] : [{ run: member.head, member }],
  );
  // A run that cannot start before a successful sync blocks nothing, least of all that sync.
  const free = heads.filter(({ member }) => failedSync(member, ladder) === undefined);
  const able = free.length > 0 ? free : heads.filter(({ member }) => !isHeld(member, ladder));
  const overdue = able.filter((head) => isOverdue(head.run, ladder));
  if (overdue.length > 0) return overdue.reduce((a, b) => (b.run.run < a.run.run ? b : a));
  return able.reduce<Head | undefined>((best, head) => {
    const above = best === undefined ? 1 : rank(head.member, ladder) - rank(best.member, ladder);
    if (best === undefined || above > 0) return head;
    return above === 0 && head.run.run < best.run.run ? head : best;
  }, undefined);
}

/** Overtaken as often as the group has intervals: it is next, whatever is above it. */
function isOverdue(run: QueuedRun, { levels }: Pick<Whole, 'levels'>): boolean {
  return run.overtaken >= levels;
}

/** Thousands of levels of one conf share one list, which need not be compared. */
function haveOneOrder(some: RsnapshotOptions, other: RsnapshotOptions): boolean {
  return orderOf(some) === orderOf(other) || orderName(some) === orderName(other);
}

function orderName(options: RsnapshotOptions): string {
  return (orderOf(options) ?? []).join(' < ');
}

function settleMs(options: RsnapshotOptions): number {
  return options.settle ?? SETTLE_MS_DEFAULT;
}
