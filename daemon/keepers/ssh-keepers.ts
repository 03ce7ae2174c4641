/**
 * The daemon's side of the SSH keeper: hands it runs, releases them once their start is in the
 * journal, and stops them. A transport of supervision.ts: how a run ended is learnt from the same
 * files as with a process keeper. A run that the keeper has not confirmed never starts.
 */

import type { AttemptId, FromKeeper } from '../../runners/ssh/keeper-protocol.ts';
import type { SshPlan, SshSession } from '../core/plan.ts';
import type { KeptRun } from '../engine/daemon.ts';
import { noRunDirectory, sshKilled } from '../protocol/outcome-text.ts';
import { errnoOf, isPassing } from '../shared/errno.ts';
import type { KeeperId, RunId } from '../shared/run.ts';
import { type StopOrder, stopOrderOf } from '../shared/stop.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { bootId, statOf } from '../system/proc.ts';
import { heldBy, type KeeperRecord } from './keeper-record.ts';
import { failure } from './launch.ts';
import type { KindOfKeepers } from './router.ts';
import type { RunDirectories } from './run-directories.ts';
import { openConnection, PooledConnection, type SshConnection } from './ssh-connection.ts';
import { type Probed, SshProbes, unreachable } from './ssh-probes.ts';
import { type Kept, LOOK_MS, RETRY_MS, Supervisor, type SupervisorOptions } from './supervision.ts';

/** A run that the SSH keeper keeps, or is to keep. */
interface KeptSession extends Kept {
  /** On which the keeper was last told about it; absent: not told yet, or it was closed. */
  link?: SshConnection;
}

export class SshKeepers implements KindOfKeepers {
  readonly #probes = new SshProbes();
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #directories: RunDirectories;
  readonly #bootId = bootId();
  readonly #connection: PooledConnection;
  readonly #supervisor: Supervisor<KeptSession>;

