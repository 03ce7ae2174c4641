/**
 * A request for a fleet: one run for each of its targets, on all or some hosts. Each target answers
 * according to its state before the request. Either all are accepted, in one decision that the
 * journal records as a whole, or none is. Pure.
 *
 * One token covers all of them: the token of each run is derived from it, so repeating the request
 * finds the same runs and never creates another one.
 */
import { fleetRefused, noFleet, nothingFailed, unknownHost } from '../protocol/refusal-text.ts';
import type { TargetName } from '../shared/run.ts';
import { matches } from '../shared/wildcard.ts';
import { type Answer, answered, type CommandOf, type Decision, NOTHING } from './command.ts';
import type { ReadonlyState } from './state.ts';

type Submit = CommandOf<'submit'>;

/** Decides a request for one target, in a state whose next run number is free. */
type SubmitOne = (state: ReadonlyState, command: Submit) => Decision;

/** Whether a request selects some targets of a fleet. */
export function isForSome({ only, failed }: Submit): boolean {
  return only !== undefined || failed === true;
}

export function refuseTarget(target: TargetName): Decision {
  return answered({ type: 'unknown-host', reason: noFleet(target) });
}

export function submitFleet(
  state: ReadonlyState,
  command: Submit,
  members: readonly TargetName[],
  submitOne: SubmitOne,
): Decision {
  const { only, failed, ...wish } = command;
  const known = members.filter((target) => state.tokens.has(tokenOf(command, target)));
  const chosen = known.length > 0 ? known : choose(state, command, members);
  if ('type' in chosen) return answered(chosen);
  const decisions: Decision[] = [];
  const answers: FleetMember[] = [];
  let { nextRun } = state;
  for (const target of chosen) {
    const one = { ...wish, target, token: tokenOf(command, target) };
    const decision = submitOne({ ...state, nextRun }, one);
    const objection = objectionOf(decision.answer, target, command.target);
    if (objection !== undefined) return answered(objection);
    if (decision.events.some(({ type }) => type === 'accepted')) nextRun++;
    decisions.push(decision);
    answers.push(...memberOf(decision.answer, target));
  }
  return {
    ...NOTHING,
    events: decisions.flatMap(({ events }) => events),
    wakeups: decisions.flatMap(({ wakeups }) => wakeups),
    touched: decisions.flatMap(({ touched }) => touched),
    answer: { type: 'fleet', members: answers },
  };
}

/** The result of the request for one target. */
export type FleetMember = { readonly target: TargetName } & Extract<
  Answer,
  { readonly type: 'accepted' | 'joined' | 'ignored' }
>;

/** The targets of a fleet whose hosts match one of these, or why a pattern matches none. */
export function pickHosts(
  fleet: TargetName,
  members: readonly TargetName[],
  only: readonly string[] | undefined,
): readonly TargetName[] | Extract<Answer, { readonly type: 'unknown-host' }> {
  if (only === undefined) return members;
  const fits = (pattern: string, target: TargetName): boolean =>
    matches(pattern, hostOf(target, fleet)) || pattern === target;
  const odd = only.find((pattern) => !members.some((target) => fits(pattern, target)));
  if (odd !== undefined) {
    const hosts = members.map((target) => hostOf(target, fleet));
    return { type: 'unknown-host', reason: unknownHost(odd, fleet, hosts) };
  }
  return members.filter((target) => only.some((pattern) => fits(pattern, target)));
}

function hostOf(target: TargetName, fleet: TargetName): string {
  return target.slice(fleet.length + 1);
}

function choose(
  state: ReadonlyState,
  { target: fleet, only, failed }: Submit,
  members: readonly TargetName[],
): readonly TargetName[] | Answer {
  const picked = pickHosts(fleet, members, only);
  if ('type' in picked || failed !== true) return picked;
  const those = picked.filter((target) => hasFailed(state, target));
  return those.length > 0 ? those : { type: 'ignored', reason: nothingFailed() };
}

/** Its latest run did not succeed, and no newer one is queued or running. */
function hasFailed(state: ReadonlyState, target: TargetName): boolean {
  const of = state.targetStates.get(target);
  const last = of?.latest === undefined ? undefined : state.runs.get(of.latest);
  const isOpen = (of?.queue.size ?? 0) > 0 || (of?.active.size ?? 0) > 0;
  return !isOpen && last?.state === 'ended' && last.verdict === 'failed';
}

function tokenOf({ token }: Submit, target: TargetName): string {
  return `${token} ${target}`;
}

/** Why no run of the fleet is accepted. */
function objectionOf(answer: Answer, target: TargetName, fleet: TargetName): Answer | undefined {
  switch (answer.type) {
    case 'refused':
    case 'broken':
    case 'not-permitted':
      return { ...answer, reason: fleetRefused(target, fleet, answer.reason) };
    case 'unknown-target':
      return answer;
    default:
      return undefined;
  }
}

function memberOf(answer: Answer, target: TargetName): readonly FleetMember[] {
  const isOne = answer.type === 'accepted' || answer.type === 'joined' || answer.type === 'ignored';
  return isOne ? [{ target, ...answer }] : [];
}
