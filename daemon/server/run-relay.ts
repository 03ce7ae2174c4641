/**
 * Relays runs to the clients that follow them: their output as it grows, their starts, and how they
 * end. It only reads the state and the run directories; it waits for clients that do not read.
 */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { findDeadlock } from '../core/deadlock.ts';
import type { Event } from '../core/event.ts';
import type { Run } from '../core/state.ts';
import type { Loop } from '../engine/loop.ts';
import type { UnrecordedEnd } from '../engine/unrecorded.ts';
import {
  cutOutput,
  describeOutcome,
  describeUnrecorded,
  lostOutputOf,
} from '../protocol/outcome-text.ts';
import { unreadOutput } from '../protocol/refusal-text.ts';
import { EXIT } from '../protocol/request.ts';
import type { RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { endOf } from './end-reply.ts';
import type { FairQueue } from './fair-queue.ts';
import { fleetReply, foundFleet, nonceOf, tellFound } from './fleet-reply.ts';
import { HeldRequests, type Refresh } from './held-requests.ts';
import { Follower, type Offsets, tailOffsets } from './output-follower.ts';
import { CHUNK_BYTES } from './output-frame.ts';
import type { Refusals } from './refusals.ts';
import { failWith, finishWith, type Of, type Responder } from './responder.ts';
import { tellRetry } from './retry-notice.ts';
import { RunWatchers } from './run-watchers.ts';
import { tellStarts } from './tell-starts.ts';

interface Parts {
  readonly loop: Loop;
  readonly refusals: Refusals;
  readonly directoryOf: (run: RunId) => string;
  /** Called before a request for a target is handled. */
  readonly refresh: Refresh;
  readonly fairQueue: FairQueue;
  readonly clock: Clock;
}

export class RunRelay {
  readonly #loop: Loop;
  readonly #refusals: Refusals;
  readonly #directoryOf: Parts['directoryOf'];
  readonly #held: HeldRequests;
  readonly #fairQueue: FairQueue;
  readonly #clock: Clock;
  /** Clients that wait for a run, for notices before its end. */
  readonly #waiting = new Map<RunId, Set<Responder>>();
  readonly #watchers = new RunWatchers();
  /** All relays read into it, each within one call. */
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);

  constructor(parts: Parts) {
    this.#loop = parts.loop;
    this.#refusals = parts.refusals;
    this.#directoryOf = parts.directoryOf;
    this.#held = new HeldRequests(parts.refresh);
    this.#fairQueue = parts.fairQueue;
    this.#clock = parts.clock;
  }

  /** Tells the clients that wait for this run. Called once the event is durable. */
  notify(event: Event): void {
    this.#watchers.notify(event);
  }

  /** Tells them that it has ended, although the journal has no room for that. */
  unrecorded({ run, outcome, errno }: UnrecordedEnd): void {
    const text = `run ${run} ${describeUnrecorded(describeOutcome(outcome), errno)}`;
    for (const responder of this.#waiting.get(run) ?? []) tellOf(responder, run, text);
  }

  #await(run: RunId, responder: Responder): void {
    const waiting = this.#waiting.get(run) ?? new Set();
    this.#waiting.set(run, waiting.add(responder));
    responder.onClose(() => {
      waiting.delete(responder);
      if (waiting.size === 0) this.#waiting.delete(run);
    });
    const end = this.#loop.unrecordedEnd(run);
    if (end !== undefined) this.unrecorded(end);
  }

  run(request: Of<'run'>, responder: Responder): void {
    this.#held.pass(request.target, responder, () => this.#submit(request, responder));
  }

  #submit(request: Of<'run'>, responder: Responder): void {
    const { target, merged, wait, args, maxWaitMs, only, failed } = request;
    const token = request.token ?? randomUUID();
    const inside = wait ? this.#runAt(request.caller) : undefined;
    const given = {
      ...(args === undefined ? {} : { args }),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
      ...(inside === undefined ? {} : { caller: inside }),
      ...(only === undefined ? {} : { only }),
      ...(failed === undefined ? {} : { failed }),
    };
    const forget = this.#waitInside(inside, { token }, responder);
    this.#loop.post({ type: 'submit', target, token, merged, ...given }, (answer) => {
      if (answer.type === 'fleet') {
        forget();
        return finishWith(responder, fleetReply(target, answer.members, this.#loop.state));
      }
      if (answer.type !== 'accepted' && answer.type !== 'joined') {
        forget();
        return this.#refusals.refuse(responder, target, answer);
      }
      const { type, run } = answer;
      responder.send({ type, run, target, ...nonceOf(this.#loop.state.runs.get(run)) });
      if (wait) this.#attend(run, { out: 0, err: 0 }, responder);
      else responder.finish();
    });
  }

  wait(request: Of<'wait'>, responder: Responder): void {
    const fleet = foundFleet(request.run, this.#loop);
    if (fleet !== undefined) return finishWith(responder, fleet);
    const run = this.#refusals.findWaited(request, responder);
    if (run === undefined) return;
    const { run: number } = run;
    const inside = this.#runAt(request.caller);
    const circle = inside === undefined ? undefined : this.#circle(inside, number);
    if (circle !== undefined) {
      return finishWith(responder, { type: 'refused', exit: EXIT.notNow, reason: circle });
    }
    this.#waitInside(inside, { run: number }, responder);
    tellFound(request, run, responder);
    if (!request.output) return this.#awaitEnd(number, responder);
    this.#attend(number, request.from ?? { out: 0, err: 0 }, responder);
  }

  /** The run whose command makes the request: it must be a running run of this daemon. */
  #runAt(directory: string | undefined): RunId | undefined {
    if (directory === undefined) return undefined;
    const run = Number(basename(directory));
    const isOurs = this.#loop.state.runs.get(run)?.state === 'running';
    return isOurs && this.#directoryOf(run) === directory ? run : undefined;
  }

  /** Why waiting would be a deadlock. */
  #circle(inside: RunId, of: RunId): string | undefined {
    const { state, catalog, callerWaits } = this.#loop;
    const waits = callerWaits.pairs(state);
    return findDeadlock(state, catalog, { at: this.#clock.now(), caller: inside, waits, of });
  }

  /** Notes that a run waits, for as long as its client is connected. */
  #waitInside(
    inside: RunId | undefined,
    of: { readonly run: RunId } | { readonly token: string },
    responder: Responder,
  ): () => void {
    if (inside === undefined) return () => {};
    const forget = this.#loop.callerWaits.add(inside, of);
    responder.onClose(forget);
    return forget;
  }

  output(request: Of<'output'>, responder: Responder): void {
    if (this.#refusals.isOther(responder, request.of, request.nonce)) return;
    const run = this.#refusals.find(request.of, responder);
    if (run === undefined) return;
    tellFound(request, run, responder);
    const { tail, from: asked = { out: 0, err: 0 } } = request;
    const from = tail === undefined ? asked : tailOffsets(this.#directoryOf(run.run), tail);
    const follower = this.#follow(run.run, from, responder, {
      done: () => {
        const last = this.#loop.state.runs.get(run.run) ?? run;
        const lost = last.state === 'ended' ? last.lostBytes : undefined;
        if (lost !== undefined) tellOf(responder, run.run, lostOutputOf(run.run, lost));
        finishWith(responder, { type: 'done', runs: [run.run] });
      },
      failed: (why) => {
        follower.close();
        failWith(responder, 'no-output', EXIT.noVerdict, unreadOutput(run.run, why));
      },
    });
    if (!request.follow || run.state === 'ended') return follower.end();
    const stop = this.#watchers.watch(run.run, (event) => {
      if (event.type === 'started') follower.pump();
      if (event.type !== 'ended') return;
      stop();
      follower.end();
    });
    responder.onClose(() => stop());
    if (run.state === 'running' || run.earlier !== undefined) follower.pump();
  }

  #awaitEnd(number: RunId, responder: Responder): void {
    const tell = (): void => {
      this.#tellEnd(number, this.#loop.state.runs.get(number), undefined, responder);
    };
    if (this.#loop.state.runs.get(number)?.state === 'ended') {
      return this.#whenDurable(responder, tell);
    }
    const stop = this.#watchers.watch(number, (event) => {
      if (event.type !== 'ended') return;
      stop();
      tell();
    });
    responder.onClose(() => stop());
    this.#await(number, responder);
  }

  #whenDurable(responder: Responder, tell: () => void): void {
    this.#loop.whenDurable((loss) => {
      if (loss === undefined) tell();
      else this.#refusals.noJournal(responder, loss);
    });
  }

  /** Relays the output of a run and its end to a client. */
  #attend(number: RunId, from: Offsets, responder: Responder): void {
    let failure: string | undefined;
    // A copy from its end, because it may have been forgotten meanwhile.
    let last = this.#loop.state.runs.get(number);
    const follower = this.#follow(number, from, responder, {
      done: () => this.#tellEnd(number, last, failure, responder),
      // Its end matters more than its output, and still follows.
      failed: (why) => {
        failure ??= why;
      },
    });
    const whenDurable = (told: (loss?: string) => void): void => this.#loop.whenDurable(told);
    const hearStart = tellStarts(last?.state === 'running', whenDurable, () => {
      responder.send({ type: 'started', run: number });
      follower.pump();
    });
    const stop = this.#watchers.watch(number, (event) => {
      hearStart(event);
      if (event.type === 'requeued') {
        follower.pump();
        const text = tellRetry(event, this.#loop);
        if (text !== undefined) responder.send({ type: 'notice', run: number, text, isNews: true });
      } else if (event.type === 'ended') {
        last = this.#loop.state.runs.get(number);
        stop();
        follower.end();
      }
    });
    responder.onClose(() => stop());
    this.#await(number, responder);
    if (last === undefined || last.state === 'ended') {
      stop();
      this.#whenDurable(responder, () => follower.end());
    } else if (last.state !== 'running' && last.earlier !== undefined) {
      follower.pump();
    }
  }

  #follow(
    run: RunId,
    from: Offsets,
    responder: Responder,
    told: { readonly done: () => void; readonly failed: (why: string) => void },
  ): Follower {
    let isCutTold = false;
    const follower = new Follower({
      directory: this.#directoryOf(run),
      from,
      chunk: this.#chunk,
      fairQueue: this.#fairQueue,
      send: (frame) => responder.send({ type: 'output', run, ...frame }),
      hasRoom: () => responder.hasRoom(),
      cut: (path, bytes, read) => {
        if (!isCutTold) tellOf(responder, run, cutOutput(run, path, bytes, read));
        isCutTold = true;
      },
      ...told,
    });
    responder.onDrain(() => follower.resume());
    responder.onClose(() => follower.close());
    return follower;
  }

  #tellEnd(
    number: RunId,
    run: Run | undefined,
    failure: string | undefined,
    responder: Responder,
  ): void {
    if (run?.state !== 'ended') return this.#refusals.unknownEnd(responder, number);
    finishWith(responder, endOf(run, this.#loop.catalog.targets.get(run.target), failure));
  }
}

/** For people, on stderr. */
function tellOf(responder: Responder, run: RunId, text: string): void {
  responder.send({ type: 'notice', run, text });
}
