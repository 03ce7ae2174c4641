/**
 * The daemon's side of the SSH keeper: hands it runs, lets them go once their start is in the
 * journal, and learns how they ended, by the same files as from a process keeper.
 *
 * A closed connection is a hint only. A run is lost when the keeper is gone, by pid and start time,
 * and a second look finds no status file. A run that the keeper had not confirmed never starts.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { SshPlan, SshSession } from '../runners/runner.ts';
import type { FromKeeper } from '../runners/ssh/message.ts';
import type { Clock } from './clock.ts';
import type { Report, Wish } from './command.ts';
import type { KeptRun } from './daemon.ts';
import { errnoOf, isPassing } from './errno.ts';
import type { KeeperId, RunId } from './event.ts';
import type { KindOfKeepers } from './keepers.ts';
import type { Log } from './log.ts';
import { noRunDirectory, sshKilled } from './message/outcome.ts';
import { bootId, isAlive, statOf } from './process.ts';
import { openConnection, type SshConnection } from './sshconnection.ts';
import { SshLine } from './sshline.ts';
import { type Probed, SshProbes, unreachable } from './sshprobes.ts';
import { examine } from './sshstatus.ts';

/** How often a run is looked at when no connection would tell. */
const LOOK_MS = 250;
/** How long to wait before what failed is tried again. */
const RETRY_MS = 1_000;

interface Kept extends KeptRun {
  readonly attempt: number;
  link?: SshConnection;
  keeper?: KeeperId;
  graceMs?: number;
  /** It was said that nothing can be seen of the run now. */
  unseen?: boolean;
  dropped?: boolean;
  over?: boolean;
}

export class SshKeepers implements KindOfKeepers {
  readonly #runs = new Map<RunId, Kept>();
  readonly #probes = new SshProbes();
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #post: (observation: Wish) => void;
  readonly #bootId = bootId();
  readonly #line: SshLine;

  constructor(options: {
    /** The state directory. */
    readonly directory: string;
    readonly clock: Clock;
    readonly log: Log;
    readonly post: (observation: Wish) => void;
    readonly open?: typeof openConnection;
  }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#post = options.post;
    this.#line = new SshLine({
      directory: options.directory,
      clock: options.clock,
      open: options.open ?? openConnection,
      isBusy: () => this.#runs.size + this.#probes.size > 0,
      take: (message) => this.#take(message),
      closed: (link) => this.#closed(link),
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
      return this.#fail(kept, link.why);
    }
    const { run, attempt, merged } = kept;
    const directory = this.#directoryOf(run);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      if (isPassing(errnoOf(error))) return this.#again(kept, session, errnoOf(error));
      return this.#fail(kept, noRunDirectory(directory, error));
    }
    kept.link = link;
    link.send({ type: 'prepare', run, attempt, directory, merged, session });
  }

  /** Nothing has been prepared; the attempt is the same. */
  #again(kept: Kept, session: SshSession, why: string): void {
    const { run, target } = kept;
    this.#log.warn({ run, target, errno: why }, 'start is tried again');
    this.#clock.after(RETRY_MS, () => void this.#prepare(kept, session));
  }

  go(run: RunId): void {
    const kept = this.#runs.get(run);
    kept?.link?.send({ type: 'go', run, attempt: kept.attempt });
  }

  drop(run: RunId): void {
    const kept = this.#runs.get(run);
    if (kept === undefined) return;
    kept.dropped = true;
    kept.link?.send({ type: 'drop', run, attempt: kept.attempt });
    this.#forget(kept);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const kept: Kept = { ...run, attempt, keeper };
    this.#runs.set(run.run, kept);
    this.#watch(kept);
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
      const { run, attempt, graceMs = 0 } = kept;
      return link.send({ type: 'stop', run, attempt, graceMs });
    }
    this.#clock.after(RETRY_MS, () => void this.#stop(kept));
  }

  #directoryOf(run: RunId): string {
    return join(this.#directory, 'runs', String(run));
  }

  #take(message: FromKeeper): void {
    switch (message.type) {
      case 'hello':
        return;
      case 'ready':
        return void this.#ready(message);
      case 'ended': {
        const kept = this.#runs.get(message.run);
        if (kept?.attempt === message.attempt) this.#look(kept);
        return;
      }
      case 'probed':
        this.#probes.answer(message.id, message);
        return this.#line.rest();
      default:
        return message satisfies never;
    }
  }

  #ready(message: { readonly run: RunId; readonly attempt: number }): void {
    const { run, attempt } = message;
    const kept = this.#runs.get(run);
    if (kept?.link === undefined || kept.attempt !== attempt || kept.keeper !== undefined) return;
    const { pid } = kept.link;
    let startTime: number;
    try {
      startTime = statOf(pid)?.startTime ?? 0;
    } catch {
      // A keeper that could not be known again must not be let go.
      return void this.#clock.after(LOOK_MS, () => this.#ready(message));
    }
    kept.keeper = { pid, startTime, bootId: this.#bootId, kind: 'ssh' };
    this.#post({ type: 'kept', run, attempt, keeper: kept.keeper });
  }

  #closed(link: SshConnection): void {
    this.#probes.giveUp(sshKilled());
    for (const kept of [...this.#runs.values()].filter((it) => it.link === link)) {
      delete kept.link;
      if (kept.keeper !== undefined) this.#watch(kept);
      else this.#clock.after(RETRY_MS, () => this.#neverRan(kept));
    }
  }

  #neverRan(kept: Kept): void {
    if (kept.dropped || kept.over) return;
    this.#report(kept, { started: false, code: null, signal: null, core: false });
  }

  #watch(kept: Kept): void {
    if (kept.over || kept.dropped) return;
    this.#look(kept);
    if (!kept.over) this.#clock.after(LOOK_MS, () => this.#watch(kept));
  }

  /** Looks, and says so if nothing can be seen; then it is looked at again. */
  #look(kept: Kept): void {
    if (kept.over || kept.keeper === undefined) return;
    try {
      this.#examine(kept, kept.keeper);
      kept.unseen = false;
    } catch (error) {
      const { run, target } = kept;
      const errno = errnoOf(error);
      if (!kept.unseen) this.#log.warn({ run, target, errno }, 'run cannot be looked at now');
      kept.unseen = true;
      if (kept.link !== undefined) this.#clock.after(LOOK_MS, () => this.#look(kept));
    }
  }

  #examine(kept: Kept, keeper: KeeperId): void {
    const { run, attempt } = kept;
    const rebooted = keeper.bootId !== this.#bootId;
    const seen = examine(this.#directoryOf(run), attempt, () => isAlive(keeper, this.#bootId));
    if (seen.isUnreadable) this.#log.error({ run, attempt }, 'unreadable status');
    if (seen.report !== undefined) return this.#report(kept, seen.report);
    if (seen.isAlive) return;
    this.#forget(kept);
    this.#post({ type: 'gone', run, attempt, rebooted, survivors: [] });
  }

  #fail(kept: Kept, why: string): void {
    const failure = { kind: 'not-started', stage: 'system', errno: 'EIO', detail: why } as const;
    this.#report(kept, { started: true, code: null, signal: null, core: false, failure });
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
