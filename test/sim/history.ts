/** One simulated history: performs a scenario until everything has ended. */
import assert from 'node:assert/strict';
import { makeCatalog, type Target } from '../../daemon/core/catalog.ts';
import { scopeOf } from '../../daemon/core/pause-scope.ts';
import { RECENT_MS } from '../../daemon/core/retention.ts';
import type { TargetName } from '../../daemon/shared/run.ts';
import { targetsOf } from '../support/configurations.ts';
import { checkCompacted, checkLimits, checkRest, checkTruth, judge } from './judge.ts';
import { surplusOf } from './retention-rules.ts';
import type { Scenario } from './scenario.ts';
import type { World } from './world.ts';

/** Waiting for a window that opens once a week takes 10,000 looks at the clock; some wait twice. */
const STEPS_MAX = 100_000;
/**
 * If a sync is refused when a run is queued (`whenFull`), the levels that wait for the sync cause
 * that themselves, again and again: somebody has to cancel them.
 */
const SYNCS_MAX = 10;
/** After this many steps there are no more random faults: the rest must come to its end. */
const ROUGH_STEPS = 400;

export async function live(world: World, scenario: Scenario): Promise<void> {
  prepare(world, scenario);
  world.onRest = () => checkRest(world);
  world.onForget = (run) => checkTruth(world, run);
  const roughSteps = ROUGH_STEPS * (scenario.waveMs === 0 ? 1 : 2);
  const finale = new Finale(world);
  for (let step = 0; ; step++) {
    assert.ok(step < STEPS_MAX, 'it never comes to rest');
    if (step > roughSteps) world.isCalm = true;
    const { deaths } = world;
    if (!(await world.step()) && !finale.asksForMore()) break;
    checkLimits(world);
    if (world.deaths > deaths && world.deaths % 3 === 0) checkCompacted(world);
  }
  judge(world);
  finale.check();
}

function prepare(world: World, scenario: Scenario): void {
  const { requests, cancels, reloads, pauses, wallShifts, waveMs } = scenario;
  const after = ({ atMs, wave }: Scenario['requests'][number], what: () => void): void => {
    world.later(atMs + wave * waveMs, what);
  };
  for (const request of requests) {
    after(request, () => world.submit(pick([...world.catalog.targets.keys()], request) ?? ''));
  }
  for (const cancel of cancels) {
    after(cancel, () => {
      const { run } = pick(world.clients, cancel) ?? {};
      if (run !== undefined) world.daemon?.loop.post({ type: 'cancel', runs: [run] });
    });
  }
  for (const reload of reloads) {
    after(reload, () => world.configure(makeCatalog(targetsOf(reload.targets))));
  }
  for (const pause of pauses) {
    after(pause, () => {
      const target = pick([...world.catalog.targets.keys()], pause) ?? '';
      const { scope = { target }, forMs, isResumed } = pause;
      const more = forMs === undefined ? {} : { forMs };
      world.daemon?.loop.post({ type: 'pause', ...scope, ...more });
      if (isResumed)
        world.later(1_500, () => world.daemon?.loop.post({ type: 'resume', ...scope }));
    });
  }
  for (const shift of wallShifts) {
    after(shift, () => {
      world.setClock(shift.byMs);
    });
  }
}

function pick<T>(list: readonly T[], { which }: { readonly which: number }): T | undefined {
  return list[which % list.length];
}

/**
 * The end of a history, when nothing more happens by itself. An administrator repairs what has
 * failed, so that levels that wait for a sync continue; and much later, every target with more past
 * than it should keep runs once more.
 */
class Finale {
  readonly #world: World;
  /** Which targets run once more, and from when on. */
  #last: { readonly names: readonly TargetName[]; readonly atMs: number } | undefined;
  #asked = 0;
  #syncs = 0;

  constructor(world: World) {
    this.#world = world;
  }

  asksForMore(): boolean {
    const world = this.#world;
    world.isCalm = true;
    if (this.#resumes()) return true;
    const { targets } = world.catalog;
    const queued = [...world.audit.state.runs.values()].filter(({ state }) => state === 'queued');
    const names =
      queued.length > 0
        ? [...targets.values()].filter(isSync).map(({ name }) => name)
        : this.#next();
    if (names.length === 0) return false;
    if (queued.length > 0 && ++this.#syncs > SYNCS_MAX) {
      world.daemon?.loop.post({ type: 'cancel', runs: queued.map(({ run }) => run) });
      return true;
    }
    world.configure(makeCatalog([...targets.values()].map(repaired)));
    for (const name of names) world.submit(name);
    return true;
  }

  /** Only a person ends a pause without an end. */
  #resumes(): boolean {
    const { daemon, audit } = this.#world;
    for (const pause of audit.state.pauses.values()) {
      assert.equal(pause.untilMs, undefined, 'a pause is over, and holds on');
      daemon?.loop.post({ type: 'resume', ...scopeOf(pause) });
    }
    return audit.state.pauses.size > 0;
  }

  /** One after the other, or one could be refused because another one is running. */
  #next(): readonly TargetName[] {
    this.#last ??= this.#age();
    return this.#last.names.slice(this.#asked, ++this.#asked);
  }

  #age() {
    const { audit, catalog } = this.#world;
    this.#world.nowMs += RECENT_MS;
    const at = this.#world.now();
    const names = [...catalog.targets.keys()].filter((name) => {
      return surplusOf(audit.state, name, catalog, at).length > 0;
    });
    return { names, atMs: at.steadyMs };
  }

  check(): void {
    const { catalog, audit } = this.#world;
    const { names = [], atMs = 0 } = this.#last ?? {};
    for (const name of names) {
      const run = audit.state.runs.get(audit.state.targetStates.get(name)?.latest ?? 0);
      assert.ok(run?.state === 'ended' && run.ended.steadyMs >= atMs, `${name} does not run again`);
      const surplus = surplusOf(audit.state, name, catalog, run.ended).map((it) => it.run);
      assert.deepEqual(surplus, [], `${name} keeps more than its limits`);
    }
  }
}

function isSync({ bindings }: Target): boolean {
  return bindings.some(({ options }) => isLevel(options) && options.interval === 'sync');
}

function isLevel(options: unknown): options is { readonly interval: unknown } {
  return typeof options === 'object' && options !== null && 'interval' in options;
}

/** It works on this machine, has enough time, and succeeds. */
function repaired({ broken: _, timeoutMs: __, maxWaitMs: ___, ...target }: Target): Target {
  return { ...target, okExit: [0, 1, 2, 3] };
}
