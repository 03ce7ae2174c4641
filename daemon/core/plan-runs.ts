/**
 * The night before it happens: one play (daemon/core/plan-play.ts) in which every run takes its
 * usual time, or the time that the user gave. Pure and deterministic.
 */
import { requestsIn } from './plan-known.ts';
import { Play, type PlayOptions } from './plan-play.ts';
import { type PlannedRuns, PlanRows } from './plan-rows.ts';
import { emptyState } from './state.ts';

export interface PlanOptions extends Omit<PlayOptions, 'drawMs'> {
  /** How long the runs of each target take. */
  readonly tookMs: Readonly<Record<string, number>>;
}

export function planRuns({ tookMs, ...options }: PlanOptions): PlannedRuns {
  const { fromMs, untilMs, catalog } = options;
  const state = emptyState();
  const rows = new PlanRows(state, catalog);
  const drawMs = (target: string) => (Object.hasOwn(tookMs, target) ? tookMs[target] : undefined);
  const play = new Play({ ...options, requests: requestsIn(options), drawMs }, state, rows);
  play.play();
  const { cutAtMs, unknown } = play;
  const cut = cutAtMs === undefined ? {} : { cutAtMs };
  return { fromMs, untilMs, ...rows.close(unknown), ...cut };
}
