/**
 * Finds runs that were released without the journal knowing, because it was removed or is an older
 * copy: those whose keepers are alive; those whose keepers are gone but whose commands are alive,
 * by the directories in STATE/aside; and runs of this journal that have run, by the records in
 * their directories.
 */
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { LetGo } from '../core/command.ts';
import type { ReadonlyState } from '../core/state.ts';
import type { Stamp } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { bootId, membersOf } from '../system/proc.ts';
import { heldRecords, type KeeperRecord, letGoBy, recordsIn } from './keeper-record.ts';
import { statusFileOf } from './status-file.ts';

/** All candidates: the scheduler finds out which of them it knows. */
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
  const kept = new Set(living.map(({ record }) => nameOf(record)));
  const orphans = orphansIn(join(place, 'aside')).filter((record) => !kept.has(nameOf(record)));
  const live = [...living.map(({ record }) => record), ...orphans].map((record) =>
    letGoBy(record, startOf(record, clock), true),
  );
  const names = new Set(live.map(nameOf));
  const unended = [...state.targetStates.values()].flatMap(({ queue, active }) => [
    ...queue,
    ...active,
  ]);
  // Most queued runs have no directory: looking for each of 100,000 would take a second.
  const there = new Set(readdirSync(join(directory, 'runs')));
  const lying = unended
    .filter((run) => there.has(String(run)))
    .flatMap((run) => recordsIn(directoryOf(run)))
    .filter((record) => !names.has(nameOf(record)))
    .map((record) => letGoBy(record, startOf(record, clock), false));
  return [...live, ...lying];
}

/** Runs moved aside whose keepers died without a status file, but whose commands are alive. */
function orphansIn(aside: string): readonly KeeperRecord[] {
  if (!existsSync(aside)) return [];
  return readdirSync(aside).flatMap((name) => {
    const directory = join(aside, name);
    return recordsIn(directory).filter(({ run, attempt, startNonce, keeper }) => {
      if (keeper.bootId !== bootId() || keeper.kind !== undefined || startNonce === undefined) {
        return false;
      }
      if (existsSync(statusFileOf(directory, attempt, keeper.nonce))) return false;
      return membersOf(keeper, { run, startNonce, directory }).length > 0;
    });
  });
}

function nameOf({ run, attempt, keeper }: Pick<LetGo, 'run' | 'attempt' | 'keeper'>): string {
  return `${run} ${attempt} ${keeper.nonce}`;
}

/** When it was released; for another boot only the wall clock can tell. */
function startOf({ keeper, monotonicMs, wallMs }: KeeperRecord, clock: Clock): Stamp {
  const now = clock.now();
  const agoMs = Math.max(0, now.wallMs - wallMs);
  const isOfNow = keeper.bootId === bootId();
  const steadyMs = isOfNow ? clock.steadyAt(monotonicMs) : now.steadyMs - agoMs;
  return { ...now, steadyMs, wallMs };
}
