/**
 * Supervises the runs of one kind of keepers, whatever the kind: looks at each until it is known
 * how it ended (observe.ts), and tells the scheduler once. How a keeper is had, let go and stopped
 * is the business of its transport (process-keepers.ts, ssh-keepers.ts), and so is what only it can
 * show.
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
import type { Failure, Launch } from './launch.ts';
import { type Observation, observe, type Signs } from './observe.ts';
import type { RunDirectories } from './run-directories.ts';
import type { Found } from './status-file.ts';

/** How often a run is looked at, once there is a reason to. */
export const LOOK_MS = 250;
/** How long to wait before what the system had no room for is tried again. */
export const RETRY_MS = 1_000;

/** What is known of a run that is being started or runs; each transport adds its own. */
export interface Kept extends KeptRun {
  readonly attempt: number;
  keeper?: KeeperId;
  launch?: Launch;
  /** It is looked at, again and again. */
  isWatched?: boolean;
  /** It was said that nothing can be seen of the run now. */
  isUnseen?: boolean;
  /** It was said that its status file makes no sense. */
  isUnreadable?: boolean;
  /** Its end is known, and held back for a while. */
  isHeld?: boolean;
  /** The keeper was ended with all the rest. */
  wasEnded?: boolean;
  dropped?: boolean;
  over?: boolean;
}

/** What each kind of keepers does and shows in its own way. */
export interface Transport<K extends Kept> {
  signs(kept: K, keeper: KeeperId): Omit<Signs, 'unreadable'>;
  /** The keeper waits, so that its command cannot have run. */
  isIdle(kept: K): boolean;
  /** Throws, without having told anybody, where not all of its end can be seen now. */
  ended(kept: K, found: Found): void;
  /** Nothing more will be asked of its keeper. */
  forgotten(kept: K): void;
}

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

  /** There is somebody to let go. */
  ready(kept: K, keeper: KeeperId): void {
    kept.keeper = keeper;
    this.#options.post({ type: 'kept', run: kept.run, attempt: kept.attempt, keeper });
  }

  /** Looks now, and again until it is known how it ended. */
  watch(kept: K): void {
    if (isOpen(kept)) this.#look(kept, kept.keeper);
    if (!isOpen(kept) || kept.isWatched) return;
    kept.isWatched = true;
    this.#options.clock.after(LOOK_MS, () => {
      kept.isWatched = false;
      this.watch(kept);
    });
  }

  /** Waits until what is lacking may be there, unless the run is dropped meanwhile. */
  again({ run, target }: K, errno: string, next: () => void): void {
    this.#options.log.warn({ run, target, errno }, 'start is tried again');
    this.#options.clock.after(RETRY_MS, next);
  }

  fail(kept: K, failure: Failure): void {
    this.report(kept, { started: true, code: null, signal: null, core: false, failure });
  }

  report(kept: K, report: Report): void {
    if (kept.dropped || kept.over) return;
    this.forget(kept);
    this.tell(kept, report);
  }

  /** Only tells: who is still needed is forgotten later. */
  tell({ run, attempt }: K, report: Report): void {
    this.#options.post({ type: 'reported', run, attempt, report });
  }

  forget(kept: K): void {
    kept.over = true;
    this.remove(kept);
    this.#transport.forgotten(kept);
  }

  /** A later attempt may have taken its place. */
  remove(kept: K): void {
    if (this.#runs.get(kept.run) === kept) this.#runs.delete(kept.run);
  }

  #look(kept: K, keeper: KeeperId): void {
    const { directories, clock, log } = this.#options;
    const { run, target, attempt, launch } = kept;
    const isIdle = this.#transport.isIdle(kept);
    const about = { directory: directories.of(run), attempt, keeper, isIdle, clock };
    const seen = observe(
      { ...about, ...(launch && { launch }) },
      {
        ...this.#transport.signs(kept, keeper),
        unreadable: (path) => {
          if (!kept.isUnreadable) log.error({ run, target, path }, 'unreadable status');
          kept.isUnreadable = true;
        },
      },
    );
    const wasUnseen = kept.isUnseen === true;
    kept.isUnseen = seen.kind === 'unknown';
    this.#conclude(kept, seen, wasUnseen);
  }

  #conclude(kept: K, seen: Observation, wasUnseen: boolean): void {
    switch (seen.kind) {
      case 'running':
        return;
      case 'ended':
        try {
          return this.#transport.ended(kept, seen.found);
        } catch (error) {
          return this.#unseen(kept, errnoOf(error), wasUnseen);
        }
      case 'gone':
        return this.#gone(kept, seen);
      case 'unknown':
        return this.#unseen(kept, seen.errno, wasUnseen);
      default:
        return seen satisfies never;
    }
  }

  /** To say `lost` of it would be a lie: it is looked at again. */
  #unseen(kept: K, errno: string, wasUnseen: boolean): void {
    const { run, target } = kept;
    kept.isUnseen = true;
    if (!wasUnseen) this.#options.log.warn({ run, target, errno }, 'run cannot be looked at now');
  }

  #gone(kept: K, { rebooted, survivors: members }: Observation & { kind: 'gone' }): void {
    const { run, attempt, wasEnded } = kept;
    const survivors = members.map(({ pid }) => pid);
    const startTimes = members.map(({ startTime }) => startTime);
    const more = wasEnded ? ({ wasEnded: true } as const) : {};
    this.forget(kept);
    this.#options.post({ type: 'gone', run, attempt, rebooted, survivors, startTimes, ...more });
  }
}

/** There is something to look at, and something to learn by it. */
function isOpen<K extends Kept>(kept: K): kept is K & { readonly keeper: KeeperId } {
  return kept.keeper !== undefined && !kept.over && !kept.dropped && !kept.isHeld;
}
