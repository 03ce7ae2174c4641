/**
 * What the daemon does for its clients: one method a request. It reads the state, posts to the
 * loop, and answers; it decides nothing.
 */
import { randomUUID } from 'node:crypto';
import type { Target } from './catalog.ts';
import type { Clock } from './clock.ts';
import { describeErrno } from './errno.ts';
import type { Event, RunId } from './event.ts';
import { describeLeftLocks } from './foreign.ts';
import { CHUNK_BYTES } from './frame.ts';
import type { Loop, LoopAnswer } from './loop.ts';
import { Follower, type Offsets, tailOffsets } from './output.ts';
import { seemsAlive } from './process.ts';
import { readProgress } from './progress.ts';
import {
  describeOutcome,
  type ErrorCode,
  EXIT,
  exitStatus,
  type Reply,
  type Request,
  suggest,
} from './protocol.ts';
import type { Scenery } from './runview.ts';
import type { Probed } from './sshprobes.ts';
import { outcomeOfFailure } from './sshstatus.ts';
import type { Run } from './state.ts';
import { runOf, viewChain, viewHistory, viewTargets } from './view.ts';

/** The client's end of one request. */
export interface Caller {
  send(reply: Reply): void;
  /** False: the client has not read what it was sent; output has to wait for `onDrain`. */
  hasRoom(): boolean;
  onDrain(callback: () => void): void;
  /** Calls back at once where the client has gone already. */
  onClose(callback: () => void): void;
  /** Nothing more will be sent for this request. */
  finish(): void;
}

/** Looks at the machine of a target without running anything; undefined where there is none. */
type Prober = (target: Target) => Promise<Probed | undefined>;

export type Reloaded =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly message: string };

type Of<T extends Request['type']> = Extract<Request, { readonly type: T }>;

