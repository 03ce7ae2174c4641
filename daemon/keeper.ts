/**
 * The daemon's side of the process keepers: spawns them, tells them to go, learns how their
 * children ended, and takes over those of a daemon that died. See keeper.pl for the other side.
 *
 * A closed control socket is a hint only. A run is lost when its keeper is gone, by pid and start
 * time, and a second look finds no status file. A status file always wins.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  fchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import type { ProcessPlan } from '../runners/runner.ts';
import type { Clock } from './clock.ts';
import type { KeepersPort, KeptRun } from './daemon.ts';
import type { KeeperId, RunId } from './event.ts';
import { endMembers, type Killing } from './kill.ts';
import { describeFailure, errnoOf, type Failure, type Launch, prepare } from './launch.ts';
import type { Log } from './log.ts';
import type { Wish } from './loop.ts';
import { bootId, childrenOf, isAlive, membersOf, statOf } from './process.ts';
import type { Report } from './scheduler.ts';

/** How often an adopted keeper is looked at; a keeper of this daemon's own tells by its socket. */
const ADOPTED_LOOK_MS = 250;
/** How long to wait before a start that the system had no room for is tried again. */
const RETRY_MS = 1_000;
/** Soft limit of open files for a job; Node raises its own, and children would inherit that. */
const NOFILE_SOFT = 1_024;

/** Numbers of the system calls prctl(2) and prlimit(2) by machine; 0 where they are not known. */
const SYSCALLS: Readonly<Partial<Record<string, readonly [number, number]>>> = {
  x64: [157, 302],
  arm64: [167, 261],
  riscv64: [167, 261],
  loong64: [167, 261],
  ppc64: [171, 325],
  s390x: [172, 334],
};

/** Errors that pass: too many files or processes, no memory, a full disk. */
const PASSING = new Set(['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM', 'ENOSPC', 'EDQUOT', 'EIO']);

/** Everything that the daemon knows of one run that is being started or runs. */
interface Kept extends KeptRun {
  readonly attempt: number;
  launch?: Launch;
  keeper?: KeeperId;
  control?: Socket;
  killing?: Killing;
  /** Held back while the rest of the run's processes are being ended. */
  report?: Report;
  dropped?: boolean;
  over?: boolean;
}

export class Keepers implements KeepersPort {
  readonly #runs = new Map<RunId, Kept>();
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #post: (observation: Wish) => void;
  readonly #script: string;
  readonly #bootId = bootId();

  constructor(options: {
    /** Where every run has its directory. */
    readonly directory: string;
    readonly clock: Clock;
    readonly log: Log;
    readonly post: (observation: Wish) => void;
  }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#post = options.post;
    this.#script = join(import.meta.dirname, 'keeper.pl');
  }

  async start(run: KeptRun, attempt: number, plan: ProcessPlan): Promise<void> {
    const kept: Kept = { ...run, attempt };
    this.#runs.set(run.run, kept);
    const directory = this.#directoryOf(run.run);
    const launch = await prepare(plan, { ...run, directory });
    if (kept.dropped) return;
    if ('kind' in launch) return this.#fail(kept, launch);
    kept.launch = launch;
    this.#spawn(kept, launch);
  }

  go(run: RunId): void {
    this.#runs.get(run)?.control?.write('go\n');
  }

  /** The keeper sees EOF on its control socket and never starts the command. */
  drop(run: RunId): void {
    const kept = this.#runs.get(run);
    if (kept === undefined) return;
    kept.dropped = true;
    kept.control?.destroy();
    this.#runs.delete(run);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const kept: Kept = { ...run, attempt, keeper };
    this.#runs.set(run.run, kept);
    this.#watch(kept);
  }

