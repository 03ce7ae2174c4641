/**
 * Pauses: of one target or fleet, of every group with a certain name, or of all targets. They are
 * independent: a target is paused as long as at least one pause applies to it, and each pause ends
 * by a `resume` with the same scope, or when its own time is over. Pauses are stored by name, so
 * they also apply to targets that a reload adds to the group or fleet, and they survive restarts of
 * the daemon and of the machine. Pure.
 */

import { elapsedMs } from '../shared/elapsed.ts';
import type { PauseScope, TargetName } from '../shared/run.ts';
import type { Catalog } from './catalog.ts';
import {
  answered,
  type CommandOf,
  type Decision,
  decided,
  ENDED_AT_ONCE_MAX,
  NOTHING,
  type Wakeup,
} from './command.ts';
import type { Event, EventOf } from './event.ts';
import { pauseKey, scopeOf } from './pause-scope.ts';
import type { Pause, ReadonlyState } from './state.ts';

/** Begins a pause, changes how long it lasts, or ends it. */
export function hold(
  state: ReadonlyState,
  command: CommandOf<'pause' | 'resume'>,
  catalog: Catalog,
): Decision {
  const { at } = command;
  const scope = scopeOf(command);
  const known = state.pauses.get(pauseKey(scope));
  if (known === undefined && !isKnown(state, scope, catalog)) {
    if ('group' in scope) return answered({ type: 'unknown-group', group: scope.group });
    return answered({ type: 'unknown-target' });
  }
  if (command.type === 'resume') {
    return known === undefined ? NOTHING : decided({ type: 'resumed', at, ...scope });
  }
  const { forMs } = command;
  const untilMs = forMs === undefined ? undefined : elapsedMs(at) + forMs;
  if (known !== undefined && known.untilMs === untilMs) return NOTHING;
  if (untilMs === undefined) return decided({ type: 'paused', at, ...scope });
  const event: EventOf<'paused'> = { type: 'paused', at, ...scope, untilMs };
  return { ...decided(event), wakeups: [{ pauses: true, atMs: untilMs }] };
}

/** Ends the pauses whose time is over. */
export function pauseDue(state: ReadonlyState, { at }: CommandOf<'pause-due'>): Decision {
  const events: Event[] = [];
  for (const pause of state.pauses.values()) {
    if ((pause.untilMs ?? Number.POSITIVE_INFINITY) > elapsedMs(at)) continue;
    if (events.length >= ENDED_AT_ONCE_MAX) {
      return { ...NOTHING, events, rest: { type: 'pause-due' } };
    }
    events.push({ type: 'resumed', at, ...scopeOf(pause) });
  }
  const rest = pauseWakeups(state).filter(({ atMs }) => atMs > elapsedMs(at));
  return { ...NOTHING, events, wakeups: rest };
}

/** The ends of the pauses that have a time limit. */
export function pauseWakeups(state: ReadonlyState): readonly Wakeup[] {
  return [...state.pauses.values()].flatMap(({ untilMs }) =>
    untilMs === undefined ? [] : [{ pauses: true, atMs: untilMs }],
  );
}

export function isPaused({ pauses }: ReadonlyState, target: TargetName, catalog: Catalog): boolean {
  if (pauses.size === 0) return false;
  // Stops at the first: this is called for each member of a group.
  for (const scope of scopesOver(target, catalog)) if (pauses.has(pauseKey(scope))) return true;
  return false;
}

/** The pauses that apply to a target: its own first, the pause of all targets last. */
export function pausesOf(
  { pauses }: ReadonlyState,
  target: TargetName,
  catalog: Catalog,
): readonly Pause[] {
  if (pauses.size === 0) return [];
  const found: Pause[] = [];
  for (const scope of scopesOver(target, catalog)) {
    const pause = pauses.get(pauseKey(scope));
    if (pause !== undefined) found.push(pause);
  }
  return found;
}

/** A list, which is faster than a generator: `status` asks for every target and run it shows. */
function scopesOver(target: TargetName, catalog: Catalog): readonly PauseScope[] {
  const scopes: PauseScope[] = [{ target }];
  const { fleet } = catalog.targets.get(target) ?? {};
  if (fleet !== undefined) scopes.push({ target: fleet });
  for (const group of new Set(groupNamesOf(target, catalog))) scopes.push({ group });
  scopes.push({ all: true });
  return scopes;
}

/** When the last of its pauses ends, in elapsed time; undefined if it has none, or no limit. */
export function pausedUntil(
  state: ReadonlyState,
  target: TargetName,
  catalog: Catalog,
): number | undefined {
  const times = pausesOf(state, target, catalog).map(({ untilMs }) => untilMs ?? Infinity);
  const lastMs = Math.max(...times);
  return Number.isFinite(lastMs) ? lastMs : undefined;
}

export function holdsUp(scope: PauseScope, target: TargetName, catalog: Catalog): boolean {
  if ('target' in scope) {
    return scope.target === target || catalog.targets.get(target)?.fleet === scope.target;
  }
  return 'all' in scope || groupNamesOf(target, catalog).includes(scope.group);
}

/**
 * Targets to look at after a change of a pause: those that it applies to, and all that share a
 * group with them, because a paused target keeps no other waiting. A look at one target covers all
 * members of its groups, so a few targets are enough: the larger groups come first.
 */
export function heldUp(
  state: ReadonlyState,
  scope: PauseScope,
  catalog: Catalog,
): readonly TargetName[] {
  const around = new Set<TargetName>();
  const keys = new Set<string>();
  for (const name of namesIn(state, scope, catalog)) {
    const bindings = catalog.targets.get(name)?.bindings ?? [];
    if (bindings.length === 0) around.add(name);
    for (const { key } of bindings) keys.add(key);
  }
  const groups = [...keys].flatMap((key) => catalog.groups.get(key) ?? []);
  const seen = new Set<TargetName>();
  const looked = new Set<string>();
  for (const { members } of groups.sort((a, b) => b.members.length - a.members.length)) {
    const [first] = members;
    if (first === undefined || members.every(({ target }) => seen.has(target))) continue;
    around.add(first.target);
    for (const { key } of catalog.targets.get(first.target)?.bindings ?? []) {
      if (looked.has(key)) continue;
      looked.add(key);
      for (const { target } of catalog.groups.get(key)?.members ?? []) seen.add(target);
    }
  }
  return [...around];
}

function namesIn(state: ReadonlyState, scope: PauseScope, catalog: Catalog): readonly TargetName[] {
  if ('target' in scope) return catalog.fleets.get(scope.target) ?? [scope.target];
  if ('all' in scope) return [...state.targetStates.keys()];
  return [...catalog.groups.values()].flatMap(({ key, members }) =>
    groupName(key) === scope.group ? members.map(({ target }) => target) : [],
  );
}

/** The name of a group as users know it: its key without the policy type. */
export function groupName(key: string): string {
  return key.slice(key.indexOf(':') + 1);
}

function groupNamesOf(target: TargetName, catalog: Catalog): readonly string[] {
  return catalog.targets.get(target)?.bindings.map(({ key }) => groupName(key)) ?? [];
}

function isKnown(state: ReadonlyState, scope: PauseScope, catalog: Catalog): boolean {
  if ('all' in scope) return true;
  if ('target' in scope) {
    const { target } = scope;
    return (
      catalog.targets.has(target) || catalog.fleets.has(target) || state.targetStates.has(target)
    );
  }
  return [...catalog.groups.keys()].some((key) => groupName(key) === scope.group);
}
