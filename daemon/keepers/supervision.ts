/**
 * Supervises the runs of one kind of keeper, whatever the kind: looks at each run until it is known
 * how it ended (observe.ts), and tells the scheduler once. Getting, releasing and stopping a keeper
 * is up to its transport (process-keepers.ts, ssh-keepers.ts, slurm-keepers.ts), and so is what
 * only that kind can show. Only this file changes the life of a run.
 *
 * Invariants: a run is reported at most once, and never after it was dropped; a message from a
 * keeper, or its end, is only a hint to look; what cannot be seen now is looked at again.
 */
import type { CommandInput, Report } from '../core/command.ts';
import type { KeptRun } from '../engine/daemon.ts';
import { errnoOf } from '../shared/errno.ts';
import type { KeeperId, RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { HOLD_MS, isGoingDown } from '../system/shutdown.ts';
import type { Failure } from './launch.ts';
import { type Observation, observe, type Signs } from './observe.ts';
import type { RunDirectories } from './run-directories.ts';
import { type Found, NEVER_RAN, outputBytes } from './status-file.ts';

/** How often a run is looked at, once there is a reason to. */
export const LOOK_MS = 250;
/** Delay before a retry, after the system was short of something. */
export const RETRY_MS = 1_000;

/**
 * preparing → ready → released → held → ended; from `released` it may go through `doubted` and
 * back. It can be stopped as soon as it has a keeper.
 */
type Life =
  | { readonly state: 'preparing' }
  /** Its keeper waits, so its command cannot have run; or its command may run. */
  | (WithKeeper & { readonly state: 'ready' | 'released' })
  /** It has ended, perhaps because the machine is shutting down. */
  | (WithKeeper & { readonly state: 'doubted' })
  /** It is known how it ended; this is reported later. */
  | (WithKeeper & { readonly state: 'held'; readonly report: Report; unwritten?: KeeperId })
  /** `unwritten`: a keeper that cannot write the end and lives until the journal has it. */
  | { readonly state: 'ended'; readonly unwritten?: KeeperId };

interface WithKeeper {
  readonly keeper: KeeperId;
  stop?: Stop;
}

/** All processes of a run are being ended. */
export interface Stop {
  /** No process is left that this daemon has to end. */
  isOver: boolean;
  /** The keeper did not answer, and was ended with the rest. */
  wasEnded?: true;
}

/** A run that is starting or running; each transport adds how it reaches the keeper. */
export interface Kept extends KeptRun {
  readonly attempt: number;
  life: Life;
  /** The next look is scheduled. */
  isWatched?: boolean;
  /** It was logged that the run cannot be checked now. */
  isUnseen?: boolean;
  /** It was logged that its status file makes no sense. */
  isUnreadable?: boolean;
}

/** What each kind of keeper does and shows in its own way. */
export type Transport<K extends Kept> = (
  | { signs(kept: K, keeper: KeeperId): Omit<Signs, 'unreadable'> }
  /** What it last saw; the transport calls `watch` when it sees something new. */
  | { seen(kept: K): Observation }
) & {
  /** What processes a run left when it ended. Throws if that cannot be determined now. */
  ended?(kept: K, keeper: KeeperId): Pick<Report, 'leftovers'>;
  /** Nothing more will be asked of its keeper. */
  forgotten(kept: K): void;
};

export interface SupervisorOptions {
  readonly directories: RunDirectories;
  readonly clock: Clock;
  readonly log: Log;
  readonly post: (observation: CommandInput) => void;
}

export class Supervisor<K extends Kept> {
  readonly #options: SupervisorOptions;
  readonly #transport: Transport<K>;
  readonly #runs = new Map<RunId, K>();

  constructor(options: SupervisorOptions, transport: Transport<K>) {
    this.#options = options;
    this.#transport = transport;
  }

  get runs(): ReadonlyMap<RunId, K> {
    return this.#runs;
  }

  add(kept: K): void {
    this.#runs.set(kept.run, kept);
  }

  /** Adds a run that another daemon started. */
  adopt(kept: K): void {
    this.add(kept);
    this.watch(kept);
  }

  /** There is a keeper to release. */
  ready(kept: K, keeper: KeeperId): void {
    kept.life = { state: 'ready', keeper };
    this.#options.post({ type: 'kept', run: kept.run, attempt: kept.attempt, keeper });
  }

  /** From now on the command may run. */
  released(kept: K): void {
    if (kept.life.state === 'ready') kept.life = { ...kept.life, state: 'released' };
  }

  /** Returns the keeper to stop; undefined if there is none, or a stop is already in progress. */
  stop(kept: K, stop: Stop): KeeperId | undefined {
    const { life } = kept;
    if (!('keeper' in life) || life.stop !== undefined) return undefined;
    life.stop = stop;
    return life.keeper;
  }

  /** Looks now, and repeatedly until it is known how the run ended. */
  watch(kept: K): void {
    if (isOpen(kept.life)) this.#look(kept, kept.life);
    if (!isOpen(kept.life) || kept.isWatched || 'seen' in this.#transport) return;
    kept.isWatched = true;
    this.#options.clock.after(LOOK_MS, () => {
      kept.isWatched = false;
      this.watch(kept);
    });
  }

  /** Retries after a delay, unless the run is dropped meanwhile. */
  again(kept: K, errno: string, next: () => void): void {
    const { run, target } = kept;
    this.#options.log.warn({ run, target, errno }, 'start is retried');
    this.#options.clock.after(RETRY_MS, () => {
      if (kept.life.state !== 'ended') next();
    });
  }

  fail(kept: K, failure: Failure): void {
    this.#report(kept, { started: true, code: null, signal: null, core: false, failure });
  }

  /** The attempt is over; another one may start after a delay. */
  neverRan(kept: K, why: string): void {
    this.again(kept, why, () => this.#report(kept, NEVER_RAN));
  }

  #report(kept: K, report: Report): void {
    this.forget(kept);
    this.#tell(kept, report);
  }

  /** Reports how a run ended, unless the rest of it is still being ended. */
  finish(kept: K): void {
    const { life } = kept;
    if (life.state !== 'held' || life.stop?.isOver === false) return;
    const { stop, unwritten } = life;
    const isEmptied = stop !== undefined && life.report.leftovers !== undefined;
    const report = isEmptied ? { ...life.report, leftovers: [] } : life.report;
    if (unwritten === undefined) return this.#report(kept, report);
    kept.life = { state: 'ended', unwritten };
    this.#tell(kept, report);
  }

  /** A later attempt may already have its place in `#runs`. */
  forget(kept: K): void {
    kept.life = { state: 'ended' };
    if (this.#runs.get(kept.run) === kept) this.#runs.delete(kept.run);
    this.#transport.forgotten(kept);
  }

  #tell({ run, attempt }: K, report: Report): void {
    this.#options.post({ type: 'reported', run, attempt, report });
  }

  #look(kept: K, life: Open): void {
    const { directories, clock, log } = this.#options;
    const { run, target, attempt } = kept;
    const { keeper } = life;
    const transport = this.#transport;
    if ('seen' in transport) return this.#conclude(kept, life, transport.seen(kept));
    const isIdle = life.state === 'ready';
    const seen = observe(
      { directory: directories.of(run), attempt, keeper, isIdle, clock },
      {
        ...transport.signs(kept, keeper),
        unreadable: (path) => {
          if (!kept.isUnreadable) log.error({ run, target, path }, 'unreadable status');
          kept.isUnreadable = true;
        },
      },
    );
    this.#conclude(kept, life, seen);
  }

  #conclude(kept: K, life: Open, seen: Observation): void {
    switch (seen.kind) {
      case 'running':
        kept.isUnseen = false;
        return;
      case 'ended':
        if (!seen.found.isDoubtful) return this.#hold(kept, seen.found);
        kept.life = { ...life, state: 'doubted' };
        this.#options.clock.after(HOLD_MS, () => void this.#doubt(kept, seen.found));
        return;
      case 'gone':
        return this.#gone(kept, life, seen);
      case 'unknown':
        return this.#unseen(kept, seen.errno);
      default:
        return seen satisfies never;
    }
  }

  /** Reporting `lost` would be wrong, so it is looked at again. */
  #unseen(kept: K, errno: string): void {
    const { run, target, isUnseen } = kept;
    kept.isUnseen = true;
    if (!isUnseen) this.#options.log.warn({ run, target, errno }, 'run cannot be checked now');
  }

  /** Concludes nothing while the machine is shutting down: the next boot decides. */
  async #doubt(kept: K, found: Found): Promise<void> {
    const isDown = await isGoingDown();
    const { life, run, target } = kept;
    if (life.state !== 'doubted') return;
    if (isDown) {
      this.#options.log.info({ run, target }, 'run was stopped by a shutdown of the machine');
      this.#options.clock.after(HOLD_MS, () => void this.#doubt(kept, found));
      return;
    }
    kept.life = { ...life, state: 'released' };
    this.#hold(kept, found);
    this.watch(kept);
  }

  /** Delays the report until none of its processes is being ended, and a shortage may be over. */
  #hold(kept: K, { report, shortage, unwritten: errno }: Found): void {
    const { directories, log } = this.#options;
    const { run, target, life } = kept;
    if (!isOpen(life)) return;
    try {
      const more = this.#transport.ended?.(kept, life.keeper);
      const bytes = outputBytes(directories.of(run));
      const whole = report.started ? { ...report, bytes, ...more } : report;
      kept.life = { ...life, state: 'held', report: whole };
    } catch (error) {
      return this.#unseen(kept, errnoOf(error));
    }
    if (errno !== undefined) {
      log.error({ run, target, errno }, 'keeper cannot write how its run ended');
      kept.life.unwritten = life.keeper;
    }
    if (shortage === undefined || life.stop !== undefined) this.finish(kept);
    else this.again(kept, shortage, () => this.finish(kept));
  }

  #gone(kept: K, { stop }: WithKeeper, seen: Observation & { kind: 'gone' }): void {
    const { run, attempt } = kept;
    const { rebooted, detail, mayLive } = seen;
    const survivors = seen.survivors.map(({ pid }) => pid);
    const startTimes = seen.survivors.map(({ startTime }) => startTime);
    const more = {
      ...(stop?.wasEnded ? ({ wasEnded: true } as const) : {}),
      ...(detail === undefined ? {} : { detail }),
      ...(mayLive === undefined ? {} : { mayLive }),
    };
    this.forget(kept);
    this.#options.post({ type: 'gone', run, attempt, rebooted, survivors, startTimes, ...more });
  }
}

type Open = Life & { readonly state: 'ready' | 'released' };

/** There is something to look at, and the end is not known yet. */
function isOpen(life: Life): life is Open {
  return life.state === 'ready' || life.state === 'released';
}
