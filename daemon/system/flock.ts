/**
 * A lock for the daemon's lifetime, by flock(2): Node has no call for it, but a lock belongs to the
 * open file, so flock(1) can take it on an inherited descriptor. It is released as soon as the
 * daemon is gone, for whatever reason. Jobs do not inherit it: Node opens files close-on-exec.
 */

import { spawnSync } from 'node:child_process';
import { closeSync, constants, fstatSync, ftruncateSync, writeSync } from 'node:fs';
import { errnoOf } from '../shared/errno.ts';
import { lastLine } from '../shared/lines.ts';
import type { Result } from '../shared/result.ts';
import * as say from './boot-messages.ts';
import { APPEND, openRegular, readEnd } from './regular-file.ts';

/** Exit status of flock(1) if somebody else holds the lock. */
const BUSY = 75;
const HOLDER_BYTES_MAX = 64;

/**
 * Takes the lock, or returns who has it, and that `option` selects another path. The descriptor
 * stays open until the process ends.
 */
export function takeLock(path: string, option: string): Result<number> {
  let file: number;
  try {
    // In a directory of others there could be a link instead, to a valuable file.
    file = openRegular(path, APPEND | constants.O_NOFOLLOW);
  } catch (error) {
    const isLink = errnoOf(error) === 'ELOOP';
    return { ok: false, error: isLink ? say.noOwnLock(path) : say.cannotOpen(path, error) };
  }
  const { uid, nlink } = fstatSync(file);
  if (uid !== process.getuid?.() || nlink !== 1) {
    closeSync(file);
    return { ok: false, error: say.noOwnLock(path) };
  }
  const stdio = ['ignore', 'ignore', 'pipe', file] as const;
  const flock = spawnSync('flock', ['-n', '-E', String(BUSY), '3'], { stdio: [...stdio] });
  if (flock.status === 0) return { ok: true, value: file };
  if (flock.status === BUSY) {
    const holder = lastLine(readEnd(path, HOLDER_BYTES_MAX).toString());
    return { ok: false, error: say.lockHeld(path, holder || undefined, option) };
  }
  if (flock.error !== undefined && errnoOf(flock.error) === 'ENOENT') {
    return { ok: false, error: say.noFlock(path) };
  }
  const why = flock.error === undefined ? String(flock.stderr).trim() : errnoOf(flock.error);
  return { ok: false, error: say.cannotLock(path, why) };
}

/** Writes who holds the lock, for the message above; on a full disk, the lock stays unsigned. */
export function signLock(file: number): void {
  try {
    ftruncateSync(file);
    writeSync(file, `${process.pid}\n`);
  } catch {
    // The message will say "another daemon".
  }
}
