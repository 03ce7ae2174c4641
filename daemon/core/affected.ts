/**
 * Finds which targets a change affects: those that share a group with it, and only the heads of
 * their queues. So the cost of a change does not depend on the number of queued runs. Pure.
 */

import type { TargetName } from '../shared/run.ts';
import type { Catalog } from './catalog.ts';
import type { Event } from './event.ts';
import { placesIn } from './group-view.ts';
import { heldUp, isPaused } from './pauses.ts';
import type { Queued, ReadonlyState } from './state.ts';
import { isCondition, keyOf, type Question } from './world.ts';

/**
 * Targets whose groups an event affects: the run's own target, and one of each group in which it
 * held a place, because a reload may have moved the target. Call this before applying the event.
 */
export function affectedTargets(
  state: ReadonlyState,
  event: Event,
  catalog: Catalog,
): readonly TargetName[] {
  if (event.type === 'paused' || event.type === 'resumed') return heldUp(state, event, catalog);
  if ('target' in event) return [event.target];
  const run = 'run' in event ? state.runs.get(event.run) : undefined;
  if (run === undefined) return [];
  const groups = run.state === 'queued' ? [] : run.groups;
  const members = groups.flatMap((key) => catalog.groups.get(key)?.members[0]?.target ?? []);
  return [run.target, ...members];
}

/** The groups of a target. */
export function groupsOf(name: TargetName, catalog: Catalog): readonly string[] {
  return (catalog.targets.get(name)?.bindings ?? []).map(({ key }) => key);
}

/** Cost of a look that finds nobody, in group members. */
const LOOK_WORK = 4;

/** Cost of a look at a target: it grows with the number of members of its groups. */
export function sizeAround(name: TargetName, catalog: Catalog): number {
  return groupsOf(name, catalog).reduce(
    (sum, key) => sum + (catalog.groups.get(key)?.members.length ?? 0),
    LOOK_WORK,
  );
}

/** The heads of all queues that share a group with this target, oldest first. */
export function candidates(
  state: ReadonlyState,
  name: TargetName,
  catalog: Catalog,
): readonly Queued[] {
  const names = new Set([name]);
  for (const key of groupsOf(name, catalog)) {
    for (const { target } of catalog.groups.get(key)?.members ?? []) names.add(target);
  }
  const heads: Queued[] = [];
  for (const target of names) {
    const head = headOf(state, target, catalog);
    if (head !== undefined) heads.push(head);
  }
  return heads.sort((a, b) => a.run - b.run);
}

function headOf(state: ReadonlyState, target: TargetName, catalog: Catalog): Queued | undefined {
  const first = state.targetStates.get(target)?.queue.first;
  if (first === undefined || isPaused(state, target, catalog)) return undefined;
  const run = state.runs.get(first);
  return run?.state === 'queued' ? run : undefined;
}

/**
 * The questions whose answers matter to runs that wait around this target, if there are any.
 * Lockfiles of a group in which a run holds a place do not matter: that run has to end first, and
 * may well hold the lock.
 */
export function questionsAround(
  state: ReadonlyState,
  target: TargetName,
  catalog: Catalog,
): readonly Question[] {
  if (!catalog.asksWorld) return [];
  const found = new Map<string, Question>();
  for (const run of candidates(state, target, catalog)) {
    for (const { asks, key } of catalog.targets.get(run.target)?.bindings ?? []) {
      for (const question of asks) {
        if (isCondition(question)) found.set(keyOf(question), question);
        else if (placesIn(state, catalog, key).size === 0) found.set(question.path, question);
      }
    }
  }
  return [...found.values()];
}
