/**
 * Starts ssh(1). Node reports failure in three ways: it throws (ENOMEM, E2BIG), emits an error
 * (ENOENT, EAGAIN), or emits one and has no streams (EMFILE). Here all become an errno.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { errnoOf } from '../../daemon/shared/errno.ts';
import { checkRoomToSpawn } from '../../daemon/system/free-descriptors.ts';
import { ownUser } from '../ssh/local-user.ts';

export type Ssh = ChildProcessByStdio<Writable, Readable, Readable>;

/** The process once it runs, or why there is none. */
export function spawnSsh(args: readonly string[]): Promise<Ssh | string> {
  return new Promise((resolve) => {
    try {
      checkRoomToSpawn();
      const { homedir } = ownUser();
      // A missing directory would be ENOENT, like a missing ssh.
      const cwd = existsSync(homedir) ? homedir : '/';
      const ssh = spawn('ssh', args, { cwd, detached: true });
      ssh.once('error', (error) => resolve(errnoOf(error)));
      ssh.once('spawn', () => resolve(ssh));
    } catch (error) {
      resolve(errnoOf(error));
    }
  });
}
