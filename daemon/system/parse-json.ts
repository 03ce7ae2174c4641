/** What another program wrote as JSON, as far as it is what is expected of it. */
import * as v from 'valibot';

/** Undefined where it is no JSON, or another value than the schema has: nothing throws. */
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
