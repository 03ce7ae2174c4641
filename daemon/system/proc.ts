/**
 * Information about processes from /proc. A process is identified by its pid and its start time,
 * because the kernel reuses pids. All functions throw if /proc cannot be read now (EMFILE, …): the
 * caller has to try again.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { errnoOf, isShortage } from '../shared/errno.ts';
import type { KeeperId, Nonce, ProcessId, RunId } from '../shared/run.ts';

export interface ProcessStat {
  readonly pid: number;
  /** proc(5): R, S, D, T, Z, … */
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  /** The device of its controlling terminal, as in `rdev`; 0 without one. */
  readonly terminal: number;
  readonly startTime: number;
}

/** Its name for itself, up to the first NUL; '' if it is gone or has no command line. */
export function commandOf(pid: number): string {
  return readText(`/proc/${pid}/cmdline`)?.split('\0', 1)[0]?.trimEnd() ?? '';
}

/** The ID of this boot, or '' if /proc has none. */
export function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** Undefined if there is no such process. Includes zombies; see `isGone`. */
export function statOf(pid: number): ProcessStat | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the command in parentheses; it may contain spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (index: number): number => Number(fields[index]);
  return {
    pid,
    state: fields[0] ?? '?',
    parent: number(1),
    session: number(3),
    terminal: number(4),
    startTime: number(19),
  };
}

/** A zombie does nothing any more, even if its parent has not waited for it yet. */
function isGone(stat: ProcessStat): boolean {
  return stat.state === 'Z' || stat.state === 'X';
}

/** Whether this same keeper is alive: same boot, same pid, same start time. */
export function isAlive(keeper: KeeperId, boot: string): boolean {
  if (keeper.bootId !== boot) return false;
  const stat = statOf(keeper.pid);
  return stat !== undefined && !isGone(stat) && stat.startTime === keeper.startTime;
}

/**
 * The children of a process. After a command has ended, its keeper's children are what it left
 * behind: the keeper is a subreaper, so orphans below it become its children.
 */
export function childrenOf(pid: number): readonly ProcessId[] {
  const pids = readText(`/proc/${pid}/task/${pid}/children`)?.trim() ?? '';
  return pids === ''
    ? []
    : pids.split(' ').flatMap((child) => {
        const stat = statOf(Number(child));
        if (stat === undefined || isGone(stat)) return [];
        return [{ pid: stat.pid, startTime: stat.startTime }];
      });
}

/** Whether this same process is alive. */
function lives({ pid, startTime }: ProcessId): boolean {
  const stat = statOf(pid);
  return stat !== undefined && !isGone(stat) && stat.startTime === startTime;
}

/** The same for display only: a process that cannot be checked now counts as alive. */
export function seemsAlive(process: ProcessId): boolean {
  try {
    return lives(process);
  } catch {
    return true;
  }
}

/** All living processes. */
function* listProcesses(): Generator<ProcessStat> {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(Number(name));
    if (stat !== undefined && !isGone(stat)) yield stat;
  }
}

/** Marks in the environment of a run's processes. */
export interface RunMarks {
  readonly run: RunId;
  /** Absent: started by an older version, so only its directory is known. */
  readonly startNonce?: Nonce;
  readonly directory: string;
}

/** BATON_RUN_ID: unique, also across journals of the same state directory. */
export function idOf(run: RunId, startNonce: Nonce): string {
  return `${run}.${startNonce}`;
}

/**
 * The living processes of a run, except its keeper: the keeper's descendants (it is a subreaper, so
 * nothing below it can escape), its session, and, if the keeper is gone, all processes with the
 * run's marks in their environment.
 */
export function membersOf(keeper: KeeperId, marks: RunMarks): readonly ProcessStat[] {
  const all = [...listProcesses()];
  const keeperAlive = all.some(
    (stat) => stat.pid === keeper.pid && stat.startTime === keeper.startTime,
  );
  // If the pid was reused, so was the session of that name.
  const holder = statOf(keeper.pid);
  const sessionIsOurs = holder === undefined || holder.startTime === keeper.startTime;
  const members = new Map<number, ProcessStat>();
  const add = (stat: ProcessStat): void => {
    if (stat.pid === keeper.pid || members.has(stat.pid)) return;
    members.set(stat.pid, stat);
    for (const other of all) if (other.parent === stat.pid) add(other);
  };
  for (const stat of all) {
    // A pid is not reused while it names a session; a process that started before is unrelated.
    const inSession = stat.session === keeper.pid && stat.startTime >= keeper.startTime;
    if ((inSession && sessionIsOurs) || (keeperAlive && stat.parent === keeper.pid)) add(stat);
  }
  const mark = markOf(keeper, marks);
  if (!keeperAlive) for (const stat of all) if (isMarked(stat, mark)) add(stat);
  return [...members.values()];
}

/** Those of these processes that are alive, with all their descendants. */
export function descendantsOf(processes: readonly ProcessId[]): readonly ProcessStat[] {
  const all = [...listProcesses()];
  const found = new Set<ProcessStat>();
  const add = (stat: ProcessStat): void => {
    if (found.has(stat)) return;
    found.add(stat);
    for (const other of all) if (other.parent === stat.pid) add(other);
  };
  for (const { pid, startTime } of processes) {
    for (const stat of all) if (stat.pid === pid && stat.startTime === startTime) add(stat);
  }
  return [...found];
}

function markOf({ was }: KeeperId, { run, startNonce, directory }: RunMarks): string {
  return startNonce === undefined
    ? `BATON_RUN_DIR=${directory}`
    : `BATON_RUN_ID=${idOf(was ?? run, startNonce)}`;
}

function isMarked(stat: ProcessStat, mark: string): boolean {
  return readText(`/proc/${stat.pid}/environ`)?.split('\0').includes(mark) ?? false;
}

/**
 * Undefined if the file is gone or not readable for us: processes vanish at any time. Throws if
 * that is unknown because of a shortage of descriptors or memory: no process is gone by that.
 */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isShortage(errnoOf(error))) throw error;
    return undefined;
  }
}
