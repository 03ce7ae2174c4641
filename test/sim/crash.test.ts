/**
 * Simulated histories: random requests against random catalogs, with deaths, power cuts, full disks
 * and killed keepers anywhere. At the end of each, when things have calmed down: every accepted run
 * has ended once, was executed at most once, and everybody was told the truth.
 *
 * Half of the seeds are those of every time, half have never been. A failing history shows its seed
 * and its last steps. SIM_HISTORIES sets how many, BATON_TEST_AMOUNT which part of the usual;
 * SIM_SEED runs one again.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { makeCatalog, type Target } from '../../daemon/core/catalog.ts';
import type { Ended } from '../../daemon/core/state.ts';
import { elapsedMs } from '../../daemon/shared/elapsed.ts';
import type { RunId } from '../../daemon/shared/run.ts';
import { amount } from '../support/amount.ts';
import { type RawPolicy, target } from '../support/core.ts';
import { compacted, type Hazards, World } from './world.ts';

const HISTORIES = Number(process.env['SIM_HISTORIES'] ?? amount(10_000));
const STEPS_MAX = 20_000;

const CATALOGS: readonly (readonly Target[])[] = [
  [
    target('free'),
    target('one', [{ type: 'cardinality' }]),
    target('two', [{ type: 'cardinality', instances: 2 }], { timeoutMs: 1_500, killAfterMs: 300 }),
  ],
  [
    target('a', [{ type: 'cardinality', group: 'disk' }], { maxWaitMs: 4_000 }),
    target('b', [{ type: 'cardinality', group: 'disk' }], { onLost: 'retry' }),
    target('c', [
      { type: 'cardinality', group: 'disk' },
      { type: 'cardinality', whenFull: 'join' },
    ]),
  ],
  ['alpha', 'sync', 'beta'].map((interval) =>
    target(interval, [{ type: 'rsnapshot', interval, order: ['alpha', 'beta'] }], {
      okExit: [0, 1],
    }),
  ),
  ['hourly', 'daily', 'weekly', 'monthly'].map((interval) =>
    target(interval, [
      { type: 'rsnapshot', interval, onDuplicate: interval === 'daily' ? 'join' : 'refuse' },
      ...(interval === 'daily' ? [{ type: 'cardinality', group: 'disk' } as const] : []),
    ]),
  ),
  [
    target('newest', [
      { type: 'cardinality', whenFull: 'replace' },
      { type: 'spacing', least: '300ms', jitter: '200ms' },
    ]),
    target('low', [
      { type: 'cardinality', group: 'disk' },
      { type: 'priority', group: 'disk', rank: -1 },
    ]),
    target('high', [
      { type: 'cardinality', group: 'disk' },
      { type: 'priority', group: 'disk', rank: 1 },
      { type: 'spacing', from: 'end', least: '400ms' },
    ]),
  ],
];

/** The same targets in other groups, for reloads: renamed, parted, merged, with more policies. */
function regrouped(world: World, targets: readonly Target[]): readonly Target[] {
  return targets.map(({ name, bindings, ...more }) => {
    const interval = bindings.flatMap(({ options }) => intervalOf(options) ?? [])[0];
    const group = `group ${world.between(1, 2)}`;
    const policies: RawPolicy[] = [];
    if (interval !== undefined) policies.push({ type: 'rsnapshot', interval, group });
    if (interval === undefined || world.random() < 0.3) {
      policies.push({ type: 'cardinality', group: `disk ${world.between(1, 2)}` });
    }
    return target(name, policies, more);
  });
}

function intervalOf(options: unknown): string | undefined {
  const has = typeof options === 'object' && options !== null && 'interval' in options;
  return has ? String(options.interval) : undefined;
}

/** Most live commands of a group, by catalog and group. */
const LIMITS: readonly (readonly { targets: readonly string[]; most: number }[])[] = [
  [
    { targets: ['one'], most: 1 },
    { targets: ['two'], most: 2 },
  ],
  [{ targets: ['a', 'b', 'c'], most: 1 }],
  [{ targets: ['alpha', 'sync', 'beta'], most: 1 }],
  [{ targets: ['hourly', 'daily', 'weekly', 'monthly'], most: 1 }],
  [
    { targets: ['newest'], most: 1 },
    { targets: ['low', 'high'], most: 1 },
  ],
];

