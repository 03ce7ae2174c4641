/**
 * The user that the SSH keeper runs as. In a container its uid may have no passwd entry, for which
 * node:os throws: then its number is used as its name, and $HOME as its home.
 */
import { userInfo } from 'node:os';

export interface OwnUser {
  readonly username: string;
  readonly homedir: string;
}

export function ownUser(): OwnUser {
  try {
    return userInfo();
  } catch {
    return { username: String(process.getuid?.()), homedir: process.env['HOME'] || '/' };
  }
}
