/**
 * Supervises the runs of one kind of keepers, whatever the kind: looks at each until it is known
 * how it ended (observe.ts), and tells the scheduler once. How a keeper is had, let go and stopped
 * is the business of its transport (process-keepers.ts, ssh-keepers.ts, slurm-keepers.ts), and so
 * is what only it can show. The life of a run changes here only.
 *
 * Invariants: a run is told of at most once, and never after it was dropped; that a keeper has
 * closed or said something is only a hint to look; what cannot be looked at now is looked at again.
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
/** How long to wait before what the system had no room for is tried again. */
export const RETRY_MS = 1_000;

/** preparing → ready → released → held → ended. It may be stopped as soon as it has a keeper. */
type Life =
  | { readonly state: 'preparing' }
  /** Its keeper waits, so that its command cannot have run; or it may run. */
  | (WithKeeper & { readonly state: 'ready' | 'released' })
  /** It has ended, perhaps because the machine goes down. */
  | (WithKeeper & { readonly state: 'doubted' })
  /** It is known how it ended, and told in a while. */
  | (WithKeeper & { readonly state: 'held'; readonly report: Report; unwritten?: KeeperId })
  /** `unwritten`: of a keeper that lives until the end is in the journal: it cannot write it. */
  | { readonly state: 'ended'; readonly unwritten?: KeeperId };

interface WithKeeper {
  readonly keeper: KeeperId;
  stop?: Stop;
}

/** All of a run is being ended. */
export interface Stop {
  /** Nobody is left whom this daemon has to end. */
  isOver: boolean;
  /** The keeper did not answer, and was ended with all the rest. */
  wasEnded?: true;
}

/** A run that is being started or runs; each transport adds how it reaches the keeper. */
export interface Kept extends KeptRun {
  readonly attempt: number;
  life: Life;
  /** It is looked at, again and again. */
  isWatched?: boolean;
  /** It was said that nothing can be seen of the run now. */
  isUnseen?: boolean;
  /** It was said that its status file makes no sense. */
  isUnreadable?: boolean;
}

/** What each kind of keepers does and shows in its own way. */
export type Transport<K extends Kept> = (
  | { signs(kept: K, keeper: KeeperId): Omit<Signs, 'unreadable'> }
  /** What it saw last; a caller that sees something new has the run watched. */
  | { seen(kept: K): Observation }
) & {
  /** A run has ended: what it has left. Throws where that cannot be seen now. */
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

  /** Another daemon had it started. */
  adopt(kept: K): void {
    this.add(kept);
    this.watch(kept);
  }

  /** There is somebody to let go. */
  ready(kept: K, keeper: KeeperId): void {
    kept.life = { state: 'ready', keeper };
    this.#options.post({ type: 'kept', run: kept.run, attempt: kept.attempt, keeper });
  }

  /** From now on the command may run. */
  released(kept: K): void {
    if (kept.life.state === 'ready') kept.life = { ...kept.life, state: 'released' };
  }

  /** Whom to stop; undefined where there is nobody, or it is being done. */
  stop(kept: K, stop: Stop): KeeperId | undefined {
    const { life } = kept;
    if (!('keeper' in life) || life.stop !== undefined) return undefined;
    life.stop = stop;
    return life.keeper;
  }

  /** Looks now, and again until it is known how it ended. */
  watch(kept: K): void {
    if (isOpen(kept.life)) this.#look(kept, kept.life);
    if (!isOpen(kept.life) || kept.isWatched || 'seen' in this.#transport) return;
    kept.isWatched = true;
    this.#options.clock.after(LOOK_MS, () => {
      kept.isWatched = false;
      this.watch(kept);
    });
  }

  /** Waits until what is lacking may be there, unless the run is dropped meanwhile. */
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

  /** The attempt is over, and another one may begin after a while. */
  neverRan(kept: K, why: string): void {
    this.again(kept, why, () => this.#report(kept, NEVER_RAN));
  }

  #report(kept: K, report: Report): void {
    this.forget(kept);
    this.#tell(kept, report);
  }

  /** Tells how a run ended, unless the rest of it is being ended still. */
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

  /** A later attempt may have taken its place. */
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

  /** To say `lost` of it would be a lie: it is looked at again. */
  #unseen(kept: K, errno: string): void {
    const { run, target, isUnseen } = kept;
    kept.isUnseen = true;
    if (!isUnseen) this.#options.log.warn({ run, target, errno }, 'run cannot be checked now');
  }

  /** While the machine goes down nothing is concluded: the next boot tells. */
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

  /** Until nobody of it is being ended any more, and what was lacking may be there. */
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

/** There is something to look at, and something to learn by it. */
function isOpen(life: Life): life is Open {
  return life.state === 'ready' || life.state === 'released';
}