const CALM: Hazards = {
  crash: 0,
  reboot: 0,
  shutdown: 0,
  full: 0,
  keeperDeath: 0,
  sleep: 0,
  restore: 0,
};
const ROUGH: readonly Hazards[] = [
  CALM,
  { ...CALM, crash: 0.02 },
  { ...CALM, crash: 0.1, reboot: 0.2, keeperDeath: 0.1 },
  { ...CALM, crash: 0.03, full: 0.1, keeperDeath: 0.3 },
  { ...CALM, shutdown: 0.01 },
  { ...CALM, crash: 0.03, reboot: 0.1, shutdown: 0.01, full: 0.03, keeperDeath: 0.1 },
  { ...CALM, crash: 0.02, sleep: 0.05 },
  { ...CALM, crash: 0.05, restore: 0.3 },
  { ...CALM, crash: 0.05, reboot: 0.1, shutdown: 0.01, full: 0.03, keeperDeath: 0.1, restore: 0.1 },
];

test(`${HISTORIES} simulated histories with crashes lose no run and no status`, async (t) => {
  const only = process.env['SIM_SEED'];
  const seeds = only === undefined ? seedsOf(HISTORIES) : [Number(only)];
  const startedAtMs = performance.now();
  let [deaths, shutdowns, sleeps, runs, compactions, restorations] = [0, 0, 0, 0, 0, 0];
  for (const seed of seeds) {
    const world = worldOf(seed);
    try {
      await live(world, seed);
      deaths += world.deaths;
      shutdowns += world.shutdowns;
      compactions += world.compactions;
      sleeps += world.sleeps;
      restorations += world.restorations;
      runs += world.replay().runs.size;
    } catch (error) {
      const message = error instanceof Error ? error.stack : String(error);
      assert.fail(`history with SIM_SEED=${seed}: ${message}\n${world.trail}`);
    }
  }
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const rate = Math.round(seeds.length / seconds);
  t.diagnostic(
    `seeds ${seeds[0]}… and ${seeds.at(-1)}, ${seeds.length} histories, ${runs} runs, ${deaths} daemon deaths, ${shutdowns} shutdowns, ${sleeps} sleeps, ${compactions} compactions, ${restorations} journals restored, ${rate} histories/s`,
  );
});

/** The first half counts from 1, the other from anywhere. */
function seedsOf(count: number): readonly number[] {
  const known = Math.ceil(count / 2);
  const fresh = randomInt(known + 1, 2 ** 31);
  return Array.from({ length: count }, (_, at) => (at < known ? at + 1 : fresh + at));
}

function worldOf(seed: number): World {
  const rough = ROUGH[Math.floor(seed / CATALOGS.length) % ROUGH.length] ?? CALM;
  return new World(seed, makeCatalog(targetsOf(seed)), rough);
}

function targetsOf(seed: number): readonly Target[] {
  return CATALOGS[seed % CATALOGS.length] ?? [];
}

async function live(world: World, seed: number): Promise<void> {
  const which = seed % CATALOGS.length;
  const targets = targetsOf(seed);
  const requests = world.between(1, 8);
  for (let number = 0; number < requests; number++) {
    const { name } = targets[world.between(0, targets.length - 1)] ?? { name: '' };
    world.later(world.between(0, 2_500), () => world.submit(name));
  }
  if (world.random() < 0.4) world.later(world.between(0, 4_000), () => cancelOne(world));
  if (world.random() < 0.3) {
    world.later(world.between(0, 3_000), () => {
      world.wallShiftMs = world.between(-7_200_000, 7_200_000);
    });
  }
  world.onStart = (run) => {
    checkInTime(world, run);
    checkBeside(world, run);
    checkSynced(world, run);
    checkApart(world, run);
  };
  if (world.random() < 0.3) {
    for (let count = world.between(1, 3); count > 0; count--) {
      world.later(world.between(0, 3_000), () => {
        world.configure(makeCatalog(regrouped(world, targets)));
      });
    }
  }
  for (let step = 0; ; step++) {
    assert.ok(step < STEPS_MAX, 'it never comes to rest');
    // After a while the dice are put away: what is left must come to its end.
    if (step > 400) world.isCalm = true;
    const { deaths } = world;
    if (!(await world.step())) {
      // Levels that a failed sync holds back wait for one that succeeds.
      if (!isHeld(world)) break;
      world.submit('sync');
    }
    if (world.reloads === 0) checkLimits(world, LIMITS[which] ?? []);
    if (world.deaths > deaths) checkReplay(world);
  }
  judge(world);
}

