/**
 * How a table of messages (daemon/messages.ts) is walked: every entry with arguments to try it
 * with.
 */

/** For every entry some lists of arguments. */
export type Samples<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => string
    ? readonly [A, ...(readonly A[])]
    : never;
};
type Say = (...args: readonly unknown[]) => string;

/** One entry of a table, by its name, with the arguments to try it with. */
export interface Entry {
  readonly name: string;
  readonly say: Say;
  readonly lists: readonly (readonly unknown[])[];
}

/** One table, by a name for its entries. */
export function entriesOf(area: string, table: object, samples: object): readonly Entry[] {
  return Object.entries<Entry['lists']>({ ...samples }).map(([name, lists]) => ({
    name: `${area}.${name}`,
    say: Reflect.get(table, name) as Say,
    lists,
  }));
}
