/**
 * Performs the effects of events: connects the loop to the keepers, and takes over what another
 * daemon left. It has no files, sockets or clocks of its own, so that the simulation runs the very
 * same code; boot.ts passes in the real ones.
 */

import { runnerOf } from '../config/registry.ts';
import { findUnfit, KEEP_DEFAULT, type Target } from '../core/catalog.ts';
import type { CommandInput, LetGo } from '../core/command.ts';
import type { Event, EventOf } from '../core/event.ts';
import type { Plan } from '../core/plan.ts';
import type { Run, Running, Starting } from '../core/state.ts';
import { removed, unfitByNow } from '../protocol/outcome-text.ts';
import type { Cause, KeeperId, Nonce, RunId, TargetName } from '../shared/run.ts';
import { type StopOrder, stopOrderOf } from '../shared/stop.ts';
import type { Log } from '../system/log.ts';
import { logEvents } from './event-log.ts';
import { Loop } from './loop.ts';
import type { LoopOptions } from './loop-options.ts';

/** What a keeper is told about its run. */
export interface KeptRun {
  readonly run: RunId;
  readonly target: TargetName;
  readonly merged: boolean;
  /** Marks its directory; see daemon/keepers/run-directories.ts. */
  readonly startNonce?: Nonce;
  /** What to do with processes that it leaves behind. */
  readonly leftovers?: 'leave' | 'kill';
  /** How it is stopped; absent: by default. */
  readonly stop?: StopOrder;
  /** How long its command may run, for keepers that enforce the limit themselves. */
  readonly timeoutMs?: number;
  /**
   * In elapsed time: if its command has not started by then, it must not start any more. A
   * function, because a request that joins may allow more time; undefined: no limit.
   */
  readonly expiresAtMs?: () => number | undefined;
  /** If it is the run of a hook: what the hook is told. */
  readonly cause?: Cause;
}

/** Living processes of a lost run. */
export interface Survivors {
  readonly pids: readonly number[];
  /** In the order of `pids`. */
  readonly startTimes?: readonly number[];
  /** No longer running, but the processes that it left can be recognized by it. */
  readonly keeper?: KeeperId;
  readonly startNonce?: Nonce;
}

/** The keepers as the daemon sees them; daemon/keepers/router.ts implements this. */
export interface KeepersPort {
  /** Spawns a keeper that waits for `go`; posts `kept`, or `reported` with why that failed. */
  start(run: KeptRun, attempt: number, plan: Plan): Promise<void>;
  /** The start is in the journal: let the command run. */
  go(run: Running): void;
  /** The attempt is over: if its command has not been released, it must never start. */
  drop(run: RunId): void;
  /** Takes over the keeper of another daemon. */
  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void;
  /** Ends all processes of a run, even a lost one; its end is posted when the last one is gone. */
  stop(run: RunId, order: StopOrder): void;
  /** Posts `vacated` when the last of these processes, left by a lost run, is gone. */
  awaitSurvivors(run: RunId, survivors: Survivors): void;
  /** Deletes the files of a run that was forgotten. */
  remove(run: RunId): void;
}

export interface DaemonParts extends Omit<LoopOptions, 'prepare' | 'perform'> {
  readonly keepers: (post: (observation: CommandInput) => void) => KeepersPort;
  /** Called with every event once it is durable and its effects have been started. */
  readonly notify: (event: Event) => void;
}

export class Daemon {
  readonly loop: Loop;
  readonly #keepers: KeepersPort;
  readonly #parts: DaemonParts;
  readonly #log: Log;
  /** Targets whose old runs are being removed; true: it has to be done once more. */
  readonly #retaining = new Map<TargetName, boolean>();
  readonly #upSinceMs: number;
  /** Runs whose keeper was requested before their start was durable. */
  readonly #prepared = new Set<RunId>();
  #noneRuns: (() => void) | undefined;

