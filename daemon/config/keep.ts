/** `keep` in config.json, for one target or all: which ended runs are remembered. */
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
      runs: 'Keep this many of the most recent runs.',
      days: 'Keep the runs that ended within this many days.',
      bytes: 'Keep the most recent runs whose output together is at most this large.',
    },
  }),
);
export type KeepSettings = v.InferOutput<typeof Keep>;
