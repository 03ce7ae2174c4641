/** Paths of the files that are installed with the daemon. */
import { basename, dirname, join } from 'node:path';

/** `dist`: the same from the bundle, `daemon/batond.cjs`, and from a room below it. */
const DIST = dirname(folderCalled('daemon', import.meta.dirname));

/** The path of a built file, such as `daemon/keeper.pl`. */
export function installed(path: string): string {
  return join(DIST, path);
}

function folderCalled(name: string, path: string): string {
  return basename(path) === name ? path : folderCalled(name, dirname(path));
}
