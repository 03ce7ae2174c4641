/**
 * The same night very often: each play (daemon/core/plan-play.ts) draws how long every run takes
 * from what the last successes of its target took. What becomes of each target is counted. Pure and
 * deterministic: the seed says what is drawn.
 *
 * Invariant: the work of all plays is bounded, whatever a machine's speed is, so that the same
 * question has the same answer everywhere; where it is too much, fewer plays are made.
 */
import { type Chances, type KnownRun, PLAYS_MAX } from '../protocol/planned.ts';
import { chanceIn } from '../shared/chance.ts';
import type { TargetName } from '../shared/run.ts';
import { requestsIn } from './plan-known.ts';
import { PLAN_WORK_MAX, Play, type PlayOptions } from './plan-play.ts';
import { PlanTally } from './plan-tally.ts';
import { emptyState } from './state.ts';

export interface ChanceOptions extends Omit<PlayOptions, 'drawMs'> {
  readonly seed: number;
  /** What runs and waits then is counted. */
  readonly atMs: number;
  /** What is drawn from, of each target. One value stands for itself. */
  readonly pastMs: Readonly<Record<TargetName, readonly number[]>>;
  /** PLAYS_MAX where absent. */
  readonly plays?: number;
}

export function planChances(options: ChanceOptions): Chances {
  const { seed, atMs, pastMs, fromMs, plays = PLAYS_MAX, runs = [] } = options;
  const requests = requestsIn(options);
  const tally = new PlanTally({ fromMs, atMs, plays });
  const targets = new Map(Object.keys(pastMs).map((name, at) => [name, at]));
  let workLeft = options.workMax ?? PLAN_WORK_MAX;
  let made = 0;
  while (made < plays) {
    // What is drawn depends on the target and on how many it had, not on the order of the runs.
    const drawn = new Map<TargetName, number>();
    const draw = (target: TargetName, leastMs = -1): number | undefined => {
      const at = targets.get(target);
      if (at === undefined) return undefined;
      const past = pastMs[target]?.filter((ms) => ms > leastMs) ?? [];
      const nth = drawn.get(target) ?? 0;
      drawn.set(target, nth + 1);
      return past[Math.floor(chanceIn([seed, made, at, nth]) * past.length)];
    };
    const known = runs.map((run) => redraw(run, fromMs, draw));
    const drawMs = (target: TargetName) => draw(target);
    const play = new Play(
      { ...options, requests, runs: known, drawMs, workMax: workLeft },
      emptyState(),
      tally,
    );
    play.play();
    if (play.cutAtMs !== undefined) break;
    made++;
    tally.close();
    workLeft -= play.work;
  }
  return { seed, atMs, plays: made, ...tally.sum(made) };
}

/** One that runs takes longer than it has; one that is being ended is left alone. */
function redraw(
  run: KnownRun,
  fromMs: number,
  draw: (target: TargetName, leastMs: number) => number | undefined,
): KnownRun {
  const { target, startedAtMs, ended, endsAtMs } = run;
  if (startedAtMs === undefined || ended !== undefined) return run;
  if (endsAtMs !== undefined && endsAtMs <= fromMs) return run;
  const tookMs = draw(target, fromMs - startedAtMs);
  return tookMs === undefined ? run : { ...run, endsAtMs: startedAtMs + tookMs };
}
