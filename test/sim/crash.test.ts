/**
 * Simulated histories: random requests against random configurations, with deaths, power cuts, full
 * disks, killed keepers, reloads and sleeps at any time. At the end of each, when everything has
 * settled: every accepted run has ended once, was executed at most once, every client was told the
 * truth, every hook was called once for its cause, every late target was reported once, and exactly
 * the past that should be kept is kept.
 *
 * Half of the seeds are always the same, half are new, or follow from BATON_TEST_SEED. A failing
 * history prints its seed, the smallest scenario that fails with it, and its last steps.
 * SIM_HISTORIES sets how many; otherwise a slow machine does fewer than BATON_TEST_AMOUNT of the
 * usual number. SIM_SEED repeats one.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeCatalog } from '../../daemon/core/catalog.ts';
import { amount } from '../support/amount.ts';
import { targetsOf } from '../support/configurations.ts';
import { makeRandom } from '../support/random.ts';
import { seed } from '../support/seed.ts';
import { live } from './history.ts';
import { type Scenario, scenarios } from './scenario.ts';
import { World } from './world.ts';

const ASKED = process.env['SIM_HISTORIES'];
const HISTORIES = Number(ASKED ?? amount(5_000));
/** When a machine without a given number has run enough of them. */
const ENOUGH_MS = ASKED === undefined ? 90_000 : Number.POSITIVE_INFINITY;
/** How long to shrink a failing scenario. */
const SHRINK_MS_MAX = 20_000;

/** What happened in all of them. */
const COUNTED = {
  runs: (world: World) => world.audit.state.nextRun - 1,
  hooks: ({ audit }: World) => audit.hooks,
  retries: ({ audit }: World) => audit.retries,
  'late targets': ({ audit }: World) => audit.lates,
  'runs forgotten': ({ audit }: World) => audit.forgotten,
  'daemon deaths': (world: World) => world.deaths,
  shutdowns: (world: World) => world.shutdowns,
  sleeps: (world: World) => world.sleeps,
  reloads: (world: World) => world.reloads,
  compactions: ({ journal }: World) => journal.compactions,
  'journals restored': (world: World) => world.restorations,
};

test(`${HISTORIES} simulated histories with crashes lose no run and no status`, async (t) => {
  const only = process.env['SIM_SEED'];
  const seeds = only === undefined ? seedsOf(HISTORIES) : [Number(only)];
  const startedAtMs = performance.now();
  const sums = new Map<string, number>();
  let lived = 0;
  for (const seed of seeds) {
    if (performance.now() - startedAtMs > ENOUGH_MS) break;
    lived += 1;
    const [scenario] = fc.sample(scenarios, { seed, numRuns: 1 });
    assert.ok(scenario !== undefined);
    const world = worldOf(seed, scenario);
    try {
      await live(world, scenario);
    } catch (error) {
      assert.fail(await explain(seed, error, world));
    }
    for (const [what, count] of Object.entries(COUNTED)) {
      sums.set(what, (sums.get(what) ?? 0) + count(world));
    }
  }
  const seconds = (performance.now() - startedAtMs) / 1_000;
  const rate = Math.round(lived / seconds);
  const counts = [...sums].map(([what, sum]) => `${sum} ${what}`).join(', ');
  t.diagnostic(
    `seeds ${seeds[0]}, ${seeds[1]}, …: ${lived} histories, ${counts}, ${rate} histories/s`,
  );
});

/** Alternately a seed that counts from 1 and one that counts from a random number. */
function seedsOf(count: number): readonly number[] {
  const fresh = count + makeRandom(seed ?? randomInt(2 ** 31)).below(2 ** 31 - 2 * count);
  return Array.from({ length: count }, (_, at) => (at % 2 === 0 ? at / 2 + 1 : fresh + at));
}

function worldOf(seed: number, { targets, hazards }: Scenario): World {
  return new World(seed, makeCatalog(targetsOf(targets)), hazards);
}

/** The smallest scenario that fails with this seed, and how. */
async function explain(seed: number, error: unknown, first: World): Promise<string> {
  let trail = first.trail;
  const property = fc.asyncProperty(scenarios, async (scenario) => {
    const world = worldOf(seed, scenario);
    try {
      await live(world, scenario);
    } catch (reason) {
      trail = world.trail;
      throw reason;
    }
  });
  const limits = { interruptAfterTimeLimit: SHRINK_MS_MAX, numRuns: 1 };
  const { counterexample, errorInstance, numShrinks } = await fc.check(property, {
    seed,
    ...limits,
  });
  const least = JSON.stringify(counterexample?.[0]);
  const shown = errorInstance instanceof Error ? errorInstance.stack : String(error);
  return [`SIM_SEED=${seed}, made smaller ${numShrinks} times: ${least}`, shown, trail].join('\n');
}
