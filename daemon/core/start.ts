/**
 * Decides which queued run starts next. `evaluate` starts at most one: of the heads around a
 * target, the first one that all its policies let start. It is called again until it starts none.
 * The first is the oldest, except where a policy ranks runs (ranking.ts). Pure.
 *
 * A run that needs room in two groups at once has no guarantee of fairness: younger runs that need
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
 * Most looks in one decision. If groups overlap in a longer chain than that, a younger run may
 * start before an older one that shares a group with it; their limits still hold.
 */
const LOOKS_MAX = 32;

/**
 * Starts the first queued run around this target that all its policies let start, if any. If much
 * has changed at once (`resume --all`, a reload), an older run that shares a group with that run,
 * but not with this target, may be able to start, too; so it is looked for as well. So what starts
 * does not depend on which target is looked at first.
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
  /** A look with all that is known about the runs in `behind`. */
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

/** A decision, with what other looks want to be reported later. */
function joined(decision: Decision, others: readonly Decision[]): Decision {
  const all = [decision, ...others];
  return {
    ...decision,
    wakeups: all.flatMap(({ wakeups }) => wakeups),
    asks: all.flatMap(({ asks = [] }) => asks),
  };
}

/** Whether a look at `outer` covers all that share a group with `inner`. */
function isWithin(inner: TargetName, outer: TargetName, catalog: Catalog): boolean {
  const keys = groupsOf(outer, catalog);
  return groupsOf(inner, catalog).every((key) => keys.includes(key));
}

/**
 * `behind` are runs behind one that waits for an answer, which may not be around this target: they
 * do not start. Runs that are found here are added.
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
  /** Groups in which nothing can start now, and groups in which a run waits for an answer. */
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
      // It is not overtaken just because an answer is missing, or that could happen every time.
      if (isOnlyUnanswered(waits)) {
        for (const key of groupsOf(run.target, catalog)) unanswered.add(key);
      }
    }
    // If one of them waits for a change, timers of the others are useless.
    const times = due.flatMap(({ untilMs }) => untilMs ?? []);
    if (times.length < due.length) continue;
    for (const atMs of times) wakeups.push({ run: run.run, atMs: elapsedAt(at, atMs) });
  }
  return { ...NOTHING, wakeups, asks };
}

/** Whether a run waits for nothing but the answers that it asks for. */
function isOnlyUnanswered(waits: readonly Wait[]): boolean {
  return decisive(waits).length === 0 && waits.every(({ isNext }) => isNext);
}

/** Caches the results. */
function remembering<K, V>(ask: (of: K) => V): (of: K) => V {
  const known = new Map<K, V>();
  return (of) => {
    const answer = known.get(of) ?? ask(of);
    known.set(of, answer);
    return answer;
  };
}

/** Reasons that must go away before the others are worth checking. */
function decisive(waits: readonly Wait[]): readonly Wait[] {
  const others = waits.filter(({ isOfWorld }) => !isOfWorld);
  return others.length > 0 ? others : waits.filter(({ asks }) => asks === undefined);
}

/** Ends that come before a start: after a sleep, a run may be considered before its expiry is. */
function endsOf(state: ReadonlyState, head: Queued, at: Stamp, catalog: Catalog): readonly Event[] {
  if (isForsaken(head, catalog)) {
    return [abandoned(head, at, { kind: 'skipped', reason: removed() }, catalog)];
  }
  return expiredOf(state, head, at, catalog);
}

/** The runs at the head of its queue that have expired, if this one has. */
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
  // Only if a policy let it go first: a run that waits for a full disk is not overtaken by one that
  // needs no disk, and must not get ahead of a higher rsnapshot interval by that.
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

/** The first queued runs of a target, as many as one decision ends. */
function headsOf(state: ReadonlyState, target: TargetName): readonly Queued[] {
  const heads: Queued[] = [];
  for (const number of state.targetStates.get(target)?.queue ?? []) {
    if (heads.length >= ENDED_AT_ONCE_MAX) break;
    const run = state.runs.get(number);
    if (run?.state === 'queued') heads.push(run);
  }
  return heads;
}
