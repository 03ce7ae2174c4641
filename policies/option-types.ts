/**
 * Option types that several policies use. Each one states what it expects, as the rest of a
 * sentence, and what the value becomes; see daemon/config/field-types.ts.
 */
import * as v from 'valibot';
import { DURATION, DURATION_EXPECTED, parseDuration } from '../daemon/shared/duration.ts';

/** To milliseconds. */
export const Duration = v.pipe(
  v.string(DURATION_EXPECTED),
  v.check((text) => parseDuration(text) !== undefined, `${DURATION_EXPECTED}, at most 366d`),
  v.metadata({ title: 'duration', pattern: DURATION.source }),
  v.transform((text) => parseDuration(text) ?? 0),
);

/** For durations that must not be 0. */
export const Limit = v.pipe(Duration, v.minValue(1, `${DURATION_EXPECTED}, longer than 0`));

/** An integer from `least` to `most`. */
export function whole(least: number, most: number) {
  const expected = `an integer from ${least} to ${most}`;
  return v.pipe(
    v.number(expected),
    v.integer(expected),
    v.minValue(least, expected),
    v.maxValue(most, expected),
  );
}

/** Targets with the same group name are considered together. */
export const GroupName = v.pipe(v.string(), v.minLength(1));

const ACCOUNT_EXPECTED = 'a name (no spaces, no ":", not starting with "-") or a number';
const ID_MAX = 2 ** 32 - 2;

/** Cannot be taken for an option or a second field by getent(1) and setpriv(1). */
export const Account = v.union(
  [
    v.pipe(v.string(), v.regex(/^[^\s\p{Cc}:-][^\s\p{Cc}:]*$/u, ACCOUNT_EXPECTED)),
    v.pipe(
      v.number(),
      v.integer(ACCOUNT_EXPECTED),
      v.minValue(0, ACCOUNT_EXPECTED),
      v.maxValue(ID_MAX, ACCOUNT_EXPECTED),
    ),
  ],
  ACCOUNT_EXPECTED,
);
