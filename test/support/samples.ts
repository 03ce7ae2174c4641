/**
 * Walks through a table of messages (daemon/messages.ts): every entry with arguments to try it
 * with.
 */

/** Lists of arguments for every entry. */
export type Samples<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => string
    ? readonly [A, ...(readonly A[])]
    : never;
};
type Say = (...args: readonly unknown[]) => string;

/** One entry of a table: its name, and the arguments to try it with. */
export interface Entry {
  readonly name: string;
  readonly say: Say;
  readonly lists: readonly (readonly unknown[])[];
}

/** One table, with a name for its entries. */
export function entriesOf(area: string, table: object, samples: object): readonly Entry[] {
  return Object.entries<Entry['lists']>({ ...samples }).map(([name, lists]) => ({
    name: `${area}.${name}`,
    say: Reflect.get(table, name) as Say,
    lists,
  }));
}
