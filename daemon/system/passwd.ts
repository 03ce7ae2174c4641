/**
 * Finds the user to run as: the passwd entry for a name or a number, by getent(1), which asks all
 * sources of the system. It is looked up before the start, because an error of setpriv itself would
 * look like an exit of the command.
 */
import { execFile } from 'node:child_process';
import { type UserInfo, userInfo } from 'node:os';
import { errnoOf, isShortage } from '../shared/errno.ts';
import { checkRoomToSpawn } from './free-descriptors.ts';

export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  readonly shell: string;
}

/** How long a directory service may take to answer. */
const LOOKUP_MS_MAX = 10_000;

/** Undefined if there is no such user. */
export async function findUser(who: string | number): Promise<PasswdEntry | undefined> {
  const fields = await getent('passwd', String(who));
  if (fields === undefined) return undefined;
  const [name = '', , uid, gid, , home = '/', shell] = fields;
  return { name, uid: Number(uid), gid: Number(gid), home, shell: shell || '/bin/sh' };
}

/** The number of a group, or undefined if there is no such group. */
export async function findGroup(which: string | number): Promise<number | undefined> {
  const fields = await getent('group', String(which));
  return fields === undefined ? undefined : Number(fields[2]);
}

/** The daemon's own user. */
export function ownAccount(): PasswdEntry {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const { username: name = String(uid), homedir: home = '/' } = findOwnEntry() ?? {};
  return { name, uid, gid, home, shell: '/bin/sh' };
}

/** The passwd entry of this process; undefined if its uid has none, as in a container. */
export function findOwnEntry(): UserInfo<string> | undefined {
  try {
    return userInfo();
  } catch {
    return undefined;
  }
}

/** Rejects if getent(1) cannot run now: too many processes, too many open files, no memory. */
function getent(database: string, key: string): Promise<readonly string[] | undefined> {
  return new Promise((resolve, reject) => {
    checkRoomToSpawn(); // if it throws here, the promise rejects
    execFile('getent', [database, key], { timeout: LOOKUP_MS_MAX }, (error, stdout) => {
      if (error !== null && isShortage(errnoOf(error))) reject(error);
      else resolve(error === null ? stdout.split('\n')[0]?.split(':') : undefined);
    });
  });
}
