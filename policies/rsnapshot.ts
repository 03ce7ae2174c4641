/**
 * rsnapshot: one interval of a configuration at a time, the highest first.
 *
 * A higher interval rotates the oldest snapshot of the one below it, so it has to run before that
 * one throws it away. Lower intervals therefore wait until every higher one has ended, however it
 * ended: a monthly that finds nothing to promote yet fails, and that is normal.
 *
 * Cron lines of the same minute arrive within a tenth of a second in random order. So a group
 * starts nothing until its oldest waiting run is `settle` old; the highest interval of all need not
 * wait, since nothing can outrank it. A running interval is never stopped for a higher one, and a
 * waiting one is overtaken at most once per interval of the group, then it is next.
 *
 * The group is the rsnapshot.conf, since that names the lockfile. A lock that is held by a process
 * which is no run of this group (somebody ran rsnapshot by hand, or another target does) is waited
 * for. What the conf says is
 * read when the configuration is; see policies/rsnapshotlevels.ts, and rsnapshotsync.ts for `sync`.
 */
import { differs, ignoredLong, syncFailed } from './message.ts';
import type { Admission, Policy, QueuedRun, Readiness } from './policy.ts';
import { describeActive, nameRun } from './policy.ts';
import { SYNC } from './rsnapshotconf.ts';
import {
  confPath,
  levelOf,
  Options,
  orderOf,
  prepare,
  type RsnapshotOptions,
  SETTLE_MS_DEFAULT,
} from './rsnapshotlevels.ts';
import {
  awaitSync,
  failedSync,
  isHeld,
  type RsnapshotMember,
  type RsnapshotScene,
  rank,
} from './rsnapshotsync.ts';

/** How long to wait before looking again at a lock that a stranger holds. */
export const LOCK_RETRY_MS = 2_000;
/** rsnapshot's "backup finished, with warnings": never a failure. */
const EXIT_WARNINGS = 2;

/** A member with its oldest waiting run. */
interface Head {
  readonly run: QueuedRun;
  readonly member: RsnapshotMember;
}

export const rsnapshot: Policy<RsnapshotOptions> = {
  type: 'rsnapshot',
  options: Options,

  warnExit: [EXIT_WARNINGS],
  prepare,
  level: levelOf,

  /** The configuration file is the group; one on another machine is another file. */
  group(options, target) {
    if (options.group !== undefined) return options.group;
    const path = options.found?.path ?? confPath(options, target);
    return target.host === undefined ? path : `${target.host}:${path}`;
  },

  claims({ found }) {
    return [
      ...(found?.lockfile === undefined ? [] : [`lockfile ${found.lockfile}`]),
      ...(found?.snapshotRoot === undefined ? [] : [`snapshot_root ${found.snapshotRoot}`]),
    ];
  },

  lockfile({ found, respectLock }) {
    if (found?.lockfile === undefined || respectLock === false) return undefined;
    return { path: found.lockfile, stopsWhenStale: found.stopOnStaleLockfile };
  },

  conflict(self, other) {
    const isKnown = ({ options }: RsnapshotMember): boolean => orderOf(options) !== undefined;
    const differ = orderName(self.options) !== orderName(other.options);
    if (isKnown(self) && isKnown(other) && differ) {
      return differs('the order', orderName(self.options), orderName(other.options), other.target);
    }
    if (settleMs(self.options) !== settleMs(other.options)) {
      const [here, there] = [settleMs(self.options), settleMs(other.options)];
      return differs('settle', `${here} ms`, `${there} ms`, other.target);
    }
    return undefined;
  },

  admit(scene): Admission {
    const { interval, onDuplicate, skipAlarm = Number.POSITIVE_INFINITY } = scene.self.options;
    const same = scene.members.filter((member) => member.options.interval === interval);
    const queued = same.find((member) => member.first !== undefined)?.first;
    const [active] = same.flatMap((member) => [...member.active]);
    if (queued === undefined && active === undefined) return { type: 'admit' };
    if (onDuplicate === 'join' && queued !== undefined) return { type: 'join', run: queued.run };
    const reason =
      queued !== undefined
        ? `${interval} is already waiting as ${nameRun(queued)}`
        : active !== undefined
          ? `${interval} is already served by ${describeActive(active)}`
          : '';
    const { ignored } = scene.self;
    if (onDuplicate !== 'ignore') return { type: 'refuse', reason };
    if (ignored < skipAlarm) return { type: 'ignore', reason };
    // What is ignored for ever would be a backup that nobody misses.
    return {
      type: 'refuse',
      reason: ignoredLong(reason, ignored),
    };
  },

  ready(run, scene): Readiness {
    const [active] = scene.active;
    if (active !== undefined) {
      return { type: 'wait', reason: `waits for ${describeActive(active)}`, behind: [active.run] };
    }
    const failed = failedSync(scene.self, scene);
    if (failed !== undefined && isHeld(scene.self, scene)) return awaitSync(failed, scene);
    const first = nextUp(scene);
    if (first !== undefined && first.run.run !== run.run) return after(first, scene);
    if (failed === undefined) return locked(scene) ?? settled(run, scene);
    const settling = settled(run, scene);
    if (settling.type === 'wait') return settling;
    return { type: 'skip', reason: syncFailed(failed.run, scene.self.options.interval) };
  },
};

