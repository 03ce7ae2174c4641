/**
 * What can be observed of a run, by its keeper and its status file; one rule for every kind of
 * keeper. A run is lost if its keeper is gone, by pid and start time, and a second look finds no
 * status file. A status file always wins, and so does what a living keeper reports in its place.
 * What cannot be determined now is `unknown`; no run counts as lost because of that.
 */

import { errnoOf } from '../shared/errno.ts';
import type { KeeperId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { bootId, isAlive, type ProcessStat } from '../system/proc.ts';
import type { Launch } from './launch.ts';
import { type Found, foundIn, NEVER_RAN, readStatusFile, statusFileOf } from './status-file.ts';

export type Observation =
  | { readonly kind: 'running' }
  | { readonly kind: 'ended'; readonly found: Found }
  /** `survivors`: processes of the run that are alive without their keeper. */
  | {
      readonly kind: 'gone';
      readonly rebooted: boolean;
      readonly survivors: readonly ProcessStat[];
      /** For keepers on other machines: what is known, and that the command may still run there. */
      readonly detail?: string;
      readonly mayLive?: true;
    }
  | { readonly kind: 'unknown'; readonly errno: string };

export interface Subject {
  readonly directory: string;
  readonly attempt: number;
  readonly keeper: KeeperId;
  /** The keeper has not been released, so its command cannot have run. */
  readonly isIdle: boolean;
  readonly clock: Clock;
}

/** What only this kind of keeper shows. Its methods throw if that cannot be determined now. */
export interface Signs {
  /** Absent if another daemon prepared the run. */
  readonly launch?: Launch | undefined;
  /** For a living keeper: whether it still keeps the run, or how the run ended. */
  tells(): boolean | Found;
  /** Processes of the run that are alive without their keeper; called only in its boot. */
  leaves(): readonly ProcessStat[];
  /** Called with the path of a status file that makes no sense. */
  unreadable(path: string): void;
}

const BOOT_ID = bootId();

export function observe(subject: Subject, signs: Signs): Observation {
  try {
    return look(subject, signs);
  } catch (error) {
    return { kind: 'unknown', errno: errnoOf(error) };
  }
}

function look(subject: Subject, signs: Signs): Observation {
  const { keeper, isIdle } = subject;
  const found = read(subject, signs);
  if (found !== undefined) return { kind: 'ended', found };
  const told = isAlive(keeper, BOOT_ID) && signs.tells();
  if (told === true) return { kind: 'running' };
  if (told !== false) return { kind: 'ended', found: told };
  const late = read(subject, signs);
  if (late !== undefined) return { kind: 'ended', found: late };
  if (isIdle) {
    return { kind: 'ended', found: { report: NEVER_RAN, shortage: 'its keeper did not come up' } };
  }
  const rebooted = keeper.bootId !== BOOT_ID;
  return { kind: 'gone', rebooted, survivors: rebooted ? [] : signs.leaves() };
}

function read({ directory, attempt, keeper, clock }: Subject, signs: Signs) {
  const path = statusFileOf(directory, attempt, keeper.nonce);
  const record = readStatusFile(path);
  if (record === undefined) return undefined;
  if (record !== 'unreadable')
    return foundIn(record, keeper.bootId !== BOOT_ID, clock, signs.launch);
  signs.unreadable(path);
  return undefined;
}
