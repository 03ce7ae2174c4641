/**
 * Lockfiles that contain only a pid, as rsnapshot writes them, and who holds them. A lock is held
 * if rsnapshot itself thinks so: the process exists, whatever it is, a run of baton's or not; even
 * a zombie, because it can be sent a signal.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Target } from '../core/catalog.ts';
import type { RunName } from '../core/policy.ts';
import type { Holder, Lockfile } from '../core/world.ts';
import { leftLock } from '../protocol/outcome-text.ts';
import { errnoOf, isShortage } from '../shared/errno.ts';
import { statOf } from './proc.ts';
import { readRegular } from './regular-file.ts';

/** Longest lockfile that is read; a pid is much shorter. */
const LOCK_BYTES_MAX = 4_096;
/** Longest description of a process. */
const TEXT_CHARS_MAX = 60;

/** The running runs, by the pid of their keeper. */
export type RunsByKeeper = ReadonlyMap<number, RunName>;

/** Who holds each of these lockfiles, if anybody does, by the path of the lockfile. */
export function findHolders(
  lockfiles: readonly Lockfile[],
  runs: () => RunsByKeeper,
): ReadonlyMap<string, Holder> {
  const found = new Map<string, Holder>();
  for (const lockfile of lockfiles) {
    const holder = holderOf(lockfile, runs);
    if (holder !== undefined) found.set(lockfile.path, holder);
  }
  return found;
}

function holderOf({ path, program }: Lockfile, runs: () => RunsByKeeper): Holder | undefined {
  try {
    const pid = pidIn(path);
    const stat = pid === undefined ? undefined : statOf(pid);
    if (pid === undefined || stat === undefined) return undefined;
    const known = runs();
    // A keeper leads the session of its run.
    const run = known.get(stat.session) ?? known.get(pid);
    const isOther = run === undefined && !calls(program, pid);
    const text = nameOf(pid, stat.state, program);
    return { pid, text, isOther, ...(run === undefined ? {} : { run }) };
  } catch (error) {
    // Unknown is not free: it is checked again, like a held one.
    const errno = errnoOf(error);
    const isOdd = errno === 'EFTYPE';
    const why = isOdd
      ? 'it is not a regular file; remove it'
      : `it cannot be checked now (${errno})`;
    return { pid: 0, text: `unknown: ${why}` };
  }
}

/** Describes lockfiles that an ended run left behind and that block all later runs. */
export function describeLeftLocks(target: Target | undefined): string {
  const questions = (target?.bindings ?? []).flatMap(({ asks }) => asks);
  const texts = questions.flatMap((question) => {
    if (question.kind !== 'lockfile' || !question.stopsWhenStale) return [];
    return isStale(question.path) ? leftLock(question.path) : [];
  });
  return texts.join('');
}

function isStale(path: string): boolean {
  try {
    const pid = pidIn(path);
    if (pid === undefined) return false;
    const stat = statOf(pid);
    return stat === undefined;
  } catch {
    return false;
  }
}

function pidIn(path: string): number | undefined {
  try {
    const [line = ''] = readRegular(path, LOCK_BYTES_MAX).split('\n', 1);
    return /^\d{1,10}$/.test(line) && Number(line) > 0 ? Number(line) : undefined;
  } catch (error) {
    const errno = errnoOf(error);
    if (isShortage(errno) || errno === 'EFTYPE') throw error;
    return undefined;
  }
}

/** "rsnapshot hourly" for `/usr/bin/perl -w /usr/bin/rsnapshot hourly`. */
function nameOf(pid: number, state: string, program: string): string {
  if (state === 'Z') return 'ended, but its parent has not waited for it';
  const words = commandOf(pid);
  const at = words.findIndex((word) => basename(word).startsWith(program));
  const shown = words.slice(Math.max(0, at));
  const text = [basename(shown[0] ?? ''), ...shown.slice(1)].join(' ').replace(/\p{Cc}/gu, ' ');
  if (text === '') return 'of another user';
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX)}…` : text;
}

/** Nothing is known of a process without a command line: it has ended, or is another user's. */
function calls(program: string, pid: number): boolean {
  const words = commandOf(pid);
  return words.length === 0 || words.some((word) => basename(word).startsWith(program));
}

function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8')
      .split('\0')
      .filter((word) => word !== '');
  } catch {
    return [];
  }
}
