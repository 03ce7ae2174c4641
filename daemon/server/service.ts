/**
 * What the daemon does for its clients: one method a request. It reads the state, posts to the
 * loop, and answers; it decides nothing. Runs are relayed by daemon/server/run-relay.ts.
 */

import type { Target } from '../core/catalog.ts';
import type { Event } from '../core/event.ts';
import { excerptOf } from '../core/snapshot.ts';
import type { Run } from '../core/state.ts';
import type { Loop } from '../engine/loop.ts';
import type { UnrecordedEnd } from '../engine/unrecorded.ts';
import type { Probed } from '../keepers/ssh-probes.ts';
import { outcomeOfFailure } from '../keepers/ssh-status.ts';
import { tellOutcome } from '../protocol/outcome-text.ts';
import * as say from '../protocol/refusal-text.ts';
import { EXIT, exitStatus, type Reply } from '../protocol/request.ts';
import type { Request } from '../protocol/request-schema.ts';
import type { Pieces } from '../shared/cooperative.ts';
import type { RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { seemsAlive } from '../system/proc.ts';
import type { Rota } from './fair-queue.ts';
import { readProgress } from './progress.ts';
import { Questions } from './query-queue.ts';
import { Denials } from './refusals.ts';
import { type Caller, failWith, finishWith, type Of } from './responder.ts';
import { Relay } from './run-relay.ts';
import type { Scenery } from './views/run-view.ts';
import { viewChain, viewHistory, viewTargets } from './views/targets.ts';

/** Looks at the machine of a target without running anything; undefined where there is none. */
type Prober = (target: Target) => Promise<Probed | undefined>;

export type Reloaded =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

export class Service {
  readonly #loop: Loop;
  readonly #clock: Clock;
  readonly #directoryOf: (run: RunId) => string;
  readonly #reload: () => Reloaded;
  readonly #prober: Prober;
  readonly #about: { readonly version: string; readonly config: () => string };
  readonly #startedAtMs: number;
  /** What the views look at beside the state. */
  readonly #eyes: Pick<Scenery, 'lives' | 'holdersAround' | 'progressOf' | 'unrecordedEnd'>;
  readonly #denials: Denials;
  readonly #relay: Relay;
  readonly #questions: Questions;
  #requests = 0;

  constructor(options: {
    readonly loop: Loop;
    readonly clock: Clock;
    readonly directoryOf: (run: RunId) => string;
    readonly reload: () => Reloaded;
    readonly probe: Prober;
    /** A request for this target comes in: what it depends on may have changed. */
    readonly refresh?: (target: string) => void;
    readonly about: { readonly version: string; readonly config: () => string };
    readonly rota: Rota;
  }) {
    this.#loop = options.loop;
    this.#clock = options.clock;
    this.#directoryOf = options.directoryOf;
    this.#reload = options.reload;
    this.#prober = options.probe;
    this.#about = options.about;
    this.#eyes = {
      lives: seemsAlive,
      holdersAround: (target) => this.#loop.holdersAround(target),
      unrecordedEnd: (run) => this.#loop.unrecordedEnd(run),
      progressOf: (run) => readProgress(this.#directoryOf(run)),
    };
    this.#startedAtMs = options.clock.now().wallMs;
    this.#questions = new Questions(options.rota);
    this.#denials = new Denials(options.loop, options.about.config);
    this.#relay = new Relay({
      loop: options.loop,
      denials: this.#denials,
      directoryOf: options.directoryOf,
      refresh: options.refresh ?? (() => {}),
      rota: options.rota,
      clock: options.clock,
    });
  }

  handle(request: Request, caller: Caller): void {
    this.#requests++;
    switch (request.type) {
      case 'run':
        return this.#relay.run(request, caller);
      case 'wait':
        return this.#relay.wait(request, caller);
      case 'output':
        return this.#relay.output(request, caller);
      case 'cancel':
        return this.#cancel(request, caller);
      case 'status':
        return this.#questions.ask(caller, () => this.#status());
      case 'why':
        return this.#questions.ask(caller, () => this.#why(request, caller));
      case 'history':
        return this.#questions.ask(caller, () => this.#history(request, caller));
      case 'pause':
      case 'resume':
      case 'forget':
        return this.#post(request, caller);
      case 'probe':
        return this.#probe(request, caller);
      case 'reload': {
        const reloaded = this.#reload();
        if (reloaded.ok) return finishWith(caller, { type: 'done', text: reloaded.text });
        return failWith(caller, 'bad-config', EXIT.config, reloaded.message);
      }
      default:
        return request satisfies never;
    }
  }

  /** Tells the clients who wait for this run. Called once the event is durable. */
  notify(event: Event): void {
    this.#relay.notify(event);
  }

  /** Tells them that it has ended, and that the journal has no room for that. */
  unrecorded(end: UnrecordedEnd): void {
    this.#relay.unrecorded(end);
  }

  #cancel(request: Of<'cancel'>, caller: Caller): void {
    const { of, nonce } = request;
    if (this.#denials.isOther(caller, of, nonce)) return;
    const { state, catalog } = this.#loop;
    if (typeof of === 'number' && !state.runs.has(of)) return this.#denials.unknownRun(caller, of);
    const lane = typeof of === 'string' ? state.lanes.get(of) : undefined;
    if (typeof of === 'string' && lane === undefined && !catalog.targets.has(of)) {
      return this.#denials.unknownTarget(caller, of);
    }
    const runs = typeof of === 'number' ? [of] : [...(lane?.queue ?? []), ...(lane?.active ?? [])];
    if (runs.length === 0) return finishWith(caller, { type: 'done', runs });
    this.#loop.post({ type: 'cancel', runs }, (answer) => {
      if (answer.type === 'cancelled') finishWith(caller, { type: 'done', runs: answer.runs });
      else this.#denials.refuse(caller, String(of), answer);
    });
  }

  /** What the views look at, as it is now, however long they take. */
  #scenery(): Scenery {
    const { state, catalog } = this.#loop;
    return { state: excerptOf(state), catalog, now: this.#clock.now(), ...this.#eyes };
  }

  /** All targets at one moment, so that no run is told twice or left out that goes from one to another. */
  *#status(): Pieces<Extract<Reply, { type: 'status' }>> {
    const scenery = this.#scenery();
    const { now } = scenery;
    const requests = this.#requests;
    const trouble = this.#loop.examine();
    const targets = yield* viewTargets(scenery);
    const executing = targets.flatMap((target) => target.active.map(() => target.target));
    return {
      type: 'status',
      version: this.#about.version,
      pid: process.pid,
      startedAtMs: this.#startedAtMs,
      nowMs: now.wallMs,
      requests,
      running: executing.length,
      queued: targets.reduce((sum, target) => sum + target.waiting, 0),
      executing,
      config: this.#about.config(),
      ...(trouble === undefined ? {} : { trouble }),
      targets,
    };
  }

  #why({ of, nonce }: Of<'why'>, caller: Caller): Pieces<Reply> | undefined {
    if (this.#denials.isOther(caller, of, nonce)) return undefined;
    const { state, catalog } = this.#loop;
    if (typeof of === 'string' && !state.lanes.has(of) && catalog.targets.has(of)) {
      return this.#chain(undefined, of);
    }
    const run = this.#denials.find(of, caller);
    if (run === undefined) return undefined;
    const [waiting] = state.lanes.get(run.target)?.queue ?? new Set<RunId>();
    const queued = waiting === undefined ? undefined : state.runs.get(waiting);
    const asked = typeof of === 'string' && queued !== undefined ? queued : run;
    return this.#chain(asked, run.target);
  }

  *#chain(asked: Run | undefined, target: string): Pieces<Reply> {
    const scenery = this.#scenery();
    const chain = asked === undefined ? [] : yield* viewChain(asked, scenery);
    return { type: 'why', chain, target, nowMs: scenery.now.wallMs };
  }

  #history(request: Of<'history'>, caller: Caller): Pieces<Reply> | undefined {
    const { state, catalog } = this.#loop;
    const { target } = request;
    if (target !== undefined && !catalog.targets.has(target) && !state.lanes.has(target)) {
      this.#denials.unknownTarget(caller, target);
      return undefined;
    }
    return this.#past(request);
  }

  /** Not of an excerpt, which has no past. */
  *#past(request: Of<'history'>): Pieces<Reply> {
    const { state, catalog } = this.#loop;
    const scenery = { state, catalog, now: this.#clock.now(), ...this.#eyes };
    return { type: 'history', runs: yield* viewHistory(scenery, request) };
  }

  #post(request: Of<'pause' | 'resume' | 'forget'>, caller: Caller): void {
    const { type, target } = request;
    this.#loop.post({ type, target }, (answer) => {
      if (answer.type === 'done') finishWith(caller, { type: 'done' });
      else this.#denials.refuse(caller, target, answer);
    });
  }

  #probe({ target: name }: Of<'probe'>, caller: Caller): void {
    const target = this.#loop.catalog.targets.get(name);
    if (target === undefined) return this.#denials.unknownTarget(caller, name);
    const { broken, runner } = target;
    if (broken !== undefined) {
      return failWith(caller, 'broken-target', EXIT.config, say.broken(broken));
    }
    this.#prober(target).then(
      (probed) => {
        if (probed === undefined) {
          return failWith(caller, 'no-probe', EXIT.usage, say.notProbed(runner.type));
        }
        const { lines, failure } = probed;
        const outcome = failure === undefined ? undefined : outcomeOfFailure(failure);
        const said = outcome === undefined ? lines : [...lines, tellOutcome(outcome, 0, name)];
        const exit = outcome === undefined ? 0 : exitStatus(outcome);
        finishWith(caller, { type: 'probed', target: name, exit, lines: said });
      },
      (error: unknown) => failWith(caller, 'no-probe', EXIT.noVerdict, String(error)),
    );
  }
}
