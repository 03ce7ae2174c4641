/**
 * Checks who owns the state directory. Users who can write to it can make the daemon run and
 * overwrite anything, so it and what the daemon opens in it must belong to the daemon's user alone.
 * Links are followed: nobody else can have made them.
 */
import { lstatSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ownedByOther, writableByOthers } from './boot-messages.ts';
import { nameUser } from './owner-name.ts';

/** What the daemon and the SSH keeper open. */
const NAMES = [
  'lock',
  'journal.ndjson',
  'journal.ndjson.tmp',
  'runs',
  'aside',
  'ssh.sock',
  'ssh.log',
];
const OTHERS_WRITE = 0o022;

/** Why it cannot be trusted, or undefined. The directory must exist. */
export function findForeign(directory: string): string | undefined {
  const uid = process.getuid?.() ?? 0;
  const own = statSync(directory);
  const isOthers = (path: string, found: number): string =>
    ownedByOther(path, nameUser(found), nameUser(uid));
  if (own.uid !== uid) return isOthers(directory, own.uid);
  if ((own.mode & OTHERS_WRITE) !== 0) return writableByOthers(directory, own.mode & 0o7777);
  for (const name of NAMES) {
    const path = join(directory, name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && stat.uid !== uid) return isOthers(path, stat.uid);
  }
  return undefined;
}