  constructor(parts: DaemonParts) {
    this.#parts = parts;
    this.#log = parts.log;
    this.#upSinceMs = parts.clock.now().steadyMs;
    this.loop = new Loop({
      ...parts,
      prepare: (events) => {
        for (const event of events) if (event.type === 'starting') this.#prepare(event);
      },
      perform: (events) => {
        const { state, catalog } = this.loop;
        logEvents(events, { log: this.#log, state, catalog });
        for (const event of events) this.#perform(event);
      },
      unrecorded: (end) => {
        const target = this.loop.state.runs.get(end.run)?.target;
        this.#log.error({ ...end, target }, 'end of a run cannot be recorded');
        parts.unrecorded?.(end);
      },
    });
    this.#keepers = parts.keepers((observation) => this.loop.post(observation));
  }

  /**
   * Takes over what another daemon left: living keepers, deadlines, unfinished starts. `letGo`:
   * what is running or has run, whether the journal knows it or not.
   */
  recover(letGo: readonly LetGo[] = []): void {
    for (const run of this.loop.state.runs.values()) {
      if (run.state === 'running') {
        this.#keepers.adopt(this.#kept(run), run.attempt, run.keeper);
        if (run.stopping !== undefined) this.#stopRun(run.run);
      }
      if (run.state === 'ended' && run.heldBy.length > 0) {
        this.#awaitSurvivors(run);
        if (run.stopping !== undefined) this.#stopRun(run.run);
      }
    }
    this.loop.recover(letGo);
  }

  /**
   * Stops all running runs because the machine is shutting down, with the grace period of each
   * target. Queued runs and retries are left to the next daemon. Calls back once no run is left and
   * that is durable.
   */
  endRuns(done: () => void): void {
    this.#noneRuns = done;
    this.loop.close(() => this.#tellNoneRuns());
  }

  #tellNoneRuns(): void {
    const done = this.#noneRuns;
    if (done === undefined) return;
    for (const { active } of this.loop.state.targetStates.values()) {
      for (const run of active) if (this.loop.state.runs.get(run)?.state !== 'starting') return;
    }
    this.#noneRuns = undefined;
    done();
  }

  /**
   * A keeper that waits for `go` certainly runs nothing, so it may be forked before the start is
   * durable. Only for a first attempt: the `drop` of an earlier attempt comes once the end of that
   * one is durable, and would hit this one.
   */
  #prepare({ run, attempt }: EventOf<'starting'>): void {
    if (attempt > 1 || !this.#isProcess(run)) return;
    this.#prepared.add(run);
    this.#startRun(run, attempt);
  }

  #isProcess(number: RunId): boolean {
    const run = this.loop.state.runs.get(number);
    const target = this.loop.catalog.targets.get(run?.target ?? '');
    return target !== undefined && planOf(target).keeper === 'process';
  }

  /** Performs the effects of an event, once it is durable. */
  #perform(event: Event): void {
    switch (event.type) {
      case 'starting':
        if (!this.#prepared.delete(event.run)) this.#startRun(event.run, event.attempt);
        break;
      case 'started':
        this.#letGo(event);
        break;
      case 'stopping':
        this.#stopRun(event.run);
        break;
      case 'requeued':
        this.#keepers.drop(event.run);
        break;
      case 'ended':
        this.#keepers.drop(event.run);
        this.#awaitSurvivors(this.loop.state.runs.get(event.run));
        this.#retain(this.loop.state.runs.get(event.run)?.target);
        break;
      case 'forgotten':
        for (const run of event.runs) this.#keepers.remove(run);
        break;
      default:
        break;
    }
    this.#parts.notify(event);
    this.#tellNoneRuns();
  }

  #startRun(number: RunId, attempt: number): void {
    const run = this.loop.state.runs.get(number);
    if (run?.state !== 'starting' || run.attempt !== attempt || this.loop.isClosing) return;
    const target = this.loop.catalog.targets.get(run.target);
    const { args = [] } = run;
    const unfit = target === undefined ? undefined : findUnfit(target, args);
    if (target === undefined || unfit !== undefined) {
      const detail = unfit === undefined ? removed() : unfitByNow(unfit);
      const failure = { kind: 'not-started', stage: 'system', detail } as const;
      const report = { started: true, code: null, signal: null, core: false, failure };
      this.loop.post({ type: 'reported', run: number, attempt, report });
      return;
    }
    this.#keepers.start(this.#kept(run), attempt, planOf(target, args)).catch(this.#parts.fail);
  }

  /** Releases the run, unless its keeper is another daemon's: then the run was already released. */
  #letGo({ run: number, attempt, keeper }: EventOf<'started'>): void {
    const run = this.loop.state.runs.get(number);
    if (run?.state !== 'running') return;
    if (keeper.nonce === this.#parts.nonce) return this.#keepers.go(run);
    const { pid, was } = keeper;
    const about = { run: number, target: run.target, pid };
    if (was === undefined) this.#log.error(about, 'run was started under an earlier journal');
    else this.#log.error({ ...about, was }, 'run of an earlier journal is alive');
    this.#keepers.adopt(this.#kept(run), attempt, keeper);
  }

  #kept({ run, target: name, merged, startNonce, cause }: Starting | Running): KeptRun {
    const target = this.loop.catalog.targets.get(name);
    const kept = {
      run,
      target: name,
      merged,
      ...(startNonce === undefined ? {} : { startNonce }),
      expiresAtMs: () => {
        const now = this.loop.state.runs.get(run);
        return now === undefined || now.state === 'ended' ? undefined : now.expiresAtMs;
      },
      ...(cause === undefined ? {} : { cause }),
    };
    if (target === undefined) return kept;
    const { leftovers, timeoutMs } = target;
    return {
      ...kept,
      ...(leftovers === undefined ? {} : { leftovers }),
      stop: stopOrderOf(target),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
  }

  /** By the current configuration: it may have been changed because of this run. */
  #stopRun(run: RunId): void {
    const target = this.loop.catalog.targets.get(this.loop.state.runs.get(run)?.target ?? '');
    this.#keepers.stop(run, stopOrderOf(target));
  }

  #awaitSurvivors(run: Run | undefined): void {
    if (run?.state !== 'ended' || run.heldBy.length === 0) return;
    const { heldBy: pids, heldStarts, keeper, startNonce } = run;
    const survivors = {
      pids,
      ...(heldStarts === undefined ? {} : { startTimes: heldStarts }),
      ...(keeper === undefined ? {} : { keeper }),
      ...(startNonce === undefined ? {} : { startNonce }),
    };
    this.#keepers.awaitSurvivors(run.run, survivors);
  }

  /** Once for all runs that end at the same time. */
  #retain(target: TargetName | undefined): void {
    if (target === undefined) return;
    const isAsked = this.#retaining.has(target);
    this.#retaining.set(target, isAsked);
    if (isAsked) return;
    const keep = this.loop.catalog.targets.get(target)?.keep ?? KEEP_DEFAULT;
    this.loop.post({ type: 'retain', target, keep, upSinceMs: this.#upSinceMs }, () => {
      const again = this.#retaining.get(target);
      this.#retaining.delete(target);
      if (again) this.#retain(target);
    });
  }
}

/** The plan for a run of this target, with the arguments of a request. */
export function planOf(target: Target, args: readonly string[] = []): Plan {
  const plan = runnerOf(target.runner.type).plan(target.runner.options);
  if (plan.keeper === 'ssh' || args.length === 0) return plan;
  return { ...plan, args: [...plan.args, ...args] };
}
