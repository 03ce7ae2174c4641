/**
 * `batond --plan`: reads the expected requests from stdin and writes what follows from them under
 * the configuration to stdout, each as one JSON object (daemon/protocol/planned.ts). `baton plan`
 * starts it as a separate process, so that a long plan does not hold up the daemon.
 */
import type { Config } from '../config/load.ts';
import type { Catalog } from '../core/catalog.ts';
import { planChances } from '../core/plan-chances.ts';
import { planRuns } from '../core/plan-runs.ts';
import { PlanInputSchema } from '../protocol/plan-schema.ts';
import type { KnownRun, Past, PlanInput, PlannedDuration } from '../protocol/planned.ts';
import { unknownTarget } from '../protocol/refusal-text.ts';
import { EXIT } from '../protocol/request.ts';
import { noPlanInput } from '../system/boot-messages.ts';
import { parseJson } from '../system/parse-json.ts';

export type PlanAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly text: string; readonly status: number };

/** The answer to the input. */
export function answerPlan(asked: string, { path, catalog }: Config): PlanAnswer {
  const input = parseJson(PlanInputSchema, asked);
  if (input === undefined) return { ok: false, text: noPlanInput(), status: EXIT.usage };
  const { targets, fleets } = catalog;
  const { assumedMs = {}, past, isSlow, worst, ...asking } = input;
  const odd = Object.keys(assumedMs).find((name) => !targets.has(name) && !fleets.has(name));
  if (odd !== undefined) {
    const text = `${odd}: ${unknownTarget(path, odd, [...targets.keys(), ...fleets.keys()])}`;
    return { ok: false, text, status: EXIT.config };
  }
  const assumed = assumedIn(assumedMs, catalog);
  const known = Object.entries(past);
  const usual = Object.fromEntries(
    known.map(([name, its]) => [name, isSlow ? its.slowMs : its.medianMs]),
  );
  const tookMs = { ...usual, ...assumed };
  const { runs = [], fromMs } = input;
  const slowed = isSlow ? runs.map((run) => slowRun(run, fromMs, past)) : runs;
  const planned = planRuns({ ...asking, runs: slowed, catalog, tookMs });
  const durations = durationsOf(planned.runs, tookMs, past, assumed);
  const drawn = {
    ...Object.fromEntries(known.map(([name, its]) => [name, its.tookMs ?? [its.medianMs]])),
    ...Object.fromEntries(Object.entries(assumed).map(([name, ms]) => [name, [ms]])),
  };
  const chances =
    worst === undefined
      ? {}
      : { chances: planChances({ ...asking, runs, catalog, ...worst, pastMs: drawn }) };
  return { ok: true, text: `${JSON.stringify({ ...planned, durations, ...chances })}\n` };
}

/** The duration of a fleet applies to its hosts; the duration of a host takes precedence. */
function assumedIn(
  assumedMs: NonNullable<PlanInput['assumedMs']>,
  { fleets }: Catalog,
): Readonly<Record<string, number>> {
  const assumed = Object.entries(assumedMs);
  const ofHosts = assumed.flatMap(([name, ms]) =>
    (fleets.get(name) ?? []).map((target) => [target, ms] as const),
  );
  return Object.fromEntries([...ofHosts, ...assumed]);
}

/** A running run takes its slow time as well, unless it is being stopped. */
function slowRun(run: KnownRun, fromMs: number, past: Readonly<Record<string, Past>>): KnownRun {
  const { startedAtMs, ended, endsAtMs = fromMs + 1 } = run;
  const slowMs = Object.hasOwn(past, run.target) ? past[run.target]?.slowMs : undefined;
  if (startedAtMs === undefined || ended !== undefined || slowMs === undefined) return run;
  return endsAtMs <= fromMs ? run : { ...run, endsAtMs: Math.max(endsAtMs, startedAtMs + slowMs) };
}

/** For the targets of these runs. */
function durationsOf(
  runs: readonly { readonly target: string }[],
  tookMs: Readonly<Record<string, number>>,
  past: Readonly<Record<string, Past>>,
  assumed: Readonly<Record<string, number>>,
): readonly PlannedDuration[] {
  const targets = [...new Set(runs.map(({ target }) => target))];
  return targets.flatMap((target) => {
    const ms = Object.hasOwn(tookMs, target) ? tookMs[target] : undefined;
    if (ms === undefined) return [];
    const { medianMs, slowMs } = (Object.hasOwn(past, target) ? past[target] : undefined) ?? {};
    return {
      ...{ target, tookMs: ms },
      ...(Object.hasOwn(assumed, target) ? { isAssumed: true as const } : {}),
      ...(medianMs === undefined ? {} : { medianMs }),
      ...(slowMs === undefined ? {} : { slowMs }),
    };
  });
}
