/**
 * Both kinds of keepers as one: every run is kept by the kind that its plan names, and taken over by
 * the kind that the journal names.
 */
import type { Plan } from '../runners/runner.ts';
import type { KeepersPort, KeptRun } from './daemon.ts';
import type { KeeperId, RunId } from './event.ts';

/** What each kind does in its own way; files and left processes are the same for all. */
export type KindOfKeepers = Omit<KeepersPort, 'guard' | 'remove'>;

export class AllKeepers implements KeepersPort {
  readonly #kinds: { readonly process: KeepersPort; readonly ssh: KindOfKeepers };
  readonly #runs = new Map<RunId, KindOfKeepers>();

  constructor(kinds: { readonly process: KeepersPort; readonly ssh: KindOfKeepers }) {
    this.#kinds = kinds;
  }

  async start(run: KeptRun, attempt: number, plan: Plan): Promise<void> {
    const keepers = this.#kinds[plan.keeper];
    this.#runs.set(run.run, keepers);
    await keepers.start(run, attempt, plan);
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
