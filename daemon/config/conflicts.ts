/** Mistakes in targets that are correct individually: in their policies, and between targets. */

import type { Binding, Target } from '../core/catalog.ts';
import type { Member } from '../core/policy.ts';
import type { CooperativeSteps } from '../shared/cooperative.ts';
import * as say from './config-messages.ts';
import type { Diagnostic } from './diagnostics.ts';
import type { TargetSettings } from './schema.ts';

/** Checks each target by itself. */
export function* findBadTargets(
  targets: readonly Target[],
  settings: Readonly<Record<string, TargetSettings>>,
  fleets: ReadonlySet<string>,
): CooperativeSteps<readonly Diagnostic[]> {
  const diagnostics: Diagnostic[] = [];
  for (const target of targets) {
    yield;
    diagnostics.push(...findTwice(target), ...findBadHooks(target, settings, fleets));
  }
  return diagnostics;
}

/**
 * A group counts a target only once. And a run that waits for two groups, each with an order of its
 * own, could hold a place in one while it waits for the other, and vice versa: a deadlock.
 */
function findTwice({ name, bindings }: Target): readonly Diagnostic[] {
  return bindings.flatMap((binding, index) => {
    const same = ({ key, policy }: Binding): boolean =>
      key === binding.key || (policy === binding.policy && policy.exclusivePerTarget === true);
    const first = bindings.findIndex(same);
    if (first === index) return [];
    const what =
      bindings[first]?.key === binding.key
        ? `group "${binding.key}"`
        : `type ${binding.policy.type}`;
    return [{ at: ['targets', name, 'policies', index], text: say.namedTwice(what, first) }];
  });
}

/** A hook is another target that needs no arguments, because nobody would pass any. */
function findBadHooks(
  { name, hooks = {} }: Target,
  settings: Readonly<Record<string, TargetSettings>>,
  fleets: ReadonlySet<string>,
): readonly Diagnostic[] {
  return Object.entries(hooks).flatMap(([key, hook]) => {
    const at = ['targets', name, key];
    const target = Object.hasOwn(settings, hook) ? settings[hook] : undefined;
    if (hook === name) return [{ at, text: say.ownHook() }];
    if (target === undefined && fleets.has(hook)) return [{ at, text: say.fleetHook(hook) }];
    if (target === undefined) return [{ at, text: say.unknownHook(hook, Object.keys(settings)) }];
    if (target.acceptArgs === undefined) return [];
    return [{ at, text: say.hookWithArgs(hook) }];
  });
}

/** Checks every member of a group against the group's first. */
export function* findConflicts(
  targets: readonly Target[],
): CooperativeSteps<readonly Diagnostic[]> {
  const firsts = new Map<string, Member<unknown>>();
  const diagnostics: Diagnostic[] = [];
  for (const { name, bindings } of targets) {
    yield;
    for (const [index, { key, policy, options }] of bindings.entries()) {
      const self = { target: name, options, waiting: 0, ignored: 0, active: [] };
      const first = firsts.get(key);
      if (first === undefined) firsts.set(key, self);
      const text = first === undefined ? undefined : policy.conflict?.(self, first);
      if (text === undefined) continue;
      diagnostics.push({ at: ['targets', name, 'policies', index], text: say.differ(text) });
    }
  }
  return diagnostics;
}
