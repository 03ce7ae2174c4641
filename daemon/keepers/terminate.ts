/**
 * Ends everything that belongs to a run: its signal, as a rule TERM, and CONT to every member (a
 * stopped job must see it), grace, then KILL in rounds until nobody is left. Some tools want the
 * signal for their main process alone, and end their helpers themselves: then the others hear it
 * once that one has ended. Never a bare pid: members are found anew for every round, by the keeper.
 * The keeper itself is spared, since it records the end; a command may have stopped it, so it gets
 * CONT, too. One that says nothing after all that is ended.
 */

import type { ProcessId } from '../shared/run.ts';
import type { StopOrder } from '../shared/stop.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { type ProcessStat, seemsAlive } from '../system/proc.ts';

/** How often the members are looked at: at first, and after a second. */
const LOOK_MS = 50;
const LOOK_LATER_MS = 250;
/** After so many rounds of KILL baton says that something is wrong, and goes on. */
const ROUNDS_QUIET = 40;
/** How long a keeper may take to say how its command ended, once no process of the run is left. */
const ANSWER_MS_MAX = 5_000;

/**
 * Starts ending a run: all that `members` finds, each time it looks. `done` is called once nobody
 * is left and no more can come, which `settled` knows: a keeper that was just let go may not have
 * forked yet. `stuck` hears, now and then, of processes that even KILL does not end (state D: they
 * wait for a device).
 */
export function endMembers(
  clock: Clock,
  members: () => readonly ProcessStat[],
  options: {
    readonly order: StopOrder;
    /** Absent where it is gone. */
    readonly keeper?: ProcessId;
    readonly settled: () => boolean;
    readonly done: () => void;
    readonly stuck: (members: readonly ProcessStat[]) => void;
    /** The keeper is about to be ended: it did not answer. */
    readonly silent?: () => void;
  },
): void {
  const { keeper, settled, order } = options;
  const { graceMs } = order;
  const beganAtMs = clock.now().steadyMs;
  const told = new Set<string>();
  let rounds = 0;
  let emptyAtMs: number | undefined;
  const look = (): void => {
    const left = tryTo(members);
    if (left === undefined) return void clock.after(LOOK_LATER_MS, look);
    if (left.length === 0 && settled()) {
      options.done();
      return;
    }
    const nowMs = clock.now().steadyMs;
    const elapsedMs = nowMs - beganAtMs;
    emptyAtMs = left.length === 0 && elapsedMs >= graceMs ? (emptyAtMs ?? nowMs) : undefined;
    if (keeper !== undefined && seemsAlive(keeper)) {
      if (emptyAtMs !== undefined && nowMs - emptyAtMs >= ANSWER_MS_MAX) {
        options.silent?.();
        send(keeper.pid, 'SIGKILL');
      } else send(keeper.pid, 'SIGCONT');
    }
    if (elapsedMs >= graceMs) {
      for (const { pid } of left) send(pid, 'SIGKILL');
      if (++rounds % ROUNDS_QUIET === 0 && left.length > 0) options.stuck(left);
    } else {
      const isAll = order.to === 'tree' || keeper === undefined || settled();
      for (const member of isAll ? left : mainOf(left, keeper)) tell(member, order, told);
    }
    clock.after(elapsedMs < 1_000 || rounds > 0 ? LOOK_MS : LOOK_LATER_MS, look);
  };
  look();
}

/** Nobody waits in silence for processes that even KILL does not end. */
export function tellStuck(log: Log, about: object, members: readonly ProcessStat[]): void {
  const processes = members.map(({ pid, state }) => ({ pid, state }));
  log.error({ ...about, processes }, 'processes cannot be killed');
}

/** Undefined where nobody can tell now: the next look tells. */
function tryTo<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

/**
 * The one that the keeper has started: of its children it is the first, since it adopts the others
 * from it. None where it has not been forked yet, or has ended.
 */
function mainOf(members: readonly ProcessStat[], keeper: ProcessId): readonly ProcessStat[] {
  const children = members.filter(({ parent }) => parent === keeper.pid);
  return children.sort((a, b) => a.startTime - b.startTime || a.pid - b.pid).slice(0, 1);
}

/** The signal once, also to members that came later. */
function tell({ pid, startTime }: ProcessStat, { signal }: StopOrder, told: Set<string>): void {
  const name = `${pid} ${startTime}`;
  if (told.has(name)) return;
  told.add(name);
  send(pid, `SIG${signal}`);
  send(pid, 'SIGCONT');
}

/** Nothing is said of a process that is gone. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile, or is not ours to signal; the next look tells.
  }
}
