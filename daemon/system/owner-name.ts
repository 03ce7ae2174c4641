/**
 * Names of users and groups for people: by name, as in ls, and by number, as for commands and other
 * machines. Uses local files only, so that it never waits for a directory service.
 */
import { readRegular } from './regular-file.ts';

/** Longer files are not searched. */
const FILE_BYTES_MAX = 1024 * 1024;

/** "alice (uid 1000)"; "uid 1000" if `file` has no name for it, or cannot be read. */
export function nameUser(uid: number, file: string = '/etc/passwd'): string {
  return nameId('uid', uid, file);
}

/** "backup (gid 34)", or "gid 34". */
export function nameGroup(gid: number, file: string = '/etc/group'): string {
  return nameId('gid', gid, file);
}

function nameId(kind: 'uid' | 'gid', id: number, file: string): string {
  const [name = ''] = linesOf(file).find((fields) => fields[2] === String(id)) ?? [];
  return name === '' ? `${kind} ${id}` : `${name} (${kind} ${id})`;
}

function linesOf(file: string): readonly (readonly string[])[] {
  try {
    return readRegular(file, FILE_BYTES_MAX)
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return []; // a container may not have the file
  }
}