function cancelOne(world: World): void {
  const client = world.clients[world.between(0, world.clients.length - 1)];
  if (client?.run !== undefined) world.daemon?.loop.post({ type: 'cancel', runs: [client.run] });
}

/** Nothing starts beside what the configuration in force, or that of its start, keeps it from. */
function checkBeside(world: World, number: RunId): void {
  const { state } = world.daemon?.loop ?? {};
  const self = state?.runs.get(number);
  for (const { policy, key, options } of world.catalog.targets.get(self?.target ?? '')?.bindings ??
    []) {
    const members = world.catalog.groups.get(key)?.members.map((member) => member.target) ?? [];
    const places = new Set(state?.groups.get(key));
    for (const name of members) {
      for (const run of state?.targetStates.get(name)?.active ?? []) places.add(run);
    }
    const { instances, from } = options as { readonly instances?: number; readonly from?: string };
    const isAlone = policy.type === 'rsnapshot' || from === 'end';
    const most = isAlone ? 1 : (instances ?? Number.POSITIVE_INFINITY);
    assert.ok(places.size < most, `run ${number} starts beside ${[...places]} in ${key}`);
  }
}

/** Nothing starts sooner after another of its group than the configuration in force lets it. */
function checkApart(world: World, number: RunId): void {
  const { state } = world.daemon?.loop ?? {};
  const self = state?.runs.get(number);
  for (const { policy, key, options } of world.catalog.targets.get(self?.target ?? '')?.bindings ??
    []) {
    if (policy.type !== 'spacing') continue;
    const { from, least } = options as { readonly from: string; readonly least: number };
    const names = world.catalog.groups.get(key)?.members.map((member) => member.target) ?? [];
    for (const run of state?.runs.values() ?? []) {
      if (!names.includes(run.target) || run.state === 'queued' || run.state === 'starting')
        continue;
      const at = from === 'start' ? run.started : run.state === 'ended' ? run.ended : undefined;
      if (at === undefined || run.started === undefined) continue;
      const gapMs = elapsedMs(world.now()) - elapsedMs(at);
      assert.ok(gapMs >= least, `run ${number} starts ${gapMs} ms after the ${from} of ${run.run}`);
    }
  }
}

/** Nothing starts that has waited longer than it may, asleep or awake. */
function checkInTime(world: World, number: RunId): void {
  const run = world.daemon?.loop.state.runs.get(number);
  const { expiresAtMs = Number.POSITIVE_INFINITY } = run?.state === 'queued' ? run : {};
  assert.ok(expiresAtMs > elapsedMs(world.now()), `run ${number} starts after its maxWait`);
}

/** How long it waited counts as on a watch, how long it ran as its command felt it. */
function checkTimes(world: World, run: Ended): void {
  const { accepted, started, ended, outcome } = run;
  const { maxWaitMs = 0, timeoutMs = 0 } = world.catalog.targets.get(run.target) ?? {};
  assert.ok(elapsedMs(started ?? accepted) <= elapsedMs(ended), `run ${run.run} ended before`);
  assert.ok(elapsedMs(ended) <= elapsedMs(world.now()), `run ${run.run} ends in the future`);
  if (outcome.kind === 'expired') assert.ok(outcome.waitedMs >= maxWaitMs);
  if (outcome.kind !== 'timed-out' || started === undefined) return;
  assert.ok(ended.steadyMs - started.steadyMs >= timeoutMs, `run ${run.run} had not its time`);
}

/** No level rotates while the newest sync of its group has failed. */
function checkSynced(world: World, number: RunId): void {
  const { state } = world.daemon?.loop ?? {};
  const self = state?.runs.get(number);
  if (state === undefined || self === undefined || self.target === 'sync') return;
  const keysOf = (name: string): readonly string[] =>
    (world.catalog.targets.get(name)?.bindings ?? []).flatMap(({ key, policy }) =>
      policy.type === 'rsnapshot' ? key : [],
    );
  const sync = state.runs.get(state.targetStates.get('sync')?.latest ?? 0);
  if (sync?.state !== 'ended' || sync.verdict !== 'failed') return;
  const isTogether = keysOf('sync').some((key) => keysOf(self.target).includes(key));
  assert.ok(!isTogether, `run ${number} rotates after sync ${sync.run}, which failed`);
}