  stop(run: RunId, graceMs: number): void {
    const kept = this.#runs.get(run);
    if (kept?.keeper === undefined || kept.killing !== undefined) return;
    kept.killing = endMembers(this.#clock, kept.keeper, {
      directory: this.#directoryOf(run),
      graceMs,
      settled: () => kept.report !== undefined || kept.over === true,
      done: () => this.#finish(kept),
      stuck: (members) =>
        this.#log.error(
          {
            run,
            target: kept.target,
            processes: members.map(({ pid, state }) => ({ pid, state })),
          },
          'processes cannot be killed',
        ),
    });
  }

  guard(run: RunId, pids: readonly number[], startTimes?: readonly number[]): void {
    const starts = new Map(
      pids.map((pid, index) => [pid, startTimes?.[index] ?? statOf(pid)?.startTime]),
    );
    const look = (): void => {
      const alive = [...starts].some(([pid, start]) => {
        const stat = statOf(pid);
        return stat !== undefined && stat.startTime === start && stat.state !== 'Z';
      });
      if (alive) this.#clock.after(ADOPTED_LOOK_MS, look);
      else this.#post({ type: 'vacated', run });
    };
    look();
  }

  remove(run: RunId): void {
    try {
      rmSync(this.#directoryOf(run), { recursive: true, force: true });
    } catch (error) {
      this.#log.warn({ run, error: String(error) }, 'run directory cannot be removed');
    }
  }

  #directoryOf(run: RunId): string {
    return join(this.#directory, String(run));
  }

  #spawn(kept: Kept, launch: Launch): void {
    if (kept.dropped) return;
    const again = (errno: string): void => {
      this.#log.warn({ run: kept.run, target: kept.target, errno }, 'start is tried again');
      this.#clock.after(RETRY_MS, () => this.#spawn(kept, launch));
    };
    const files: number[] = [];
    try {
      files.push(...this.#openOutput(kept, launch));
      const [out, err = out] = files;
      const child = spawn('perl', [this.#script, ...this.#keeperArgs(kept, launch)], {
        detached: true,
        cwd: '/',
        env: launch.env,
        stdio: ['ignore', out, err, 'pipe'],
      });
      child.on('error', (error) => {
        const errno = errnoOf(error);
        if (PASSING.has(errno)) again(errno);
        else this.#fail(kept, describeFailure('system', errno, launch));
      });
      child.unref();
      const control = child.stdio[3];
      if (child.pid !== undefined && control) this.#attach(kept, child.pid, control as Socket);
    } catch (error) {
      const errno = errnoOf(error);
      if (PASSING.has(errno)) again(errno);
      else this.#fail(kept, describeFailure('system', errno, launch));
    } finally {
      for (const file of files) closeSync(file);
    }
  }

  #keeperArgs(kept: Kept, launch: Launch): readonly string[] {
    const [prctl, prlimit] = SYSCALLS[process.arch] ?? [0, 0];
    const limit = prlimit === 0 ? ['prlimit', `--nofile=${NOFILE_SOFT}:`, '--'] : [];
    const own = [prctl, prlimit, NOFILE_SOFT, launch.umask].map(String);
    const status = this.#statusFile(kept);
    return [
      `baton run ${kept.run} ${kept.target}`,
      status,
      ...own,
      launch.cwd,
      ...limit,
      ...launch.args,
    ];
  }

  /** One file for both streams if their order matters, else two. O_APPEND: nobody overwrites. */
  #openOutput(kept: Kept, launch: Launch): readonly number[] {
    const directory = this.#directoryOf(kept.run);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const names = kept.merged ? ['out'] : ['out', 'err'];
    return names.map((name) => {
      const file = openSync(join(directory, name), 'a', 0o600);
      if (launch.owner !== undefined) fchownSync(file, launch.owner.uid, launch.owner.gid);
      return file;
    });
  }

  #attach(kept: Kept, pid: number, control: Socket): void {
    const stat = statOf(pid);
    kept.control = control;
    kept.keeper = { pid, startTime: stat?.startTime ?? 0, bootId: this.#bootId };
    control.on('error', () => {}); // ECONNRESET and EPIPE are normal here; `close` follows
    control.on('close', () => {
      if (!kept.dropped) this.#look(kept);
    });
    control.resume();
    this.#post({ type: 'kept', run: kept.run, attempt: kept.attempt, keeper: kept.keeper });
  }

  #watch(kept: Kept): void {
    if (kept.over || kept.dropped) return;
    this.#look(kept);
    if (!kept.over) this.#clock.after(ADOPTED_LOOK_MS, () => this.#watch(kept));
  }

  /** Reads the status file; without one, decides whether the keeper is still there. */
  #look(kept: Kept): void {
    if (kept.over || kept.report !== undefined || kept.keeper === undefined) return;
    const status = this.#readReport(kept);
    if (status !== undefined) return this.#report(kept, status);
    if (isAlive(kept.keeper, this.#bootId)) {
      if (kept.control !== undefined) this.#clock.after(ADOPTED_LOOK_MS, () => this.#look(kept));
      return;
    }
    const late = this.#readReport(kept);
    if (late !== undefined) return this.#report(kept, late);
    const { run, attempt, keeper } = kept;
    const rebooted = keeper.bootId !== this.#bootId;
    const survivors = rebooted ? [] : membersOf(keeper, this.#directoryOf(run));
    this.#forget(kept);
    const pids = survivors.map(({ pid }) => pid);
    const startTimes = survivors.map(({ startTime }) => startTime);
    this.#post({ type: 'gone', run, attempt, rebooted, survivors: pids, startTimes });
  }

  #report(kept: Kept, report: Report): void {
    const { run, keeper } = kept;
    const bytes = this.#outputBytes(run);
    const leftovers = keeper === undefined ? [] : childrenOf(keeper.pid);
    kept.report = { ...report, bytes, leftovers };
    if (leftovers.length > 0 && kept.leftovers === 'kill') this.stop(run, kept.graceMs ?? 0);
    if (kept.killing === undefined || kept.killing.isOver()) this.#finish(kept);
  }

  #outputBytes(run: RunId): number {
    const sizes = ['out', 'err'].map((name) => {
      const path = join(this.#directoryOf(run), name);
      return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    });
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  #finish(kept: Kept): void {
    if (kept.over || kept.report === undefined) return;
    const { run, attempt } = kept;
    const report = kept.killing === undefined ? kept.report : { ...kept.report, leftovers: [] };
    this.#forget(kept);
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
    kept.control?.destroy();
    if (this.#runs.get(kept.run)?.attempt === kept.attempt) this.#runs.delete(kept.run);
  }

  #statusFile(kept: Kept): string {
    return join(this.#directoryOf(kept.run), `status.${kept.attempt}`);
  }

  #readReport(kept: Kept): Report | undefined {
    const path = this.#statusFile(kept);
    let status: StatusFile;
    try {
      status = JSON.parse(readFileSync(path, 'utf8')) as StatusFile;
    } catch (error) {
      if (error instanceof SyntaxError)
        this.#log.error({ run: kept.run, path }, 'unreadable status');
      return undefined;
    }
    const { started, code, signal, core, stage, errno } = status;
    const report = { started, code, signal, core };
    if (stage === null || errno === null) return report;
    const launch = kept.launch ?? { args: [], env: {}, cwd: '', umask: 0 };
    return { ...report, failure: describeFailure(stage, getSystemErrorName(-errno), launch) };
  }
}

/** What keeper.pl writes. */
interface StatusFile {
  readonly started: boolean;
  readonly code: number | null;
  readonly signal: number | null;
  readonly core: boolean;
  readonly stage: 'command' | 'directory' | 'system' | null;
  readonly errno: number | null;
}
