/**
 * Which waiting run starts next. `evaluate` starts at most one, the first of the heads around a
 * target that all its policies let go, and is asked again until it starts none. The first is the
 * oldest, but for those that a policy ranks (ranking.ts). Pure.
 *
 * No guarantee of fairness for a run that needs room in two groups at once: younger runs that need
 * only one of them may keep it out. `maxWait` bounds that.
 */

import { removed } from '../protocol/outcome-text.ts';
import { elapsedAt } from '../shared/elapsed.ts';
import type { RunId, Stamp, TargetName } from '../shared/run.ts';
import { candidates, groupsOf } from './affected.ts';
import type { Catalog } from './catalog.ts';
import {
  type Ask,
  type Command,
  type CommandOf,
  type Decision,
  decided,
  ENDED_AT_ONCE_MAX,
  NOTHING,
  type Wakeup,
} from './command.ts';
import type { Event } from './event.ts';
import { type GroupViewOf, groupViewMaker } from './group-view.ts';
import type { Wait } from './policy.ts';
import { ranked } from './ranking.ts';
import { isForsaken, restOf } from './retry.ts';
import type { Queued, ReadonlyState, Run } from './state.ts';
import { abandoned, expired } from './termination.ts';
import { hindrances, readinesses } from './waiting.ts';

/**
 * Looks in one decision. Where groups overlap in a longer chain than that, a younger run may start
 * before an older one with which it shares a group; what limits them holds all the same.
 */
const LOOKS_MAX = 32;

/**
 * Starts the first waiting run around this target that all its policies let go, if any. Where much
 * has changed at once (`resume --all`, a reload), a run that shares a group with that one and not
 * with this target may be able to start, too, and may come before it: it is looked for as well. So
 * what starts does not depend on which target is looked at first.
 */
export function evaluate(
  state: ReadonlyState,
  command: CommandOf<'evaluate'>,
  catalog: Catalog,
): Decision {
  const behind = new Set<RunId>();
  const elsewhere: Decision[] = [];
  let looks = 0;
  const lookAt = (name: TargetName): Decision => {
    looks++;
    return look(state, { ...command, target: name }, catalog, behind);
  };
  let { target } = command;
  /** With all that is known of those `behind`. */
  const seen = new Set([target]);
  let decision = lookAt(target);
  for (;;) {
    const next = startedBy(state, decision);
    const isSure =
      next === undefined || seen.has(next.target) || isWithin(next.target, target, catalog);
    if (isSure || looks >= LOOKS_MAX) return joined(decision, elsewhere);
    const { size } = behind;
    const other = lookAt(next.target);
    if (other.events.length > 0) {
      decision = other;
      target = next.target;
    } else {
      behind.add(next.run);
      elsewhere.push(other);
      decision = lookAt(target);
    }
    if (behind.size > size) seen.clear();
    seen.add(target);
  }
}

/** The run that a look starts. */
function startedBy(state: ReadonlyState, { events: [event] }: Decision): Run | undefined {
  return event?.type === 'starting' ? state.runs.get(event.run) : undefined;
}

/** A decision, with what other looks want to be told later. */
function joined(decision: Decision, others: readonly Decision[]): Decision {
  const all = [decision, ...others];
  return {
    ...decision,
    wakeups: all.flatMap(({ wakeups }) => wakeups),
    asks: all.flatMap(({ asks = [] }) => asks),
  };
}

/** Whether a look at `outer` is a look at all that share a group with `inner`. */
function isWithin(inner: TargetName, outer: TargetName, catalog: Catalog): boolean {
  const keys = groupsOf(outer, catalog);
  return groupsOf(inner, catalog).every((key) => keys.includes(key));
}

/**
 * `behind` are runs that stand behind one that waits for an answer, perhaps one that is not around
 * this target: they do not start. Those that are found here are added.
 */
