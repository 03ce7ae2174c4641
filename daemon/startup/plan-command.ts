/**
 * `batond --plan`: what is going to be asked comes on stdin, what follows from that by the
 * configuration goes to stdout, each as one JSON object (daemon/protocol/planned.ts). `baton plan`
 * starts it, so that a long plan is a process of its own and keeps no daemon from its work.
 */
import type { Config } from '../config/load.ts';
import { planRuns } from '../core/plan-runs.ts';
import { PlanInputSchema } from '../protocol/plan-schema.ts';
import { unknownTarget } from '../protocol/refusal-text.ts';
import { EXIT } from '../protocol/request.ts';
import { noPlanInput } from '../system/boot-messages.ts';
import { parseJson } from '../system/parse-json.ts';

export type PlanAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly text: string; readonly status: number };

/** The answer to what stood on stdin. */
export function answerPlan(asked: string, { path, catalog }: Config): PlanAnswer {
  const input = parseJson(PlanInputSchema, asked);
  if (input === undefined) return { ok: false, text: noPlanInput(), status: EXIT.usage };
  const { assumedMs = {}, tookMs, ...rest } = input;
  const { targets, fleets } = catalog;
  const odd = Object.keys(assumedMs).find((name) => !targets.has(name) && !fleets.has(name));
  if (odd !== undefined) {
    const text = `${odd}: ${unknownTarget(path, odd, [...targets.keys(), ...fleets.keys()])}`;
    return { ok: false, text, status: EXIT.config };
  }
  // That of a fleet is that of its hosts; what is said of a host itself comes after it.
  const assumed = Object.entries(assumedMs);
  const ofHosts = assumed.flatMap(([name, ms]) =>
    (fleets.get(name) ?? []).map((target) => [target, ms] as const),
  );
  const took = { ...tookMs, ...Object.fromEntries([...ofHosts, ...assumed]) };
  const planned = planRuns({ ...rest, catalog, tookMs: took });
  return { ok: true, text: `${JSON.stringify(planned)}\n` };
}
