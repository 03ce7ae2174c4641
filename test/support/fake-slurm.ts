/**
 * A Slurm that a test controls by hand, and the keeper in its jobs: what slurmctld answers, forgets
 * and repeats, and what the keeper leaves in the directory that it shares with the daemon.
 */
import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { SlurmCommands, Submission, Submitted } from '../../daemon/keepers/slurm-commands.ts';
import type { Job } from '../../daemon/keepers/slurm-job-list.ts';
import type { Result } from '../../daemon/shared/result.ts';

const DONE: Result<void> = { ok: true, value: undefined };

export class FakeSlurm implements SlurmCommands {
  /** As squeue shows them. */
  table: Job[] = [];
  /** Why slurmctld does not answer now. */
  down: string | undefined;
  /** The answers to the next submissions, and whether the job exists in any case. */
  readonly answers: { readonly submitted: Submitted; readonly isThere: boolean }[] = [];
  readonly submissions: Submission[] = [];
  /** The commands it got, in order: "release TOKEN". */
  readonly orders: string[] = [];
  polls = 0;
  /** The number of unanswered queries, while queries are not answered. */
  asking = 0;
  isSlow = false;
  /** Submissions are not answered, and their outcome is unknown. */
  isDeaf = false;
  #next = 1;

  async submit(submission: Submission): Promise<Submitted> {
    this.submissions.push(submission);
    if (this.isDeaf) return new Promise(() => {});
    const { token } = submission;
    const job = String(this.#next);
    const { submitted, isThere } = this.answers.shift() ?? {
      submitted: { kind: 'taken' as const, job },
      isThere: true,
    };
    if (isThere) {
      this.#next += 1;
      this.table.push({ job, token, state: 'PENDING', reason: 'JobHeldUser', node: '' });
    }
    return submitted;
  }

  async jobs(): Promise<Result<readonly Job[]>> {
    this.polls += 1;
    if (this.isSlow) {
      this.asking += 1;
      return new Promise(() => {});
    }
    if (this.down !== undefined) return { ok: false, error: this.down };
    return { ok: true, value: [...this.table] };
  }

  async release(token: string): Promise<Result<void>> {
    return this.#order('release', token, (job) =>
      job.reason === 'JobHeldUser' ? { ...job, reason: 'Resources' } : job,
    );
  }

  async tell(token: string): Promise<Result<void>> {
    return this.#order('tell', token, (job) => job);
  }

  async cancel(token: string): Promise<Result<void>> {
    return this.#order('cancel', token, (job) => ({ ...job, state: 'CANCELLED' }));
  }

  async withdraw(token: string): Promise<Result<void>> {
    return this.#order('withdraw', token, (job) =>
      job.state === 'PENDING' ? { ...job, state: 'CANCELLED' } : job,
    );
  }

  /** From now on, Slurm reports this for all jobs. */
  say(change: Partial<Job>): void {
    this.table = this.table.map((job) => ({ ...job, ...change }));
  }

  #order(what: string, token: string, change: (job: Job) => Job): Result<void> {
    this.orders.push(`${what} ${token}`);
    if (this.down !== undefined) return { ok: false, error: this.down };
    this.table = this.table.map((job) => (job.token === token ? change(job) : job));
    return DONE;
  }
}

const EXIT_7 = {
  started: true,
  code: 7,
  signal: null,
  core: false,
  stage: null,
  errno: null,
};

/** What a keeper does in its job, by the files in its directory. */
export class PlayedKeeper {
  readonly directory: string;
  readonly attempt: number;

  /** In the newest directory below the shared one. */
  constructor(shared: string, attempt = 1) {
    const name = readdirSync(shared).find((entry) => entry.endsWith(`.${attempt}`)) ?? 'none';
    this.directory = join(shared, name);
    this.attempt = attempt;
  }

  path(name: string): string {
    return join(this.directory, `${name}.${this.attempt}`);
  }

  /** False: it must not run. */
  begin(job = '1', node = 'n1'): boolean {
    const own = `${this.path('begun')}.tmp`;
    writeFileSync(own, `${job} ${node} 0 1000 77\n`);
    try {
      if (!existsSync(this.path('spawn'))) return false;
      linkSync(own, this.path('begun'));
      return true;
    } catch {
      return false;
    } finally {
      unlinkSync(own);
    }
  }

  print(text: string, stream = 'out'): void {
    writeFileSync(join(this.directory, stream), text, { flag: 'a' });
  }

  /** A different time at each call. */
  beat(second: number): void {
    writeFileSync(this.path('beat'), '');
    utimesSync(this.path('beat'), second, second);
  }

  end(record: object = {}): void {
    writeFileSync(this.path('status'), JSON.stringify({ ...EXIT_7, ...record }));
  }

  leave(): void {
    writeFileSync(this.path('over'), '');
  }

  spawn(): readonly string[] {
    return readFileSync(this.path('spawn'), 'utf8').split('\0');
  }

  stop(): string | undefined {
    const path = this.path('stop');
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  }
}
