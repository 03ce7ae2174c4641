/** What `batond --plan` reads on stdin; daemon/protocol/planned.ts explains the fields. */
import * as v from 'valibot';
import type { PlanInput } from './planned.ts';
import { PLAN_REQUESTS_MAX } from './request.ts';

const Ms = v.pipe(v.number(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const Run = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER));
const Durations = v.record(v.string(), Ms);

const Coming = v.strictObject({
  atMs: Ms,
  target: v.string(),
  args: v.exactOptional(v.array(v.string())),
  only: v.exactOptional(v.array(v.string())),
  maxWaitMs: v.exactOptional(Ms),
});

const Known = v.strictObject({
  run: Run,
  target: v.string(),
  askedAtMs: Ms,
  startedAtMs: v.exactOptional(Ms),
  ended: v.exactOptional(
    v.strictObject({ atMs: Ms, verdict: v.picklist(['ok', 'warning', 'failed']) }),
  ),
  endsAtMs: v.exactOptional(Ms),
  attempt: v.exactOptional(Run),
  firstStartedAtMs: v.exactOptional(Ms),
  notBeforeMs: v.exactOptional(Ms),
  expiresAtMs: v.exactOptional(Ms),
});

const Past = v.strictObject({
  medianMs: Ms,
  slowMs: Ms,
  tookMs: v.exactOptional(v.array(Ms)),
});

const Worst = v.strictObject({ seed: v.pipe(v.number(), v.integer()), atMs: Ms });

const Paused = v.union([
  v.strictObject({ target: v.string(), untilMs: v.exactOptional(Ms) }),
  v.strictObject({ group: v.string(), untilMs: v.exactOptional(Ms) }),
  v.strictObject({ all: v.literal(true), untilMs: v.exactOptional(Ms) }),
]);

export const PlanInputSchema: v.GenericSchema<unknown, PlanInput> = v.strictObject({
  fromMs: Ms,
  untilMs: Ms,
  requests: v.pipe(v.array(Coming), v.maxLength(PLAN_REQUESTS_MAX)),
  past: v.record(v.string(), Past),
  isSlow: v.exactOptional(v.boolean()),
  worst: v.exactOptional(Worst),
  assumedMs: v.exactOptional(Durations),
  runs: v.exactOptional(v.array(Known)),
  pauses: v.exactOptional(v.array(Paused)),
  freshAtMs: v.exactOptional(Durations),
});
