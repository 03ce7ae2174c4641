/**
 * What /proc says of processes. A process is known by its pid and its start time together: the
 * kernel gives pids away again. All of this throws where /proc cannot be read now (EMFILE, …): who
 * asks has to ask again.
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

/** What it calls itself, up to the first NUL; '' of one that is gone or has no command line. */
export function commandOf(pid: number): string {
  return readText(`/proc/${pid}/cmdline`)?.split('\0', 1)[0]?.trimEnd() ?? '';
}

/** This boot's identity, or '' where /proc has none. */
export function bootId(): string {
  return readText('/proc/sys/kernel/random/boot_id')?.trim() ?? '';
}

/** Undefined if there is no such process. Zombies are listed; see `isGone`. */
export function statOf(pid: number): ProcessStat | undefined {
  const text = readText(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // The second field is the command in parentheses; it may hold spaces and parentheses itself.
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

/** Whether this very keeper lives: same boot, same pid, same start time. */
export function isAlive(keeper: KeeperId, boot: string): boolean {
  if (keeper.bootId !== boot) return false;
  const stat = statOf(keeper.pid);
  return stat !== undefined && !isGone(stat) && stat.startTime === keeper.startTime;
}

/**
 * The children of a process. After a command has ended, those of its keeper are what it left
 * behind: the keeper is a subreaper, and whoever loses its parent below it becomes its child.
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

/** Whether this very process lives. */
function lives({ pid, startTime }: ProcessId): boolean {
  const stat = statOf(pid);
  return stat !== undefined && !isGone(stat) && stat.startTime === startTime;
}

/** The same for those who only show it: who cannot be looked at now is taken for alive. */
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

/** What the processes of a run carry in their environment. */
export interface RunMarks {
  readonly run: RunId;
  /** Absent: it was started by an older version, and only its directory is known. */
  readonly startNonce?: Nonce;
  readonly directory: string;
}

/** BATON_RUN_ID: no other run ever has it, in no other life of the state directory. */
export function idOf(run: RunId, startNonce: Nonce): string {
  return `${run}.${startNonce}`;
}

/**
 * The living processes of a run, its keeper excepted: the keeper's descendants (it is a subreaper,
 * so nothing below it can leave), its session, and, where the keeper is gone, whoever carries the
 * run's name in its environment.
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
    // A pid is not given away while it names a session; who started before is somebody else.
    const inSession = stat.session === keeper.pid && stat.startTime >= keeper.startTime;
    if ((inSession && sessionIsOurs) || (keeperAlive && stat.parent === keeper.pid)) add(stat);
  }
  const mark = markOf(keeper, marks);
  if (!keeperAlive) for (const stat of all) if (isMarked(stat, mark)) add(stat);
  return [...members.values()];
}

/** Those of these processes that live, with all that came of them. */
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
 * Undefined where the file is gone or not ours to read: processes vanish at any time. Throws where
 * that cannot be told now, for want of a file descriptor or of memory: nobody is gone by that.
 */
function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isShortage(errnoOf(error))) throw error;
    return undefined;
  }
}
