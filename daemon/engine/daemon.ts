/**
 * What facts bring about: joins the loop to the keepers, and takes over what another daemon left.
 * It has no files, sockets or clocks of its own, so that the simulation runs the very same code;
 * boot.ts gives it the real ones.
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

/** What a keeper is told of its run. */
export interface KeptRun {
  readonly run: RunId;
  readonly target: TargetName;
  readonly merged: boolean;
  /** Marks its directory; see daemon/keepers/run-directories.ts. */
  readonly startNonce?: Nonce;
  /** What becomes of processes that it leaves behind. */
  readonly leftovers?: 'leave' | 'kill';
  /** How it is ended; as by default where absent. */
  readonly stop?: StopOrder;
  /** How long its command may run, where its keeper has to see to that. */
  readonly timeoutMs?: number;
  /**
   * In elapsed time: if its command has not begun by then, it is not to begin any more. Asked each
   * time, as one who joins may grant more; undefined: never.
   */
  readonly expiresAtMs?: () => number | undefined;
  /** It is the run of a hook, which is told of this. */
  readonly cause?: Cause;
}

/** Living processes of a lost run. */
export interface Survivors {
  readonly pids: readonly number[];
  /** In the same order. */
  readonly startTimes?: readonly number[];
  /** Gone, but its name is on what it has left. */
  readonly keeper?: KeeperId;
  readonly startNonce?: Nonce;
}

/**
 * The keepers as the daemon needs them; see daemon/keepers/process-keepers.ts for the real ones.
 */
export interface KeepersPort {
  /** Spawns a keeper that waits for `go`; posts `kept`, or `reported` with the reason why not. */
  start(run: KeptRun, attempt: number, plan: Plan): Promise<void>;
  /** The start is in the journal: let the command run. */
  go(run: Running): void;
  /** The run ended before its command was let go: it must never start. */
  drop(run: RunId): void;
  /** Takes over a keeper that another daemon spawned. */
  adopt(run: KeptRun, attempt: number, keeper: KeeperId): void;
  /** Ends all processes of a run, also of a lost one; its end is posted when the last is gone. */
  stop(run: RunId, order: StopOrder): void;
  /** Posts `vacated` when the last of these processes, left by a lost run, is gone. */
  awaitSurvivors(run: RunId, survivors: Survivors): void;
  /** Deletes what is left of a run: it is forgotten. */
  remove(run: RunId): void;
}

export interface DaemonParts extends Omit<LoopOptions, 'prepare' | 'perform'> {
  readonly keepers: (post: (observation: CommandInput) => void) => KeepersPort;
  /** Hears every event once it is durable and its effects have been set going. */
  readonly notify: (event: Event) => void;
}

export class Daemon {
  readonly loop: Loop;
  readonly #keepers: KeepersPort;
  readonly #parts: DaemonParts;
  readonly #log: Log;
  /** Targets whose past is being looked through; true: it has to be once more. */
  readonly #retaining = new Map<TargetName, boolean>();
  readonly #upSinceMs: number;
  /** Runs whose start was set going before it was durable. */
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
   * Takes over what another daemon left: living keepers, deadlines, half-done starts. `letGo` is
   * what runs or has run, whether the journal knows of it or not.
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
   * The machine goes down: ends all that runs, with the grace of each target. What waits, and what
   * is to be retried, is the next daemon's. Calls back once nothing runs, and that is durable.
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
   * A process that waits for `go` provably runs nothing, so it need not wait for the disk. Only for
   * a first attempt: what ends an earlier one comes once that is durable, and would end this one.
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

  /** What a fact brings about in the world, once it is durable. */
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

  /** Another daemon's keeper had run before it was found, whatever the journal said. */
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

  /** By the present configuration, as with `killAfter`: it may have been changed for this run. */
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

  /** Once for all that end together. */
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

/** What a keeper would be told for this target, with the arguments of a request. */
export function planOf(target: Target, args: readonly string[] = []): Plan {
  const plan = runnerOf(target.runner.type).plan(target.runner.options);
  if (plan.keeper === 'ssh' || args.length === 0) return plan;
  return { ...plan, args: [...plan.args, ...args] };
}
