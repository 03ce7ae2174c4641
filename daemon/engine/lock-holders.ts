/** Who holds the locks that runs wait for: processes outside baton, or runs of its own. */
import { lockfilesAround } from '../core/affected.ts';
import type { Catalog } from '../core/catalog.ts';
import type { Holders, LocksPort, RunsByKeeper } from '../core/group-view.ts';
import type { RunName } from '../core/policy.ts';
import type { ReadonlyState } from '../core/state.ts';
import type { TargetName } from '../shared/run.ts';

const NOBODY: Holders = new Map();

/** Of the locks that are in the way of what waits around a target. */
export function holdersAround(
  target: TargetName,
  state: ReadonlyState,
  catalog: Catalog,
  /** Absent where nobody else can hold a lock. */
  locks: LocksPort | undefined,
): Holders {
  const lockfiles = lockfilesAround(state, target, catalog);
  if (lockfiles.length === 0 || locks === undefined) return NOBODY;
  return locks.holders(lockfiles, () => byKeeper(state));
}

function byKeeper(state: ReadonlyState): RunsByKeeper {
  const byPid = new Map<number, RunName>();
  for (const { active } of state.targetStates.values()) {
    for (const number of active) {
      const run = state.runs.get(number);
      // The SSH keeper keeps many runs, and none of them here.
      if (run?.state !== 'running' || run.keeper.kind !== undefined) continue;
      byPid.set(run.keeper.pid, { run: number, target: run.target });
    }
  }
  return byPid;
}
