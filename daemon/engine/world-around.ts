/** The machine's answers to the questions of runs that wait around a target. */
import { questionsAround } from '../core/affected.ts';
import type { Catalog } from '../core/catalog.ts';
import type { RunName } from '../core/policy.ts';
import type { ReadonlyState } from '../core/state.ts';
import type { World } from '../core/world.ts';
import type { TargetName } from '../shared/run.ts';
import type { RunsByKeeper } from '../system/lockfiles.ts';
import type { Findings } from './findings.ts';

export function worldAround(
  target: TargetName,
  state: ReadonlyState,
  catalog: Catalog,
  findings: Findings,
): World {
  return findings.answer(questionsAround(state, target, catalog), () => byKeeper(state));
}

function byKeeper(state: ReadonlyState): RunsByKeeper {
  const byPid = new Map<number, RunName>();
  for (const { active } of state.targetStates.values()) {
    for (const number of active) {
      const run = state.runs.get(number);
      // The SSH keeper supervises many runs, none of them on this machine.
      if (run?.state !== 'running' || run.keeper.kind !== undefined) continue;
      byPid.set(run.keeper.pid, { run: number, target: run.target });
    }
  }
  return byPid;
}
