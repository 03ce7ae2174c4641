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
 */
import * as v from 'valibot';
import { DURATION_EXPECTED, parseDuration } from '../daemon/duration.ts';
import type { Admission, Member, Policy, QueuedRun, Readiness, Scene } from './policy.ts';
import { describeActive, nameRun } from './policy.ts';

/** How long a group waits for higher intervals of the same minute: 20 times the spread measured. */
export const SETTLE_MS_DEFAULT = 2_000;
export const SETTLE_MS_MAX = 60_000;

/** Where rsnapshot reads its configuration when nobody says otherwise. */
const CONF_DEFAULT = '/etc/rsnapshot.conf';

/** The two families of names that rsnapshot's own configuration has had, lowest first. */
const FAMILIES: readonly (readonly string[])[] = [
  ['hourly', 'daily', 'weekly', 'monthly', 'yearly'],
  ['alpha', 'beta', 'gamma', 'delta'],
];

const Settle = v.pipe(
  v.string(),
  v.check(
    (text) => (parseDuration(text) ?? Number.POSITIVE_INFINITY) <= SETTLE_MS_MAX,
    `${DURATION_EXPECTED}, at most "60s"`,
  ),
  v.transform((text) => parseDuration(text) ?? SETTLE_MS_DEFAULT),
);

const Options = v.pipe(
  v.strictObject({
    type: v.literal('rsnapshot'),
    interval: v.pipe(
      v.string(),
      v.regex(/^\w+$/, 'an interval as in rsnapshot.conf: letters, digits and _'),
    ),
    group: v.optional(v.pipe(v.string(), v.minLength(1))),
    order: v.optional(v.pipe(v.array(v.pipe(v.string(), v.regex(/^\w+$/))), v.minLength(1))),
    settle: v.optional(Settle),
    onDuplicate: v.optional(v.picklist(['refuse', 'ignore', 'join']), 'refuse'),
  }),
  v.forward(
    v.check(
      ({ order, interval }) => orderOf(order, interval) !== undefined,
      'one of "order" (lowest first); without "order": hourly, daily, weekly, monthly, yearly or alpha, beta, gamma, delta',
    ),
    ['interval'],
  ),
);
type RsnapshotOptions = v.InferOutput<typeof Options>;
type RsnapshotMember = Member<RsnapshotOptions>;
type RsnapshotScene = Scene<RsnapshotOptions>;

export const rsnapshot: Policy<RsnapshotOptions> = {
  type: 'rsnapshot',
  options: Options,

  /** The configuration file is the group: `group`, else `-c FILE` of the command, else the default. */
  group(options, target) {
    if (options.group !== undefined) return options.group;
    const args = target.args ?? [];
    const at = args.indexOf('-c');
    return (at >= 0 ? args[at + 1] : undefined) ?? CONF_DEFAULT;
  },

  conflict(self, other) {
    if (orderName(self.options) !== orderName(other.options)) {
      return `the order is ${orderName(self.options)} here and ${orderName(other.options)} in target "${other.target}" of the same group`;
    }
    if (settleMs(self.options) !== settleMs(other.options)) {
      return `settle is ${settleMs(self.options)} ms here and ${settleMs(other.options)} ms in target "${other.target}" of the same group`;
    }
    return undefined;
  },

  admit(scene): Admission {
    const { interval, onDuplicate } = scene.self.options;
    const same = scene.members.filter((member) => member.options.interval === interval);
    const queued = same.find((member) => member.first !== undefined)?.first;
    const active = same.flatMap((member) => member.active)[0];
    if (queued === undefined && active === undefined) return { type: 'admit' };
    if (onDuplicate === 'join' && queued !== undefined) return { type: 'join', run: queued.run };
    const reason =
      queued !== undefined
        ? `${interval} is already waiting as ${nameRun(queued)}`
        : active !== undefined
          ? `${interval} is already served by ${describeActive(active)}`
          : '';
    return { type: onDuplicate === 'ignore' ? 'ignore' : 'refuse', reason };
  },

  ready(run, scene): Readiness {
    const active = scene.active[0];
    if (active !== undefined) {
      return { type: 'wait', reason: `waits for ${describeActive(active)}`, behind: [active.run] };
    }
    const first = nextUp(scene);
    if (first === undefined || first.run.run === run.run) return settled(run, scene);
    const why =
      first.member.options.interval === scene.self.options.interval
        ? 'which was asked for earlier'
        : isOverdue(first.run, scene)
          ? 'which has been overtaken often enough'
          : `which goes first: ${first.member.options.interval} is above ${scene.self.options.interval}`;
    const settling = settled(first.run, { ...scene, self: first.member });
    return {
      type: 'wait',
      reason: `waits for ${nameRun(first.run)}, ${why}`,
      behind: [first.run.run],
      ...(settling.type === 'wait' && settling.untilMs !== undefined
        ? { untilMs: settling.untilMs }
        : {}),
    };
  },
};

/** The settle window: fixed from the oldest waiting run, skipped by the top interval. */
function settled(run: QueuedRun, scene: RsnapshotScene): Readiness {
  const top = Math.max(...scene.members.map((member) => rank(member)));
  if (rank(scene.self) === top) return { type: 'start' };
  const heads = scene.members.flatMap((member) => member.head ?? []);
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
function nextUp(
  scene: RsnapshotScene,
): { readonly run: QueuedRun; readonly member: RsnapshotMember } | undefined {
  const heads = scene.members.flatMap((member) =>
    member.head === undefined ? [] : [{ run: member.head, member }],
  );
  const overdue = heads.filter((head) => isOverdue(head.run, scene));
  if (overdue.length > 0) return overdue.reduce((a, b) => (b.run.run < a.run.run ? b : a));
  return heads.reduce<(typeof heads)[number] | undefined>((best, head) => {
    if (best === undefined || rank(head.member) > rank(best.member)) return head;
    return rank(head.member) === rank(best.member) && head.run.run < best.run.run ? head : best;
  }, undefined);
}

/** Overtaken as often as the group has intervals: whatever is above it, it is next. */
function isOverdue(run: QueuedRun, scene: RsnapshotScene): boolean {
  const levels = new Set(scene.members.map((member) => member.options.interval)).size;
  return run.overtaken >= levels;
}

function orderOf(order: readonly string[] | undefined, interval: string) {
  const candidates = order === undefined ? FAMILIES : [order];
  return candidates.find((names) => names.includes(interval));
}

function orderName({ order, interval }: RsnapshotOptions): string {
  return (orderOf(order, interval) ?? []).join(' < ');
}

function rank(member: RsnapshotMember): number {
  const { order, interval } = member.options;
  return (orderOf(order, interval) ?? []).indexOf(interval);
}

function settleMs(options: RsnapshotOptions): number {
  return options.settle ?? SETTLE_MS_DEFAULT;
}