function isHeld(world: World): boolean {
  const runs = [...(world.daemon?.loop.state.runs.values() ?? [])];
  return runs.some(({ state }) => state === 'queued') && world.catalog.targets.has('sync');
}

function checkLimits(world: World, limits: (typeof LIMITS)[number]): void {
  for (const { targets, most } of limits) {
    const live = [...world.processes.values()].filter(
      // What a keeper has left that was killed is found by the journal alone.
      (process) =>
        (world.restorations === 0 ? process.isLive() : process.phase === 'running') &&
        targets.includes(process.run.target),
    );
    assert.ok(live.length <= most, `${live.length} of ${targets.join(', ')} run at once`);
  }
}

function checkReplay(world: World): void {
  const state = world.replay();
  assert.deepEqual(compacted(state), state, 'the compacted history leads elsewhere');
}

function judge(world: World): void {
  const state = world.replay();
  assert.deepEqual(world.daemon?.loop.state, state, 'the live state is not what the journal says');
  for (const run of state.runs.values()) {
    assert.ok(run.state === 'ended', `run ${run.run} is ${run.state} for ever`);
    assert.deepEqual(run.heldBy, [], `run ${run.run} holds its place for ever`);
    checkTruth(world, run);
    checkTimes(world, run);
  }
  for (const client of world.clients) {
    if (client.refused !== undefined || client.isForsaken) continue;
    assert.ok(client.run !== undefined, `${client.token} never got an answer`);
    const run = state.runs.get(client.run);
    if (world.restorations > 0 && (run?.nonce !== client.nonce || client.told?.kind !== 'exited')) {
      continue;
    }
    assert.ok(run?.state === 'ended');
    assert.deepEqual(client.told, run.outcome, `${client.token} was told something else`);
  }
  checkOrder(world);
}

/** The outcome says what the processes really did. */
function checkTruth(world: World, { run, nonce, outcome }: Ended): void {
  const names = [world.foundAs.get(`${run} ${nonce}`), `${run} ${nonce}`];
  const executed = [...world.processes.values()].filter(
    (process) => names.includes(process.name) && process.executed,
  );
  const process = executed.at(-1);
  // The attempt before one that never began may have been interrupted, or lost.
  const canRetry = world.catalog.targets.get(process?.run.target ?? '')?.onLost === 'retry';
  const first = canRetry ? undefined : process;
  // What a shutdown has ended is never told as killed by somebody.
  if (process?.wasTold) assert.notEqual(outcome.kind, 'signalled', `run ${run}`);
  switch (outcome.kind) {
    case 'exited':
      assert.equal(process?.report?.code, outcome.code);
      break;
    case 'cancelled':
      if (outcome.signal === undefined) assert.equal(first, undefined, 'it did run');
      break;
    case 'not-started': {
      // Only commands meet a system call here.
      const isCalled = outcome.errno !== undefined;
      assert.equal(isCalled, outcome.stage === 'command', `run ${run}: ${outcome.errno}`);
      assert.equal(first, undefined, `run ${run} did run`);
      break;
    }
    case 'expired':
    case 'skipped':
      assert.equal(first, undefined, `run ${run} is ${outcome.kind} and did run`);
      break;
    case 'lost':
      assert.equal(process?.phase, 'dead', 'its keeper lives');
      break;
    case 'interrupted':
      assert.notEqual(process?.report?.code, 0, `run ${run} succeeded`);
      assert.ok(world.boot > 1, `run ${run} was interrupted by nothing`);
      break;
    default:
      break;
  }
}

/** Runs of one target begin in the order of their requests. */
function checkOrder(world: World): void {
  // Numbers are given out again.
  if (world.restorations > 0) return;
  const last = new Map<string, RunId>();
  const { runs } = world.replay();
  for (const number of new Set(world.starts)) {
    const name = runs.get(number)?.target;
    if (name === undefined) continue;
    assert.ok(number > (last.get(name) ?? 0), `run ${number} of ${name} began out of turn`);
    last.set(name, number);
  }
}
