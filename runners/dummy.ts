/**
 * dummy: does nothing for a while, to try policies and crontab lines without risk. It is a real
 * process (`sleep`), so that it can be cancelled, lost and taken over like any other run.
 */
import * as v from 'valibot';
import type { ProcessPlan, Runner } from '../daemon/core/plan.ts';
import { DURATION, DURATION_MS_MAX, parseDuration } from '../daemon/shared/duration.ts';

const TIME_EXPECTED = 'seconds as a number, or a duration such as "90s" or "1h30m"; at most 366d';

/** To milliseconds: a plain number means seconds, as in py9tor. */
const Time = v.union(
  [
    v.pipe(
      v.number(),
      v.minValue(0, TIME_EXPECTED),
      v.maxValue(DURATION_MS_MAX / 1_000, TIME_EXPECTED),
      v.transform((seconds) => Math.round(seconds * 1_000)),
    ),
    v.pipe(
      v.string(),
      v.check((text) => parseDuration(text) !== undefined, TIME_EXPECTED),
      v.metadata({ title: 'duration', pattern: DURATION.source }),
      v.transform((text) => parseDuration(text) ?? 0),
    ),
  ],
  TIME_EXPECTED,
);

const Options = v.pipe(
  v.strictObject({ type: v.literal('dummy'), time: Time }),
  v.metadata({
    keys: {
      type:
        'Run nothing: wait for a while, then succeed. For trying out policies and crontab lines ' +
        'safely.',
      time: 'Duration of the run; a plain number is in seconds.',
    },
  }),
  v.transform(({ type, time }) => ({ type, timeMs: time })),
);
type DummyOptions = v.InferOutput<typeof Options>;

export const dummy: Runner<DummyOptions> = {
  type: 'dummy',
  options: Options,

  plan({ timeMs }): ProcessPlan {
    return { keeper: 'process', args: ['sleep', String(timeMs / 1_000)], env: {} };
  },
};
