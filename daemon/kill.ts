/**
 * Ends everything that belongs to a run: TERM and CONT to every member (a stopped job must see the
 * TERM), grace, then KILL in rounds until nobody is left. Never a bare pid: members are found
 * anew for every round, by the keeper. The keeper itself is spared, since it records the end.
 */
import type { Clock } from './clock.ts';
import type { KeeperId } from './event.ts';
import { membersOf, type ProcessStat } from './process.ts';

/** How often the members are looked at: at first, and after a second. */
const LOOK_MS = 50;
const LOOK_LATER_MS = 250;
/** After so many rounds of KILL something is wrong that baton cannot mend; it says so and goes on. */
const ROUNDS_QUIET = 40;

export interface Killing {
  /** True once nobody is left. */
  isOver(): boolean;
}

/**
 * Starts ending a run; `done` is called once nobody is left and no more can come, which `settled`
 * knows: a keeper that was just let go may not have forked yet. `stuck` hears, now and then, of
 * processes that even KILL does not end (state D: they wait for a device).
 */
export function endMembers(
  clock: Clock,
  keeper: KeeperId,
  options: {
    readonly directory: string;
    readonly graceMs: number;
    readonly settled: () => boolean;
    readonly done: () => void;
    readonly stuck: (members: readonly ProcessStat[]) => void;
  },
): Killing {
  const beganAtMs = clock.now().steadyMs;
  const told = new Set<string>();
  let rounds = 0;
  let over = false;
  const look = (): void => {
    const members = listMembers(keeper, options.directory);
    if (members === undefined) return void clock.after(LOOK_LATER_MS, look);
    if (members.length === 0 && options.settled()) {
      over = true;
      options.done();
      return;
    }
    const elapsedMs = clock.now().steadyMs - beganAtMs;
    if (elapsedMs >= options.graceMs) {
      for (const { pid } of members) send(pid, 'SIGKILL');
      if (++rounds % ROUNDS_QUIET === 0) options.stuck(members);
    } else {
      for (const member of members) tell(member, told);
    }
    clock.after(elapsedMs < 1_000 || rounds > 0 ? LOOK_MS : LOOK_LATER_MS, look);
  };
  look();
  return { isOver: () => over };
}

/** Undefined where nobody can tell now: the next look tells. */
function listMembers(keeper: KeeperId, directory: string): readonly ProcessStat[] | undefined {
  try {
    return membersOf(keeper, directory);
  } catch {
    return undefined;
  }
}

/** TERM once, also to members that came later. */
function tell({ pid, startTime }: ProcessStat, told: Set<string>): void {
  const name = `${pid} ${startTime}`;
  if (told.has(name)) return;
  told.add(name);
  send(pid, 'SIGTERM');
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
