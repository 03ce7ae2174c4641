/**
 * The jobs that were submitted, or may have been, and that Slurm may not be done with: a file in
 * STATE/slurm for each, written before the submission. So a daemon that is killed leaves no job
 * behind, and nobody else's job is ever touched. A job that its run no longer needs is withdrawn
 * unless it has begun, and its directory is removed once Slurm is done with it.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { errnoOf } from '../shared/errno.ts';
import type { SlurmJob } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { parseJson } from '../system/parse-json.ts';
import { SlurmJobSchema } from './keeper-record.ts';
import type { Conf, SlurmCommands } from './slurm-commands.ts';
import { hasLeft, removeJobDirectory, withhold, write } from './slurm-files.ts';
import type { Job } from './slurm-job-list.ts';
import { isOver } from './slurm-sight.ts';

/**
 * How long a submission without an answer may stay in Slurm's queue: longer than its
 * MessageTimeout. A job that appears later is held for ever, and never runs.
 */
const TWIN_MS = 60_000;

/** How long Slurm may take to notice that the keeper in a job has exited. */
const LEFT_MS = 30_000;

const Entry = v.object({ run: v.number(), attempt: v.number(), slurm: SlurmJobSchema });
export type Entry = v.InferOutput<typeof Entry>;

/** A job that no run needs any more. */
interface Left extends Entry {
  /** Its submission was answered: there is no other job. */
  readonly isSure: boolean;
  readonly sinceMs: number;
  /** Since when Slurm has no unfinished job of it. */
  overAtMs?: number;
  /** Since when its keeper has exited although Slurm counts it as running. */
  leftAtMs?: number;
  /** Something is being done about it: until then nothing else is started. */
  isBusy?: boolean;
}

interface Options {
  /** The state directory. */
  readonly directory: string;
  readonly commands: SlurmCommands;
  readonly clock: Clock;
  readonly log: Log;
  /** Slurm has to be asked about something. */
  readonly wanted: (conf: Conf) => void;
}

export class SlurmLedger {
  readonly #options: Options;
  readonly #place: string;
  readonly #left = new Map<string, Left>();

  constructor(options: Options) {
    this.#options = options;
    this.#place = join(options.directory, 'slurm');
  }

  /** Throws system errors. */
  async add(entry: Entry): Promise<void> {
    const [path, text] = [this.#fileOf(entry.slurm), JSON.stringify(entry)];
    try {
      await write(path, text);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
      await mkdir(this.#place, { recursive: true, mode: 0o700 });
      await write(path, text);
    }
  }

  /** Nothing was created for it, or submitted. */
  async remove(slurm: SlurmJob): Promise<void> {
    await rm(this.#fileOf(slurm), { force: true });
  }

  /** Its run no longer needs it. */
  leave(entry: Entry, isSure: boolean): void {
    const { steadyMs: sinceMs } = this.#options.clock.now();
    this.#left.set(entry.slurm.token, { ...entry, isSure, sinceMs });
    this.#options.wanted(entry.slurm.conf);
  }

  /** Loads the jobs of earlier daemons that no run needs. */
  async load(isNeeded: (token: string) => boolean): Promise<void> {
    const names = await readdir(this.#place).catch(() => []);
    for (const name of names) {
      const text = await readFile(join(this.#place, name), 'utf8').catch(() => '');
      const entry = parseJson(Entry, text);
      if (entry !== undefined && !isNeeded(entry.slurm.token)) this.leave(entry, false);
    }
  }

  isWanted(conf: Conf): boolean {
    return [...this.#left.values()].some(({ slurm }) => slurm.conf === conf);
  }

  /** Processes an answer of Slurm. */
  take(conf: Conf, jobs: ReadonlyMap<string, readonly Job[]>, askedAtMs: number): void {
    for (const left of this.#left.values()) {
      if (left.slurm.conf !== conf || askedAtMs < left.sinceMs || left.isBusy) continue;
      left.isBusy = true;
      const live = (jobs.get(left.slurm.token) ?? []).filter((job) => !isOver(job));
      const done = live.length > 0 ? this.#withdraw(left, live) : this.#close(left);
      void done
        .catch((error: unknown) => {
          const { run, slurm } = left;
          const { directory } = slurm;
          this.#options.log.warn(
            { run, directory, errno: errnoOf(error) },
            'job of Slurm cannot be removed now',
          );
        })
        .finally(() => {
          left.isBusy = false;
        });
    }
  }

  async #withdraw(left: Left, live: readonly Job[]): Promise<void> {
    delete left.overAtMs;
    const { attempt, slurm } = left;
    if (!live.some(({ state }) => state === 'PENDING')) return await this.#free(left);
    const { token, directory, conf } = slurm;
    try {
      await withhold({ directory, attempt });
    } catch (error) {
      // Without its directory, the job runs nothing.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    await this.#options.commands.withdraw(token, conf);
  }

  /** If its slurmstepd was killed, Slurm counts the job as running for ever. */
  async #free(left: Left): Promise<void> {
    const { attempt, slurm } = left;
    const { token, directory, conf } = slurm;
    if (!(await hasLeft({ directory, attempt }))) return;
    const { steadyMs } = this.#options.clock.now();
    left.leftAtMs ??= steadyMs;
    if (steadyMs - left.leftAtMs < LEFT_MS) return;
    left.leftAtMs = steadyMs;
    await this.#options.commands.cancel(token, conf);
  }

  async #close(left: Left): Promise<void> {
    const { steadyMs } = this.#options.clock.now();
    left.overAtMs ??= steadyMs;
    if (!left.isSure && steadyMs - left.overAtMs < TWIN_MS) return;
    const { token, directory } = left.slurm;
    await removeJobDirectory(directory);
    await this.remove(left.slurm);
    this.#left.delete(token);
  }

  #fileOf({ token }: SlurmJob): string {
    return join(this.#place, token.slice(token.lastIndexOf(':') + 1));
  }
}
