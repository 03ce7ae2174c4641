/**
 * The commands of Slurm: submit, list, release, cancel. A job is identified by its token, never by
 * its number, which slurmctld may give to another job after a crash.
 *
 * Invariants: no command runs longer than its limit; the effect of a failed command is unknown
 * (sbatch may exit with 1 although the job exists); the daemon's environment is not passed on,
 * because SBATCH_* and SLURM_* would be options; neither the command of the run nor its environment
 * is an argument, which other users could read.
 */
import { join } from 'node:path';
import * as say from '../protocol/slurm-text.ts';
import type { Result } from '../shared/result.ts';
import { type Ran, runBounded } from '../system/bounded-command.ts';
import type { Clock } from '../system/clock.ts';
import { ProgramFinder } from '../system/find-program.ts';
import { installed } from '../system/installed.ts';
import { type Job, parseJobs } from './slurm-job-list.ts';
import { SubmissionLots, type Words } from './slurm-lots.ts';

/** What Slurm is asked to run. */
export interface Submission {
  readonly token: string;
  /** Shared by the daemon and the keeper in the job. */
  readonly directory: string;
  readonly attempt: number;
  /** For sbatch(1). */
  readonly options: readonly string[];
  readonly conf?: string;
}

export type Submitted =
  | { readonly kind: 'taken'; readonly job: string }
  /** Slurm did not accept the job, and will not. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Slurm may have accepted the job. */
  | { readonly kind: 'unknown'; readonly why: string };

export type Conf = string | undefined;

export interface SlurmCommands {
  /** The job is held: it does not start until it is released. */
  submit(submission: Submission): Promise<Submitted>;
  /** The jobs of this user that are named like a run of baton, including ended ones. */
  jobs(conf: Conf): Promise<Result<readonly Job[]>>;
  release(token: string, conf: Conf): Promise<Result<void>>;
  /** Sends TERM to the keeper alone. */
  tell(token: string, conf: Conf): Promise<Result<void>>;
  /** Slurm ends everything in the job that it can reach: TERM, then KILL after its KillWait. */
  cancel(token: string, conf: Conf): Promise<Result<void>>;
  /** Cancels only jobs of this name that have not begun. */
  withdraw(token: string, conf: Conf): Promise<Result<void>>;
}

/** Longer than Slurm waits for its own controller: MessageTimeout, 10 s. */
export const COMMAND_MS_MAX = 15_000;
/** sbatch also waits while the job table is full. */
export const SUBMIT_MS_MAX = 30_000;
/** Most commands at once, so that a controller that hangs blocks few processes. */
export const COMMANDS_MAX = 4;
/**
 * Most jobs that one command releases: starting a process costs more than a release, but scontrol
 * fetches the table of all jobs for each name.
 */
export const RELEASES_MAX = 20;
/** By default slurmctld has at most 10,000 jobs, and a name has at most 1,024 bytes. */
const JOBS_CHARS_MAX = 16_000_000;
/** How long KILL may take to end a late command before it is abandoned. */
export const KILL_MS_MAX = 1_000;
/** Of a command's messages, only the last lines are reported, */
export const SAID_LINES_MAX = 5;
/** and only the beginning of each. */
export const SAID_LINE_CHARS_MAX = 300;
const PATH = '/usr/bin:/bin';
const NOTHING = { stdout: '', stderr: '' };
/** The search hangs, as if a directory in PATH were on a file server that does not answer. */
const SEARCH_HANGS = 'ETIMEDOUT';
const SCRIPT = installed('daemon/slurm-keeper.pl');

/** What sbatch(1) says if slurmctld did not answer, or cannot accept the job now. */
const PASSING = [
  'timed out',
  'unable to contact',
  'connect failure',
  'connection refused',
  'temporarily unable',
  'zero bytes',
  'communication',
  'authentication error',
  'transport endpoint',
  'munge',
  'configuration source',
  'configuration file',
  'cannot stat',
  'job submit limit',
];

function isPassing(said: string): boolean {
  const text = said.toLowerCase();
  return PASSING.some((words) => text.includes(words));
}

