/**
 * Binds the policies of targets, and makes groups that cannot run at the same time exclude each
 * other: two rsnapshot.conf with the same lockfile would break each other's runs. Such groups share
 * one place, enforced by a `cardinality` policy that is not in the configuration.
 */
import { cardinality } from '../../policies/cardinality.ts';
import { type Binding, bind, type Target } from '../core/catalog.ts';
import type { Policy, PolicyTarget, Prepared, Preparer, ReadFile } from '../core/policy.ts';
import type { CooperativeSteps } from '../shared/cooperative.ts';
import { oneResource, twins } from './config-messages.ts';

interface Bound {
  readonly bindings: readonly Binding[];
  /** Why the target cannot work on this machine. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
  /** Exit codes that the policies count as warnings. */
  readonly warnExit: readonly number[];
  /** Files that the policies have read. */
  readonly files: readonly string[];
}

export type BindAll = (
  list: readonly { readonly policy: Policy<unknown>; readonly options: unknown }[],
  target: PolicyTarget,
) => Bound;

/** Binds options that the schema has parsed, completed with what each policy reads. */
export function binder(read: ReadFile): BindAll {
  const preparers = new Map<Policy<unknown>, Preparer<unknown>>();
  const preparerOf = (policy: Policy<unknown>): Preparer<unknown> => {
    const preparer = preparers.get(policy) ?? policy.preparer?.(read) ?? AS_THEY_ARE;
    preparers.set(policy, preparer);
    return preparer;
  };
  return (list, target) =>
    bindAll(
      list.map(({ policy, options }) => {
        return { policy, ...preparerOf(policy).prepare(options, target) };
      }),
      target,
    );
}

/** For policies that read nothing. */
const AS_THEY_ARE: Preparer<unknown> = {
  prepare: (options) => ({ options, problems: [], warnings: [], files: [] }),
};

function bindAll(
  prepared: readonly (Prepared<unknown> & { readonly policy: Policy<unknown> })[],
  target: PolicyTarget,
): Bound {
  return {
    bindings: prepared.map(({ policy, options }) => bind(policy, options, target)),
    problems: prepared.flatMap(({ problems }) => problems),
    warnings: prepared.flatMap(({ warnings }) => warnings),
    warnExit: prepared.flatMap(({ policy }) => policy.warnExit ?? []),
    files: [...new Set(prepared.flatMap(({ files }) => files))],
  };
}

export interface Excluded {
  readonly targets: readonly Target[];
  readonly warnings: readonly string[];
}

/** Makes groups that use the same resource exclude each other. */
export function* exclude(targets: readonly Target[]): CooperativeSteps<Excluded> {
  const users = yield* usersOf(targets);
  const shared = new Map([...users].filter(([, { keys }]) => keys.size > 1));
  const warnings = Array.from(shared, ([resource, { names }]) => {
    return oneResource([...names].join(', '), resource);
  });
  const limited: Target[] = [];
  for (const target of targets) {
    yield;
    limited.push(withLimits(target, shared));
  }
  return { targets: limited, warnings: [...warnings, ...(yield* findTwins(targets))] };
}

/** Two targets at the same level of a group: allowed, but usually a copy-and-paste mistake. */
function* findTwins(targets: readonly Target[]): CooperativeSteps<readonly string[]> {
  const firsts = new Map<string, string>();
  const warnings: string[] = [];
  for (const { name, bindings } of targets) {
    yield;
    for (const { key, policy, options } of bindings) {
      const level = policy.level?.(options)?.name;
      if (level === undefined) continue;
      const first = firsts.get(`${key} ${level}`);
      if (first === undefined) firsts.set(`${key} ${level}`, name);
      else warnings.push(twins(first, name, level, key));
    }
  }
  return warnings;
}

/** The groups and targets that use one resource. */
interface Users {
  /** Keys of the groups. */
  readonly keys: Set<string>;
  /** Names of the targets. */
  readonly names: Set<string>;
  /** How many resources were found before this one. */
  readonly position: number;
}

function* usersOf(targets: readonly Target[]): CooperativeSteps<ReadonlyMap<string, Users>> {
  const users = new Map<string, Users>();
  for (const { name, bindings } of targets) {
    yield;
    for (const { key, policy, options } of bindings) {
      for (const resource of policy.resources?.(options) ?? []) {
        const its = users.get(resource) ?? {
          keys: new Set(),
          names: new Set(),
          position: users.size,
        };
        its.keys.add(key);
        its.names.add(name);
        users.set(resource, its);
      }
    }
  }
  return users;
}

/** Sorted by position: every target takes its shared resources in the same order. */
function withLimits(target: Target, shared: ReadonlyMap<string, Users>): Target {
  const used = new Map<string, number>();
  for (const { policy, options } of target.bindings) {
    for (const resource of policy.resources?.(options) ?? []) {
      const users = shared.get(resource);
      if (users !== undefined) used.set(resource, users.position);
    }
  }
  const limits = [...used]
    .sort(([, a], [, b]) => a - b)
    .map(([group]) =>
      bind(cardinality, { type: 'cardinality', group, instances: 1, whenFull: 'queue' }, target),
    );
  if (limits.length === 0) return target;
  return { ...target, bindings: [...target.bindings, ...limits] };
}
