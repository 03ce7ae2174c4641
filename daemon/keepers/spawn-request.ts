/**
 * The request to the fork server for a run. The output files are created here, because a keeper
 * could not say why it cannot create them; the keeper only opens them.
 */
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { KeptRun } from '../engine/daemon.ts';
import type { RunId } from '../shared/run.ts';
import { APPEND, openRegular } from '../system/regular-file.ts';
import type { Rescue, SpawnRequest } from './fork-server.ts';
import type { Launch } from './launch.ts';

/** Throws system errors if the files cannot be created; the directory must exist. */
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

/** Keeps what an earlier attempt has written. */
function makeFile(path: string): string {
  closeSync(openRegular(path, APPEND));
  return path;
}
