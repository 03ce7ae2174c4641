/**
 * What is ordered of the fork server for a run. The files for the output are made here, since a
 * keeper could not say why it cannot: who opens them later finds them.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { KeptRun } from '../engine/daemon.ts';
import type { RunId } from '../shared/run.ts';
import { APPEND, openRegular } from '../system/regular-file.ts';
import type { Rescue, SpawnRequest } from './fork-server.ts';
import type { Launch } from './launch.ts';

/** Throws what the system says where the files cannot be made; the directory is there. */
export function makeSpawnRequest(
  { run, target, merged }: KeptRun,
  statusFile: string,
  launch: Launch,
  directory: string,
): SpawnRequest {
  return {
    title: `baton run ${run} ${target}`,
    statusFile,
    umask: launch.umask,
    cwd: launch.cwd,
    owner: launch.owner === undefined ? '' : `${launch.owner.uid}:${launch.owner.gid}`,
    in: launch.stdin ?? '',
    out: makeFile(join(directory, 'out')),
    err: merged ? '' : makeFile(join(directory, 'err')),
    env: launch.env,
    args: launch.args,
  };
}

/** For the output of processes that have lost their keeper. */
export function makeRescue(run: RunId, directory: string, pids: readonly number[]): Rescue {
  const title = `baton output of run ${run}`;
  return { title, out: join(directory, 'out'), err: join(directory, 'err'), pids };
}

/** What an earlier attempt has written stays. */
function makeFile(path: string): string {
  closeSync(openRegular(path, APPEND));
  return path;
}
