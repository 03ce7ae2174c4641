/**
 * Serves the requests of clients: one method for each. It reads the state, posts commands to the
 * loop, and answers; it decides nothing. daemon/server/run-relay.ts relays runs.
 */

import type { Event } from '../core/event.ts';
import { snapshotOf } from '../core/snapshot.ts';
import type { ReadonlyState, Run } from '../core/state.ts';
import type { Loop } from '../engine/loop.ts';
import type { UnrecordedEnd } from '../engine/unrecorded.ts';
import * as say from '../protocol/refusal-text.ts';
import { EXIT, type Reply, type WhyReply } from '../protocol/request.ts';
import type { Request } from '../protocol/request-schema.ts';
import type { CooperativeSteps } from '../shared/cooperative.ts';
import type { RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { seemsAlive } from '../system/proc.ts';
import type { FairQueue } from './fair-queue.ts';
import type { Refresh } from './held-requests.ts';
import { pause } from './pause.ts';
import { type Prober, Probing } from './probing.ts';
import { readProgress } from './progress.ts';
import { QueryQueue } from './query-queue.ts';
import { Refusals } from './refusals.ts';
import { failWith, finishWith, type Of, type Responder } from './responder.ts';
import { RunRelay } from './run-relay.ts';
import type { ViewContext } from './views/run-view.ts';
import { viewChain, viewHistory, viewPauses, viewTargets } from './views/targets.ts';

export type Reloaded =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

export class Service {
  readonly #loop: Loop;
  readonly #clock: Clock;
  readonly #directoryOf: (run: RunId) => string;
  readonly #reload: () => Promise<Reloaded>;
  readonly #probing: Probing;
  readonly #about: { readonly version: string; readonly config: () => string };
  readonly #startedAtMs: number;
  /** What the views use besides the state. */
  readonly #eyes: Pick<
    ViewContext,
    'lives' | 'worldAround' | 'progressOf' | 'unrecordedEnd' | 'jobOf'
  >;
  readonly #refusals: Refusals;
  readonly #relay: RunRelay;
  readonly #queries: QueryQueue;
  #requests = 0;

  constructor(options: {
    readonly loop: Loop;
    readonly clock: Clock;
    readonly directoryOf: (run: RunId) => string;
    readonly reload: () => Promise<Reloaded>;
    readonly probe: Prober;
    readonly refresh: Refresh;
    readonly jobOf?: ViewContext['jobOf'];
    readonly about: { readonly version: string; readonly config: () => string };
    readonly fairQueue: FairQueue;
  }) {
    this.#loop = options.loop;
    this.#clock = options.clock;
    this.#directoryOf = options.directoryOf;
    this.#reload = options.reload;
    this.#about = options.about;
    this.#eyes = {
      lives: seemsAlive,
      worldAround: (target) => this.#loop.worldAround(target),
      unrecordedEnd: (run) => this.#loop.unrecordedEnd(run),
      jobOf: (run) => options.jobOf?.(run),
      progressOf: (run) => readProgress(this.#directoryOf(run)),
    };
    this.#startedAtMs = options.clock.now().wallMs;
    this.#queries = new QueryQueue(options.fairQueue);
    this.#refusals = new Refusals(options.loop, options.about.config);
    this.#probing = new Probing({
      catalog: () => options.loop.catalog,
      prober: options.probe,
      refusals: this.#refusals,
    });
    this.#relay = new RunRelay({
      loop: options.loop,
      refusals: this.#refusals,
      directoryOf: options.directoryOf,
      refresh: options.refresh,
      fairQueue: options.fairQueue,
      clock: options.clock,
    });
  }

  handle(request: Request, responder: Responder): void {
    this.#requests++;
    switch (request.type) {
      case 'run':
        return this.#run(request, responder);
      case 'wait':
        return this.#relay.wait(request, responder);
      case 'output':
        return this.#relay.output(request, responder);
      case 'cancel':
        return this.#cancel(request, responder);
      case 'status':
        return this.#queries.ask(responder, () => this.#status(request));
      case 'why':
        return this.#queries.ask(responder, () => this.#why(request, responder));
      case 'history':
        return this.#queries.ask(responder, () => this.#history(request, responder));
      case 'pause':
      case 'resume':
        return pause(request, responder, this.#loop, this.#refusals);
      case 'forget':
        return this.#forget(request, responder);
      case 'probe':
        return void this.#probing.probe(request, responder);
      case 'reload':
        return void this.#reload().then((reloaded) => {
          if (reloaded.ok) finishWith(responder, { type: 'done', text: reloaded.text });
          else failWith(responder, 'bad-config', EXIT.config, reloaded.message);
        });
      default:
        return request satisfies never;
    }
  }

  /** Tells the clients that wait for this run. Called once the event is durable. */
  notify(event: Event): void {
    this.#relay.notify(event);
  }

  /** Tells them that it has ended, and that the journal has no room for that. */
  unrecorded(end: UnrecordedEnd): void {
    this.#relay.unrecorded(end);
  }

  /** Uses the arguments of the run `like`, which must be of the same target. */
  #run({ like, ...request }: Of<'run'>, responder: Responder): void {
    if (like === undefined) return this.#relay.run(request, responder);
    const { target } = request;
    const run = this.#loop.state.runs.get(like);
    if (run?.target !== target) {
      const reason = say.noRunLike(like, target);
      return finishWith(responder, { type: 'refused', exit: EXIT.notNow, reason });
    }
    const { args } = run;
    const own = args === undefined ? {} : { args: [...args] };
    this.#relay.run({ ...request, ...own }, responder);
  }

  #cancel(request: Of<'cancel'>, responder: Responder): void {
    const { of, nonce } = request;
    if (this.#refusals.isOther(responder, of, nonce)) return;
    const { state, catalog } = this.#loop;
    if (typeof of === 'number' && !state.runs.has(of))
      return this.#refusals.unknownRun(responder, of);
    const targets = typeof of === 'string' ? (catalog.fleets.get(of) ?? [of]) : [];
    const isKnown = (name: string): boolean =>
      state.targetStates.has(name) || catalog.targets.has(name);
    if (typeof of === 'string' && !targets.some(isKnown)) {
      return this.#refusals.unknownTarget(responder, of);
    }
    const states = targets.flatMap((name) => state.targetStates.get(name) ?? []);
    // Queued runs first, or they would start in place of those that are ended.
    const queued = states.flatMap(({ queue }) => [...queue]);
    const active = states.flatMap((it) => [...it.active]);
    const runs = typeof of === 'number' ? [of] : [...queued, ...active];
    if (runs.length === 0) return finishWith(responder, { type: 'done', runs });
    this.#loop.post({ type: 'cancel', runs }, (answer) => {
      if (answer.type === 'cancelled') finishWith(responder, { type: 'done', runs: answer.runs });
      else this.#refusals.refuse(responder, String(of), answer);
    });
  }

  /** What the views use, unchanged however long they take. */
  #context(): ViewContext {
    const { state, catalog } = this.#loop;
    return { state: snapshotOf(state), catalog, now: this.#clock.now(), ...this.#eyes };
  }

  /** All targets at one moment, so that no run is listed twice or missed while it changes state. */
  *#status({ durations }: Of<'status'>): CooperativeSteps<Extract<Reply, { type: 'status' }>> {
    const context = this.#context();
    const { now } = context;
    const requests = this.#requests;
    const trouble = this.#loop.examine();
    const targets = yield* viewTargets(context, durations);
    const pauses = viewPauses(context);
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
      ...(pauses.length === 0 ? {} : { pauses }),
      targets,
    };
  }

  #why({ of, nonce }: Of<'why'>, responder: Responder): CooperativeSteps<Reply> | undefined {
    if (this.#refusals.isOther(responder, of, nonce)) return undefined;
    const { state, catalog } = this.#loop;
    const members = typeof of === 'string' ? catalog.fleets.get(of) : undefined;
    if (members !== undefined) return this.#chainOf(String(of), members);
    if (typeof of === 'string' && !state.targetStates.has(of) && catalog.targets.has(of)) {
      return this.#chain([], of);
    }
    const run = this.#refusals.find(of, responder);
    if (run === undefined) return undefined;
    const asked = typeof of === 'string' ? (nextOf(state, run.target) ?? run) : run;
    return this.#chain([asked], run.target);
  }

  /** The queued runs of a fleet; if there are none, its running ones. */
  *#chainOf(fleet: string, members: readonly string[]): CooperativeSteps<Reply> {
    const { state } = this.#loop;
    const waiting = members.flatMap((name) => nextOf(state, name) ?? []);
    const active = members.flatMap((name) => [...(state.targetStates.get(name)?.active ?? [])]);
    const running = active.flatMap((number) => state.runs.get(number) ?? []);
    const asked = waiting.length > 0 ? waiting : running;
    return { ...(yield* this.#chain(asked, fleet)), members: asked.map(({ run }) => run) };
  }

  *#chain(asked: readonly Run[], target: string): CooperativeSteps<WhyReply> {
    const context = this.#context();
    const chain = yield* viewChain(asked, context);
    return { type: 'why', chain, target, nowMs: context.now.wallMs };
  }

  #history(request: Of<'history'>, responder: Responder): CooperativeSteps<Reply> | undefined {
    const { state, catalog } = this.#loop;
    const { target } = request;
    const isKnown = (name: string): boolean =>
      catalog.targets.has(name) || state.targetStates.has(name) || catalog.fleets.has(name);
    if (target !== undefined && !isKnown(target)) {
      this.#refusals.unknownTarget(responder, target);
      return undefined;
    }
    return this.#past(request);
  }

  /** Not from a snapshot, which has no past. */
  *#past(request: Of<'history'>): CooperativeSteps<Reply> {
    const { state, catalog } = this.#loop;
    const context = { state, catalog, now: this.#clock.now(), ...this.#eyes };
    return { type: 'history', runs: yield* viewHistory(context, request) };
  }

  #forget({ target }: Of<'forget'>, responder: Responder): void {
    this.#loop.post({ type: 'forget', target }, (answer) => {
      if (answer.type === 'done') finishWith(responder, { type: 'done' });
      else this.#refusals.refuse(responder, target, answer);
    });
  }
}

/** The first queued run of a target. */
function nextOf({ targetStates, runs }: ReadonlyState, target: string): Run | undefined {
  const [number] = targetStates.get(target)?.queue ?? [];
  return number === undefined ? undefined : runs.get(number);
}
