/**
 * Runs that were let go and of which the journal knows nothing, because it was removed or is an
 * older copy: those whose keepers live, and those of this journal that have run, by what lies in
 * their directories.
 */
import { realpathSync } from 'node:fs';
import type { LetGo } from '../core/command.ts';
import type { ReadonlyState } from '../core/state.ts';
import type { Stamp } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { bootId } from '../system/proc.ts';
import { heldRecords, type KeeperRecord, letGoBy, recordsIn } from './keeper-record.ts';

/** All that may be: the scheduler finds out of which it knows. */
export function findLetGo(
  directory: string,
  directoryOf: (run: number) => string,
  state: ReadonlyState,
  clock: Clock,
): readonly LetGo[] {
  const place = realpathSync(directory);
  const living = heldRecords().filter(
    ({ record, directory: now }) => record.state === place || now?.startsWith(`${place}/`),
  );
  const live = living.map(({ record }) => letGoBy(record, startOf(record, clock), true));
  const names = new Set(live.map(nameOf));
  const unended = [...state.targetStates.values()].flatMap(({ queue, active }) => [
    ...queue,
    ...active,
  ]);
  const lying = unended
    .flatMap((run) => recordsIn(directoryOf(run)))
    .filter((record) => !names.has(nameOf(record)))
    .map((record) => letGoBy(record, startOf(record, clock), false));
  return [...live, ...lying];
}

function nameOf({ run, attempt, keeper }: Pick<LetGo, 'run' | 'attempt' | 'keeper'>): string {
  return `${run} ${attempt} ${keeper.nonce}`;
}

/** When it was let go. Of another boot only the clock on the wall tells. */
function startOf({ keeper, monotonicMs, wallMs }: KeeperRecord, clock: Clock): Stamp {
  const now = clock.now();
  const agoMs = Math.max(0, now.wallMs - wallMs);
  const isOfNow = keeper.bootId === bootId();
  const steadyMs = isOfNow ? clock.steadyAt(monotonicMs) : now.steadyMs - agoMs;
  return { ...now, steadyMs, wallMs };
}
