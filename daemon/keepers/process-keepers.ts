/**
 * The daemon's side of the process keepers: has them forked, tells them to go, learns how their
 * children ended, and takes over those of a daemon that died. A transport of supervision.ts; see
 * keeper.pl for the other side.
 */

import type { Report } from '../core/command.ts';
import type { ProcessPlan } from '../core/plan.ts';
import type { KeptRun } from '../engine/daemon.ts';
import { errnoOf, isPassing } from '../shared/errno.ts';
import type { KeeperId, RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import {
  bootId,
  childrenOf,
  membersOf,
  type RunMarks,
  seemsAlive,
  statOf,
} from '../system/proc.ts';
import { HOLD_MS, isGoingDown } from '../system/shutdown.ts';
import { ForkServer, type KeeperControl, type Spawn } from './fork-server.ts';
import { describeNoKeeper, prepare } from './launch.ts';
import type { ProcessKeepersPort } from './router.ts';
import type { RunDirectories } from './run-directories.ts';
import { makeRescue, makeSpawnRequest } from './spawn-request.ts';
import { type Found, foundInTitle, NEVER_RAN, outputBytes, statusFileOf } from './status-file.ts';
import { type Kept, Supervisor, type SupervisorOptions } from './supervision.ts';
import { endMembers, type Killing, send, tellStuck } from './terminate.ts';

interface KeptProcess extends Kept {
  control?: KeeperControl;
  killing?: Killing;
  /** The keeper has read `go`, or may have: from now on the command may run. */
  begun?: boolean;
  /** The keeper cannot write its status file, and is not needed once the end is in the journal. */
  isUnwritten?: boolean;
  /** Held back while the rest of the run's processes are being ended. */
  report?: Report;
}

export class ProcessKeepers implements ProcessKeepersPort {
  readonly #directories: RunDirectories;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #forkServer: ForkServer;
  readonly #supervisor: Supervisor<KeptProcess>;
  readonly #bootId = bootId();

  constructor(options: SupervisorOptions & { readonly spawn?: Spawn }) {
    this.#directories = options.directories;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#forkServer = new ForkServer(options.spawn);
    this.#supervisor = new Supervisor<KeptProcess>(options, {
      signs: (kept, keeper) => ({
        tells: () => foundInTitle(keeper.pid, this.#clock, kept.launch) ?? true,
        leaves: () => membersOf(keeper, this.#marksOf(kept)),
      }),
      isIdle: ({ control, begun }) => control !== undefined && begun !== true,
      ended: (kept, found) => this.#hear(kept, found),
      forgotten: ({ control }) => control?.drop(),
    });
  }

  async start(run: KeptRun, attempt: number, plan: ProcessPlan): Promise<void> {
    const kept: KeptProcess = { ...run, attempt };
    this.#supervisor.add(kept);
    await this.#begin(kept, plan);
  }

  async #begin(kept: KeptProcess, plan: ProcessPlan): Promise<void> {
    if (kept.dropped) return;
    const directory = this.#directories.of(kept.run);
    const none = (errno?: string) => this.#none(kept, plan, errno);
    try {
      const launch = await prepare(plan, { ...kept, directory });
      if (kept.dropped) return;
      if ('kind' in launch) return this.#supervisor.fail(kept, launch);
      kept.launch = launch;
      this.#directories.claim(kept);
      const statusFile = statusFileOf(directory, kept.attempt, this.#directories.nonce);
      this.#forkServer.keep(makeSpawnRequest(kept, statusFile, launch, directory), {
        none,
        kept: (pid, control) => this.#attach(kept, pid, control, none),
        begun: () => {
          kept.begun = true;
        },
        unwritten: () => this.#supervisor.watch(kept),
        closed: () => this.#supervisor.watch(kept),
        unknown: () => this.#report(kept, { report: NEVER_RAN, shortage: 'the fork server ended' }),
      });
    } catch (error) {
      none(errnoOf(error));
    }
  }

  /** Nothing has been forked: if that passes by itself, the same attempt is tried again. */
  #none(kept: KeptProcess, plan: ProcessPlan, errno?: string): void {
    if (kept.dropped) return;
    if (errno === undefined || !isPassing(errno)) {
      return this.#supervisor.fail(kept, describeNoKeeper(errno));
    }
    this.#supervisor.again(kept, errno, () => void this.#begin(kept, plan));
  }

  go(run: RunId): void {
    this.#supervisor.runs.get(run)?.control?.go();
  }

  /** The keeper sees EOF and never starts the command. */
  drop(run: RunId): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept === undefined) return;
    kept.dropped = true;
    kept.control?.drop();
    this.#supervisor.remove(kept);
    // Its end is in the journal now; without this it would try to write it for ever.
    if (kept.isUnwritten && kept.keeper) dismiss(kept.keeper);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const kept: KeptProcess = { ...run, attempt, keeper };
    this.#supervisor.add(kept);
    this.#supervisor.watch(kept);
  }

  stop(run: RunId, graceMs: number): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept?.keeper === undefined) return;
    const { keeper, target } = kept;
    if (kept.killing !== undefined) return;
    kept.killing = endMembers(this.#clock, () => membersOf(keeper, this.#marksOf(kept)), {
      graceMs,
      keeper,
      settled: () => kept.report !== undefined || kept.over === true,
      done: () => this.#finish(kept),
      stuck: (members) => tellStuck(this.#log, { run, target }, members),
      silent: () => {
        if (kept.wasEnded) return;
        kept.wasEnded = true;
        this.#log.warn({ run, target, pid: keeper.pid }, 'keeper does not answer and is ended');
      },
    });
  }

  rescue(run: RunId, pids: readonly number[], failed: () => void): void {
    this.#forkServer.rescue(makeRescue(run, this.#directories.of(run), pids), failed);
  }

  #attach(
    kept: KeptProcess,
    pid: number,
    control: KeeperControl,
    none: (errno?: string) => void,
  ): void {
    if (kept.dropped) return control.drop();
    let startTime: number;
    try {
      startTime = statOf(pid)?.startTime ?? 0;
    } catch (error) {
      // Who could not be known again is ended before it does or writes anything.
      send(pid, 'SIGKILL');
      control.drop();
      return none(errnoOf(error));
    }
    kept.control = control;
    const { nonce } = this.#directories;
    this.#supervisor.ready(kept, { pid, startTime, bootId: this.#bootId, nonce });
  }

  #marksOf({ run, startNonce }: KeptProcess): RunMarks {
    const directory = this.#directories.of(run);
    return { run, directory, ...(startNonce === undefined ? {} : { startNonce }) };
  }

  #hear(kept: KeptProcess, found: Found): void {
    if (!found.isDoubtful) return this.#report(kept, found);
    kept.isHeld = true;
    this.#clock.after(HOLD_MS, () => void this.#doubt(kept, found));
  }

  /** While the machine goes down nothing is concluded: the next boot tells. */
  async #doubt(kept: KeptProcess, found: Found): Promise<void> {
    if (!(await isGoingDown())) return this.#sure(kept, found);
    const { run, target } = kept;
    this.#log.info({ run, target }, 'run was ended by a shutdown of the machine');
    this.#clock.after(HOLD_MS, () => void this.#doubt(kept, found));
  }

  #sure(kept: KeptProcess, found: Found): void {
    try {
      this.#report(kept, found);
    } catch {
      // What it left cannot be seen now: it is looked at again from the beginning.
      kept.isHeld = false;
      this.#supervisor.watch(kept);
    }
  }

  #report(kept: KeptProcess, { report, shortage, unwritten }: Found): void {
    if (kept.dropped || kept.over) return;
    const { run, target, keeper } = kept;
    if (unwritten !== undefined) {
      this.#log.error({ run, target, errno: unwritten }, 'keeper cannot write how its run ended');
      kept.isUnwritten = true;
    }
    const leftovers = keeper === undefined ? [] : childrenOf(keeper.pid);
    const bytes = outputBytes(this.#directories.of(run));
    kept.isHeld = true;
    kept.report = report.started ? { ...report, bytes, leftovers } : report;
    if (leftovers.length > 0 && kept.leftovers === 'kill') this.stop(run, kept.graceMs ?? 0);
    if (kept.killing !== undefined && !kept.killing.isOver()) return;
    if (shortage === undefined || kept.killing !== undefined) return this.#finish(kept);
    this.#supervisor.again(kept, shortage, () => this.#finish(kept));
  }

  #finish(kept: KeptProcess): void {
    if (kept.over || kept.report === undefined) return;
    const emptied = kept.killing !== undefined && kept.report.started;
    const report = emptied ? { ...kept.report, leftovers: [] } : kept.report;
    if (!kept.isUnwritten) return this.#supervisor.report(kept, report);
    kept.over = true;
    this.#supervisor.tell(kept, report);
  }
}

/** Ends a keeper that is of no use any more, unless processes are left that write to its pipes. */
function dismiss(keeper: KeeperId): void {
  try {
    if (seemsAlive(keeper) && childrenOf(keeper.pid).length === 0) send(keeper.pid, 'SIGKILL');
  } catch {
    // It goes by itself once it can write.
  }
}
