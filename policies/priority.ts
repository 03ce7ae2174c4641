/**
 * priority: which of several queued runs of a group goes first. It makes no run wait. When a place
 * becomes free for which several runs could start, the highest rank gets it, and among equal ranks
 * the oldest. A run of a higher rank that something else holds back (another group, a gap) is
 * passed over, so no place stays empty for it. A run without a rank does not starve: no younger run
 * with a rank goes before it, and a lower rank goes behind both.
 *
 * Nothing starves: a waiting run rises by one rank every `ageEvery`. Runs of higher ranks that are
 * requested after it has aged past their rank go behind it. No timer is needed: the order matters
 * only when a place becomes free, and is computed then.
 *
 * The order of rsnapshot's intervals is a case of the same idea: there the interval is the rank,
 * and being overtaken often enough is the ageing (see `nextUp` in policies/rsnapshot.ts). That
 * order is stricter, and a policy of its own, because there a lower interval has to wait for a
 * higher one even while that cannot start: otherwise it would rotate away what the higher one
 * needs.
 */
import * as v from 'valibot';
import type { Policy, QueuedRun } from '../daemon/core/policy.ts';
import { showDuration } from '../daemon/shared/duration.ts';
import { GroupName, Limit, whole } from './option-types.ts';
import { differs } from './policy-messages.ts';

/** Highest rank; its negative is the lowest. */
export const RANK_MAX = 1_000;

const Options = v.pipe(
  v.strictObject({
    type: v.literal('priority'),
    group: GroupName,
    rank: whole(-RANK_MAX, RANK_MAX),
    ageEvery: v.optional(Limit, '1h'),
  }),
  v.metadata({
    keys: {
      type:
        'Order of the queued runs of a group. It never holds a run back, so combine it with a ' +
        'limit, such as a `cardinality` with the same group.',
      group: 'Name of the group. Targets of the same group are ranked against each other.',
      rank:
        'Rank of the target. The highest rank starts first; among equal ranks, the oldest ' +
        'request.',
      ageEvery:
        'Time after which a queued run gains one rank, again and again, so that every run ' +
        'starts eventually. All targets of a group must have the same value.',
    },
  }),
);
type PriorityOptions = v.InferOutput<typeof Options>;

export const priority: Policy<PriorityOptions> = {
  type: 'priority',
  options: Options,

  group: ({ group }) => group,
  exclusivePerTarget: true,

  conflict(self, other) {
    const [here, there] = [self.options.ageEvery, other.options.ageEvery];
    if (here === there) return undefined;
    return differs('ageEvery', showDuration(here), showDuration(there), other.target);
  },

  admit: () => ({ type: 'admit' }),
  ready: () => ({ type: 'start' }),

  rank: (run, { rank, ageEvery }) => rank + liftOf(run, ageEvery),

  describeRank(run, { rank, ageEvery }) {
    const lift = liftOf(run, ageEvery);
    return lift === 0 ? `rank ${rank}` : `rank ${rank + lift} (${rank}, and ${lift} for its wait)`;
  },
};

function liftOf({ waitedMs }: QueuedRun, ageEveryMs: number): number {
  return Math.max(0, Math.floor(waitedMs / ageEveryMs));
}
