/**
 * The daemon's side of the process keepers: has them forked, tells them to go, learns how their
 * children ended, and takes over those of a daemon that died. See keeper.pl for the other side,
 * and observe.ts for what is concluded from what: that a keeper has closed is a hint only.
 */

import type { CommandInput, Report } from '../core/command.ts';
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
import { describeNoKeeper, type Failure, type Launch, prepare } from './launch.ts';
import { observe } from './observe.ts';
import type { ProcessKeepersPort } from './router.ts';
import type { RunDirectories } from './run-directories.ts';
import { makeRescue, makeSpawnRequest } from './spawn-request.ts';
import { type Found, NEVER_RAN, outputBytes, statusFileOf } from './status-file.ts';
import { endMembers, type Killing, send, tellStuck } from './terminate.ts';

/** How often an adopted keeper is looked at; one of this daemon's own tells by closing. */
const ADOPTED_LOOK_MS = 250;
/** How long to wait before a start that the system had no room for is tried again. */
const RETRY_MS = 1_000;
/** Everything that the daemon knows of one run that is being started or runs. */
interface Kept extends KeptRun {
  readonly attempt: number;
  launch?: Launch;
  keeper?: KeeperId;
  control?: KeeperControl;
  killing?: Killing;
  /** The keeper has read `go`, or may have: from now on the command may run. */
  begun?: boolean;
  /** It was said that nothing can be seen of the run now. */
  unseen?: boolean;
  /** It was said that its status file makes no sense. */
  unreadable?: boolean;
  /** The end is known and held back: the machine may be going down. */
  isDoubtful?: boolean;
  /** The keeper cannot write its status file, and is not needed once the end is in the journal. */
  isUnwritten?: boolean;
  /** The keeper was ended with all the rest. */
  wasEnded?: boolean;
  /** Held back while the rest of the run's processes are being ended. */
  report?: Report;
  dropped?: boolean;
  over?: boolean;
}

export class ProcessKeepers implements ProcessKeepersPort {
  readonly #runs = new Map<RunId, Kept>();
  readonly #directories: RunDirectories;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #post: (observation: CommandInput) => void;
  readonly #forkServer: ForkServer;
  readonly #bootId = bootId();

  constructor(options: {
    readonly directories: RunDirectories;
    readonly clock: Clock;
    readonly log: Log;
    readonly post: (observation: CommandInput) => void;
    readonly spawn?: Spawn;
  }) {
    this.#directories = options.directories;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#post = options.post;
    this.#forkServer = new ForkServer(options.spawn);
  }

  async start(run: KeptRun, attempt: number, plan: ProcessPlan): Promise<void> {
    const kept: Kept = { ...run, attempt };
    this.#runs.set(run.run, kept);
    await this.#begin(kept, plan);
  }

