/**
 * Decides whether a request is accepted, before it becomes a run. Checked in this order: its token,
 * the target, the room in the queue, the target's policies (the first one that objects decides),
 * and whether a run that requests it and waits for it could ever end. Pure.
 */

import { queueFull, tokenUsed } from '../protocol/refusal-text.ts';
import { elapsedMs } from '../shared/elapsed.ts';
import type { RunId } from '../shared/run.ts';
import { type Catalog, findUnfit, type Target, WAITING_PER_TARGET_MAX } from './catalog.ts';
import { type Answer, answered, type CommandOf, type Decision, decided } from './command.ts';
import { findDeadlock } from './deadlock.ts';
import { isForSome, refuseTarget, submitFleet } from './fleet.ts';
import { type GroupViewOf, groupViewMaker } from './group-view.ts';
import type { Admission } from './policy.ts';
import type { ReadonlyState } from './state.ts';
import { cancelOne } from './termination.ts';

type Submit = CommandOf<'submit'>;

export function submit(state: ReadonlyState, command: Submit, catalog: Catalog): Decision {
  const members = catalog.fleets.get(command.target);
  // Made once for all targets of a fleet: a new one for each target would take quadratic time.
  const groupViewOf = groupViewMaker(state, catalog, command.at);
  const one = (before: ReadonlyState, wish: Submit): Decision =>
    submitOne(before, wish, catalog, groupViewOf);
  if (members !== undefined) return submitFleet(state, command, members, one);
  return isForSome(command) ? refuseTarget(command.target) : one(state, command);
}

function submitOne(
  state: ReadonlyState,
  command: Submit,
  catalog: Catalog,
  groupViewOf: GroupViewOf,
): Decision {
  const again = askedAgain(state, command);
  if (again !== undefined) return answered(again);
  const target = catalog.targets.get(command.target);
  if (target === undefined) return answered({ type: 'unknown-target' });
  const objection = object(state, command, target);
  if (objection !== undefined) return answered(objection);
  const admission = admit(state, command, target, groupViewOf);
  const circle = inCircle(state, command, admission, catalog);
  if (circle !== undefined) return answered({ type: 'refused', reason: circle });
  switch (admission.type) {
    case 'refuse':
      return answered({ type: 'refused', reason: admission.reason });
    case 'ignore': {
      const answer = { type: 'ignored', reason: admission.reason } as const;
      return { ...decided({ type: 'ignored', target: target.name, times: 1 }), answer };
    }
    case 'join':
      return join(state, admission.run, command, target);
    case 'admit':
      return accept(state.nextRun, command, target);
    case 'replace':
      return replace(state, admission.oneOf, command, target, catalog);
    default:
      return admission satisfies never;
  }
}

/** The answer for a token that is already known: the client lost the answer and asks again. */
function askedAgain(state: ReadonlyState, { token, target }: Submit): Answer | undefined {
  const number = state.tokens.get(token);
  if (number === undefined) return undefined;
  const run = state.runs.get(number);
  if (run?.target !== target) {
    return { type: 'refused', reason: tokenUsed(number) };
  }
  return { type: run.tokens[0] === token ? 'accepted' : 'joined', run: number };
}

/** Why the target cannot accept this request, whatever its policies say. */
function object(state: ReadonlyState, { args = [] }: Submit, target: Target): Answer | undefined {
  if (target.broken !== undefined) return { type: 'broken', reason: target.broken };
  const unfit = findUnfit(target, args);
  if (unfit !== undefined) return { type: 'not-permitted', reason: unfit };
  const { size } = state.targetStates.get(target.name)?.queue ?? { size: 0 };
  if (size < WAITING_PER_TARGET_MAX) return undefined;
  return { type: 'refused', reason: queueFull(size, target.name) };
}

/** Why the run that makes the request would wait for ever; see daemon/core/deadlock.ts. */
function inCircle(
  state: ReadonlyState,
  { at, caller, waits = [], target }: Submit,
  admission: Admission,
  catalog: Catalog,
): string | undefined {
  if (caller === undefined) return undefined;
  const asked = { at, caller, waits };
  if (admission.type === 'join')
    return findDeadlock(state, catalog, { ...asked, of: admission.run });
  if (admission.type !== 'admit' && admission.type !== 'replace') return undefined;
  const ends = admission.type === 'replace' ? admission.oneOf : [];
  return findDeadlock(state, catalog, { ...asked, of: target, ends });
}

