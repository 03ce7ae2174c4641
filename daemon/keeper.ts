/**
 * The daemon's side of the process keepers: spawns them, tells them to go, learns how their
 * children ended, and takes over those of a daemon that died. See keeper.pl for the other side.
 *
 * A closed control socket is a hint only. A run is lost when its keeper is gone, by pid and start
 * time, and a second look finds no status file. A status file always wins.
 */
import { rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { ProcessPlan } from '../runners/runner.ts';
import type { Clock } from './clock.ts';
import type { Report, Wish } from './command.ts';
import type { KeepersPort, KeptRun } from './daemon.ts';
import { errnoOf, isPassing } from './errno.ts';
import type { KeeperId, RunId } from './event.ts';
import { guard } from './guard.ts';
import { type KeeperProcess, REAL_SPAWN, type Spawn, spawnKeeper } from './keeperprocess.ts';
import { endMembers, type Killing } from './kill.ts';
import { describeNoKeeper, type Failure, type Launch, prepare } from './launch.ts';
import type { Log } from './log.ts';
import { bootId, childrenOf, isAlive, membersOf } from './process.ts';
import { type Found, NEVER_RAN, outputBytes, readStatusFile, statusFileOf } from './statusfile.ts';

/** How often an adopted keeper is looked at; a keeper of this daemon's own tells by its socket. */
const ADOPTED_LOOK_MS = 250;
/** How long to wait before a start that the system had no room for is tried again. */
const RETRY_MS = 1_000;
/** Everything that the daemon knows of one run that is being started or runs. */
interface Kept extends KeptRun {
  readonly attempt: number;
  launch?: Launch;
  keeper?: KeeperId;
  control?: Socket;
  killing?: Killing;
  /** The keeper has read `go`: from now on the command may run. */
  begun?: boolean;
  /** It was said that nothing can be seen of the run now. */
  unseen?: boolean;
  /** Held back while the rest of the run's processes are being ended. */
  report?: Report;
  dropped?: boolean;
  over?: boolean;
}

export class Keepers implements KeepersPort {
  readonly #runs = new Map<RunId, Kept>();
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #post: (observation: Wish) => void;
  readonly #spawn: Spawn;
  readonly #bootId = bootId();

  constructor(options: {
    /** Where every run has its directory. */
    readonly directory: string;
    readonly clock: Clock;
    readonly log: Log;
    readonly post: (observation: Wish) => void;
    readonly spawn?: Spawn;
  }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#post = options.post;
    this.#spawn = options.spawn ?? REAL_SPAWN;
  }

  async start(run: KeptRun, attempt: number, plan: ProcessPlan): Promise<void> {
    const kept: Kept = { ...run, attempt };
    this.#runs.set(run.run, kept);
    await this.#begin(kept, plan);
  }

  async #begin(kept: Kept, plan: ProcessPlan): Promise<void> {
    if (kept.dropped) return;
    const directory = this.#directoryOf(kept.run);
    const launch = await prepare(plan, { ...kept, directory }).catch(errnoOf);
    if (kept.dropped) return;
    if (typeof launch === 'string') return this.#again(kept, plan, launch);
    if ('kind' in launch) return this.#fail(kept, launch);
    kept.launch = launch;
    const place = { directory, spawn: this.#spawn };
    const keeper = await spawnKeeper(kept, kept.attempt, launch, place);
    if (typeof keeper === 'object') return this.#attach(kept, keeper);
    if (kept.dropped) return;
    if (isPassing(keeper)) return this.#again(kept, plan, keeper);
    this.#fail(kept, describeNoKeeper(keeper));
  }

  /** Nothing has been spawned; the attempt is the same. */
  #again(kept: Kept, plan: ProcessPlan, errno: string): void {
    this.#tellAgain(kept, errno);
    this.#clock.after(RETRY_MS, () => void this.#begin(kept, plan));
  }

  #tellAgain({ run, target }: Kept, errno: string): void {
    this.#log.warn({ run, target, errno }, 'start is tried again');
  }

  go(run: RunId): void {
    this.#runs.get(run)?.control?.write('go\n');
  }

  /** The keeper sees EOF on its control socket and never starts the command. */
  drop(run: RunId): void {
    const kept = this.#runs.get(run);
    if (kept === undefined) return;
    kept.dropped = true;
    kept.control?.destroy();
    this.#runs.delete(run);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const kept: Kept = { ...run, attempt, keeper };
    this.#runs.set(run.run, kept);
    this.#watch(kept);
  }

  stop(run: RunId, graceMs: number): void {
    const kept = this.#runs.get(run);
    if (kept?.keeper === undefined || kept.killing !== undefined) return;
    kept.killing = endMembers(this.#clock, kept.keeper, {
      directory: this.#directoryOf(run),
      graceMs,
      settled: () => kept.report !== undefined || kept.over === true,
      done: () => this.#finish(kept),
      stuck: (members) =>
        this.#log.error(
          {
            run,
            target: kept.target,
            processes: members.map(({ pid, state }) => ({ pid, state })),
          },
          'processes cannot be killed',
        ),
    });
  }

  guard(run: RunId, pids: readonly number[], startTimes?: readonly number[]): void {
    guard(this.#clock, pids, startTimes, () => this.#post({ type: 'vacated', run }));
  }

  remove(run: RunId): void {
    try {
      rmSync(this.#directoryOf(run), { recursive: true, force: true });
    } catch (error) {
      this.#log.warn({ run, error: String(error) }, 'run directory cannot be removed');
    }
  }

  #directoryOf(run: RunId): string {
    return join(this.#directory, String(run));
  }

  #attach(kept: Kept, { pid, startTime, control }: KeeperProcess): void {
    if (kept.dropped) return void control.destroy();
    kept.control = control;
    kept.keeper = { pid, startTime, bootId: this.#bootId };
    control.on('data', () => {
      kept.begun = true;
    });
    control.on('close', () => this.#look(kept));
    this.#post({ type: 'kept', run: kept.run, attempt: kept.attempt, keeper: kept.keeper });
  }

  #watch(kept: Kept): void {
    if (kept.over || kept.dropped) return;
    this.#look(kept);
    if (!kept.over) this.#clock.after(ADOPTED_LOOK_MS, () => this.#watch(kept));
  }

  /** Looks, and says so if nothing can be seen; the next look comes by itself. */
  #look(kept: Kept): void {
    const { run, target, keeper } = kept;
    if (kept.over || kept.dropped || kept.report !== undefined || keeper === undefined) return;
    try {
      this.#examine(kept, keeper);
      kept.unseen = false;
    } catch (error) {
      // A keeper that cannot be looked at is not gone: to say `lost` of it would be a lie.
      const errno = errnoOf(error);
      if (!kept.unseen) this.#log.warn({ run, target, errno }, 'run cannot be looked at now');
      kept.unseen = true;
    }
    if (kept.over || kept.report !== undefined || kept.control === undefined) return;
    this.#clock.after(ADOPTED_LOOK_MS, () => this.#look(kept));
  }

  /** Reads the status file; without one, decides whether the keeper is still there. */
  #examine(kept: Kept, keeper: KeeperId): void {
    const found = this.#read(kept);
    if (found !== undefined) return this.#report(kept, found);
    if (isAlive(keeper, this.#bootId)) return;
    const late = this.#read(kept);
    if (late !== undefined) return this.#report(kept, late);
    // It came to its end before it read `go`, so the command never ran: perl did not come up.
    if (kept.control !== undefined && !kept.begun) {
      return this.#report(kept, { report: NEVER_RAN, shortage: 'its keeper did not come up' });
    }
    const { run, attempt } = kept;
    const rebooted = keeper.bootId !== this.#bootId;
    const survivors = rebooted ? [] : membersOf(keeper, this.#directoryOf(run));
    this.#forget(kept);
    const pids = survivors.map(({ pid }) => pid);
    const startTimes = survivors.map(({ startTime }) => startTime);
    this.#post({ type: 'gone', run, attempt, rebooted, survivors: pids, startTimes });
  }

  #read({ run, attempt, launch }: Kept): Found | undefined {
    const path = statusFileOf(this.#directoryOf(run), attempt);
    const found = readStatusFile(path, launch);
    if (found !== 'unreadable') return found;
    this.#log.error({ run, path }, 'unreadable status');
    return undefined;
  }

  #report(kept: Kept, { report, shortage }: Found): void {
    const { run, keeper } = kept;
    const leftovers = keeper === undefined ? [] : childrenOf(keeper.pid);
    const bytes = outputBytes(this.#directoryOf(run));
    kept.report = report.started ? { ...report, bytes, leftovers } : report;
    if (leftovers.length > 0 && kept.leftovers === 'kill') this.stop(run, kept.graceMs ?? 0);
    if (kept.killing !== undefined && !kept.killing.isOver()) return;
    if (shortage === undefined || kept.killing !== undefined) return this.#finish(kept);
    this.#tellAgain(kept, shortage);
    this.#clock.after(RETRY_MS, () => this.#finish(kept));
  }

  #finish(kept: Kept): void {
    if (kept.over || kept.report === undefined) return;
    const { run, attempt } = kept;
    const emptied = kept.killing !== undefined && kept.report.started;
    const report = emptied ? { ...kept.report, leftovers: [] } : kept.report;
    this.#forget(kept);
    this.#post({ type: 'reported', run, attempt, report });
  }

  #fail(kept: Kept, failure: Failure): void {
    if (kept.dropped) return;
    const report = { started: true, code: null, signal: null, core: false, failure };
    this.#forget(kept);
    this.#post({ type: 'reported', run: kept.run, attempt: kept.attempt, report });
  }

  #forget(kept: Kept): void {
    kept.over = true;
    kept.control?.destroy();
    if (this.#runs.get(kept.run)?.attempt === kept.attempt) this.#runs.delete(kept.run);
  }
}
