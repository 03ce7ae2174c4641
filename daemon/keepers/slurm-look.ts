/**
 * Looks at runs that are jobs of Slurm by the files that they share with the daemon: whether the
 * keeper has begun, what the command prints, how it ended. Output is copied into the run's own
 * directory, where clients follow it, before the end is reported.
 *
 * One look at a time for each shared directory: a file server that hangs delays only its own runs.
 */
import { dirname } from 'node:path';
import { elapsedMs } from '../shared/elapsed.ts';
import { errnoOf } from '../shared/errno.ts';
import type { SlurmJob, Stamp } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import type { Launch } from './launch.ts';
import type { Observation } from './observe.ts';
import {
  type Begun,
  copyStream,
  hasLeft,
  type JobFiles,
  readBeat,
  readBegun,
  readStatus,
} from './slurm-files.ts';
import { isInDoubt, type Sight, seeBeat } from './slurm-sight.ts';
import type { StatusRecord } from './status-file.ts';
import { type Kept, LOOK_MS } from './supervision.ts';

/** A run is looked at less often if its command has not begun for this long. */
const SOON_MS = 3_000;
const LOOK_WAITING_MS = 1_000;
/**
 * Most waiting runs that are looked at in one round: half are the oldest, because Slurm starts them
 * first, and half are those that were looked at longest ago.
 */
export const WAITING_LOOKS_MAX = 8;
/** How long a file system may take to show what was written before the status file. */
const LATE_MS_MAX = 60_000;

/** A run that is a job of Slurm, or is to become one. */
export interface KeptJob extends Kept {
  slurm?: SlurmJob;
  /** Absent if another daemon prepared it. */
  launch?: Launch;
  /** Its submission was answered: there is no other job of its name. */
  isSure: boolean;
  sight: Sight;
  /** Its keeper has begun. */
  begun?: Begun;
  /** Since when its command may run. */
  releasedAtMs?: number;
  /** Slurm is being told to release it. */
  isReleasing?: boolean;
  /** Its submission has not been answered. */
  isSubmitting?: boolean;
  lookedAtMs?: number;
  /** Since when its end is known, but not all of its output has been seen. */
  endedAtMs?: number;
  /** What Slurm last said instead of an answer. */
  trouble?: string;
  /** How it ended, as far as this can be known. */
  end?: Observation;
}

/** The result of a look. */
export type Seen =
  | { readonly kind: 'nothing' }
  /** The daemon was first: the command never runs. */
  | { readonly kind: 'withheld' }
  | { readonly kind: 'ended'; readonly record: StatusRecord; readonly lostBytes: number };

/** How complete the copy of the output is. */
interface Copy {
  readonly isWhole: boolean;
  /** How much more there is, according to the keeper. */
  readonly missingBytes: number;
}

const NO_STREAM = { bytes: 0, isWhole: true };
const NO_COPY: Copy = { isWhole: true, missingBytes: 0 };

interface Options {
  readonly clock: Clock;
  readonly log: Log;
  readonly directoryOf: (run: number) => string;
  /** Runs that may have something to show. */
  readonly runs: () => Iterable<KeptJob>;
  readonly seen: (kept: KeptJob, slurm: SlurmJob, seen: Seen) => Promise<void>;
}

export class SlurmLooks {
  readonly #options: Options;
  readonly #busy = new Set<string>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Looks until there is nothing more to see in the shared directory. */
  begin({ directory }: SlurmJob): void {
    const shared = dirname(directory);
    if (this.#busy.has(shared)) return;
    this.#busy.add(shared);
    void this.#round(shared);
  }

  async #round(shared: string): Promise<void> {
    const { clock, runs, seen } = this.#options;
    const wanted = [...runs()].filter(
      (kept) =>
        kept.slurm !== undefined && dirname(kept.slurm.directory) === shared && !isOver(kept),
    );
    for (const kept of dueOf(wanted, clock.now().steadyMs)) {
      const { slurm } = kept;
      if (slurm === undefined || isOver(kept)) continue;
      const { steadyMs } = clock.now();
      kept.lookedAtMs = steadyMs;
      try {
        const found = await this.#look(kept, slurm);
        if (!isOver(kept)) await seen(kept, slurm, found);
      } catch (error) {
        this.#unseen(kept, error);
      }
    }
    if (wanted.length > 0) return void clock.after(LOOK_MS, () => void this.#round(shared));
    this.#busy.delete(shared);
  }

  async #look(kept: KeptJob, slurm: SlurmJob): Promise<Seen> {
    const files: JobFiles = { directory: slurm.directory, attempt: kept.attempt };
    if (kept.begun?.node === undefined) {
      const begun = await readBegun(files);
      if (begun === 'withheld') return { kind: 'withheld' };
      if (begun !== undefined) kept.begun = begun;
    }
    const { steadyMs } = this.#options.clock.now();
    // In this order: once the status is there, all output before the end is there, too.
    const record = kept.begun === undefined ? undefined : await readStatus(files);
    const copy = kept.begun === undefined ? NO_COPY : await this.#copy(kept, slurm, record);
    kept.isUnseen = false;
    if (record === 'unreadable') this.#unreadable(kept, slurm);
    else if (record !== undefined) return await this.#end(kept, files, record, copy);
    if (isInDoubt(kept.sight, kept.begun !== undefined)) {
      const beat = await readBeat(files);
      // Reads `sight` only now, to keep what Slurm has said meanwhile.
      kept.sight = seeBeat(kept.sight, beat, steadyMs);
    }
    return { kind: 'nothing' };
  }

