/**
 * The commands of Slurm: submit, look, release, cancel. A job is named by its token, never by its
 * number, which a crash of slurmctld gives to another job.
 *
 * Invariants: no command goes on for longer than its limit; of one that failed it is not known what
 * it has brought about (sbatch exits with 1, and the job is there); nothing of the daemon's
 * environment gets to it, where SBATCH_* and SLURM_* would be options; neither the command of the
 * run nor its environment is an argument, which other users could read.
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
  /** What the daemon and the keeper in the job share. */
  readonly directory: string;
  readonly attempt: number;
  /** For sbatch(1). */
  readonly options: readonly string[];
  readonly conf?: string;
}

export type Submitted =
  | { readonly kind: 'taken'; readonly job: string }
  /** It did not take it, and will not. */
  | { readonly kind: 'refused'; readonly why: string }
  /** It may have taken it. */
  | { readonly kind: 'unknown'; readonly why: string };

export type Conf = string | undefined;

export interface SlurmCommands {
  /** The job is held: it does not start before it is released. */
  submit(submission: Submission): Promise<Submitted>;
  /** The jobs of this user that have the name of a run of baton, also those that have ended. */
  jobs(conf: Conf): Promise<Result<readonly Job[]>>;
  release(token: string, conf: Conf): Promise<Result<void>>;
  /** TERM to the keeper alone. */
  tell(token: string, conf: Conf): Promise<Result<void>>;
  /** Slurm ends all of it that it can reach: TERM, and KILL after its KillWait. */
  cancel(token: string, conf: Conf): Promise<Result<void>>;
  /** Only jobs of this name that have not begun. */
  withdraw(token: string, conf: Conf): Promise<Result<void>>;
}

/** Beyond what Slurm waits for its own controller: MessageTimeout, 10 s. */
export const COMMAND_MS_MAX = 15_000;
/** sbatch also waits while the table of jobs is full. */
export const SUBMIT_MS_MAX = 30_000;
/** How many run at once, so that a controller that hangs holds up few processes. */
export const COMMANDS_MAX = 4;
/**
 * How many jobs one command releases: a process costs more than what it asks for, but scontrol
 * fetches the table of all jobs for each name.
 */
export const RELEASES_MAX = 20;
/** 10,000 jobs are the most of a usual slurmctld, and a name has at most 1,024 bytes. */
const JOBS_CHARS_MAX = 16_000_000;
/** How long KILL may take to end one that is late, before it is left to itself. */
export const KILL_MS_MAX = 1_000;
/** Of what a command says only the last lines are told, */
export const SAID_LINES_MAX = 5;
/** and of each its beginning. */
export const SAID_LINE_CHARS_MAX = 300;
const PATH = '/usr/bin:/bin';
const NOTHING = { stdout: '', stderr: '' };
/** As of a file server that does not answer: a place in the PATH is on it. */
const SEARCH_HANGS = 'ETIMEDOUT';
const SCRIPT = installed('daemon/slurm-keeper.pl');

/** What sbatch(1) says where slurmctld did not answer, or cannot take it now. */
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
  /** It has not begun. */
  isOpen: boolean;
  done?: Promise<Result<void>>;
}

interface Asking {
  readonly answer: Promise<unknown>;
  /** The question after it. */
  next?: Promise<Result<readonly Job[]>>;
}

export class RealSlurm implements SlurmCommands {
  readonly #clock: Clock;
  readonly #script: string;
  /** By the PATH of the daemon, where clusters have Slurm in a place of its own. */
  readonly #programs: ProgramFinder;
  /** Questions that are not answered, by cluster. */
  readonly #asking = new Map<Conf, Asking>();
  readonly #lots: SubmissionLots;
  /** The last ones of each cluster. */
  readonly #releases = new Map<Conf, Releases>();
  /**
   * Jobs that were submitted get on before others are. All else keeps its order: what is wanted of
   * a cluster that hangs must not come before every submission to the others.
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

  /** Who asks while an answer is awaited shares the next question: no run has one of its own. */
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
    // Not in turn: it tells of all runs.
    const ran = await this.#run('squeue', args, conf, COMMAND_MS_MAX);
    if (ran.code !== 0) return { ok: false, error: whyOf('squeue', ran, COMMAND_MS_MAX) };
    return { ok: true, value: parseJobs(ran.stdout) };
  }

  /** While one command releases jobs, those that come meanwhile wait for the next one. */
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
    // Also where there is none: all that one turn of the daemon's loop lets go are there then.
    await before;
    return await this.#inTurn('release', async () => {
      releases.isOpen = false;
      const names = releases.tokens.map((token) => `jobname=${token}`);
      const ran = await this.#run('scontrol', ['release', ...names], conf, COMMAND_MS_MAX);
      // One of several has ended, say: that is not told of the others. Who is held is seen soon.
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
        // What even KILL does not end is left to itself; otherwise it is known what it has said.
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
