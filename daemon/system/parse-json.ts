/** Parses JSON from other programs, if it is as expected. */
import * as v from 'valibot';

/** Undefined if it is not JSON, or does not match the schema; never throws. */
export function parseJson<T>(schema: v.GenericSchema<unknown, T>, text: string): T | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(schema, value);
  return parsed.success ? parsed.output : undefined;
}