function after(first: Head, scene: RsnapshotScene): Readiness {
  const { interval } = scene.self.options;
  const above = first.member.options.interval;
  const why =
    above === interval
      ? 'which was asked for earlier'
      : isOverdue(first.run, scene)
        ? 'which has been overtaken often enough'
        : above === SYNC && failedSync(scene.self, scene) !== undefined
          ? 'which goes first: the newest sync failed'
          : `which goes first: ${above} is above ${interval}`;
  const settling = settled(first.run, { ...scene, self: first.member });
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
 * Somebody holds the lock: rsnapshot would give up at once. A run of this group is not looked for
 * here, since nothing starts beside it anyway; one of another group is in the way like a stranger.
 */
function locked({ self, holders, nowMs }: RsnapshotScene): Readiness | undefined {
  const { found, respectLock } = self.options;
  const holder = found?.lockfile === undefined ? undefined : holders.get(found.lockfile);
  if (holder === undefined || respectLock === false) return undefined;
  const { pid, text, run } = holder;
  const untilMs = nowMs + LOCK_RETRY_MS;
  if (run !== undefined) {
    const reason = `waits for ${nameRun(run)} of another group, which holds ${found?.lockfile}`;
    return { type: 'wait', reason, behind: [run.run], untilMs };
  }
  return {
    type: 'wait',
    reason: `waits for pid ${pid} (${text}), which holds ${found?.lockfile} and is no run of baton's`,
    behind: [],
    untilMs,
  };
}

/** The settle window: fixed from the oldest waiting run, passed over by the top interval. */
function settled(run: QueuedRun, scene: RsnapshotScene): Readiness {
  const top = Math.max(...scene.members.map((member) => rank(member, scene)));
  if (rank(scene.self, scene) === top) return { type: 'start' };
  // What waits for a sync may do so for days: no window begins with it.
  const able = scene.members.filter((member) => !isHeld(member, scene));
  const heads = able.flatMap(({ head }) => head ?? []);
  const oldestMs = Math.min(run.queuedAtMs, ...heads.map((head) => head.queuedAtMs));
  const untilMs = oldestMs + settleMs(scene.self.options);
  if (scene.nowMs >= untilMs) return { type: 'start' };
  return {
    type: 'wait',
    reason: `waits ${settleMs(scene.self.options) / 1_000} s from the first request, in case a higher interval is asked for in the same minute`,
    behind: [],
    untilMs,
  };
}

/** Who is next: the longest-waiting of those overtaken too often, else the highest interval. */
function nextUp(scene: RsnapshotScene): Head | undefined {
  const heads = scene.members.flatMap((member) =>
    member.head === undefined ? [] : [{ run: member.head, member }],
  );
  // Who cannot start before a sync succeeds keeps nobody waiting, and least of all that sync.
  const free = heads.filter(({ member }) => failedSync(member, scene) === undefined);
  const able = free.length > 0 ? free : heads.filter(({ member }) => !isHeld(member, scene));
  const overdue = able.filter((head) => isOverdue(head.run, scene));
  if (overdue.length > 0) return overdue.reduce((a, b) => (b.run.run < a.run.run ? b : a));
  return able.reduce<Head | undefined>((best, head) => {
    const above = best === undefined ? 1 : rank(head.member, scene) - rank(best.member, scene);
    if (best === undefined || above > 0) return head;
    return above === 0 && head.run.run < best.run.run ? head : best;
  }, undefined);
}

/** Overtaken as often as the group has intervals: whatever is above it, it is next. */
function isOverdue(run: QueuedRun, scene: RsnapshotScene): boolean {
  const levels = new Set(scene.members.map((member) => member.options.interval)).size;
  return run.overtaken >= levels;
}

function orderName(options: RsnapshotOptions): string {
  return (orderOf(options) ?? []).join(' < ');
}

function settleMs(options: RsnapshotOptions): number {
  return options.settle ?? SETTLE_MS_DEFAULT;
}
