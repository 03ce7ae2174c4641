/**
 * Keepers of another life of the state directory: their commands run, and the journal that would
 * know of them was removed or is an older copy. A keeper is known by its title, and by its current
 * directory, which is that of its run wherever that was moved, or after it was removed.
 */
import { readdirSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Stray } from '../core/command.ts';
import type { ReadonlyState } from '../core/state.ts';
import { bootId, commandOf, statOf } from '../system/proc.ts';

/** As keeper.pl names itself while its command runs. */
const TITLE = /^baton run ([1-9]\d*) (.+)$/;
const DELETED = ' (deleted)';

/** To be asked once the directories are swept, before anything is started. */
export function findStrays(directory: string, state: ReadonlyState): readonly Stray[] {
  const place = realpathSync(directory);
  const own = new Set(
    [...state.lanes.values()]
      .flatMap(({ active }) => [...active])
      .flatMap((number) => {
        const run = state.runs.get(number);
        return run?.state === 'running' ? [`${run.keeper.pid} ${run.keeper.startTime}`] : [];
      }),
  );
  return readdirSync('/proc').flatMap((name) => {
    const stray = /^\d+$/.test(name) ? look(Number(name), place) : undefined;
    if (stray === undefined) return [];
    const { pid, startTime } = stray.keeper;
    return own.has(`${pid} ${startTime}`) ? [] : [stray];
  });
}

/** Undefined also of who leaves just now: it runs nothing any more. */
function look(pid: number, place: string): Stray | undefined {
  const [, was, target] = TITLE.exec(commandOf(pid)) ?? [];
  if (was === undefined || target === undefined) return undefined;
  const cwd = cwdOf(pid);
  const isMoved = cwd.startsWith(`${join(place, 'aside')}/`);
  const isRemoved = cwd.startsWith(`${join(place, 'runs')}/`) && cwd.endsWith(DELETED);
  const stat = isMoved || isRemoved ? statOf(pid) : undefined;
  if (stat === undefined || stat.state === 'Z') return undefined;
  const keeper = { pid, startTime: stat.startTime, bootId: bootId() };
  return { was: Number(was), target, keeper };
}

function cwdOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}
