/**
 * Which of several waiting runs is looked at first, where a policy ranks those of its group. Pure.
 *
 * Without ranks, queued runs are looked at in the order of their acceptance. Ranks reorder only the
 * runs of their own group; a run outside the group keeps its position.
 */
import type { RunId } from '../shared/run.ts';
import type { Binding, Catalog } from './catalog.ts';
import type { GroupViewOf } from './group-view.ts';
import { nameRun, type QueuedRun, type Wait } from './policy.ts';
import type { Queued } from './state.ts';

/** The heads of queues, oldest first, in the order of their ranks. */
export function ranked(
  heads: readonly Queued[],
  catalog: Catalog,
  groupViewOf: GroupViewOf,
): readonly Queued[] {
  if (!catalog.hasRanks) return heads;
  const byGroup = new Map<string, { readonly run: Queued; readonly rank: number }[]>();
  for (const run of heads) {
    const found = rankOf(run, catalog, groupViewOf);
    if (found === undefined) continue;
    const among = byGroup.get(found.key) ?? [];
    byGroup.set(found.key, among);
    among.push({ run, rank: found.rank });
  }
  for (const among of byGroup.values())
    among.sort((a, b) => b.rank - a.rank || a.run.run - b.run.run);
  const taken = new Map<string, number>();
  return heads.map((head) => {
    const key = rankingOf(head, catalog)?.key;
    const among = key === undefined ? undefined : byGroup.get(key);
    if (key === undefined || among === undefined) return head;
    const at = taken.get(key) ?? 0;
    taken.set(key, at + 1);
    return among[at]?.run ?? head;
  });
}

/** Who of a group goes before a head that was asked for earlier, as a reason beside others. */
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

/** The policy that ranks a run; the first one where there are several. */
function rankingOf({ target }: Queued, catalog: Catalog): Binding | undefined {
  return catalog.targets.get(target)?.bindings.find(({ policy }) => policy.rank !== undefined);
}
