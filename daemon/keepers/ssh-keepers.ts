/**
 * The daemon's side of the SSH keeper: hands it runs, lets them go once their start is in the
 * journal, and learns how they ended, by the same files as from a process keeper (sshwatch.ts). A
 * run that the keeper had not confirmed never starts.
 */

import type { AttemptId, FromKeeper } from '../../runners/ssh/keeper-protocol.ts';
import type { CommandInput, Report } from '../core/command.ts';
import type { SshPlan, SshSession } from '../core/plan.ts';
import type { KeptRun } from '../engine/daemon.ts';
import { noRunDirectory, sshKilled } from '../protocol/outcome-text.ts';
import { errnoOf, isPassing } from '../shared/errno.ts';
import type { KeeperId, RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { bootId, statOf } from '../system/proc.ts';
import { failure } from './launch.ts';
import type { KindOfKeepers } from './router.ts';
import type { RunDirectories } from './run-directories.ts';
import { openConnection, type SshConnection } from './ssh-connection.ts';
import { SshLine } from './ssh-line.ts';
import { type Probed, SshProbes, unreachable } from './ssh-probes.ts';
import { type Kept, LOOK_MS, RETRY_MS, SshWatch } from './ssh-watch.ts';

export class SshKeepers implements KindOfKeepers {
  readonly #runs = new Map<RunId, Kept>();
  readonly #probes = new SshProbes();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #post: (observation: CommandInput) => void;
  readonly #directories: RunDirectories;
  readonly #bootId = bootId();
  readonly #line: SshLine;
  readonly #watch: SshWatch;

  constructor(options: {
    /** The state directory. */
    readonly directory: string;
    readonly directories: RunDirectories;
    readonly clock: Clock;
    readonly log: Log;
    readonly post: (observation: CommandInput) => void;
    readonly open?: typeof openConnection;
  }) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#post = options.post;
    this.#directories = options.directories;
    this.#line = new SshLine({
      directory: options.directory,
      clock: options.clock,
      open: options.open ?? openConnection,
      isBusy: () => this.#runs.size + this.#probes.size > 0,
      take: (message) => this.#take(message),
      closed: (link) => this.#closed(link),
    });
    this.#watch = new SshWatch({
      ...options,
      bootId: this.#bootId,
      ended: (kept, report) => this.#report(kept, report),
      gone: (kept, rebooted) => this.#gone(kept, rebooted),
    });
  }

  async start(run: KeptRun, attempt: number, { session }: SshPlan): Promise<void> {
    const kept: Kept = { ...run, attempt };
    this.#runs.set(run.run, kept);
    await this.#prepare(kept, session);
  }

  async #prepare(kept: Kept, session: SshSession): Promise<void> {
    if (kept.dropped) return;
    const link = await this.#line.connect(true);
    if (kept.dropped) return;
    if ('why' in link) {
      if (link.passes) return this.#again(kept, session, link.why);
      return this.#fail(kept, link.why, link.errno);
    }
    const { run, attempt, merged } = kept;
    const { nonce } = this.#directories;
    const directory = this.#directories.of(run);
    try {
      this.#directories.claim(kept);
    } catch (error) {
      if (isPassing(errnoOf(error))) return this.#again(kept, session, errnoOf(error));
      return this.#fail(kept, noRunDirectory(directory, error), errnoOf(error));
    }
    kept.link = link;
    link.send({ type: 'prepare', run, attempt, nonce, directory, merged, session });
  }

  /** Nothing has been prepared; the attempt is the same. */
  #again(kept: Kept, session: SshSession, why: string): void {
    const { run, target } = kept;
    this.#log.warn({ run, target, errno: why }, 'start is tried again');
    this.#clock.after(RETRY_MS, () => void this.#prepare(kept, session));
  }

  go(run: RunId): void {
    const kept = this.#runs.get(run);
    kept?.link?.send({ type: 'go', ...this.#attemptOf(kept) });
  }

  drop(run: RunId): void {
    const kept = this.#runs.get(run);
    if (kept === undefined) return;
    kept.dropped = true;
    kept.link?.send({ type: 'drop', ...this.#attemptOf(kept) });
    this.#forget(kept);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const kept: Kept = { ...run, attempt, keeper };
    this.#runs.set(run.run, kept);
    this.#watch.begin(kept);
  }

  stop(run: RunId, graceMs: number): void {
    const kept = this.#runs.get(run);
    if (kept === undefined || kept.graceMs !== undefined) return;
    kept.graceMs = graceMs;
    this.#stop(kept).catch((error: unknown) =>
      this.#log.error({ run, error: String(error) }, 'stop'),
    );
  }

  /** Connects, checks and authenticates as a run would, and runs nothing. */
  async probe(session: SshSession): Promise<Probed> {
    const link = await this.#line.connect(true);
    return 'why' in link ? unreachable(link.why) : await this.#probes.ask(link, session);
  }

  async #stop(kept: Kept): Promise<void> {
    if (kept.over) return;
    const link = await this.#line.connect(false);
    if (kept.over) return;
    if (!('why' in link) && link.pid === kept.keeper?.pid) {
      kept.link = link;
      const { graceMs = 0 } = kept;
      return link.send({ type: 'stop', ...this.#attemptOf(kept), graceMs });
    }
    const { run, target } = kept;
    if (!kept.isOutOfReach)
      this.#log.error({ run, target }, 'SSH keeper of a run cannot be reached');
    kept.isOutOfReach = true;
    this.#clock.after(RETRY_MS, () => void this.#stop(kept));
  }

  #take(message: FromKeeper): void {
    switch (message.type) {
      case 'hello':
        return;
      case 'ready':
        return void this.#ready(message);
      case 'ended': {
        const kept = this.#find(message);
        if (kept !== undefined) this.#watch.look(kept);
        return;
      }
      case 'probed':
        this.#probes.answer(message.id, message);
        return this.#line.rest();
      default:
        return message satisfies never;
    }
  }

  /** What the keeper calls an attempt; what an older version started is not its business. */
  #attemptOf({ run, attempt, keeper }: Kept): AttemptId {
    const { nonce = '' } = keeper ?? this.#directories;
    return { run: keeper?.was ?? run, attempt, nonce };
  }

  #find(id: AttemptId): Kept | undefined {
    const isIt = (kept: Kept): boolean => {
      const { run, attempt, nonce } = this.#attemptOf(kept);
      return run === id.run && attempt === id.attempt && nonce === id.nonce;
    };
    const kept = this.#runs.get(id.run);
    if (kept !== undefined && isIt(kept)) return kept;
    // One of another life has another number here.
    return [...this.#runs.values()].find((other) => other.keeper?.was === id.run && isIt(other));
  }

  #ready(message: AttemptId): void {
    const { run, attempt, nonce } = message;
    const kept = this.#find(message);
    if (kept?.link === undefined || kept.keeper !== undefined) return;
    const { pid } = kept.link;
    let startTime: number;
    try {
      startTime = statOf(pid)?.startTime ?? 0;
    } catch {
      // A keeper that could not be known again must not be let go.
      return void this.#clock.after(LOOK_MS, () => this.#ready(message));
    }
    kept.keeper = { pid, startTime, bootId: this.#bootId, nonce, kind: 'ssh' };
    this.#post({ type: 'kept', run, attempt, keeper: kept.keeper });
  }

  #closed(link: SshConnection): void {
    this.#probes.giveUp(sshKilled());
    for (const kept of [...this.#runs.values()].filter((it) => it.link === link)) {
      delete kept.link;
      if (kept.keeper !== undefined) this.#watch.begin(kept);
      else this.#clock.after(RETRY_MS, () => this.#neverRan(kept));
    }
  }

  #neverRan(kept: Kept): void {
    if (kept.dropped || kept.over) return;
    this.#report(kept, { started: false, code: null, signal: null, core: false });
  }

  #gone(kept: Kept, rebooted: boolean): void {
    const { run, attempt } = kept;
    this.#forget(kept);
    this.#post({ type: 'gone', run, attempt, rebooted, survivors: [] });
  }

  #fail(kept: Kept, why: string, errno?: string): void {
    const status = { started: true, code: null, signal: null, core: false };
    this.#report(kept, { ...status, failure: failure('system', why, errno) });
  }

  #report(kept: Kept, report: Report): void {
    const { run, attempt } = kept;
    this.#forget(kept);
    this.#post({ type: 'reported', run, attempt, report });
  }

  #forget(kept: Kept): void {
    kept.over = true;
    if (this.#runs.get(kept.run) === kept) this.#runs.delete(kept.run);
    this.#line.rest();
  }
}