/** Jobs that one command releases. */
interface Releases {
  readonly tokens: string[];
  /** The command has not started. */
  isOpen: boolean;
  done?: Promise<Result<void>>;
}

interface Asking {
  readonly answer: Promise<unknown>;
  /** The query after this one. */
  next?: Promise<Result<readonly Job[]>>;
}

export class RealSlurm implements SlurmCommands {
  readonly #clock: Clock;
  readonly #script: string;
  /** In the daemon's PATH, because some clusters have Slurm in a directory of its own. */
  readonly #programs: ProgramFinder;
  /** Unanswered queries, by cluster. */
  readonly #asking = new Map<Conf, Asking>();
  readonly #lots: SubmissionLots;
  /** The latest batch of each cluster. */
  readonly #releases = new Map<Conf, Releases>();
  /**
   * Submitted jobs are released before others are submitted. All other commands keep their order:
   * those for a cluster that hangs must not run before all submissions to the others.
   */
  readonly #waiting = { release: [] as (() => void)[], other: [] as (() => void)[] };
  #running = 0;

  constructor(
    clock: Clock,
    programs = new ProgramFinder(process.env['PATH'] ?? PATH),
    script: string = SCRIPT,
  ) {
    this.#clock = clock;
    this.#programs = programs;
    this.#script = script;
    this.#lots = new SubmissionLots({
      inTurn: (run) => this.#inTurn('other', run),
      run: (wordsOf, conf) => this.#run('sbatch', wordsOf, conf, SUBMIT_MS_MAX),
    });
  }

  async submit(submission: Submission): Promise<Submitted> {
    const { token, directory, attempt, options, conf } = submission;
    const args = [
      ...['--parsable', '-H', '--no-requeue', '--open-mode=append', '--propagate=NONE'],
      ...['-J', token, '-D', '/', '-o', join(directory, `slurm.${attempt}`)],
      ...options,
      ...[this.#script, directory, String(attempt), token],
    ];
    const ran = await this.#lots.submit(args, conf);
    const [, job] = /^(\d+)(?:;\S*)?\s*$/.exec(ran.stdout) ?? [];
    if (ran.code === 0 && job !== undefined) return { kind: 'taken', job };
    const why = whyOf('sbatch', ran, SUBMIT_MS_MAX);
    const isKnown = ran.errno === 'ENOENT' || (ran.code !== undefined && !isPassing(ran.stderr));
    return { kind: isKnown && ran.code !== 0 ? 'refused' : 'unknown', why };
  }

  /** Callers that come while a query is running share the next one, instead of one for each run. */
  jobs(conf: Conf): Promise<Result<readonly Job[]>> {
    const asking = this.#asking.get(conf);
    if (asking === undefined) return this.#askNow(conf);
    asking.next ??= asking.answer.then(() => this.#askNow(conf));
    return asking.next;
  }

  #askNow(conf: Conf): Promise<Result<readonly Job[]>> {
    const answer = this.#ask(conf).finally(() => this.#asking.delete(conf));
    this.#asking.set(conf, { answer });
    return answer;
  }

  async #ask(conf: Conf): Promise<Result<readonly Job[]>> {
    const format = '%i|%T|%r|%N|%j';
    const user = String(process.getuid?.() ?? '');
    const args = ['-h', '-a', '-t', 'all', '-u', user, '-o', format];
    // Does not wait for its turn, because it is for all runs.
    const ran = await this.#run('squeue', args, conf, COMMAND_MS_MAX);
    if (ran.code !== 0) return { ok: false, error: whyOf('squeue', ran, COMMAND_MS_MAX) };
    return { ok: true, value: parseJobs(ran.stdout) };
  }

  /** Jobs that come while one command releases others are left to the next command. */
  release(token: string, conf: Conf): Promise<Result<void>> {
    const last = this.#releases.get(conf);
    const isOpen = last?.isOpen === true && last.tokens.length < RELEASES_MAX;
    const releases = isOpen ? last : { tokens: [], isOpen: true };
    releases.tokens.push(token);
    this.#releases.set(conf, releases);
    releases.done ??= this.#releaseAll(releases, conf, last?.done);
    return releases.done;
  }

  async #releaseAll(
    releases: Releases,
    conf: Conf,
    before: Promise<unknown> | undefined,
  ): Promise<Result<void>> {
    // Even if undefined: after that, all jobs that one turn of the loop releases are in the batch.
    await before;
    return await this.#inTurn('release', async () => {
      releases.isOpen = false;
      const names = releases.tokens.map((token) => `jobname=${token}`);
      const ran = await this.#run('scontrol', ['release', ...names], conf, COMMAND_MS_MAX);
      // Perhaps only one of several has failed, for example ended; a job still held is seen soon.
      if (ran.code !== undefined && names.length > 1) return { ok: true, value: undefined };
      return resultOf('scontrol', ran);
    });
  }

  tell(token: string, conf: Conf): Promise<Result<void>> {
    return this.#orderInTurn('scancel', ['--batch', '--signal=TERM', '-n', token], conf);
  }

  cancel(token: string, conf: Conf): Promise<Result<void>> {
    return this.#orderInTurn('scancel', ['-n', token], conf);
  }

  withdraw(token: string, conf: Conf): Promise<Result<void>> {
    return this.#orderInTurn('scancel', ['--state=PENDING', '-n', token], conf);
  }

  #orderInTurn(program: string, args: readonly string[], conf: Conf): Promise<Result<void>> {
    return this.#inTurn('other', () => this.#order(program, args, conf));
  }

  async #order(program: string, args: readonly string[], conf: Conf): Promise<Result<void>> {
    return resultOf(program, await this.#run(program, args, conf, COMMAND_MS_MAX));
  }

  async #inTurn<T>(what: 'release' | 'other', run: () => Promise<T>): Promise<T> {
    if (this.#running >= COMMANDS_MAX) {
      await new Promise<void>((resolve) => this.#waiting[what].push(resolve));
    } else {
      this.#running += 1;
    }
    try {
      return await run();
    } finally {
      const next = this.#waiting.release.shift() ?? this.#waiting.other.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  #run(
    program: string,
    args: readonly string[] | ((file: string) => Words),
    conf: Conf,
    limitMs: number,
  ): Promise<Ran> {
    const env = { PATH, ...(conf === undefined ? {} : { SLURM_CONF: conf }) };
    return new Promise((resolve) => {
      let end: (() => void) | undefined;
      let isLate = false;
      let cancel = this.#clock.after(limitMs, () => {
        isLate = true;
        if (end === undefined) return resolve({ ...NOTHING, errno: SEARCH_HANGS });
        end();
        // Abandons a command that even KILL does not end; otherwise `done` gets its output.
        cancel = this.#clock.after(KILL_MS_MAX, () => resolve(NOTHING));
      });
      const done = (ran: Ran): void => {
        cancel();
        resolve(ran);
      };
      void this.#programs.find(program).then((file) => {
        if (isLate) return;
        if (file === undefined) return done({ ...NOTHING, errno: 'ENOENT' });
        const words: Words = typeof args === 'function' ? args(file) : [file, ...args];
        end = runBounded(words, done, env, JOBS_CHARS_MAX);
      });
    });
  }
}

function resultOf(program: string, ran: Ran): Result<void> {
  if (ran.code === 0) return { ok: true, value: undefined };
  return { ok: false, error: whyOf(program, ran, COMMAND_MS_MAX) };
}

function whyOf(program: string, { code, stderr, errno }: Ran, limitMs: number): string {
  if (errno !== undefined) return say.noSlurm(program, errno);
  const lines = stderr.split('\n').map((line) => shorten(line.trim().replace(`${program}: `, '')));
  const said = [...new Set(lines.filter((line) => line !== ''))].slice(-SAID_LINES_MAX).join('; ');
  if (code === undefined) {
    return said === '' ? say.slurmSilent(program, limitMs) : say.slurmLate(program, limitMs, said);
  }
  return said === '' ? say.slurmFailed(program, code) : `${program}: ${said}`;
}

function shorten(line: string): string {
  if (line.length <= SAID_LINE_CHARS_MAX) return line;
  return `${line.slice(0, SAID_LINE_CHARS_MAX)}...`;
}
