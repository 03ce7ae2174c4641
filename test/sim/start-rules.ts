/** When a run must not start: its limits, its groups, its time; and what no run may wait for. */
import assert from 'node:assert/strict';
import { candidates } from '../../daemon/core/affected.ts';
import { type Binding, type Catalog, hasConditions } from '../../daemon/core/catalog.ts';
import { groupViewMaker } from '../../daemon/core/group-view.ts';
import { isPaused } from '../../daemon/core/pauses.ts';
import type { Queued, ReadonlyState, Run } from '../../daemon/core/state.ts';
import { readinesses } from '../../daemon/core/waiting.ts';
import type { World } from '../../daemon/core/world.ts';
import { elapsedMs } from '../../daemon/shared/elapsed.ts';
import type { RunId, TargetName } from '../../daemon/shared/run.ts';
import { moodsOf } from '../support/moody.ts';
import type { Entry } from './journal.ts';

type Now = Pick<Entry, 'catalog' | 'at'>;

export function checkStart(state: ReadonlyState, run: Run, now: Now): void {
  assert.equal(run.state, 'queued', `run ${run.run} starts`);
  checkInTime(run, now);
  const { isHeld } = moodsOf(now.catalog, run.target, run.run, now.at.steadyMs);
  assert.ok(!isHeld, `run ${run.run} starts, whatever its plugin says`);
  const isHeldUp = isPaused(state, run.target, now.catalog);
  assert.ok(!isHeldUp, `run ${run.run} starts while it is paused`);
  checkBeside(state, run, now);
  checkSynced(state, run, now);
  checkApart(state, run, now);
  checkOpen(run, now);
}

/** Nothing starts that has expired, asleep or awake. */
function checkInTime(run: Run, { at }: Now): void {
  const { expiresAtMs = Number.POSITIVE_INFINITY } = run.state === 'queued' ? run : {};
  assert.ok(expiresAtMs > elapsedMs(at), `run ${run.run} starts after its maxWait`);
  const { notBeforeMs = 0 } = run.state === 'queued' ? run : {};
  assert.ok(notBeforeMs <= elapsedMs(at), `run ${run.run} is tried again too soon`);
}

/** Nothing starts beside a run excluded by the current configuration, or by that run's own. */
function checkBeside(state: ReadonlyState, self: Run, { catalog }: Now): void {
  for (const binding of catalog.targets.get(self.target)?.bindings ?? []) {
    const { key } = binding;
    const places = new Set(state.groups.get(key));
    for (const name of membersOf(catalog, key)) {
      for (const run of state.targetStates.get(name)?.active ?? []) places.add(run);
    }
    const most = mostOf(binding);
    assert.ok(places.size < most, `run ${self.run} starts beside ${[...places]} in ${key}`);
  }
}

/** How many runs of a group its policy allows at once. */
export function mostOf({ policy, options }: Pick<Binding, 'policy' | 'options'>): number {
  const { instances, from } = options as { readonly instances?: number; readonly from?: string };
  const isAlone = policy.type === 'rsnapshot' || from === 'end';
  return isAlone ? 1 : (instances ?? Number.POSITIVE_INFINITY);
}

function membersOf(catalog: Catalog, key: string): readonly TargetName[] {
  return catalog.groups.get(key)?.members.map(({ target }) => target) ?? [];
}

/** Nothing starts sooner after another run of its group than the current configuration allows. */
function checkApart(state: ReadonlyState, self: Run, { catalog, at: now }: Now): void {
  for (const { policy, key, options } of catalog.targets.get(self.target)?.bindings ?? []) {
    if (policy.type !== 'spacing') continue;
    const { from, least } = options as { readonly from: string; readonly least: number };
    const names = membersOf(catalog, key);
    for (const run of state.runs.values()) {
      const begun = run.state === 'running' || run.state === 'ended' ? run.started : undefined;
      if (begun === undefined || !names.includes(run.target)) continue;
      const at = from === 'start' ? begun : run.state === 'ended' ? run.ended : undefined;
      const gapMs = at === undefined ? least : elapsedMs(now) - elapsedMs(at);
      assert.ok(
        gapMs >= least,
        `run ${self.run} starts ${gapMs} ms after the ${from} of ${run.run}`,
      );
    }
  }
}

interface Span {
  readonly days: readonly boolean[];
  readonly begin: number;
  readonly end: number;
}

