/**
 * What is spawned for a run: keeper.pl, with the files for the output of the run and the socket by
 * which it is let go. The keeper says on that socket, before it forks, that it has begun.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, closeSync, constants, fchownSync, mkdirSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import type { KeptRun } from './daemon.ts';
import { errnoOf } from './errno.ts';
import type { Launch } from './launch.ts';
import { statOf } from './process.ts';
import { statusFileOf } from './statusfile.ts';

const KEEPER_SCRIPT = join(import.meta.dirname, 'keeper.pl');
/** Soft limit of open files for a job; Node raises its own, and children would inherit that. */
const NOFILE_SOFT = 1_024;

/** Numbers of the system calls prctl(2) and prlimit(2) by machine; 0 where they are not known. */
const SYSCALLS: Readonly<Partial<Record<string, readonly [number, number]>>> = {
  x64: [157, 302],
  arm64: [167, 261],
  riscv64: [167, 261],
  loong64: [167, 261],
  ppc64: [171, 325],
  s390x: [172, 334],
};

/** spawn(2) as a test may replace it. */
export type Spawn = (
  file: string,
  args: readonly string[],
  options: {
    readonly detached: true;
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly stdio: readonly ('ignore' | 'pipe' | number | undefined)[];
  },
) => ChildProcess;

export const REAL_SPAWN: Spawn = (file, args, options) =>
  spawn(file, [...args], { ...options, stdio: [...options.stdio] });

export interface KeeperProcess {
  readonly pid: number;
  readonly startTime: number;
  readonly control: Socket;
}

/** Why no keeper can be spawned here, and what to do; undefined if one can. */
export function findKeeperTrouble(
  path: string | undefined,
  script: string = KEEPER_SCRIPT,
): string | undefined {
  if (findPerl(path) === undefined) {
    return `keepers need perl, which is not in PATH (${path}): install perl-base`;
  }
  if (isUsable(script, constants.R_OK)) return undefined;
  return `${script} is missing or cannot be read: install baton again`;
}

/** By the PATH of the daemon: that of a target, by which spawn(2) would go, may be anything. */
function findPerl(path = '/usr/bin:/bin'): string | undefined {
  const places = path.split(delimiter).map((place) => join(place || '.', 'perl'));
  return places.find((place) => isUsable(place, constants.X_OK));
}

function isUsable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** Resolves with a keeper that waits for `go`, or with the errno that says why there is none. */
export function spawnKeeper(
  run: KeptRun,
  attempt: number,
  launch: Launch,
  place: { readonly directory: string; readonly spawn: Spawn },
): Promise<KeeperProcess | string> {
  const perl = findPerl(process.env['PATH']);
  if (perl === undefined) return Promise.resolve('ENOENT');
  const files: number[] = [];
  return new Promise((resolve) => {
    try {
      files.push(...openOutput(place.directory, run, launch));
      const [out, err = out] = files;
      const args = [KEEPER_SCRIPT, ...argsOf(run, attempt, launch, place.directory)];
      const child = place.spawn(perl, args, {
        detached: true,
        cwd: '/',
        env: launch.env,
        stdio: ['ignore', out, err, 'pipe'],
      });
      child.on('error', (error) => resolve(errnoOf(error)));
      child.unref();
      const control = child.stdio[3] as Socket | null | undefined;
      if (child.pid === undefined || !control) return; // the error comes
      control.on('error', () => {}); // ECONNRESET and EPIPE are normal here; `close` follows
      resolve(introduce(child, child.pid, control));
    } catch (error) {
      resolve(errnoOf(error));
    } finally {
      for (const file of files) closeSync(file);
    }
  });
}

/** Who could not be known again is ended before it does or writes anything. */
function introduce(child: ChildProcess, pid: number, control: Socket): KeeperProcess | string {
  try {
    return { pid, startTime: statOf(pid)?.startTime ?? 0, control };
  } catch (error) {
    child.kill('SIGKILL');
    control.destroy();
    return errnoOf(error);
  }
}

function argsOf(
  { run, target }: KeptRun,
  attempt: number,
  launch: Launch,
  directory: string,
): readonly string[] {
  const [prctl, prlimit] = SYSCALLS[process.arch] ?? [0, 0];
  const limit = prlimit === 0 ? ['prlimit', `--nofile=${NOFILE_SOFT}:`, '--'] : [];
  const own = [prctl, prlimit, NOFILE_SOFT, launch.umask].map(String);
  const status = statusFileOf(directory, attempt);
  return [`baton run ${run} ${target}`, status, ...own, launch.cwd, ...limit, ...launch.args];
}

/** One file for both streams if their order matters, else two. O_APPEND: nobody overwrites. */
function openOutput(directory: string, { merged }: KeptRun, launch: Launch): readonly number[] {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const names = merged ? ['out'] : ['out', 'err'];
  const files: number[] = [];
  try {
    for (const name of names) {
      const file = openSync(join(directory, name), 'a', 0o600);
      files.push(file);
      if (launch.owner !== undefined) fchownSync(file, launch.owner.uid, launch.owner.gid);
    }
    return files;
  } catch (error) {
    for (const file of files) closeSync(file);
    throw error;
  }
}
