/**
 * Laws of single policies over random catalogs, where each is mixed with all others, and random
 * histories: gaps are kept, ranks are followed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Binding, Target } from '../../../daemon/core/catalog.ts';
import type { Event } from '../../../daemon/core/event.ts';
import { groupViewMaker } from '../../../daemon/core/group-view.ts';
import { restOf } from '../../../daemon/core/retry.ts';
import { hindrances } from '../../../daemon/core/waiting.ts';
import { isCondition, isSlow } from '../../../daemon/core/world.ts';
import { elapsedMs } from '../../../daemon/shared/elapsed.ts';
import type { TargetName } from '../../../daemon/shared/run.ts';
import { FRESH_MS } from '../../../policies/require.ts';
import { perform, type Step, steps, targets } from '../../support/arbitraries.ts';
import { flaky } from '../../support/conditions.ts';
import { Core, type Moment, target } from '../../support/core.ts';

/** Plays a history and checks a law at every first start. */
function play(
  catalog: readonly Target[],
  list: readonly Step[],
  law: (moment: Moment, bindings: readonly Binding[]) => void,
): void {
  const watch = (moment: Moment): void => {
    const { core, event } = moment;
    if (event.type !== 'starting' || event.attempt > 1) return;
    const { target } = core.expect(event.run, 'queued');
    law(moment, core.catalog.targets.get(target)?.bindings ?? []);
  };
  const core = new Core(catalog, { manualKeepers: true, watch });
  core.conditions.truth = flaky;
  for (const step of list) perform(core, step);
}

function membersOf(core: Core, { key }: Binding): readonly TargetName[] {
  return core.catalog.groups.get(key)?.members.map(({ target }) => target) ?? [];
}

interface Spacing {
  readonly from: 'start' | 'end';
  readonly least: number;
}

/** Uses only the events. */
function keepsApart({ core, event }: Moment, bindings: readonly Binding[]): void {
  if (event.type !== 'starting') return;
  for (const binding of bindings.filter(({ policy }) => policy.type === 'spacing')) {
    const { from, least } = binding.options as Spacing;
    const members = membersOf(core, binding);
    const times = core.events.flatMap((past, at) => {
      const isStart = past.type === 'starting' || past.type === 'started';
      const isEnd = past.type === 'ended' || (past.type === 'requeued' && past.outcome);
      if (!isStart && !isEnd) return [];
      const isOne = members.includes(targetOf(core, past.run));
      if (isEnd && !hadPlace(core.events.slice(0, at), past.run)) return [];
      return isOne && isStart === (from === 'start') ? elapsedMs(past.at) : [];
    });
    const gapMs = elapsedMs(event.at) - Math.max(...times);
    assert.ok(gapMs >= least, `run ${event.run} starts ${gapMs} ms after, not ${least}`);
  }
}

/** A queued run is cancelled without one, even if it was about to start before. */
function hadPlace(before: readonly Event[], run: number): boolean {
  const last = before.findLast(
    (it) => (it.type === 'starting' || it.type === 'requeued') && it.run === run,
  );
  return last?.type === 'starting';
}

function targetOf(core: Core, run: number): TargetName {
  const accepted = core.events.find((event) => event.type === 'accepted' && event.run === run);
  return accepted?.type === 'accepted' ? accepted.target : '';
}

test('between two runs of a group that is spaced there is at least the time that it says', () => {
  fc.assert(
    fc.property(targets, steps, (catalog, list) => play(catalog, list, keepsApart)),
    { numRuns: 500 },
  );
});

/** A run with a higher rank that could start as well would have started before. */
function followsRanks({ core, event }: Moment, bindings: readonly Binding[]): void {
  if (event.type !== 'starting') return;
  const binding = bindings.find(({ policy }) => policy.rank !== undefined);
  if (binding === undefined) return;
  const groupViewOf = groupViewMaker(core.state, core.catalog, core.now(), core.world());
  const { members, self } = groupViewOf(binding, targetOf(core, event.run)).view;
  const rank = (member: typeof self): number =>
    member.head === undefined
      ? Number.NaN
      : (binding.policy.rank?.(member.head, member.options) ?? 0);
  for (const other of members) {
    if (other.head === undefined || rank(other) <= rank(self)) continue;
    const head = core.expect(other.head.run, 'queued');
    if (restOf(head, core.now()) !== undefined) continue;
    const held = hindrances(head, core.catalog, groupViewOf);
    assert.ok(held.length > 0, `run ${event.run} goes before ${head.run}, which is above it`);
  }
}

/** The conditions are met: mounts at this moment, the others not long ago. */
function isAsRequired({ core }: Moment, bindings: readonly Binding[]): void {
  for (const condition of bindings.flatMap(({ asks }) => asks).filter(isCondition)) {
    const agoMs = core.conditions.seenAgoMs(condition, core.now());
    const mostMs = isSlow(condition) ? condition.timeoutMs + FRESH_MS : 0;
    assert.ok(agoMs >= 0 && agoMs <= mostMs, `${condition.kind} was seen ${agoMs} ms ago`);
  }
}

test('no run starts while something that it requires is not so', () => {
  fc.assert(
    fc.property(targets, steps, (catalog, list) => play(catalog, list, isAsRequired)),
    { numRuns: 500 },
  );
});

/** All of them need the same place, or ranks would rarely matter. */
const crowded = targets.map((list) =>
  list.map((it) => {
    const { bindings } = target(it.name, [{ type: 'cardinality', group: 'crowd' }]);
    return { ...it, bindings: [...it.bindings, ...bindings] };
  }),
);

test('no run starts before one of a higher rank that could start as well', () => {
  fc.assert(
    fc.property(crowded, steps, (catalog, list) => play(catalog, list, followsRanks)),
    { numRuns: 500 },
  );
});