/** Nothing starts while its window is closed, in wall-clock time, in UTC. */
function checkOpen(self: Run, { catalog, at }: Now): void {
  for (const { policy, options } of catalog.targets.get(self.target)?.bindings ?? []) {
    if (policy.type !== 'window') continue;
    const { open } = options as { readonly open: readonly Span[] };
    const now = new Date(at.wallMs);
    const ofDay = (now.getUTCHours() * 60 + now.getUTCMinutes()) * 60 + now.getUTCSeconds();
    const isOpen = open.some(({ days, begin, end }) =>
      [0, 1].some((ago) => {
        const second = ofDay + ago * 86_400;
        return days[(now.getUTCDay() + 7 - ago) % 7] === true && begin <= second && second < end;
      }),
    );
    assert.ok(isOpen, `run ${self.run} starts at ${now.toISOString()}`);
  }
}

interface Level {
  readonly interval?: string;
  readonly afterFailedSync?: string;
}

/** No level rotates while the latest sync of its group has failed. */
function checkSynced(state: ReadonlyState, self: Run, { catalog }: Now): void {
  for (const { key, options } of catalog.targets.get(self.target)?.bindings ?? []) {
    const { interval, afterFailedSync } = options as Level;
    if (interval === undefined || interval === 'sync' || afterFailedSync === 'run') continue;
    const members = catalog.groups.get(key)?.members ?? [];
    const last = members
      .filter((member) => (member.options as Level).interval === 'sync')
      .flatMap(({ target }) => state.runs.get(state.targetStates.get(target)?.latest ?? 0) ?? [])
      .flatMap((run) => (run.state === 'ended' ? run : []))
      .reduce<Run | undefined>((newest, run) => {
        const isNewer = newest?.state !== 'ended' || run.ended.steadyMs >= newest.ended.steadyMs;
        return isNewer ? run : newest;
      }, undefined);
    if (last?.state !== 'ended') continue;
    const what = `run ${self.run} rotates after sync ${last.run}, which failed`;
    assert.notEqual(last.verdict, 'failed', what);
  }
}

/**
 * Nothing waits that could start, and no run waits for one with which it shares no group: so a hook
 * never blocks the target that called it, unless a policy says so.
 */
export function checkWaits(
  state: ReadonlyState,
  { catalog, at }: Now,
  worldAround: (target: TargetName) => World,
  /** Whether the machine is checked soon for a run that it was in the way of. */
  isSoon: (run: RunId, isFree: boolean) => boolean,
): void {
  for (const [name, { queue }] of state.targetStates) {
    const [first = 0] = queue;
    const run = state.runs.get(first);
    if (run?.state !== 'queued' || isOver(run, at)) continue;
    if (isPaused(state, name, catalog)) continue;
    if ((run.notBeforeMs ?? 0) > elapsedMs(at)) continue;
    const groupViewOf = groupViewMaker(state, catalog, at, worldAround(name));
    const waits = readinesses(run, catalog, groupViewOf).filter((it) => it.type === 'wait');
    const isFree = waits.length === 0;
    const isLater = isSoon(run.run, isFree);
    const { fails, isFresh } = moodsOf(catalog, name, run.run, at.steadyMs);
    if (fails) {
      const said = waits.some(({ reason }) => reason.startsWith('policy moody failed: '));
      assert.ok(said, `nobody says that the plugin of run ${run.run} fails`);
    }
    if (isFree && !isFresh) {
      const isPutOff = hasConditions(catalog.targets.get(name)) || isHeld(state, run, catalog);
      assert.ok(isPutOff && isLater, `run ${run.run} (${name}) waits for nothing`);
    }
    const keys = new Set(catalog.targets.get(name)?.bindings.map(({ key }) => key));
    for (const number of waits.flatMap(({ behind }) => behind)) {
      const other = state.runs.get(number);
      const began = other === undefined || other.state === 'queued' ? [] : other.groups;
      const theirs = catalog.targets.get(other?.target ?? '')?.bindings.map(({ key }) => key) ?? [];
      const isNear = [...began, ...theirs].some((key) => keys.has(key));
      assert.ok(
        isNear,
        `run ${run.run} (${name}) waits for run ${number}, with which it has to do`,
      );
    }
  }
}

/**
 * A run that may go first has conditions: they were being checked, and may no longer be. `isSoon`
 * says how long that may delay a run that is free.
 */
function isHeld(state: ReadonlyState, run: Queued, catalog: Catalog): boolean {
  return candidates(state, run.target, catalog)
    .filter((other) => other !== run)
    .some((other) => hasConditions(catalog.targets.get(other.target)));
}

function isOver({ expiresAtMs = Number.POSITIVE_INFINITY }: Queued, at: Now['at']): boolean {
  return expiresAtMs <= elapsedMs(at);
}
