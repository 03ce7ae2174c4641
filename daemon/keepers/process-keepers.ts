/**
 * The daemon's side of the process keepers: has them forked, releases them, learns how their
 * children ended, and takes over the keepers of a daemon that died. A transport of supervision.ts;
 * see fork-server.pl for the other side.
 */

import type { ProcessPlan } from '../core/plan.ts';
import type { KeptRun } from '../engine/daemon.ts';
import { errnoOf, isPassing } from '../shared/errno.ts';
import type { KeeperId, RunId } from '../shared/run.ts';
import { type StopOrder, stopOrderOf } from '../shared/stop.ts';
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
import { ForkServer, type KeeperControl, type Spawn } from './fork-server.ts';
import { describeNoKeeper, type Launch, prepare } from './launch.ts';
import type { ProcessKeepersPort } from './router.ts';
import type { RunDirectories } from './run-directories.ts';
import { makeRescue, makeSpawnRequest } from './spawn-request.ts';
import { foundInTitle, statusFileOf } from './status-file.ts';
import { type Kept, type Stop, Supervisor, type SupervisorOptions } from './supervision.ts';
import { endMembers, send, tellStuck } from './terminate.ts';

/** A keeper that this daemon requested. */
interface Forked {
  readonly control: KeeperControl;
  readonly launch: Launch;
}

interface KeptProcess extends Kept {
  forked?: Forked;
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
        launch: kept.forked?.launch,
        tells: () => foundInTitle(keeper.pid, this.#clock, kept.forked?.launch) ?? true,
        leaves: () => membersOf(keeper, this.#marksOf(kept)),
      }),
      ended: (kept, { pid }) => {
        const leftovers = childrenOf(pid);
        if (leftovers.length > 0 && kept.leftovers === 'kill') this.#stop(kept);
        return { leftovers };
      },
      forgotten: ({ forked }) => forked?.control.drop(),
    });
  }

  async start(run: KeptRun, attempt: number, plan: ProcessPlan): Promise<void> {
    const kept: KeptProcess = { ...run, attempt, life: { state: 'preparing' } };
    this.#supervisor.add(kept);
    await this.#begin(kept, plan);
  }

  async #begin(kept: KeptProcess, plan: ProcessPlan): Promise<void> {
    const directory = this.#directories.of(kept.run);
    const none = (errno?: string) => this.#none(kept, plan, errno);
    try {
      const launch = await prepare(plan, { ...kept, directory });
      if (kept.life.state === 'ended') return;
      if ('kind' in launch) return this.#supervisor.fail(kept, launch);
      this.#directories.claim(kept);
      const statusFile = statusFileOf(directory, kept.attempt, this.#directories.nonce);
      this.#forkServer.keep(makeSpawnRequest(kept, statusFile, launch, directory), {
        none,
        kept: (pid, control) => this.#attach(kept, pid, { control, launch }, none),
        begun: () => this.#supervisor.released(kept),
        unwritten: () => this.#supervisor.watch(kept),
        closed: () => this.#supervisor.watch(kept),
        unknown: () => this.#supervisor.neverRan(kept, 'the fork server ended'),
      });
    } catch (error) {
      none(errnoOf(error));
    }
  }

  /** Nothing was forked: if the reason is temporary, the same attempt is tried again. */
  #none(kept: KeptProcess, plan: ProcessPlan, errno?: string): void {
    if (kept.life.state === 'ended') return;
    if (errno === undefined || !isPassing(errno)) {
      return this.#supervisor.fail(kept, describeNoKeeper(errno));
    }
    this.#supervisor.again(kept, errno, () => void this.#begin(kept, plan));
  }

  go(run: RunId): void {
    this.#supervisor.runs.get(run)?.forked?.control.go();
  }

  /** The keeper sees EOF and never starts the command. */
  drop(run: RunId): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept === undefined) return;
    const { life } = kept;
    this.#supervisor.forget(kept);
    // Its end is in the journal now; otherwise it would try to write the file for ever.
    if ('unwritten' in life && life.unwritten) dismiss(life.unwritten);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    this.#supervisor.adopt({ ...run, attempt, life: { state: 'released', keeper } });
  }

  stop(run: RunId, order: StopOrder): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept !== undefined) this.#stop(kept, order);
  }

  #stop(kept: KeptProcess, order = kept.stop ?? stopOrderOf()): void {
    const { run, target } = kept;
    const stop: Stop = { isOver: false };
    const keeper = this.#supervisor.stop(kept, stop);
    if (keeper === undefined) return;
    endMembers(this.#clock, () => membersOf(keeper, this.#marksOf(kept)), {
      order,
      keeper,
      settled: () => kept.life.state === 'held' || kept.life.state === 'ended',
      done: () => {
        stop.isOver = true;
        this.#supervisor.finish(kept);
      },
      stuck: (members) => tellStuck(this.#log, { run, target }, members),
      silent: () => {
        if (stop.wasEnded) return;
        stop.wasEnded = true;
        this.#log.warn({ run, target, pid: keeper.pid }, 'keeper does not answer and is killed');
      },
    });
  }

  rescue(run: RunId, pids: readonly number[], failed: () => void): void {
    this.#forkServer.rescue(makeRescue(run, this.#directories.of(run), pids), failed);
  }

  #attach(kept: KeptProcess, pid: number, forked: Forked, none: (errno?: string) => void): void {
    const { control } = forked;
    if (kept.life.state === 'ended') return control.drop();
    let startTime: number;
    try {
      startTime = statOf(pid)?.startTime ?? 0;
    } catch (error) {
      // A keeper that could not be recognized later is killed before it does or writes anything.
      send(pid, 'SIGKILL');
      control.drop();
      return none(errnoOf(error));
    }
    kept.forked = forked;
    const { nonce } = this.#directories;
    this.#supervisor.ready(kept, { pid, startTime, bootId: this.#bootId, nonce });
  }

  #marksOf({ run, startNonce }: KeptProcess): RunMarks {
    const directory = this.#directories.of(run);
    return { run, directory, ...(startNonce === undefined ? {} : { startNonce }) };
  }
}

/** Kills a keeper that is no longer needed, unless processes are left that write to its pipes. */
function dismiss(keeper: KeeperId): void {
  try {
    if (seemsAlive(keeper) && childrenOf(keeper.pid).length === 0) send(keeper.pid, 'SIGKILL');
  } catch {
    // It exits by itself once it can write.
  }
}
