/**
 * Makes everything that is installed for all users readable for them. npm and git obey the umask,
 * and with 077, which root has on many machines, only root could run baton from a crontab or read
 * its man pages.
 *
 * Invariants: permissions are only added, never removed; outside of a build only root does so;
 * nothing above npm's prefix is changed.
 */
import { chmodSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const READ = 0o444;
const SEARCH = 0o111;

/** The package, or the checkout. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
/** npm's prefix, if npm has installed this package. */
export const PREFIX = ROOT.endsWith('/lib/node_modules/batond')
  ? ROOT.slice(0, -'/lib/node_modules/batond'.length)
  : undefined;
export const isRoot = process.getuid() === 0;

/** What npm has installed: the directories and the commands. */
export function openInstallation() {
  if (PREFIX === undefined || !isRoot) return;
  openTree(ROOT);
  openWay(PREFIX, ROOT);
  openWay(PREFIX, join(PREFIX, 'bin'));
}

/** A file, or a directory with its content. */
export function openTree(path) {
  open(path);
  if (!statSync(path).isDirectory()) return;
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) openTree(inner);
    else if (entry.isFile()) open(inner);
  }
}

/** The directories below `top` on the way to `directory`, and that itself. */
export function openWay(top, directory) {
  for (let way = directory; way.startsWith(top + sep); way = dirname(way)) open(way);
}

/** What keeps other users from reading a file: itself or a parent directory; or undefined. */
export function obstacleTo(path) {
  for (let way = dirname(path); ; way = dirname(way)) {
    if ((statSync(way).mode & 0o1) === 0) return way;
    if (way === '/') break;
  }
  return (statSync(path).mode & 0o4) === 0 ? path : undefined;
}

function open(path) {
  const { mode } = statSync(path);
  const wanted = mode | READ | ((mode & 0o100) === 0 ? 0 : SEARCH);
  if (wanted !== mode) chmodSync(path, wanted & 0o7777);
}
