/**
 * Looks at the runs of the SSH keeper until it is known how they ended. That a connection has closed
 * is a hint only: a run is lost when the keeper is gone, by pid and start time, and a second look
 * finds no status file. What cannot be looked at now is not lost, but looked at again.
 */

import type { Report } from '../core/command.ts';
import type { KeptRun } from '../engine/daemon.ts';
import { errnoOf } from '../shared/errno.ts';
import type { KeeperId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { isAlive } from '../system/proc.ts';
import { heldBy, type KeeperRecord } from './keeper-record.ts';
import type { RunDirectories } from './run-directories.ts';
import type { SshConnection } from './ssh-connection.ts';
import { examine } from './ssh-status.ts';

/** How often a run is looked at when no connection would tell. */
export const LOOK_MS = 250;
/** How long to wait before what failed is tried again. */
export const RETRY_MS = 1_000;

/** A run that the SSH keeper keeps, or is to keep. */
export interface Kept extends KeptRun {
  readonly attempt: number;
  link?: SshConnection;
  keeper?: KeeperId;
  graceMs?: number;
  /** It was said that the run cannot be ended now. */
  isOutOfReach?: boolean;
  /** It was said that nothing can be seen of the run now. */
  unseen?: boolean;
  /** It is to start anew, for want of what passes. */
  isAgain?: boolean;
  dropped?: boolean;
  over?: boolean;
}

interface Options {
  readonly directories: RunDirectories;
  readonly bootId: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ended: (kept: Kept, report: Report) => void;
  readonly gone: (kept: Kept, rebooted: boolean) => void;
}

/** A run of another life may leave no status file where it is looked for, and its keeper goes on. */
function holds({ pid, nonce, was }: KeeperId, attempt: number): boolean {
  if (was === undefined) return true;
  const name = ({ run, attempt, keeper }: KeeperRecord) => `${run} ${attempt} ${keeper.nonce}`;
  return heldBy(pid).some(({ record }) => name(record) === `${was} ${attempt} ${nonce}`);
}

export class SshWatch {
  readonly #options: Options;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Looks now, and again and again where no connection tells when to. */
  begin(kept: Kept): void {
    if (kept.over || kept.dropped) return;
    this.look(kept);
    if (!kept.over) this.#options.clock.after(LOOK_MS, () => this.begin(kept));
  }

  /** Looks once, and says so if nothing can be seen; then it is looked at again. */
  look(kept: Kept): void {
    if (kept.over || kept.keeper === undefined) return;
    const { log, clock } = this.#options;
    try {
      this.#examine(kept, kept.keeper);
      kept.unseen = false;
    } catch (error) {
      const { run, target } = kept;
      const errno = errnoOf(error);
      if (!kept.unseen) log.warn({ run, target, errno }, 'run cannot be looked at now');
      kept.unseen = true;
      if (kept.link !== undefined) clock.after(LOOK_MS, () => this.look(kept));
    }
  }

  #examine(kept: Kept, keeper: KeeperId): void {
    const { run, attempt } = kept;
    const { bootId, clock, directories, log, ended, gone } = this.#options;
    const rebooted = keeper.bootId !== bootId;
    const place = { directory: directories.of(run), attempt, nonce: keeper.nonce, rebooted };
    const seen = examine(place, clock, () => isAlive(keeper, bootId) && holds(keeper, attempt));
    if (seen.isUnreadable) log.error({ run, attempt }, 'unreadable status');
    const { report, shortage } = seen;
    if (report !== undefined && shortage === undefined) return ended(kept, report);
    if (report !== undefined && shortage !== undefined) return this.#again(kept, report, shortage);
    if (!seen.isAlive) gone(kept, rebooted);
  }

  /** Its command has not begun, and may yet. */
  #again(kept: Kept, report: Report, errno: string): void {
    const { run, target } = kept;
    if (kept.isAgain) return;
    kept.isAgain = true;
    this.#options.log.warn({ run, target, errno }, 'start is tried again');
    this.#options.clock.after(RETRY_MS, () => {
      if (!kept.over && !kept.dropped) this.#options.ended(kept, report);
    });
  }
}
