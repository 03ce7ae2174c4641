/**
 * Ends everything that belongs to a run: its stop signal, usually TERM, and CONT to every member (a
 * stopped job must see the signal), then the grace period, then KILL in rounds until no process is
 * left. Some tools want the signal only for their main process, and end their helpers themselves:
 * then the others get it once that one has ended. Never a stored pid: members are found again for
 * every round, by the keeper. The keeper itself is spared, because it records the end; a command
 * may have stopped it, so it gets CONT, too. If it still reports nothing, it is killed.
 */

import type { ProcessId } from '../shared/run.ts';
import type { StopOrder } from '../shared/stop.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { type ProcessStat, seemsAlive } from '../system/proc.ts';

/** How often the members are looked at: in the first second, and later. */
const LOOK_MS = 50;
const LOOK_LATER_MS = 250;
/** After this many rounds of KILL baton reports a problem, and continues. */
const ROUNDS_QUIET = 40;
/** How long a keeper may take to record the end, once no process of the run is left. */
const ANSWER_MS_MAX = 5_000;

/**
 * Starts ending a run: all processes that `members` finds, each time it looks. `done` is called
 * once none is left and no more can appear, which `settled` knows: a keeper that was just released
 * may not have forked yet. `stuck` is called now and then with processes that even KILL does not
 * end (state D: they wait for a device).
 */
export function endMembers(
  clock: Clock,
  members: () => readonly ProcessStat[],
  options: {
    readonly order: StopOrder;
    /** Absent if it is gone. */
    readonly keeper?: ProcessId;
    readonly settled: () => boolean;
    readonly done: () => void;
    readonly stuck: (members: readonly ProcessStat[]) => void;
    /** Called before the keeper is killed because it did not answer. */
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

/** Logs that even KILL does not end these processes. */
export function tellStuck(log: Log, about: object, members: readonly ProcessStat[]): void {
  const processes = members.map(({ pid, state }) => ({ pid, state }));
  log.error({ ...about, processes }, 'processes cannot be killed');
}

/** Undefined if it cannot be determined now: the next look will tell. */
function tryTo<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch {
    return undefined;
  }
}

/**
 * The process that the keeper started: the first of its children, because it adopts the others from
 * that one. None if it has not been forked yet, or has ended.
 */
function mainOf(members: readonly ProcessStat[], keeper: ProcessId): readonly ProcessStat[] {
  const children = members.filter(({ parent }) => parent === keeper.pid);
  return children.sort((a, b) => a.startTime - b.startTime || a.pid - b.pid).slice(0, 1);
}

/** Sends the signal once to each member, also to those that appear later. */
function tell({ pid, startTime }: ProcessStat, { signal }: StopOrder, told: Set<string>): void {
  const name = `${pid} ${startTime}`;
  if (told.has(name)) return;
  told.add(name);
  send(pid, `SIG${signal}`);
  send(pid, 'SIGCONT');
}

/** Ignores that a process is gone. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended meanwhile, or we may not signal it; the next look will tell.
  }
}
