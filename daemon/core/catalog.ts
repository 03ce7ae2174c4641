/**
 * The configuration as the scheduler sees it: targets with their policies bound to groups. Pure and
 * immutable; a reload creates a new one.
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
  /** Policy type and group: targets with the same key are considered together. */
  readonly key: string;
  /** What the policy needs to know about the machine before it lets a run start. */
  readonly asks: readonly Question[];
}

/** How many ended runs of a target to keep, with their output. The latest one is always kept. */
export interface Keep {
  readonly runs: number;
  /** Longest time since the end. */
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

/** Which runs of a target are retried, and when. */
export interface Retry {
  /** Most attempts for one run, including the first. */
  readonly attempts: number;
  /** From the end of the first attempt to the start of the second. */
  readonly delayMs: number;
  /** The factor by which each further delay is longer. */
  readonly growth: number;
  readonly delayMsMax?: number;
  /** Most that is added to each delay at random. */
  readonly jitterMs?: number;
  /** Outcomes that are retried: see daemon/core/retry.ts. */
  readonly on: readonly (number | string)[];
  /** Longest time from the start of the first attempt to the start of the last one. */
  readonly withinMs?: number;
}

export const KEEP_DEFAULT: Keep = { runs: 100 };

/** Most queued runs for one target. */
export const WAITING_PER_TARGET_MAX = 200_000;

export interface Target extends PolicyTarget {
  readonly name: TargetName;
  readonly description?: string;
  readonly runner: { readonly type: string; readonly options: unknown };
  readonly bindings: readonly Binding[];
  readonly timeoutMs?: number;
  /** From `stopSignal` to SIGKILL, for `cancel` and `timeout`. */
  readonly killAfterMs: number;
  /** Default: TERM. */
  readonly stopSignal?: StopSignal;
  /** Default: all of its processes. */
  readonly stopTo?: StopTo;
  readonly maxWaitMs?: number;
  /** Longest time since its last success before it counts as late. */
  readonly lateAfterMs?: number;
  /** Names of the targets that run because of this one. */
  readonly hooks?: Hooks;
  /** Number of consecutive failures before `onFailure` is called; default: 1. */
  readonly onFailureAfter?: number;
  readonly okExit: readonly number[];
  readonly warnExit: readonly number[];
  /** Default: KEEP_DEFAULT. */
  readonly keep?: Keep;
  /** What happens to a run whose keeper was killed or whose machine was restarted. */
  readonly onLost?: 'leave' | 'retry';
  /** Default: no retry, except by `onLost`. */
  readonly retry?: Retry;
  /** What happens to processes that a run left behind when it ended by itself. */
  readonly leftovers?: 'leave' | 'kill';
  /** What a request may append to the command: a pattern for each argument. Default: nothing. */
  readonly acceptArgs?: readonly Pattern[];
  /** More output than this is reported; no process is killed for it. */
  readonly logBytesMax?: number;
  /** Its output shows its progress: the last "NN%". */
  readonly progress?: boolean;
  /** Files that its policies have read: a change may change the order. */
  readonly files?: readonly string[];
  /** The known tool that it runs, which supplied settings that the target does not have. */
  readonly tool?: string;
  /** Why it cannot work on this machine; requests for it are refused with this sentence. */
  readonly broken?: string;
}

export interface Group {
  readonly key: string;
  readonly members: readonly { readonly target: TargetName; readonly options: unknown }[];
  /** By target. */
  readonly options: ReadonlyMap<TargetName, unknown>;
}

export interface Catalog {
  readonly targets: ReadonlyMap<TargetName, Target>;
  /** The targets of each fleet, in the order of its hosts. */
  readonly fleets: ReadonlyMap<TargetName, readonly TargetName[]>;
  readonly groups: ReadonlyMap<string, Group>;
  /** Whether any policy asks about the machine. */
  readonly asksWorld: boolean;
  /** Whether any policy ranks runs. */
  readonly hasRanks: boolean;
  /** Whether any policy sets deadlines. */
  readonly hasDeadlines: boolean;
}

export function makeCatalog(targets: readonly Target[]): Catalog {
  return runToEnd(makeCatalogInSteps(targets));
}

/** The same in steps, for a daemon that has clients. */
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

/** Binds a policy to a target, with options that its schema has parsed. */
export function bind<O>(policy: Policy<O>, options: O, target: PolicyTarget): Binding {
  const key = `${policy.type}:${policy.group(options, target)}`;
  return { policy, options, key, asks: policy.asks?.(options) ?? [] };
}

/** Whether its runs start under conditions, which may have changed since the last start. */
export function hasConditions(target: Target | undefined): boolean {
  return target?.bindings.some(({ asks }) => asks.some(isCondition)) ?? false;
}

/** Why a target does not accept these arguments, as the rest of a sentence, or undefined. */
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
