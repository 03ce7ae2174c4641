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
import type { Failure, FromKeeper } from '../runners/ssh/message.ts';
import type { Clock } from './clock.ts';
import type { KeptRun } from './daemon.ts';
import type { KeeperId, RunId } from './event.ts';
import type { KindOfKeepers } from './keepers.ts';
import type { Log } from './log.ts';
import type { Wish } from './loop.ts';
import { bootId, isAlive, statOf } from './process.ts';
import type { Report } from './scheduler.ts';
import { openConnection, type SshConnection } from './sshconnection.ts';
import { readStatus } from './sshstatus.ts';

/** How often a run is looked at when no connection would tell. */
const LOOK_MS = 250;
/** How long to wait before what failed is tried again. */
const RETRY_MS = 1_000;
/** How long the connection is kept with nothing to say; without one the keeper leaves. */
const LINGER_MS = 10_000;

interface Kept extends KeptRun {
  readonly attempt: number;
  link?: SshConnection;
  keeper?: KeeperId;
  graceMs?: number;
  dropped?: boolean;
  over?: boolean;
}

export interface Probed {
  readonly lines: readonly string[];
  readonly failure?: Failure;
}

export class SshKeepers implements KindOfKeepers {
  readonly #runs = new Map<RunId, Kept>();
  readonly #probes = new Map<string, (probed: Probed) => void>();
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #post: (observation: Wish) => void;
  readonly #bootId = bootId();
  #link: Promise<SshConnection | string> | undefined;
  #linger: (() => void) | undefined;
  #asked = 0;

  constructor(options: {
    /** The state directory. */
    readonly directory: string;
    readonly clock: Clock;
    readonly log: Log;
    readonly post: (observation: Wish) => void;
  }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#post = options.post;
  }

  async start(run: KeptRun, attempt: number, { session }: SshPlan): Promise<void> {
    const kept: Kept = { ...run, attempt };
    this.#runs.set(run.run, kept);
    const link = await this.#connect(true);
    if (kept.dropped) return;
    if (typeof link === 'string') return this.#fail(kept, link);
    const directory = this.#directoryOf(run.run);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      return this.#fail(kept, String(error));
    }
    kept.link = link;
    const { merged } = run;
    link.send({ type: 'prepare', run: run.run, attempt, directory, merged, session });
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
    const link = await this.#connect(true);
    if (typeof link === 'string') {
      return { lines: [], failure: { phase: 'connect', message: link } };
    }
    const id = `p${++this.#asked}`;
    return await new Promise((resolve) => {
      this.#probes.set(id, resolve);
      link.send({ type: 'probe', id, session });
    });
  }

  /** Lets the connection go; the keeper goes on by itself. */
  close(): void {
    this.#linger?.();
    void this.#link?.then((link) => {
      if (typeof link !== 'string') link.close();
    });
  }

  async #stop(kept: Kept): Promise<void> {
    if (kept.over) return;
    const link = await this.#connect(false);
    if (kept.over) return;
    if (typeof link !== 'string' && link.pid === kept.keeper?.pid) {
      kept.link = link;
      const { run, attempt, graceMs = 0 } = kept;
      return link.send({ type: 'stop', run, attempt, graceMs });
    }
    this.#clock.after(RETRY_MS, () => void this.#stop(kept));
  }

  #directoryOf(run: RunId): string {
    return join(this.#directory, 'runs', String(run));
  }

  #connect(mayStart: boolean): Promise<SshConnection | string> {
    this.#linger?.();
    this.#linger = undefined;
    if (this.#link !== undefined) return this.#link;
    const opening = openConnection(this.#directory, mayStart, {
      take: (message) => this.#take(message),
      closed: () => this.#closed(opening),
    });
    this.#link = opening;
    void opening.then((link) => {
      if (typeof link === 'string' && this.#link === opening) this.#link = undefined;
    });
    return opening;
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
        this.#probes.get(message.id)?.(message);
        this.#probes.delete(message.id);
        return this.#rest();
      default:
        return message satisfies never;
    }
  }

  #ready({ run, attempt }: { readonly run: RunId; readonly attempt: number }): void {
    const kept = this.#runs.get(run);
    if (kept?.link === undefined || kept.attempt !== attempt || kept.keeper !== undefined) return;
    const { pid } = kept.link;
    const startTime = statOf(pid)?.startTime ?? 0;
    kept.keeper = { pid, startTime, bootId: this.#bootId, kind: 'ssh' };
    this.#post({ type: 'kept', run, attempt, keeper: kept.keeper });
  }

  async #closed(opening: Promise<SshConnection | string>): Promise<void> {
    if (this.#link === opening) this.#link = undefined;
    const link = await opening;
    const failure = { phase: 'connect', message: 'the SSH keeper was killed' } as const;
    for (const resolve of this.#probes.values()) resolve({ lines: [], failure });
    this.#probes.clear();
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

  /** Reads the status file; without one, decides whether the keeper is still there. */
  #look(kept: Kept): void {
    if (kept.over || kept.keeper === undefined) return;
    const report = this.#read(kept);
    if (report !== undefined) return this.#report(kept, report);
    if (isAlive(kept.keeper, this.#bootId)) return;
    const late = this.#read(kept);
    if (late !== undefined) return this.#report(kept, late);
    const { run, attempt, keeper } = kept;
    this.#forget(kept);
    const rebooted = keeper.bootId !== this.#bootId;
    this.#post({ type: 'gone', run, attempt, rebooted, survivors: [] });
  }

  #read({ run, attempt }: Kept): Report | undefined {
    const found = readStatus(this.#directoryOf(run), attempt);
    if (found !== 'unreadable') return found;
    this.#log.error({ run, attempt }, 'unreadable status');
    return undefined;
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
    this.#rest();
  }

  /** With nothing left to ask the connection is closed, later. */
  #rest(): void {
    if (this.#runs.size + this.#probes.size > 0 || this.#linger !== undefined) return;
    this.#linger = this.#clock.after(LINGER_MS, () => {
      this.#linger = undefined;
      if (this.#runs.size + this.#probes.size === 0) this.close();
    });
  }
}
