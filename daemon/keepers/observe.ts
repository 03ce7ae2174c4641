/**
 * What can be seen of a run from outside, by its keeper and its status file. A run is lost when its
 * keeper is gone, by pid and start time, and a second look finds no status file. A status file
 * always wins, and so does what the title of a living keeper says in its place. All of this throws where that cannot be told now: nobody is gone by that.
 */

import type { KeeperId, Nonce, RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { bootId, isAlive, membersOf } from '../system/proc.ts';
import type { Launch } from './launch.ts';
import {
  type Found,
  foundIn,
  NEVER_RAN,
  readStatusFile,
  readTitle,
  statusFileOf,
} from './status-file.ts';

export type Observation =
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
  readonly run: RunId;
  readonly startNonce?: Nonce;
  readonly directory: string;
  readonly attempt: number;
  readonly keeper: KeeperId;
  /** Absent where another daemon had prepared the run. */
  readonly launch?: Launch;
  /** The keeper has not been let go, so that its command cannot have run. */
  readonly isIdle: boolean;
  readonly clock: Clock;
}

const BOOT_ID = bootId();

/** `unreadable` is called with the path of a status file that makes no sense. */
export function observe(subject: Subject, unreadable: (path: string) => void): Observation {
  const { keeper } = subject;
  const found = read(subject, unreadable);
  if (found !== undefined) return { kind: 'ended', found };
  if (isAlive(keeper, BOOT_ID)) {
    const title = readTitle(keeper.pid);
    if (title === undefined) return { kind: 'running' };
    const told = foundIn(title.record, false, subject.clock, subject.launch);
    return { kind: 'ended', found: { ...told, unwritten: title.errno } };
  }
  const late = read(subject, unreadable);
  if (late !== undefined) return { kind: 'ended', found: late };
  if (subject.isIdle) {
    return { kind: 'ended', found: { report: NEVER_RAN, shortage: 'its keeper did not come up' } };
  }
  const rebooted = keeper.bootId !== BOOT_ID;
  const members = rebooted ? [] : membersOf(keeper, subject);
  const survivors = members.map(({ pid }) => pid);
  return { kind: 'gone', rebooted, survivors, startTimes: members.map((one) => one.startTime) };
}

function read(subject: Subject, unreadable: (path: string) => void): Found | undefined {
  const { directory, attempt, keeper, clock, launch } = subject;
  const path = statusFileOf(directory, attempt, keeper.nonce);
  const record = readStatusFile(path);
  if (record === undefined) return undefined;
  if (record !== 'unreadable') return foundIn(record, keeper.bootId !== BOOT_ID, clock, launch);
  unreadable(path);
  return undefined;
}