  async #begin(kept: Kept, plan: ProcessPlan): Promise<void> {
    if (kept.dropped) return;
    const directory = this.#directories.of(kept.run);
    const none = (errno?: string) => this.#none(kept, plan, errno);
    try {
      const launch = await prepare(plan, { ...kept, directory });
      if (kept.dropped) return;
      if ('kind' in launch) return this.#fail(kept, launch);
      kept.launch = launch;
      this.#directories.claim(kept);
      const statusFile = statusFileOf(directory, kept.attempt, this.#directories.nonce);
      this.#forkServer.keep(makeSpawnRequest(kept, statusFile, launch, directory), {
        none,
        kept: (pid, control) => this.#attach(kept, pid, control, none),
        begun: () => {
          kept.begun = true;
        },
        unwritten: () => this.#look(kept),
        closed: () => this.#look(kept),
        unknown: () => this.#report(kept, { report: NEVER_RAN, shortage: 'the fork server ended' }),
      });
    } catch (error) {
      none(errnoOf(error));
    }
  }

  /** Nothing has been forked: if that passes by itself, the same attempt is tried again. */
  #none(kept: Kept, plan: ProcessPlan, errno?: string): void {
    if (kept.dropped) return;
    if (errno === undefined || !isPassing(errno)) return this.#fail(kept, describeNoKeeper(errno));
    this.#tellAgain(kept, errno);
    this.#clock.after(RETRY_MS, () => void this.#begin(kept, plan));
  }

  #tellAgain({ run, target }: Kept, errno: string): void {
    this.#log.warn({ run, target, errno }, 'start is tried again');
  }

  go(run: RunId): void {
    this.#runs.get(run)?.control?.go();
  }

  /** The keeper sees EOF and never starts the command. */
  drop(run: RunId): void {
    const kept = this.#runs.get(run);
    if (kept === undefined) return;
    kept.dropped = true;
    kept.control?.drop();
    this.#runs.delete(run);
    // Its end is in the journal now; without this it would try to write it for ever.
    if (kept.isUnwritten && kept.keeper) dismiss(kept.keeper);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const kept: Kept = { ...run, attempt, keeper };
    this.#runs.set(run.run, kept);
    this.#watch(kept);
  }

  stop(run: RunId, graceMs: number): void {
    const kept = this.#runs.get(run);
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

  #attach(kept: Kept, pid: number, control: KeeperControl, none: (errno?: string) => void): void {
    if (kept.dropped) return control.drop();
    try {
      const startTime = statOf(pid)?.startTime ?? 0;
      kept.keeper = { pid, startTime, bootId: this.#bootId, nonce: this.#directories.nonce };
    } catch (error) {
      // Who could not be known again is ended before it does or writes anything.
      send(pid, 'SIGKILL');
      control.drop();
      return none(errnoOf(error));
    }
    kept.control = control;
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
    if (kept.isDoubtful) return;
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
    if (kept.isDoubtful) return;
    this.#clock.after(ADOPTED_LOOK_MS, () => this.#look(kept));
  }

  #examine(kept: Kept, keeper: KeeperId): void {
    const { run, attempt, launch } = kept;
    const isIdle = kept.control !== undefined && kept.begun !== true;
    const clock = this.#clock;
    const about = { ...this.#marksOf(kept), attempt, keeper, isIdle, clock };
    const subject = { ...about, ...(launch && { launch }) };
    const sight = observe(subject, (path) => this.#tellUnreadable(kept, path));
    if (sight.kind === 'running') return;
    if (sight.kind === 'ended') return this.#hear(kept, sight.found);
    const { rebooted, survivors, startTimes } = sight;
    const wasEnded = kept.wasEnded ? ({ wasEnded: true } as const) : {};
    this.#forget(kept);
    this.#post({ type: 'gone', run, attempt, rebooted, survivors, startTimes, ...wasEnded });
  }

  #marksOf({ run, startNonce }: Kept): RunMarks {
    const directory = this.#directories.of(run);
    return { run, directory, ...(startNonce === undefined ? {} : { startNonce }) };
  }

  #tellUnreadable(kept: Kept, path: string): void {
    const { run, target } = kept;
    if (!kept.unreadable) this.#log.error({ run, target, path }, 'unreadable status');
    kept.unreadable = true;
  }

  #hear(kept: Kept, found: Found): void {
    if (!found.isDoubtful) return this.#report(kept, found);
    kept.isDoubtful = true;
    this.#clock.after(HOLD_MS, () => void this.#doubt(kept, found));
  }

  /** While the machine goes down nothing is concluded: the next boot tells. */
  async #doubt(kept: Kept, found: Found): Promise<void> {
    if (!(await isGoingDown())) return this.#report(kept, found);
    const { run, target } = kept;
    this.#log.info({ run, target }, 'run was ended by a shutdown of the machine');
    this.#clock.after(HOLD_MS, () => void this.#doubt(kept, found));
  }

  #report(kept: Kept, { report, shortage, unwritten }: Found): void {
    if (kept.dropped || kept.over) return;
    const { run, target, keeper } = kept;
    if (unwritten !== undefined) {
      this.#log.error({ run, target, errno: unwritten }, 'keeper cannot write how its run ended');
      kept.isUnwritten = true;
    }
    const leftovers = keeper === undefined ? [] : childrenOf(keeper.pid);
    const bytes = outputBytes(this.#directories.of(run));
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
    if (kept.isUnwritten) kept.over = true;
    else this.#forget(kept);
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
    kept.control?.drop();
    if (this.#runs.get(kept.run)?.attempt === kept.attempt) this.#runs.delete(kept.run);
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
