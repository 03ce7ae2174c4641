/** Every generated file, by its path. A test holds that what is committed is what is generated. */
import { configSchemaText } from './schema.ts';

export function generated(): Readonly<Record<string, string>> {
  return {
    'contrib/config.schema.json': configSchemaText(),
  };
}
