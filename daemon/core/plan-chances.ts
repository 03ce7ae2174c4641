/**
 * Simulates the same night many times: each play (daemon/core/plan-play.ts) draws the duration of
 * every run from the last successes of its target, and counts what happens to each target. Pure and
 * deterministic: the seed determines what is drawn.
 *
 * Invariant: the total work is bounded, independently of the machine's speed, so that the same
 * question has the same answer everywhere; if it would be too much, fewer plays are made.
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
  /** Runs that are running or queued at this time are counted. */
  readonly atMs: number;
  /** Durations to draw from, for each target. A single value is used as it is. */
  readonly pastMs: Readonly<Record<TargetName, readonly number[]>>;
  /** Default: PLAYS_MAX. */
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
    // The draw depends on the target and its number of runs, not on the order of the runs.
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

/** A running run takes longer than it already has; one that is being stopped is left alone. */
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
