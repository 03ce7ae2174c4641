/**
 * The locks that a line takes with flock(1): by path, or by a descriptor opened with `9>`. Pure.
 */
import { contextOf } from './calls.ts';
import type { Flock } from './carried.ts';
import type { CronLine } from './crontab.ts';
import { readShell, type ShellRead } from './shell.ts';
import { type Context, unwrap } from './unwrap.ts';

type Line = Pick<CronLine, 'command' | 'settings'>;

export function flocksOf(line: Line): readonly Flock[] {
  const context = contextOf(line);
  return flocksIn(readShell(line.command, context.isBash, context.variables), context);
}

/** Their paths, each once. */
export function locksOf(line: Line): readonly string[] {
  return [...new Set(flocksOf(line).map(({ path }) => path))];
}

function flocksIn(read: ShellRead, context: Context): readonly Flock[] {
  return read.commands.flatMap((command): readonly Flock[] => {
    const job = unwrap(command, context);
    if (job.kind === 'nothing') return [];
    const own = job.carried.flocks.flatMap((flock) => {
      const path = /^\d+$/.test(flock.path) ? read.descriptors.get(flock.path) : flock.path;
      return path === undefined || path.includes('\0') ? [] : [{ ...flock, path }];
    });
    if (job.kind !== 'script') return own;
    return [...own, ...flocksIn(job.read, { ...context, isBash: job.isBash })];
  });
}
