/** What config.json says of which ended runs are remembered: `keep`, of a target or of all. */
import * as v from 'valibot';
import { whole } from '../../policies/option-types.ts';
import { Bytes } from './field-types.ts';

export const KEEP_RUNS_MAX = 1_000_000;

const DAYS_EXPECTED = 'a number of days, more than 0';

export const Keep = v.pipe(
  v.strictObject({
    runs: v.exactOptional(whole(1, KEEP_RUNS_MAX)),
    days: v.exactOptional(v.pipe(v.number(DAYS_EXPECTED), v.gtValue(0, DAYS_EXPECTED))),
    bytes: v.exactOptional(Bytes),
  }),
  v.metadata({
    keys: {
      runs: 'At most this many of the latest.',
      days: 'Those that ended within this many days.',
      bytes: 'The latest, as long as their output is no larger than this in all.',
    },
  }),
);
export type KeepSettings = v.InferOutput<typeof Keep>;
