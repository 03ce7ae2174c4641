/**
 * The order in which queued runs are considered if a policy ranks those of its group. Pure.
 *
 * Without ranks, it is the order of acceptance. With ranks, a run comes behind those of its group
 * that have a higher rank and could start now. No run comes before an older one by its rank alone:
 * if a run without a rank is older than the higher rank, the lower rank goes behind both.
 */
import type { RunId } from '../shared/run.ts';
import type { Binding, Catalog } from './catalog.ts';
import type { GroupViewOf } from './group-view.ts';
import { nameRun, type QueuedRun, type Wait } from './policy.ts';
import type { Queued } from './state.ts';

interface Place {
  readonly run: Queued;
  /** The run that it comes behind, or its own number. */
  readonly behind: RunId;
  readonly rank: number;
}

/** The heads of queues, given oldest first, in the order in which they are considered. */
export function ranked(
  heads: readonly Queued[],
  catalog: Catalog,
  groupViewOf: GroupViewOf,
  couldStart: (run: Queued) => boolean,
): readonly Queued[] {
  if (!catalog.hasRanks) return heads;
  const byGroup = new Map<string, Place[]>();
  const unranked: Place[] = [];
  for (const run of heads) {
    const found = rankOf(run, catalog, groupViewOf);
    const among = found === undefined ? unranked : (byGroup.get(found.key) ?? []);
    if (found !== undefined) byGroup.set(found.key, among);
    among.push({ run, behind: run.run, rank: found?.rank ?? 0 });
  }
  return [unranked, ...[...byGroup.values()].map((among) => placed(among, couldStart))]
    .flat()
    .sort((a, b) => a.behind - b.behind || b.rank - a.rank || a.run.run - b.run.run)
    .map(({ run }) => run);
}

/** The runs of one group, each behind the youngest higher-ranked run that could start. */
function placed(among: readonly Place[], couldStart: (run: Queued) => boolean): readonly Place[] {
  let [above, youngest, rankBefore] = [0, 0, Number.POSITIVE_INFINITY];
  // Among equal ranks the youngest first, so that fewer are asked.
  return among
    .toSorted((a, b) => b.rank - a.rank || b.run.run - a.run.run)
    .map(({ run, rank }) => {
      if (rank < rankBefore) above = youngest;
      rankBefore = rank;
      if (run.run > youngest && couldStart(run)) youngest = run.run;
      return { run, rank, behind: Math.max(run.run, above) };
    });
}

/** The run of a group that goes before an older head by its rank, as an additional reason. */
export function explainRank(
  run: Queued,
  catalog: Catalog,
  groupViewOf: GroupViewOf,
): readonly Wait[] {
  const ranking = rankingOf(run, catalog);
  if (ranking === undefined) return [];
  const { policy } = ranking;
  const { view } = groupViewOf(ranking, run.target);
  const self = view.self.first;
  if (self === undefined) return [];
  const place = (head: QueuedRun, options: unknown): number => policy.rank?.(head, options) ?? 0;
  const own = place(self, view.self.options);
  let best: { readonly head: QueuedRun; readonly options: unknown } | undefined;
  for (const { head, options } of view.members) {
    if (head === undefined || place(head, options) <= own) continue;
    const isBetter = best === undefined || place(head, options) > place(best.head, best.options);
    if (isBetter) best = { head, options };
  }
  if (best === undefined) return [];
  const say = (head: QueuedRun, options: unknown): string =>
    policy.describeRank?.(head, options) ?? `rank ${place(head, options)}`;
  const above = say(best.head, best.options);
  const below = say(self, view.self.options);
  const reason = `${nameRun(best.head)} goes first, by ${above} over ${below}`;
  const behind: readonly RunId[] = [best.head.run];
  return [{ type: 'wait', reason, behind }];
}

function rankOf(
  run: Queued,
  catalog: Catalog,
  groupViewOf: GroupViewOf,
): { readonly key: string; readonly rank: number } | undefined {
  const ranking = rankingOf(run, catalog);
  if (ranking === undefined) return undefined;
  const { first, options } = groupViewOf(ranking, run.target).view.self;
  const rank = first === undefined ? undefined : ranking.policy.rank?.(first, options);
  return rank === undefined ? undefined : { key: ranking.key, rank };
}

/** The policy that ranks a run; the first one if there are several. */
function rankingOf({ target }: Queued, catalog: Catalog): Binding | undefined {
  return catalog.targets.get(target)?.bindings.find(({ policy }) => policy.rank !== undefined);
}
