/** `retry` of a target in config.json: further attempts of a run. */
import * as v from 'valibot';
import { Duration, Limit, whole } from '../../policies/option-types.ts';
import { SIGNAL_NAMES } from '../shared/signals.ts';
import { Code } from './field-types.ts';

const ATTEMPTS_MAX = 1_000;
const GROWTH_MAX = 100;
const GROWTH_EXPECTED = `a number from 1 to ${GROWTH_MAX}`;
const ENDS = [
  'exited',
  'signalled',
  'timed-out',
  'window-closed',
  'unreachable',
  'not-started',
  'lost',
  'interrupted',
] as const;
const RETRY_ON = [...ENDS, ...SIGNAL_NAMES];

export const Retry = v.pipe(
  v.strictObject({
    attempts: whole(2, ATTEMPTS_MAX),
    delay: v.optional(Duration, '1m'),
    growth: v.optional(
      v.pipe(
        v.number(GROWTH_EXPECTED),
        v.minValue(1, GROWTH_EXPECTED),
        v.maxValue(GROWTH_MAX, GROWTH_EXPECTED),
      ),
      1,
    ),
    maxDelay: v.exactOptional(Limit),
    jitter: v.exactOptional(Duration),
    within: v.exactOptional(Limit),
    on: v.optional(v.pipe(v.array(v.union([Code, v.picklist(RETRY_ON)])), v.minLength(1)), [
      'exited',
      'signalled',
      'timed-out',
      'unreachable',
    ]),
  }),
  v.metadata({
    keys: {
      attempts: 'Maximum number of attempts for one run, including the first.',
      delay: 'Time between the end of an attempt and the next attempt.',
      growth: 'Factor by which each further delay grows. With 2: 1, 2, 4, 8 minutes.',
      maxDelay: 'Maximum delay.',
      jitter: 'Add a random time of up to this to each delay.',
      within: 'Start no further attempt later than this after the start of the first one.',
      on:
        'Retry only after these outcomes. A number is an exit code; `exited` is any exit code ' +
        'that counts as a failure; `signalled` is any signal; `SIGKILL`, for example, is one ' +
        'signal. The others are `timed-out`, `window-closed` (ended by a `window` with ' +
        '`atEnd`), `unreachable` (another machine), `not-started`, `lost`, `interrupted` (by ' +
        'a shutdown of the machine).',
    },
  }),
);
export type RetrySettings = v.InferOutput<typeof Retry>;
