/**
 * Asks Slurm for all jobs of a configuration at once, as long as anything needs to know; one query
 * at a time, and less often while there is no answer.
 */
import { errnoOf } from '../shared/errno.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import type { Conf, SlurmCommands } from './slurm-commands.ts';
import type { Job } from './slurm-job-list.ts';

const POLL_MS = 5_000;
/** Delay after something has happened. */
const POLL_SOON_MS = 1_000;
/** Longest delay while there is no answer. */
const POLL_MS_MAX = 60_000;

interface Options {
  readonly commands: SlurmCommands;
  readonly clock: Clock;
  readonly log: Log;
  readonly isWanted: (conf: Conf) => boolean;
  /** Jobs by token; complete for jobs that were submitted before `askedAtMs`. */
  readonly take: (conf: Conf, jobs: ReadonlyMap<string, readonly Job[]>, askedAtMs: number) => void;
  readonly failed: (conf: Conf, why: string) => void;
}

interface Asking {
  /** Cancels the next query; absent if none is scheduled. */
  cancel?: () => void;
  /** When the next query is due. */
  dueMs?: number;
  isAsked?: boolean;
  failures: number;
}

export class SlurmPoll {
  readonly #options: Options;
  readonly #asking = new Map<Conf, Asking>();

  constructor(options: Options) {
    this.#options = options;
  }

  /** Something may have changed. */
  soon(conf: Conf): void {
    const asking = this.#asking.get(conf) ?? { failures: 0 };
    this.#asking.set(conf, asking);
    const soonMs = this.#options.clock.now().steadyMs + POLL_SOON_MS;
    const isSoon = asking.dueMs !== undefined && asking.dueMs <= soonMs;
    if (asking.failures === 0 && !isSoon) this.#after(conf, asking, POLL_SOON_MS);
  }

  #after(conf: Conf, asking: Asking, delayMs: number): void {
    asking.cancel?.();
    asking.dueMs = this.#options.clock.now().steadyMs + delayMs;
    asking.cancel = this.#options.clock.after(delayMs, () => {
      if (asking.isAsked) return this.#after(conf, asking, POLL_SOON_MS);
      delete asking.cancel;
      delete asking.dueMs;
      this.#ask(conf, asking).catch((error: unknown) =>
        this.#options.log.error({ errno: errnoOf(error), err: error }, 'jobs of Slurm'),
      );
    });
  }

  async #ask(conf: Conf, asking: Asking): Promise<void> {
    const { commands, clock, log, isWanted, take, failed } = this.#options;
    if (!isWanted(conf)) return void this.#asking.delete(conf);
    const { steadyMs: askedAtMs } = clock.now();
    asking.isAsked = true;
    const jobs = await commands.jobs(conf).finally(() => {
      asking.isAsked = false;
    });
    if (jobs.ok) {
      if (asking.failures > 0) log.info({ conf }, 'Slurm answers again');
      asking.failures = 0;
      take(conf, byToken(jobs.value), askedAtMs);
    } else {
      if (asking.failures === 0) log.warn({ conf, reason: jobs.error }, 'Slurm does not answer');
      asking.failures += 1;
      failed(conf, jobs.error);
    }
    // `soon` was called meanwhile.
    if (asking.cancel !== undefined) return;
    this.#after(conf, asking, Math.min(POLL_MS * 2 ** asking.failures, POLL_MS_MAX));
  }
}

function byToken(all: readonly Job[]): ReadonlyMap<string, readonly Job[]> {
  const jobs = new Map<string, Job[]>();
  for (const job of all) {
    const same = jobs.get(job.token);
    if (same === undefined) jobs.set(job.token, [job]);
    else same.push(job);
  }
  return jobs;
}
