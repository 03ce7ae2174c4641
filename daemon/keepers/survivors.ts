/**
 * Lost runs with processes that are still alive: these hold the run's place until the last one is
 * gone, have their output copied, and can be ended like those of any run. A process that is gone
 * may have left others behind, so all of them are searched for before the place is free.
 */

import type { Survivors } from '../engine/daemon.ts';
import type { KeeperId, ProcessId, RunId } from '../shared/run.ts';
import type { StopOrder } from '../shared/stop.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import {
  bootId,
  descendantsOf,
  membersOf,
  type ProcessStat,
  type RunMarks,
  seemsAlive,
  statOf,
} from '../system/proc.ts';
import { endMembers, tellStuck } from './terminate.ts';

const BOOT_ID = bootId();
const LOOK_MS = 250;
/** Delay before trying again to have their output copied. */
const RESCUE_MS = 1_000;

interface Options {
  readonly clock: Clock;
  readonly directoryOf: (run: RunId) => string;
  /** Called when the last process of a run is gone. */
  readonly vacated: (run: RunId) => void;
  readonly log: Log;
  /** Has the output of these processes copied; `failed`: not possible now. */
  readonly rescue: (run: RunId, pids: readonly number[], failed: () => void) => void;
}

interface Lost {
  readonly run: RunId;
  readonly keeper: Survivors['keeper'];
  readonly marks: RunMarks;
  processes: readonly ProcessId[];
  isEnding: boolean;
}

export class LostRuns {
  readonly #options: Options;
  readonly #runs = new Map<RunId, Lost>();

  constructor(options: Options) {
    this.#options = options;
  }

  awaitSurvivors(run: RunId, { pids, startTimes, keeper, startNonce }: Survivors): void {
    const processes = pids.map((pid, index) => ({ pid, startTime: startTimes?.[index] ?? NaN }));
    const directory = this.#options.directoryOf(run);
    const marks = { run, directory, ...(startNonce === undefined ? {} : { startNonce }) };
    const lost = { run, keeper, marks, processes, isEnding: false };
    this.#runs.set(run, lost);
    this.#look(lost);
    this.#rescue(lost);
  }

  #rescue(lost: Lost): void {
    if (this.#runs.get(lost.run) !== lost) return;
    const { clock, rescue } = this.#options;
    const pids = lost.processes.map(({ pid }) => pid);
    rescue(lost.run, pids, () => clock.after(RESCUE_MS, () => this.#rescue(lost)));
  }

  /** Ends all processes that are left of a lost run; does nothing for other runs. */
  stop(run: RunId, order: StopOrder): void {
    const lost = this.#runs.get(run);
    if (lost === undefined || lost.isEnding) return;
    lost.isEnding = true;
    endMembers(this.#options.clock, () => this.#membersOf(lost), {
      order,
      settled: () => true,
      done: () => {},
      stuck: (members) => tellStuck(this.#options.log, { run }, members),
    });
  }

  #look(lost: Lost): void {
    const { clock, vacated } = this.#options;
    if (this.#isHeld(lost)) return void clock.after(LOOK_MS, () => this.#look(lost));
    this.#runs.delete(lost.run);
    vacated(lost.run);
  }

  /** Also true if it cannot be determined now. */
  #isHeld(lost: Lost): boolean {
    // No process outlives its boot; a process that has the pid now is another one.
    if (lost.keeper !== undefined && isOfOldBoot(lost.keeper)) return false;
    try {
      if (lost.processes.some((process) => seemsAlive(this.#known(lost, process)))) return true;
      lost.processes = this.#membersOf(lost);
      return lost.processes.length > 0;
    } catch {
      return true;
    }
  }

  /** An old journal may lack the start time: then it is the process that has the pid now. */
  #known(lost: Lost, process: ProcessId): ProcessId {
    if (!Number.isNaN(process.startTime)) return process;
    const known = { pid: process.pid, startTime: statOf(process.pid)?.startTime ?? 0 };
    lost.processes = lost.processes.map((other) => (other === process ? known : other));
    return known;
  }

  #membersOf({ keeper, marks, processes }: Lost): readonly ProcessStat[] {
    if (keeper !== undefined && isOfOldBoot(keeper)) return [];
    const members = new Map<number, ProcessStat>();
    for (const stat of descendantsOf(processes)) members.set(stat.pid, stat);
    if (keeper !== undefined && keeper.pid > 0) {
      for (const stat of membersOf(keeper, marks)) members.set(stat.pid, stat);
    }
    return [...members.values()];
  }
}

/** A journal compacted by an older version may lack the keeper, and with it the boot. */
function isOfOldBoot({ bootId: boot }: KeeperId): boolean {
  return boot !== '' && boot !== BOOT_ID;
}
