/**
 * Both kinds of keepers as one: every run is kept by the kind that its plan names, and taken over by
 * the kind that the journal names.
 */
import type { Plan } from '../runners/runner.ts';
import type { KeepersPort, KeptRun } from './daemon.ts';
import type { Cause, KeeperId, RunId } from './event.ts';
import { causeEnv } from './hooks.ts';
import { writeTail } from './tail.ts';

/** What each kind does in its own way; files and left processes are the same for all. */
export type KindOfKeepers = Omit<KeepersPort, 'guard' | 'remove'>;

export interface Kinds {
  readonly process: KeepersPort;
  readonly ssh: KindOfKeepers;
}

export class AllKeepers implements KeepersPort {
  readonly #kinds: Kinds;
  readonly #directoryOf: (run: RunId) => string;
  readonly #runs = new Map<RunId, KindOfKeepers>();

  constructor(kinds: Kinds, directoryOf: (run: RunId) => string) {
    this.#kinds = kinds;
    this.#directoryOf = directoryOf;
  }

  async start(run: KeptRun, attempt: number, plan: Plan): Promise<void> {
    const keepers = this.#kinds[plan.keeper];
    this.#runs.set(run.run, keepers);
    const told = run.cause === undefined ? plan : this.#tell(plan, run.run, run.cause);
    await keepers.start(run, attempt, told);
  }

  /** A hook is told what happened; the end of the output is its stdin, and a file if it may read that. */
  #tell(plan: Plan, run: RunId, cause: Cause): Plan {
    if (plan.keeper === 'ssh') {
      const env = { ...plan.session.env, ...causeEnv(cause, undefined) };
      return { ...plan, session: { ...plan.session, env } };
    }
    const { run: of } = cause;
    const into = this.#directoryOf(run);
    const tail = of === undefined ? undefined : writeTail(this.#directoryOf(of), into);
    const path = plan.user === undefined ? tail : undefined;
    const env = { ...plan.env, ...causeEnv(cause, path) };
    return { ...plan, env, ...(tail === undefined ? {} : { stdin: tail }) };
  }

  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void {
    const keepers = this.#kinds[keeper.kind ?? 'process'];
    this.#runs.set(run.run, keepers);
    keepers.adopt(run, attempt, keeper);
  }

  go(run: RunId): void {
    this.#runs.get(run)?.go(run);
  }

  drop(run: RunId): void {
    this.#runs.get(run)?.drop(run);
    this.#runs.delete(run);
  }

  stop(run: RunId, graceMs: number): void {
    this.#runs.get(run)?.stop(run, graceMs);
  }

  /** Only processes of this machine are ever guarded, whoever had kept them. */
  guard(run: RunId, pids: readonly number[], startTimes?: readonly number[]): void {
    this.#kinds.process.guard(run, pids, startTimes);
  }

  remove(run: RunId): void {
    this.#kinds.process.remove(run);
  }
}
