/**
 * What the configuration means to the scheduler: targets with their policies bound to groups.
 * Pure and immutable; a reload makes a new one.
 */

import { longArgument, wrongArgument, wrongCount } from '../protocol/refusal-text.ts';
import { type CooperativeSteps, runToEnd } from '../shared/cooperative.ts';
import { MATCH_STEPS_MAX, matchWhole, type Pattern } from '../shared/pattern.ts';
import type { TargetName } from '../shared/run.ts';
import type { StopSignal, StopTo } from '../shared/stop.ts';
import type { Policy, PolicyTarget } from './policy.ts';
import { isCondition, type Question } from './world.ts';

/** One policy of one target. */
export interface Binding {
  readonly policy: Policy<unknown>;
  readonly options: unknown;
  /** Policy type and group: targets with an equal key are looked at together. */
  readonly key: string;
  /** What the policy wants to know of the world before it lets a run start. */
  readonly asks: readonly Question[];
}

/** Which ended runs of a target are remembered, with their output. The latest always is. */
export interface Keep {
  readonly runs: number;
  /** Longest since the end. */
  readonly ms?: number;
  /** Most bytes of output of all of them together. */
  readonly bytes?: number;
}

interface Hooks {
  readonly onStart?: TargetName;
  readonly onSuccess?: TargetName;
  readonly onWarning?: TargetName;
  readonly onFailure?: TargetName;
  readonly onLate?: TargetName;
}

/** Which runs of a target are tried again, and when. */
export interface Retry {
  /** Most attempts at the command of one run, with the first. */
  readonly attempts: number;
  /** From the end of the first attempt to the start of the second one. */
  readonly delayMs: number;
  /** How many times as long each further delay is. */
  readonly growth: number;
  readonly delayMsMax?: number;
  /** So much is added to each delay at most, by chance. */
  readonly jitterMs?: number;
  /** Ends for which there is a further attempt: see daemon/core/retry.ts. */
  readonly on: readonly (number | string)[];
  /** Longest from the start of the first attempt to that of the last one. */
  readonly withinMs?: number;
}

export const KEEP_DEFAULT: Keep = { runs: 100 };

/** Most runs that may wait for one target. */
export const WAITING_PER_TARGET_MAX = 200_000;

export interface Target extends PolicyTarget {
  readonly name: TargetName;
  readonly description?: string;
  readonly runner: { readonly type: string; readonly options: unknown };
  readonly bindings: readonly Binding[];
  readonly timeoutMs?: number;
  /** From `stopSignal` to KILL, for `cancel` and `timeout`. */
  readonly killAfterMs: number;
  /** TERM where absent. */
  readonly stopSignal?: StopSignal;
  /** All of its processes where absent. */
  readonly stopTo?: StopTo;
  readonly maxWaitMs?: number;
  /** Longest since its last success before it counts as late. */
  readonly lateAfterMs?: number;
  /** Names of targets that run because of it. */
  readonly hooks?: Hooks;
  /** How many failures in a row it takes until `onFailure` is called; 1 where absent. */
  readonly onFailureAfter?: number;
  readonly okExit: readonly number[];
  readonly warnExit: readonly number[];
  /** KEEP_DEFAULT where absent. */
  readonly keep?: Keep;
  /** What becomes of a run whose keeper was killed or whose machine was restarted. */
  readonly onLost?: 'leave' | 'retry';
  /** Nothing is tried again where absent, but for `onLost`. */
  readonly retry?: Retry;
  /** What becomes of processes that a run left behind when it ended by itself. */
  readonly leftovers?: 'leave' | 'kill';
  /**
   * What a request may append to the command: a pattern for each argument. Nothing where absent.
   */
  readonly acceptArgs?: readonly Pattern[];
  /** Output beyond it is reported; nobody is killed for it. */
  readonly logBytesMax?: number;
  /** Its output tells how far it is: the last "NN%". */
  readonly progress?: boolean;
  /** What its policies have read: a change may mean another order. */
  readonly files?: readonly string[];
  /** The known tool that it runs, which has given what it does not say itself. */
  readonly tool?: string;
  /** Why it cannot work on this machine; its requests are refused with this sentence. */
  readonly broken?: string;
}

