/**
 * The user that the SSH keeper runs as. In a container its uid may have no passwd entry, of which
 * node:os makes an exception: then its number is its name, and its home is $HOME.
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
