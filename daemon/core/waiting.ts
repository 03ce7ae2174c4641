/**
 * Why a run waits: the reasons of its policies, and that only the head of a queue can start. People
 * are told exactly what the scheduler uses, because both ask the policies here. Pure.
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

/** Why a run has not started, and which runs it is behind. Empty if it is about to start. */
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
    // Ranks affect the order of the queued runs; they are not a reason to wait.
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

/** What each policy of its target says about the head of a queue. */
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

/** Only the head is asked about: runs behind it cannot start. */
function headOf({ self }: GroupView<unknown>): QueuedRun {
  if (self.first === undefined) throw new Error(`Internal error: nothing of ${self.target} waits`);
  return self.first;
}
