/**
 * What the fork server and the keepers need of the machine: perl, their script, and the numbers of
 * system calls that perl has no name for.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { noKeeperScript, noPerl } from '../system/boot-messages.ts';
import { installed } from '../system/installed.ts';

export const KEEPER_SCRIPT = installed('daemon/keeper.pl');
/** Soft limit of open files for a job; Node raises its own, and children would inherit that. */
const NOFILE_SOFT = 1_024;

/**
 * Numbers of prctl(2), prlimit(2), setsid(2) and clock_gettime(2) by machine; 0 where they are not
 * known.
 */
const SYSCALLS: Readonly<Partial<Record<string, readonly number[]>>> = {
  x64: [157, 302, 112, 228],
  arm64: [167, 261, 157, 113],
  riscv64: [167, 261, 157, 113],
  loong64: [167, 261, 157, 113],
  ppc64: [171, 325, 66, 246],
  s390x: [172, 334, 66, 260],
};
const [PRCTL = 0, PRLIMIT = 0, SETSID = 0, CLOCK = 0] = SYSCALLS[process.arch] ?? [];

/** What the fork server is told of this machine; see keeper.pl. */
export const NUMBERS: readonly string[] = [PRCTL, PRLIMIT, SETSID, CLOCK, NOFILE_SOFT].map(String);

/** Where prlimit(2) cannot be called, prlimit(1) stands before the command. */
export const LIMIT_PREFIX: readonly string[] =
  PRLIMIT === 0 ? ['prlimit', `--nofile=${NOFILE_SOFT}:`, '--'] : [];

/** Why no keeper can be had here, and what to do; undefined if one can. */
export function findKeeperTrouble(
  path: string | undefined,
  script: string = KEEPER_SCRIPT,
): string | undefined {
  if (findPerl(path) === undefined) {
    return noPerl(path);
  }
  if (isUsable(script, constants.R_OK)) return undefined;
  return noKeeperScript(script);
}

/** By the PATH of the daemon: that of a target may be anything. */
export function findPerl(path = '/usr/bin:/bin'): string | undefined {
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