  constructor(
    options: SupervisorOptions & {
      /** The state directory. */
      readonly directory: string;
      readonly open?: typeof openConnection;
    },
  ) {
    this.#clock = options.clock;
    this.#log = options.log;
    this.#directories = options.directories;
    this.#connection = new PooledConnection({
      directory: options.directory,
      clock: options.clock,
      open: options.open ?? openConnection,
      isBusy: () => this.#supervisor.runs.size + this.#probes.size > 0,
      take: (message) => this.#take(message),
      closed: (link) => this.#closed(link),
    });
    this.#supervisor = new Supervisor<KeptSession>(options, {
      signs: ({ attempt }, keeper) => ({ tells: () => holds(keeper, attempt), leaves: () => [] }),
      forgotten: () => this.#connection.rest(),
    });
  }

  async start(run: KeptRun, attempt: number, { session }: SshPlan): Promise<void> {
    const kept: KeptSession = { ...run, attempt, life: { state: 'preparing' } };
    this.#supervisor.add(kept);
    await this.#prepare(kept, session);
  }

  async #prepare(kept: KeptSession, session: SshSession): Promise<void> {
    const link = await this.#connection.connect(true);
    if (kept.life.state === 'ended') return;
    if ('why' in link) {
      if (link.passes) return this.#again(kept, session, link.why);
      return this.#fail(kept, link.why, link.errno);
    }
    const { run, attempt, merged, stop = stopOrderOf() } = kept;
    const { nonce } = this.#directories;
    const directory = this.#directories.of(run);
    try {
      this.#directories.claim(kept);
    } catch (error) {
      if (isPassing(errnoOf(error))) return this.#again(kept, session, errnoOf(error));
      return this.#fail(kept, noRunDirectory(directory, error), errnoOf(error));
    }
    kept.link = link;
    link.send({ type: 'prepare', run, attempt, nonce, directory, merged, stop, session });
  }

  /** Nothing was prepared, so the same attempt is tried again. */
  #again(kept: KeptSession, session: SshSession, why: string): void {
    this.#supervisor.again(kept, why, () => void this.#prepare(kept, session));
  }

  go(run: RunId): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept?.link === undefined) return;
    this.#supervisor.released(kept);
    kept.link.send({ type: 'go', ...this.#attemptOf(kept) });
  }

  drop(run: RunId): void {
    const kept = this.#supervisor.runs.get(run);
    if (kept === undefined) return;
    kept.link?.send({ type: 'drop', ...this.#attemptOf(kept) });
    this.#supervisor.forget(kept);
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    this.#supervisor.adopt({ ...run, attempt, life: { state: 'released', keeper } });
  }

  stop(run: RunId, order: StopOrder): void {
    const kept = this.#supervisor.runs.get(run);
    // Its keeper ends all processes; this daemon has none to end.
    if (kept === undefined) return;
    const keeper = this.#supervisor.stop(kept, { isOver: true });
    if (keeper === undefined) return;
    this.#stop(kept, keeper, order).catch((error: unknown) =>
      this.#log.error({ run, err: error }, 'stop'),
    );
  }

  /** Connects, checks and authenticates as a run would, but runs nothing. */
  async probe(session: SshSession): Promise<Probed> {
    const link = await this.#connection.connect(true);
    return 'why' in link ? unreachable(link.why) : await this.#probes.ask(link, session);
  }

  async #stop(kept: KeptSession, keeper: KeeperId, order: StopOrder, wasSaid = false) {
    const link = await this.#connection.connect(false);
    if (kept.life.state === 'ended') return;
    if (!('why' in link) && link.pid === keeper.pid) {
      kept.link = link;
      return link.send({ type: 'stop', ...this.#attemptOf(kept), order });
    }
    const { run, target } = kept;
    if (!wasSaid) this.#log.error({ run, target }, 'SSH keeper of a run cannot be reached');
    this.#clock.after(RETRY_MS, () => {
      if (kept.life.state !== 'ended') void this.#stop(kept, keeper, order, true);
    });
  }

  #take(message: FromKeeper): void {
    switch (message.type) {
      case 'hello':
        return;
      case 'ready':
        return void this.#ready(message);
      case 'ended': {
        const kept = this.#find(message);
        if (kept !== undefined) this.#supervisor.watch(kept);
        return;
      }
      case 'probed':
        this.#probes.answer(message.id, message);
        return this.#connection.rest();
      default:
        return message satisfies never;
    }
  }

  /** The keeper's name for an attempt; it does not know those started by an older version. */
  #attemptOf({ run, attempt, life }: KeptSession): AttemptId {
    const keeper = 'keeper' in life ? life.keeper : undefined;
    const { nonce = '' } = keeper ?? this.#directories;
    return { run: keeper?.was ?? run, attempt, nonce };
  }

  #find(id: AttemptId): KeptSession | undefined {
    const isIt = (kept: KeptSession): boolean => {
      const { run, attempt, nonce } = this.#attemptOf(kept);
      return run === id.run && attempt === id.attempt && nonce === id.nonce;
    };
    const kept = this.#supervisor.runs.get(id.run);
    if (kept !== undefined && isIt(kept)) return kept;
    // A run of another life has a different number here.
    return [...this.#supervisor.runs.values()].find(isIt);
  }

  #ready(message: AttemptId): void {
    const kept = this.#find(message);
    if (kept?.link === undefined || kept.life.state !== 'preparing') return;
    const { pid } = kept.link;
    let startTime: number;
    try {
      startTime = statOf(pid)?.startTime ?? 0;
    } catch {
      // A run must not be released if its keeper could not be recognized later.
      return void this.#clock.after(LOOK_MS, () => this.#ready(message));
    }
    const { nonce } = message;
    this.#supervisor.ready(kept, { pid, startTime, bootId: this.#bootId, nonce, kind: 'ssh' });
  }

  #closed(link: SshConnection): void {
    this.#probes.giveUp(sshKilled());
    for (const kept of [...this.#supervisor.runs.values()].filter((it) => it.link === link)) {
      delete kept.link;
      if (kept.life.state === 'preparing') this.#supervisor.neverRan(kept, 'the SSH keeper exited');
      else this.#supervisor.watch(kept);
    }
  }

  #fail(kept: KeptSession, why: string, errno?: string): void {
    this.#supervisor.fail(kept, failure('system', why, errno));
  }
}

/**
 * Whether the keeper still holds a run of another life, which may leave no status file where it is
 * expected, although the keeper goes on. Runs of this life do leave one.
 */
function holds({ pid, nonce, was }: KeeperId, attempt: number): boolean {
  if (was === undefined) return true;
  const name = ({ run, attempt, keeper }: KeeperRecord) => `${run} ${attempt} ${keeper.nonce}`;
  return heldBy(pid).some(({ record }) => name(record) === `${was} ${attempt} ${nonce}`);
}
