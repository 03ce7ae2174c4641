/**
 * When a policy ends a running run, in wall-clock time. Nothing of this is stored: it is computed
 * when the run starts, after a restart or a reload, when it is due, and when the clock was set.
 * Pure.
 */
import { elapsedAt } from '../shared/elapsed.ts';
import type { Stamp } from '../shared/run.ts';
import type { Catalog } from './catalog.ts';
import type { Wakeup } from './command.ts';
import type { Deadline } from './policy.ts';
import type { ReadonlyState, Running } from './state.ts';

/** The earliest deadline that the policies of its target set for the run. */
export function closingOf(
  { run, target, started }: Pick<Running, 'run' | 'target' | 'started'>,
  catalog: Catalog,
): Deadline | undefined {
  if (!catalog.hasDeadlines) return undefined;
  let first: Deadline | undefined;
  for (const { policy, options } of catalog.targets.get(target)?.bindings ?? []) {
    const found = policy.deadline?.({ run, target, startedWallMs: started.wallMs }, options);
    if (found !== undefined && found.wallMs < (first?.wallMs ?? Number.POSITIVE_INFINITY)) {
      first = found;
    }
  }
  return first;
}

/** When to check that deadline. */
export function closingWakeups(
  run: Pick<Running, 'run' | 'target' | 'started'>,
  at: Stamp,
  catalog: Catalog,
): readonly Wakeup[] {
  const closing = closingOf(run, catalog);
  if (closing === undefined) return [];
  const steadyMs = at.steadyMs + Math.max(0, Math.ceil(closing.wallMs - at.wallMs));
  return [{ run: run.run, atMs: elapsedAt(at, steadyMs) }];
}

/** The same for all running runs. */
export function allClosingWakeups(
  state: ReadonlyState,
  at: Stamp,
  catalog: Catalog,
): readonly Wakeup[] {
  if (!catalog.hasDeadlines) return [];
  return [...state.targetStates.values()].flatMap(({ active }) =>
    [...active].flatMap((number) => {
      const run = state.runs.get(number);
      return run?.state === 'running' ? closingWakeups(run, at, catalog) : [];
    }),
  );
}