/**
 * Combines the answers of the policies: first any objection, then the first policy that wants to
 * join. If policies want runs replaced, each gets one run replaced; `oneOf` contains all of them.
 */
function admit(
  state: ReadonlyState,
  { args = [] }: Submit,
  target: Target,
  groupViewOf: GroupViewOf,
): Admission {
  const replaced = new Set<RunId>();
  let together: Admission = { type: 'admit' };
  for (const binding of target.bindings) {
    const admission = binding.policy.admit(groupViewOf(binding, target.name).view);
    if (admission.type === 'refuse' || admission.type === 'ignore') return admission;
    if (admission.type === 'replace') {
      const first = admission.oneOf.find((run) => isAlike(state, run, args));
      if (first !== undefined) replaced.add(first);
    } else if (together.type === 'admit') together = admission;
  }
  if (together.type === 'join' && isAlike(state, together.run, args)) return together;
  return replaced.size === 0 ? { type: 'admit' } : { type: 'replace', oneOf: [...replaced] };
}

/** A run with different arguments is not the same run. */
function isAlike(state: ReadonlyState, run: RunId, args: readonly string[]): boolean {
  return JSON.stringify(state.runs.get(run)?.args ?? []) === JSON.stringify(args);
}

/**
 * If several requests share a run, the longest wait applies, but never beyond the target's limit.
 */
function join(
  state: ReadonlyState,
  number: RunId,
  { token, at, maxWaitMs = Number.POSITIVE_INFINITY }: Submit,
  { maxWaitMs: own = Number.POSITIVE_INFINITY }: Target,
): Decision {
  const run = state.runs.get(number);
  const answer = { type: 'joined', run: number } as const;
  const joined = { type: 'joined', run: number, token } as const;
  // For a run that is retried, only its target's limit applies.
  const isNew = run !== undefined && run.state !== 'ended' && run.earlier === undefined;
  const beforeMs = isNew ? run.expiresAtMs : undefined;
  if (run === undefined || beforeMs === undefined) return { ...decided(joined), answer };
  const expiresAtMs = Math.min(elapsedMs(run.accepted) + own, elapsedMs(at) + maxWaitMs);
  if (expiresAtMs <= beforeMs) return { ...decided(joined), answer };
  if (expiresAtMs === Number.POSITIVE_INFINITY) {
    return { ...decided({ ...joined, expiresAtMs: null }), answer };
  }
  const wakeups = [{ run: number, atMs: expiresAtMs }];
  return { ...decided({ ...joined, expiresAtMs }), answer, wakeups };
}

/** The new run replaces these, which are ended; it starts after they have ended. */
function replace(
  state: ReadonlyState,
  replaced: readonly RunId[],
  command: Submit,
  target: Target,
  catalog: Catalog,
): Decision {
  const decision = accept(state.nextRun, command, target);
  const ends = replaced.flatMap((number) => {
    const run = state.runs.get(number);
    return run === undefined ? [] : cancelOne(run, command.at, catalog, state.nextRun);
  });
  return { ...decision, events: [...decision.events, ...ends] };
}

function accept(
  run: RunId,
  { token, at, nonce, merged, args = [], maxWaitMs: given }: Submit,
  { name: target, maxWaitMs: own }: Target,
): Decision {
  const waitMs = Math.min(own ?? Number.POSITIVE_INFINITY, given ?? Number.POSITIVE_INFINITY);
  const expiry = Number.isFinite(waitMs) ? { expiresAtMs: elapsedMs(at) + waitMs } : {};
  const more = { ...(args.length === 0 ? {} : { args }), ...expiry };
  return {
    ...decided({ type: 'accepted', run, target, at, nonce, token, merged, ...more }),
    answer: { type: 'accepted', run },
    wakeups: expiry.expiresAtMs === undefined ? [] : [{ run, atMs: expiry.expiresAtMs }],
  };
}
