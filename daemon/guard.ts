/**
 * Watches over what a lost run has left: its processes hold its place until the last one is gone.
 */
import type { Clock } from './clock.ts';
import { statOf } from './process.ts';

const LOOK_MS = 250;

/** Calls `vacated` once the last of these processes is gone, at once where none is left. */
export function guard(
  clock: Clock,
  pids: readonly number[],
  startTimes: readonly number[] | undefined,
  vacated: () => void,
): void {
  const starts = new Map(pids.map((pid, index) => [pid, startTimes?.[index]]));
  const lives = (pid: number): boolean => {
    const stat = statOf(pid);
    if (stat === undefined || stat.state === 'Z') return false;
    // An old journal may not know when it started: then it is whoever has the pid now.
    const start = starts.get(pid) ?? stat.startTime;
    starts.set(pid, start);
    return stat.startTime === start;
  };
  const look = (): void => {
    if (seems(() => pids.filter(lives).length > 0)) clock.after(LOOK_MS, look);
    else vacated();
  };
  look();
}

/** True also where that cannot be told now. */
function seems(isSo: () => boolean): boolean {
  try {
    return isSo();
  } catch {
    return true;
  }
}
