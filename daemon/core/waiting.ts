/**
 * Why a run waits: what its policies say, and that only the head of a queue can start. People are
 * told what the scheduler goes by, for both ask the policies here. Pure.
 */

import { describePause } from '../protocol/pause-text.ts';
import type { Stamp } from '../shared/run.ts';
import type { Catalog } from './catalog.ts';
import type { GroupViewOf } from './group-view.ts';
import { pausesOf } from './pauses.ts';
import { type GroupView, nameRun, type QueuedRun, type Readiness, type Wait } from './policy.ts';
import { explainRank } from './ranking.ts';
import { explainRest } from './retry.ts';
import type { Queued, ReadonlyState } from './state.ts';

/** Why a run has not started, and what it stands behind. Empty if it is about to start. */
export function explain(
  state: ReadonlyState,
  run: Queued,
  at: Stamp,
  catalog: Catalog,
  groupViewOf: GroupViewOf,
): readonly Wait[] {
  const reasons: Wait[] = [];
  for (const pause of pausesOf(state, run.target, catalog)) {
    reasons.push({ type: 'wait', reason: describePause(pause), behind: [] });
  }
  const rest = explainRest(run, at, catalog);
  if (rest !== undefined) return [...reasons, { type: 'wait', reason: rest, behind: [] }];
  const first = state.targetStates.get(run.target)?.queue.first;
  if (first !== undefined && first !== run.run) {
    const name = nameRun({ run: first, target: run.target });
    const reason = `waits for ${name}, which was requested earlier`;
    reasons.push({ type: 'wait', reason, behind: [first] });
  } else {
    reasons.push(...hindrances(run, catalog, groupViewOf));
    // What ranks tell is the order of those that wait, and no reason to.
    if (reasons.length > 0) reasons.push(...explainRank(run, catalog, groupViewOf));
  }
  return reasons;
}

/** What keeps the head of a queue from starting. */
export function hindrances(
  run: Queued,
  catalog: Catalog,
  groupViewOf: GroupViewOf,
): readonly Wait[] {
  return readinesses(run, catalog, groupViewOf).filter((it) => it.type === 'wait');
}

/** What each policy of its target says of the head of a queue. */
export function readinesses(
  run: Queued,
  catalog: Catalog,
  groupViewOf: GroupViewOf,
): readonly Readiness[] {
  const bindings = catalog.targets.get(run.target)?.bindings ?? [];
  return bindings.map((binding) => {
    const { view, survey } = groupViewOf(binding, run.target);
    return binding.policy.ready(headOf(view), view, survey());
  });
}

/** Nobody else is asked about: what stands behind it cannot start. */
function headOf({ self }: GroupView<unknown>): QueuedRun {
  if (self.first === undefined) throw new Error(`Internal error: nothing of ${self.target} waits`);
  return self.first;
}
