/** Options that the package's published types omit; see daemon/server/connection.ts. */
declare module 'ndjson' {
  import type { Duplex } from 'node:stream';

  const ndjson: {
    parse(options?: { readonly strict?: boolean; readonly maxLength?: number }): Duplex;
  };
  export default ndjson;
}