export class Service {
  readonly #loop: Loop;
  readonly #clock: Clock;
  readonly #directoryOf: (run: RunId) => string;
  readonly #reload: () => Reloaded;
  readonly #refresh: (target: string) => void;
  readonly #prober: Prober;
  readonly #about: { readonly version: string; readonly config: () => string };
  readonly #startedAtMs: number;
  /** What the views look at beside the state. */
  readonly #eyes: Pick<Scenery, 'lives' | 'holdersAround' | 'progressOf'>;
  readonly #watchers = new Map<RunId, Set<(event: Event) => void>>();
  /** All relays read into it, each within one call. */
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
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
  }) {
    this.#loop = options.loop;
    this.#clock = options.clock;
    this.#directoryOf = options.directoryOf;
    this.#reload = options.reload;
    this.#refresh = options.refresh ?? (() => {});
    this.#prober = options.probe;
    this.#about = options.about;
    this.#eyes = {
      lives: seemsAlive,
      holdersAround: (target) => this.#loop.holdersAround(target),
      progressOf: (run) => readProgress(this.#directoryOf(run)),
    };
    this.#startedAtMs = options.clock.now().wallMs;
  }

  handle(request: Request, caller: Caller): void {
    this.#requests++;
    switch (request.type) {
      case 'run':
        return this.#run(request, caller);
      case 'wait':
        return this.#wait(request, caller);
      case 'output':
        return this.#output(request, caller);
      case 'cancel':
        return this.#cancel(request, caller);
      case 'status':
        return this.#answer(caller, this.#status());
      case 'why':
        return this.#why(request, caller);
      case 'history':
        return this.#history(request, caller);
      case 'pause':
      case 'resume':
        return this.#hold(request, caller);
      case 'probe':
        return this.#probe(request, caller);
      case 'reload': {
        const reloaded = this.#reload();
        if (reloaded.ok) return this.#answer(caller, { type: 'done', text: reloaded.text });
        return this.#error(caller, 'bad-config', EXIT.config, reloaded.message);
      }
      default:
        return request satisfies never;
    }
  }

  /** Tells the clients who wait for this run. Called once the event is durable. */
  notify(event: Event): void {
    if (!('run' in event)) return;
    for (const watcher of this.#watchers.get(event.run) ?? []) watcher(event);
  }

  #run(request: Of<'run'>, caller: Caller): void {
    const { target, merged, wait, args, maxWaitMs } = request;
    const token = request.token ?? randomUUID();
    this.#refresh(target);
    const given = {
      ...(args === undefined ? {} : { args }),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
    };
    this.#loop.post({ type: 'submit', target, token, merged, ...given }, (answer) => {
      if (answer.type !== 'accepted' && answer.type !== 'joined') {
        this.#refuse(caller, target, answer);
        return;
      }
      caller.send({ type: answer.type, run: answer.run, target });
      if (wait) this.#attend(answer.run, { out: 0, err: 0 }, caller);
      else caller.finish();
    });
  }

  #refuse(caller: Caller, target: string, answer: LoopAnswer): void {
    switch (answer.type) {
      case 'ignored':
        return this.#answer(caller, { type: 'ignored', reason: answer.reason });
      case 'refused':
        return this.#answer(caller, { type: 'refused', exit: EXIT.notNow, reason: answer.reason });
      case 'not-permitted':
        return this.#error(caller, 'not-permitted', EXIT.notPermitted, answer.reason);
      case 'broken':
        return this.#error(caller, 'broken-target', EXIT.config, answer.reason);
      case 'no-room': {
        const text = `cannot be accepted: the journal cannot be written ${describeErrno(answer.errno)}`;
        return this.#error(caller, 'disk-full', EXIT.notNow, text);
      }
      default:
        return this.#unknownTarget(caller, target);
    }
  }

  #wait(request: Of<'wait'>, caller: Caller): void {
    if (!this.#loop.state.runs.has(request.run)) return this.#unknownRun(caller, request.run);
    if (!request.output) return this.#awaitEnd(request.run, caller);
    this.#attend(request.run, request.from ?? { out: 0, err: 0 }, caller);
  }

  #awaitEnd(number: RunId, caller: Caller): void {
    const tell = (): void => {
      this.#tellEnd(number, this.#loop.state.runs.get(number), undefined, caller);
    };
    if (this.#loop.state.runs.get(number)?.state === 'ended') {
      return this.#loop.whenDurable(tell);
    }
    const stop = this.#watch(number, (event) => {
      if (event.type !== 'ended') return;
      stop();
      tell();
    });
    caller.onClose(() => stop());
  }

  /** Relays the output of a run and its end to a client. */
  #attend(number: RunId, from: Offsets, caller: Caller): void {
    let failure: string | undefined;
    // As it was when it ended: meanwhile it may be forgotten.
    let last = this.#loop.state.runs.get(number);
    const follower = this.#follow(number, from, caller, {
      done: () => this.#tellEnd(number, last, failure, caller),
      // Its end is worth more than its output, and still comes.
      failed: (why) => {
        failure ??= why;
      },
    });
    const stop = this.#watch(number, (event) => {
      if (event.type === 'started') {
        caller.send({ type: 'started', run: number });
        follower.pump();
      } else if (event.type === 'ended') {
        last = this.#loop.state.runs.get(number);
        stop();
        follower.end();
      }
    });
    caller.onClose(() => stop());
    if (last?.state === 'running') {
      caller.send({ type: 'started', run: number });
      follower.pump();
    } else if (last === undefined || last.state === 'ended') {
      stop();
      this.#loop.whenDurable(() => follower.end());
    }
  }

  #follow(
    run: RunId,
    from: Offsets,
    caller: Caller,
    told: { readonly done: () => void; readonly failed: (why: string) => void },
  ): Follower {
    const follower = new Follower({
      directory: this.#directoryOf(run),
      from,
      chunk: this.#chunk,
      send: (frame) => caller.send({ type: 'output', run, ...frame }),
      hasRoom: () => caller.hasRoom(),
      ...told,
    });
    caller.onDrain(() => follower.resume());
    caller.onClose(() => follower.close());
    return follower;
  }

  #tellEnd(number: RunId, run: Run | undefined, failure: string | undefined, caller: Caller): void {
    if (run?.state !== 'ended') return this.#unknownRun(caller, number);
    const { target, outcome, verdict } = run;
    const isOdd = outcome.kind !== 'exited';
    const left = isOdd ? describeLeftLocks(this.#loop.catalog.targets.get(target)) : '';
    const unread = failure === undefined ? '' : `; not all of its output was relayed: ${failure}`;
    const tell = isOdd || failure !== undefined;
    const text = `${describeOutcome(outcome)}${left}${unread}`;
    const exit = exitStatus(outcome);
    this.#answer(caller, {
      type: 'ended',
      run: number,
      target,
      outcome,
      verdict,
      exit,
      text,
      tell,
    });
  }

  #output(request: Of<'output'>, caller: Caller): void {
    const run = this.#find(request.of, caller);
    if (run === undefined) return;
    const { tail, from: asked = { out: 0, err: 0 } } = request;
    const from = tail === undefined ? asked : tailOffsets(this.#directoryOf(run.run), tail);
    const follower = this.#follow(run.run, from, caller, {
      done: () => this.#answer(caller, { type: 'done', runs: [run.run] }),
      failed: (why) => {
        follower.close();
        const message = `run ${run.run}: not all of its output can be relayed: ${why}`;
        this.#error(caller, 'no-output', EXIT.noVerdict, message);
      },
    });
    if (!request.follow || run.state === 'ended') return follower.end();
    const stop = this.#watch(run.run, (event) => {
      if (event.type === 'started') follower.pump();
      if (event.type !== 'ended') return;
      stop();
      follower.end();
    });
    caller.onClose(() => stop());
    if (run.state === 'running') follower.pump();
  }

  #cancel(request: Of<'cancel'>, caller: Caller): void {
    const { of } = request;
    const lane = typeof of === 'string' ? this.#loop.state.lanes.get(of) : undefined;
    if (typeof of === 'string' && lane === undefined && !this.#loop.catalog.targets.has(of)) {
      return this.#unknownTarget(caller, of);
    }
    const runs = typeof of === 'number' ? [of] : [...(lane?.queue ?? []), ...(lane?.active ?? [])];
    const cancelled: RunId[] = [];
    const finish = (): void => this.#answer(caller, { type: 'done', runs: cancelled });
    if (runs.length === 0) return finish();
    let open = runs.length;
    let short: LoopAnswer | undefined;
    for (const run of runs) {
      this.#loop.post({ type: 'cancel', run }, (answer) => {
        if (answer.type === 'done') cancelled.push(run);
        if (answer.type === 'unknown-run') return this.#unknownRun(caller, run);
        if (answer.type === 'no-room') short = answer;
        if (--open > 0) return;
        if (short === undefined) finish();
        else this.#refuse(caller, String(of), short);
      });
    }
  }

  #status(): Extract<Reply, { type: 'status' }> {
    const { state, catalog } = this.#loop;
    const now = this.#clock.now();
    const targets = viewTargets({ state, catalog, now, ...this.#eyes });
    const executing = targets.flatMap((target) => target.active.map(() => target.target));
    return {
      type: 'status',
      version: this.#about.version,
      pid: process.pid,
      startedAtMs: this.#startedAtMs,
      nowMs: now.wallMs,
      requests: this.#requests,
      running: executing.length,
      queued: targets.reduce((sum, target) => sum + target.waiting, 0),
      executing,
      config: this.#about.config(),
      targets,
    };
  }

  #why(request: Of<'why'>, caller: Caller): void {
    const { state, catalog } = this.#loop;
    const { of } = request;
    if (typeof of === 'string' && !state.lanes.has(of) && catalog.targets.has(of)) {
      const nowMs = this.#clock.now().wallMs;
      return this.#answer(caller, { type: 'why', chain: [], target: of, nowMs });
    }
    const run = this.#find(of, caller);
    if (run === undefined) return;
    const [waiting] = state.lanes.get(run.target)?.queue ?? new Set<RunId>();
    const queued = waiting === undefined ? undefined : state.runs.get(waiting);
    const asked = typeof of === 'string' && queued !== undefined ? queued : run;
    const now = this.#clock.now();
    const chain = viewChain(asked, { state, catalog, now, ...this.#eyes });
    this.#answer(caller, { type: 'why', chain, target: run.target, nowMs: now.wallMs });
  }

  #history(request: Of<'history'>, caller: Caller): void {
    const { state, catalog } = this.#loop;
    const { target } = request;
    if (target !== undefined && !catalog.targets.has(target) && !state.lanes.has(target)) {
      return this.#unknownTarget(caller, target);
    }
    const scenery = { state, catalog, now: this.#clock.now(), ...this.#eyes };
    const runs = viewHistory(scenery, request);
    this.#answer(caller, { type: 'history', runs });
  }

  #hold(request: Of<'pause' | 'resume'>, caller: Caller): void {
    const { type, target } = request;
    this.#loop.post({ type, target }, (answer) => {
      if (answer.type === 'done') this.#answer(caller, { type: 'done' });
      else this.#refuse(caller, target, answer);
    });
  }

  #probe({ target: name }: Of<'probe'>, caller: Caller): void {
    const target = this.#loop.catalog.targets.get(name);
    if (target === undefined) return this.#unknownTarget(caller, name);
    const { broken, runner } = target;
    if (broken !== undefined) return this.#error(caller, 'broken-target', EXIT.config, broken);
    const none = `nothing to probe: its runner (${runner.type}) keeps no connection of baton's own`;
    this.#prober(target).then(
      (probed) => {
        if (probed === undefined) return this.#error(caller, 'no-probe', EXIT.usage, none);
        const { lines, failure } = probed;
        const outcome = failure === undefined ? undefined : outcomeOfFailure(failure);
        const said = outcome === undefined ? lines : [...lines, describeOutcome(outcome)];
        const exit = outcome === undefined ? 0 : exitStatus(outcome);
        this.#answer(caller, { type: 'probed', target: name, exit, lines: said });
      },
      (error: unknown) => this.#error(caller, 'no-probe', EXIT.noVerdict, String(error)),
    );
  }

  #find(of: number | string, caller: Caller): Run | undefined {
    const { state, catalog } = this.#loop;
    const run = typeof of === 'number' ? state.runs.get(of) : runOf(state, of);
    if (run !== undefined) return run;
    if (typeof of === 'number') this.#unknownRun(caller, of);
    else if (catalog.targets.has(of)) {
      this.#error(
        caller,
        'no-output',
        EXIT.usage,
        `target ${of} has no run yet; ask for one: baton run ${of}`,
      );
    } else this.#unknownTarget(caller, of);
    return undefined;
  }

  #watch(run: RunId, watcher: (event: Event) => void): () => void {
    const watchers = this.#watchers.get(run) ?? new Set();
    watchers.add(watcher);
    this.#watchers.set(run, watchers);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.#watchers.delete(run);
    };
  }

  #unknownTarget(caller: Caller, target: string): void {
    const near = suggest(target, this.#loop.catalog.targets.keys());
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    const message = `there is no target of this name in ${this.#about.config()}${hint}`;
    this.#error(caller, 'unknown-target', EXIT.config, message);
  }

  #unknownRun(caller: Caller, run: RunId): void {
    const message = `there is no run ${run}; "baton history" lists those that are remembered`;
    this.#error(caller, 'unknown-run', EXIT.usage, message);
  }

  #error(caller: Caller, code: ErrorCode, exit: number, message: string): void {
    this.#answer(caller, { type: 'error', code, exit, message });
  }

  #answer(caller: Caller, reply: Reply): void {
    caller.send(reply);
    caller.finish();
  }
}