export interface Group {
  readonly key: string;
  readonly members: readonly { readonly target: TargetName; readonly options: unknown }[];
  /** The same by their targets. */
  readonly options: ReadonlyMap<TargetName, unknown>;
}

export interface Catalog {
  readonly targets: ReadonlyMap<TargetName, Target>;
  /** The targets of each fleet, in the order of its hosts. */
  readonly fleets: ReadonlyMap<TargetName, readonly TargetName[]>;
  readonly groups: ReadonlyMap<string, Group>;
  /** Whether anything of the world matters at all. */
  readonly asksWorld: boolean;
  /** Whether any policy ranks runs. */
  readonly hasRanks: boolean;
  /** Whether any policy has runs end. */
  readonly hasDeadlines: boolean;
}

export function makeCatalog(targets: readonly Target[]): Catalog {
  return runToEnd(makeCatalogInSteps(targets));
}

/** The same, for a daemon that has clients. */
export function* makeCatalogInSteps(targets: readonly Target[]): CooperativeSteps<Catalog> {
  const groups = new Map<string, { key: string; options: Map<TargetName, unknown> }>();
  const byName = new Map<TargetName, Target>();
  const fleets = new Map<TargetName, TargetName[]>();
  const about = { asksWorld: false, hasRanks: false, hasDeadlines: false };
  for (const target of targets) {
    yield;
    byName.set(target.name, target);
    const { fleet } = target;
    if (fleet !== undefined) {
      const members = fleets.get(fleet) ?? [];
      members.push(target.name);
      fleets.set(fleet, members);
    }
    for (const { key, options, asks, policy } of target.bindings) {
      about.asksWorld ||= asks.length > 0;
      about.hasRanks ||= policy.rank !== undefined;
      about.hasDeadlines ||= policy.deadline !== undefined;
      const group = groups.get(key) ?? { key, options: new Map() };
      group.options.set(target.name, options);
      groups.set(key, group);
    }
  }
  const byKey = new Map<string, Group>();
  for (const [key, group] of groups) {
    yield;
    byKey.set(key, withMembers(group));
  }
  return { targets: byName, fleets, groups: byKey, ...about };
}

function withMembers({ key, options }: Omit<Group, 'members'>): Group {
  return {
    key,
    options,
    members: Array.from(options, ([target, its]) => ({ target, options: its })),
  };
}

/** Binds a policy with options that its schema has parsed. */
export function bind<O>(policy: Policy<O>, options: O, target: PolicyTarget): Binding {
  const key = `${policy.type}:${policy.group(options, target)}`;
  return { policy, options, key, asks: policy.asks?.(options) ?? [] };
}

/** Whether its runs start under conditions, which may have changed since the last start. */
export function hasConditions(target: Target | undefined): boolean {
  return target?.bindings.some(({ asks }) => asks.some(isCondition)) ?? false;
}

/** Why a target does not take these arguments, as the rest of a sentence; undefined: it does. */
export function findUnfit(
  { acceptArgs = [] }: Target,
  args: readonly string[],
): string | undefined {
  if (args.length !== acceptArgs.length) {
    return wrongCount(acceptArgs.length, args.length);
  }
  let stepsLeft = MATCH_STEPS_MAX;
  for (const [index, pattern] of acceptArgs.entries()) {
    const arg = args[index] ?? '';
    const matched = matchWhole(pattern, arg, stepsLeft);
    if (matched === undefined) return longArgument(index + 1, pattern.source, arg.length);
    if (!matched.matches) return wrongArgument(index + 1, pattern.source, arg);
    stepsLeft = matched.steps;
  }
  return undefined;
}
