/** Where the files stand that come with the daemon. */
import { basename, dirname, join } from 'node:path';

/**
 * `dist`: the same whether this stands in the bundle, `daemon/batond.cjs`, or in a room below it.
 */
const DIST = dirname(folderCalled('daemon', import.meta.dirname));

/** The path of a file that was built, such as `daemon/keepers/keeper.pl`. */
export function installed(path: string): string {
  return join(DIST, path);
}

function folderCalled(name: string, path: string): string {
  return basename(path) === name ? path : folderCalled(name, dirname(path));
}