  async #copy(
    { run, merged }: KeptJob,
    slurm: SlurmJob,
    record: StatusRecord | 'unreadable' | undefined,
  ): Promise<Copy> {
    const own = this.#options.directoryOf(run);
    const { outBytes = 0, errBytes = 0 } = typeof record === 'object' ? record : {};
    const hasEnded = typeof record === 'object';
    const out = await copyStream(slurm, own, 'out', hasEnded);
    const err = merged ? NO_STREAM : await copyStream(slurm, own, 'err', hasEnded);
    const missingBytes = Math.max(0, outBytes - out.bytes) + Math.max(0, errBytes - err.bytes);
    return { isWhole: out.isWhole && err.isWhole, missingBytes };
  }

  async #end(
    kept: KeptJob,
    files: JobFiles,
    record: StatusRecord,
    { isWhole, missingBytes }: Copy,
  ): Promise<Seen> {
    // The run is being stopped: waits until the keeper, or Slurm, says that no process is left.
    const isEnding = record.started && typeof record.stop === 'string';
    if (isEnding && kept.sight.overAtMs === undefined && !(await hasLeft(files))) {
      return { kind: 'nothing' };
    }
    if (isWhole && missingBytes === 0) return { kind: 'ended', record, lostBytes: 0 };
    const { steadyMs } = this.#options.clock.now();
    kept.endedAtMs ??= steadyMs;
    // More can still be copied, or the file system lags behind.
    if (!isWhole || steadyMs - kept.endedAtMs < LATE_MS_MAX) return { kind: 'nothing' };
    return { kind: 'ended', record, lostBytes: missingBytes };
  }

  #unreadable(kept: KeptJob, { directory }: SlurmJob): void {
    const { run, target, attempt } = kept;
    const path = `${directory}/status.${attempt}`;
    if (!kept.isUnreadable) this.#options.log.error({ run, target, path }, 'unreadable status');
    kept.isUnreadable = true;
  }

  #unseen(kept: KeptJob, error: unknown): void {
    const { run, target, isUnseen } = kept;
    const errno = errnoOf(error);
    kept.isUnseen = true;
    if (!isUnseen) this.#options.log.warn({ run, target, errno }, 'run cannot be checked now');
  }
}

type Looked = Pick<KeptJob, 'begun' | 'sight' | 'releasedAtMs' | 'lookedAtMs'>;

/** Which runs to look at now; `wanted` is in the order of their starts. */
export function dueOf<K extends Looked>(wanted: readonly K[], nowMs: number): readonly K[] {
  const waiting = wanted.filter((kept) => seemsToWait(kept));
  const due = waiting.filter(({ releasedAtMs = 0, lookedAtMs = 0 }) => {
    const restMs = nowMs - releasedAtMs > SOON_MS ? LOOK_WAITING_MS : 0;
    return nowMs - lookedAtMs >= restMs;
  });
  const half = WAITING_LOOKS_MAX / 2;
  const rest = due
    .slice(half)
    .sort((one, other) => (one.lookedAtMs ?? 0) - (other.lookedAtMs ?? 0));
  const looked = new Set([...due.slice(0, half), ...rest.slice(0, half)]);
  return wanted.filter((kept) => looked.has(kept) || !seemsToWait(kept));
}

/** Its command has not begun, and Slurm does not say that it may have. */
function seemsToWait({ begun, sight }: Looked): boolean {
  const { job, overAtMs } = sight;
  return begun === undefined && overAtMs === undefined && (job?.state ?? 'PENDING') === 'PENDING';
}

/** There is nothing more to learn about it, or it has not been released. */
function isOver({ life, end }: KeptJob): boolean {
  return end !== undefined || life.state !== 'released';
}

/** Its command has not begun within the time that the run may wait, and must not begin any more. */
export function isExpired({ begun, expiresAtMs }: KeptJob, now: Stamp): boolean {
  return begun === undefined && (expiresAtMs?.() ?? Infinity) <= elapsedMs(now);
}

export function hasEnded({ life }: KeptJob): boolean {
  return life.state === 'ended';
}
