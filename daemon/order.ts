/**
 * What is ordered of the fork server for a run. The files for the output are made here, since a
 * keeper could not say why it cannot: who opens them later finds them.
 */
import { closeSync, fchownSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { KeptRun } from './daemon.ts';
import type { Order } from './forkserver.ts';
import type { Launch } from './launch.ts';
import { LIMIT_PREFIX } from './perl.ts';
import { statusFileOf } from './statusfile.ts';

/** Throws what the system says where the directory or its files cannot be made. */
export function makeOrder(
  { run, target, merged }: KeptRun,
  attempt: number,
  launch: Launch,
  directory: string,
): Order {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return {
    title: `baton run ${run} ${target}`,
    statusFile: statusFileOf(directory, attempt),
    umask: launch.umask,
    cwd: launch.cwd,
    in: launch.stdin ?? '',
    out: makeFile(join(directory, 'out'), launch),
    err: merged ? '' : makeFile(join(directory, 'err'), launch),
    env: launch.env,
    args: [...LIMIT_PREFIX, ...launch.args],
  };
}

/** What an earlier attempt has written stays. */
function makeFile(path: string, { owner }: Launch): string {
  const file = openSync(path, 'a', 0o600);
  try {
    if (owner !== undefined) fchownSync(file, owner.uid, owner.gid);
  } finally {
    closeSync(file);
  }
  return path;
}
