/**
 * All kinds of keepers behind one interface: a new run is kept by the kind that its plan names, and
 * an adopted run by the kind that the journal names.
 */
import { rmSync } from 'node:fs';
import type { CommandInput } from '../core/command.ts';
import { causeEnv } from '../core/hooks.ts';
import type { Plan } from '../core/plan.ts';
import type { Running } from '../core/state.ts';
import type { KeepersPort, KeptRun, Survivors } from '../engine/daemon.ts';
import { errnoOf } from '../shared/errno.ts';
import type { Cause, KeeperId, RunId } from '../shared/run.ts';
import type { StopOrder } from '../shared/stop.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import { writeTail } from './hook-input.ts';
import { heldBy, writeRecord } from './keeper-record.ts';
import type { RunDirectories } from './run-directories.ts';
import { LostRuns } from './survivors.ts';

/** What each kind does in its own way; files and survivors are handled the same way for all. */
export type KindOfKeepers = Omit<KeepersPort, 'go' | 'awaitSurvivors' | 'remove'> & {
  go(run: RunId): void;
};

/** The keepers of processes on this machine. */
export interface ProcessKeepersPort extends KindOfKeepers {
  /** Goes on copying the output of a lost run; `failed`: not possible now. */
  rescue(run: RunId, pids: readonly number[], failed: () => void): void;
}

interface Options {
  readonly process: ProcessKeepersPort;
  readonly ssh: KindOfKeepers;
  readonly slurm: KindOfKeepers;
  readonly directories: RunDirectories;
  readonly clock: Clock;
  readonly log: Log;
  readonly post: (observation: CommandInput) => void;
}

export class KeeperRouter implements KeepersPort {
  readonly #options: Options;
  readonly #runs = new Map<RunId, KindOfKeepers>();
  readonly #lost: LostRuns;

  constructor(options: Options) {
    this.#options = options;
    const vacated = (run: RunId): void => options.post({ type: 'vacated', run });
    this.#lost = new LostRuns({
      ...options,
      directoryOf: (run) => options.directories.of(run),
      vacated,
      rescue: (run, pids, failed) => options.process.rescue(run, pids, failed),
    });
  }

  async start(run: KeptRun, attempt: number, plan: Plan): Promise<void> {
    const keepers = this.#options[plan.keeper];
    this.#runs.set(run.run, keepers);
    const told = run.cause === undefined ? plan : this.#tell(plan, run, run.cause);
    await keepers.start(run, attempt, told);
  }

  /**
   * Tells a hook what happened; the end of the output is its stdin, and also a file if the hook's
   * user can read that.
   */
  #tell(plan: Plan, run: KeptRun, cause: Cause): Plan {
    if (plan.keeper === 'ssh') {
      const env = { ...plan.session.env, ...causeEnv(cause, undefined) };
      return { ...plan, session: { ...plan.session, env } };
    }
    // On a node of the cluster it cannot read files of this machine.
    if (plan.keeper === 'slurm') {
      return { ...plan, env: { ...plan.env, ...causeEnv(cause, undefined) } };
    }
    const { run: of } = cause;
    const tail = of === undefined ? undefined : this.#writeTail(of, run);
    const path = plan.user === undefined ? tail : undefined;
    const env = { ...plan.env, ...causeEnv(cause, path) };
    return { ...plan, env, ...(tail === undefined ? {} : { stdin: tail }) };
  }

  /** Undefined if it cannot be written: the hook has to run without it. */
  #writeTail(of: RunId, run: KeptRun): string | undefined {
    const { directories } = this.#options;
    try {
      directories.claim(run);
    } catch {
      return undefined;
    }
    return writeTail(directories.of(of), directories.of(run.run));
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const keepers = this.#options[keeper.kind ?? 'process'];
    this.#runs.set(run.run, keepers);
    if (keeper.was !== undefined) this.#takeIn(run, attempt, keeper);
    keepers.adopt(run, attempt, keeper);
  }

  /**
   * Takes back a run directory that was moved aside: the one in which the keeper holds its record,
   * or, if it holds none because its command has ended, the one in STATE/aside.
   */
  #takeIn({ run, startNonce }: KeptRun, attempt: number, keeper: KeeperId): void {
    const { directories, log } = this.#options;
    const { pid, was = run, nonce } = keeper;
    try {
      const held = heldBy(pid).find(
        ({ record }) =>
          record.run === was && record.attempt === attempt && record.keeper.nonce === nonce,
      );
      const moved = () => directories.asideOf({ run: was, ...(startNonce && { startNonce }) });
      const from = held === undefined ? moved() : held.directory;
      if (from !== undefined) directories.takeIn(run, from);
    } catch (error) {
      log.error({ run, err: error }, 'run directory cannot be taken over');
    }
  }

  go(run: Running): void {
    const kind = this.#runs.get(run.run);
    if (kind === undefined) return;
    this.#record(run);
    kind.go(run.run);
  }

  /** If this fails, the run starts anyway, because it is in the journal. */
  #record(run: Running): void {
    const { directories, clock, log } = this.#options;
    const { target, merged, nonce, startNonce, attempt, keeper } = run;
    const [token = ''] = run.tokens;
    const { steadyMs, wallMs } = clock.now();
    const begun = { monotonicMs: steadyMs - clock.steadyAt(0), wallMs };
    const more = {
      ...(nonce === undefined ? {} : { nonce }),
      ...(startNonce === undefined ? {} : { startNonce }),
    };
    const about = { run: run.run, target, merged, token, attempt, keeper };
    try {
      writeRecord(directories.of(run.run), {
        ...about,
        ...more,
        ...begun,
        state: directories.place,
      });
    } catch (error) {
      log.warn({ run: run.run, target, errno: errnoOf(error) }, 'start cannot be recorded');
    }
  }

  drop(run: RunId): void {
    this.#runs.get(run)?.drop(run);
    this.#runs.delete(run);
  }

  stop(run: RunId, order: StopOrder): void {
    this.#runs.get(run)?.stop(run, order);
    this.#lost.stop(run, order);
  }

  /** Survivors are always processes of this machine, whatever kind of keeper they had. */
  awaitSurvivors(run: RunId, survivors: Survivors): void {
    this.#lost.awaitSurvivors(run, survivors);
  }

  remove(run: RunId): void {
    const { directories, log } = this.#options;
    try {
      rmSync(directories.of(run), { recursive: true, force: true });
    } catch (error) {
      log.warn({ run, err: error }, 'run directory cannot be removed');
    }
  }
}
