/**
 * What can be seen of a run from outside, by its keeper and its status file. A run is lost when its
 * keeper is gone, by pid and start time, and a second look finds no status file. A status file
 * always wins. All of this throws where that cannot be told now: nobody is gone by that.
 */
import type { KeeperId } from './event.ts';
import type { Launch } from './launch.ts';
import { bootId, isAlive, membersOf } from './process.ts';
import { type Found, NEVER_RAN, readStatusFile, statusFileOf } from './statusfile.ts';

export type Sight =
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly found: Found }
  | {
      readonly kind: 'gone';
      readonly rebooted: boolean;
      /** Processes of the run that live without their keeper, and when they were started. */
      readonly survivors: readonly number[];
      readonly startTimes: readonly number[];
    };

export interface Subject {
  readonly directory: string;
  readonly attempt: number;
  readonly keeper: KeeperId;
  /** Absent where another daemon had prepared the run. */
  readonly launch?: Launch;
  /** The keeper has not been let go, so that its command cannot have run. */
  readonly isIdle: boolean;
}

const BOOT_ID = bootId();

/** `unreadable` is called with the path of a status file that makes no sense. */
export function look(subject: Subject, unreadable: (path: string) => void): Sight {
  const { directory, keeper } = subject;
  const found = read(subject, unreadable);
  if (found !== undefined) return { kind: 'ended', found };
  if (isAlive(keeper, BOOT_ID)) return { kind: 'running' };
  const late = read(subject, unreadable);
  if (late !== undefined) return { kind: 'ended', found: late };
  if (subject.isIdle) {
    return { kind: 'ended', found: { report: NEVER_RAN, shortage: 'its keeper did not come up' } };
  }
  const rebooted = keeper.bootId !== BOOT_ID;
  const members = rebooted ? [] : membersOf(keeper, directory);
  const survivors = members.map(({ pid }) => pid);
  return { kind: 'gone', rebooted, survivors, startTimes: members.map((one) => one.startTime) };
}

function read(subject: Subject, unreadable: (path: string) => void): Found | undefined {
  const path = statusFileOf(subject.directory, subject.attempt);
  const found = readStatusFile(path, subject.launch);
  if (found !== 'unreadable') return found;
  unreadable(path);
  return undefined;
}