function look(
  state: ReadonlyState,
  command: CommandOf<'evaluate'>,
  catalog: Catalog,
  behind: Set<RunId>,
): Decision {
  const { target, at, worldAround } = command;
  const wakeups: Wakeup[] = [];
  const asks: Ask[] = [];
  const groupViewOf = groupViewMaker(state, catalog, at, worldAround?.(target));
  /** Groups of which nothing can start now, and those in which one waits for an answer. */
  const closed = new Set<string>();
  const unanswered = new Set<string>();
  const isIn = ({ target: name }: Queued, groups: ReadonlySet<string>): boolean =>
    catalog.targets.get(name)?.bindings.some(({ key }) => groups.has(key)) ?? false;
  const isHeldUp = (run: Queued): boolean => behind.has(run.run) || isIn(run, closed);
  const said = remembering((run: Queued) => {
    const readiness = readinesses(run, catalog, groupViewOf);
    for (const [at, it] of readiness.entries()) {
      const isFull = it.type === 'wait' && it.isForAll && it.untilMs === undefined;
      if (isFull) closed.add(groupsOf(run.target, catalog)[at] ?? '');
    }
    return readiness;
  });
  const couldStart = (run: Queued): boolean => {
    if (isHeldUp(run) || restOf(run, at) !== undefined) return false;
    if (endsOf(state, run, at, catalog).length > 0) return false;
    return isOnlyUnanswered(said(run).filter((it) => it.type === 'wait'));
  };
  for (const run of ranked(candidates(state, target, catalog), catalog, groupViewOf, couldStart)) {
    if (isIn(run, unanswered)) behind.add(run.run);
    const isHeld = isHeldUp(run);
    const over = isHeld ? [] : endsOf(state, run, at, catalog);
    if (over.length > 0) return { ...NOTHING, events: over, wakeups, asks };
    const restMs = restOf(run, at);
    if (restMs !== undefined) wakeups.push({ run: run.run, atMs: restMs });
    if (isHeld || restMs !== undefined) continue;
    const waits = said(run).filter((it) => it.type === 'wait');
    if (waits.length === 0) {
      const skip = said(run).find((it) => it.type === 'skip');
      if (skip === undefined) {
        return {
          ...NOTHING,
          events: start(state, run, command, catalog, groupViewOf),
          wakeups,
          asks,
        };
      }
      const outcome = { kind: 'skipped', reason: skip.reason } as const;
      return { ...decided(abandoned(run, at, outcome, catalog)), wakeups, asks };
    }
    const due = decisive(waits);
    if (due.length === 0) {
      const wanted = waits.flatMap((wait) => wait.asks ?? []);
      asks.push(...wanted.map((condition) => ({ target: run.target, condition })));
      // It is not overtaken for want of an answer, or it might be so each time.
      if (isOnlyUnanswered(waits)) {
        for (const key of groupsOf(run.target, catalog)) unanswered.add(key);
      }
    }
    // One that only a change can end makes the clock of the others idle.
    const times = due.flatMap(({ untilMs }) => untilMs ?? []);
    if (times.length < due.length) continue;
    for (const atMs of times) wakeups.push({ run: run.run, atMs: elapsedAt(at, atMs) });
  }
  return { ...NOTHING, wakeups, asks };
}

/** Whether nothing is in the way of a run that has, or gets, the answers that it asks for. */
function isOnlyUnanswered(waits: readonly Wait[]): boolean {
  return decisive(waits).length === 0 && waits.every(({ isNext }) => isNext);
}

/** Asks for each only once. */
function remembering<K, V>(ask: (of: K) => V): (of: K) => V {
  const known = new Map<K, V>();
  return (of) => {
    const answer = known.get(of) ?? ask(of);
    known.set(of, answer);
    return answer;
  };
}

/** Those that have to end before it is worth while to look at the others. */
function decisive(waits: readonly Wait[]): readonly Wait[] {
  const others = waits.filter(({ isOfWorld }) => !isOfWorld);
  return others.length > 0 ? others : waits.filter(({ asks }) => asks === undefined);
}

/** Ends that come before a start: after a sleep, its turn may come before its time is looked at. */
function endsOf(state: ReadonlyState, head: Queued, at: Stamp, catalog: Catalog): readonly Event[] {
  if (isForsaken(head, catalog)) {
    return [abandoned(head, at, { kind: 'skipped', reason: removed() }, catalog)];
  }
  return expiredOf(state, head, at, catalog);
}

/** Those at the head of its queue that have waited longer than they may, if this one has. */
function expiredOf(
  state: ReadonlyState,
  head: Queued,
  at: Stamp,
  catalog: Catalog,
): readonly Event[] {
  if (expired(head, at, catalog) === undefined) return [];
  const ends = headsOf(state, head.target).map((run) => expired(run, at, catalog));
  const first = ends.indexOf(undefined);
  return ends.slice(0, first < 0 ? ends.length : first).flatMap((end) => end ?? []);
}

function start(
  state: ReadonlyState,
  run: Queued,
  { at, nonce }: Pick<Command, 'at' | 'nonce'>,
  catalog: Catalog,
  groupViewOf: GroupViewOf,
): readonly Event[] {
  const target = catalog.targets.get(run.target);
  const reason = target === undefined ? removed() : target.broken;
  if (target === undefined || reason !== undefined) {
    const outcome = { kind: 'skipped', reason: reason ?? removed() } as const;
    return headsOf(state, run.target).map((head) => abandoned(head, at, outcome, catalog));
  }
  // Only where a policy lets it go first: a run that waits for a full disk is not overtaken by what
  // needs no disk, and must not win a place before a higher rsnapshot interval by that.
  const { run: number } = run;
  const overtook = candidates(state, run.target, catalog)
    .filter((other) => other.run < number)
    .filter((other) =>
      hindrances(other, catalog, groupViewOf).some((w) => w.behind.includes(number)),
    )
    .map((other) => other.run);
  const event = {
    type: 'starting',
    run: number,
    attempt: (run.attempts ?? 0) + 1,
    at,
    ...(run.nonce === nonce || run.startNonce !== undefined ? {} : { nonce }),
    groups: target.bindings.map(({ key }) => key),
    ...(overtook.length > 0 ? { overtook } : {}),
  } as const;
  return [event];
}

/** The first of those that wait for a target, as many as one decision ends. */
function headsOf(state: ReadonlyState, target: TargetName): readonly Queued[] {
  const heads: Queued[] = [];
  for (const number of state.targetStates.get(target)?.queue ?? []) {
    if (heads.length >= ENDED_AT_ONCE_MAX) break;
    const run = state.runs.get(number);
    if (run?.state === 'queued') heads.push(run);
  }
  return heads;
}
