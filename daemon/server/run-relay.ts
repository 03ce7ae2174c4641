/**
 * Relays runs to the clients that follow them: their output as it grows, that they start, and how they
 * end. It reads the state and the run directories only; a client that does not read is waited for.
 */
import { randomUUID } from 'node:crypto';
import { basename } from 'node:path';
import { findDeadlock } from '../core/deadlock.ts';
import type { Event } from '../core/event.ts';
import type { Run } from '../core/state.ts';
import type { Loop } from '../engine/loop.ts';
import type { UnrecordedEnd } from '../engine/unrecorded.ts';
import {
  describeOutcome,
  describeUnrecorded,
  lostOutput,
  tellOutcome,
  unrelayed,
  zeroDenied,
} from '../protocol/outcome-text.ts';
import { unreadOutput } from '../protocol/refusal-text.ts';
import { EXIT, exitStatus } from '../protocol/request.ts';
import type { Nonce, RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import { describeLeftLocks } from '../system/lockfiles.ts';
import type { Rota } from './fair-queue.ts';
import { Follower, type Offsets, tailOffsets } from './output-follower.ts';
import { CHUNK_BYTES } from './output-frame.ts';
import type { Denials } from './refusals.ts';
import { type Caller, failWith, finishWith, type Of } from './responder.ts';

interface Parts {
  readonly loop: Loop;
  readonly denials: Denials;
  readonly directoryOf: (run: RunId) => string;
  /** A request for this target comes in: what it depends on may have changed. */
  readonly refresh: (target: string) => void;
  readonly rota: Rota;
  readonly clock: Clock;
}

export class Relay {
  readonly #loop: Loop;
  readonly #denials: Denials;
  readonly #directoryOf: Parts['directoryOf'];
  readonly #refresh: Parts['refresh'];
  readonly #rota: Rota;
  readonly #clock: Clock;
  /** How those who wait for a run are told something before its end. */
  readonly #waiting = new Map<RunId, Set<Caller>>();
  readonly #watchers = new Map<RunId, Set<(event: Event) => void>>();
  /** All relays read into it, each within one call. */
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);

  constructor(parts: Parts) {
    this.#loop = parts.loop;
    this.#denials = parts.denials;
    this.#directoryOf = parts.directoryOf;
    this.#refresh = parts.refresh;
    this.#rota = parts.rota;
    this.#clock = parts.clock;
  }

  /** Tells the clients who wait for this run. Called once the event is durable. */
  notify(event: Event): void {
    if (!('run' in event)) return;
    for (const watcher of this.#watchers.get(event.run) ?? []) watcher(event);
  }

  /** Tells them that it has ended, which the journal has no room for. */
  unrecorded({ run, outcome, errno }: UnrecordedEnd): void {
    const text = `run ${run} ${describeUnrecorded(describeOutcome(outcome), errno)}`;
    for (const caller of this.#waiting.get(run) ?? []) caller.send({ type: 'notice', run, text });
  }

  #await(run: RunId, caller: Caller): void {
    const waiting = this.#waiting.get(run) ?? new Set();
    this.#waiting.set(run, waiting.add(caller));
    caller.onClose(() => {
      waiting.delete(caller);
      if (waiting.size === 0) this.#waiting.delete(run);
    });
    const end = this.#loop.unrecordedEnd(run);
    if (end !== undefined) this.unrecorded(end);
  }

  run(request: Of<'run'>, caller: Caller): void {
    const { target, merged, wait, args, maxWaitMs } = request;
    const token = request.token ?? randomUUID();
    this.#refresh(target);
    const inside = wait ? this.#runAt(request.caller) : undefined;
    const given = {
      ...(args === undefined ? {} : { args }),
      ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
      ...(inside === undefined ? {} : { caller: inside }),
    };
    const forget = this.#waitInside(inside, { token }, caller);
    this.#loop.post({ type: 'submit', target, token, merged, ...given }, (answer) => {
      if (answer.type !== 'accepted' && answer.type !== 'joined') {
        forget();
        this.#denials.refuse(caller, target, answer);
        return;
      }
      const { type, run } = answer;
      caller.send({ type, run, target, ...nonceOf(this.#loop.state.runs.get(run)) });
      if (wait) this.#attend(run, { out: 0, err: 0 }, caller);
      else caller.finish();
    });
  }

  wait(request: Of<'wait'>, caller: Caller): void {
    if (this.#denials.isOther(caller, request.run, request.nonce)) return;
    const run = this.#loop.state.runs.get(request.run);
    if (run === undefined) return this.#denials.unknownEnd(caller, request.run);
    const inside = this.#runAt(request.caller);
    const circle = inside === undefined ? undefined : this.#circle(inside, request.run);
    if (circle !== undefined) {
      return finishWith(caller, { type: 'refused', exit: EXIT.notNow, reason: circle });
    }
    this.#waitInside(inside, { run: request.run }, caller);
    tellFound(request, run, caller);
    if (!request.output) return this.#awaitEnd(request.run, caller);
    this.#attend(request.run, request.from ?? { out: 0, err: 0 }, caller);
  }

  /** The run whose command asks: it has to be one of this daemon's that runs. */
  #runAt(directory: string | undefined): RunId | undefined {
    if (directory === undefined) return undefined;
    const run = Number(basename(directory));
    const isOurs = this.#loop.state.runs.get(run)?.state === 'running';
    return isOurs && this.#directoryOf(run) === directory ? run : undefined;
  }

  /** Why a run would wait for this one for ever. */
  #circle(inside: RunId, of: RunId): string | undefined {
    const { state, catalog, callerWaits } = this.#loop;
    const waits = callerWaits.pairs(state);
    return findDeadlock(state, catalog, { at: this.#clock.now(), caller: inside, waits, of });
  }

  /** Notes that a run waits, for as long as its client is there. */
  #waitInside(
    inside: RunId | undefined,
    of: { readonly run: RunId } | { readonly token: string },
    caller: Caller,
  ): () => void {
    if (inside === undefined) return () => {};
    const forget = this.#loop.callerWaits.add(inside, of);
    caller.onClose(forget);
    return forget;
  }

  output(request: Of<'output'>, caller: Caller): void {
    if (this.#denials.isOther(caller, request.of, request.nonce)) return;
    const run = this.#denials.find(request.of, caller);
    if (run === undefined) return;
    tellFound(request, run, caller);
    const { tail, from: asked = { out: 0, err: 0 } } = request;
    const from = tail === undefined ? asked : tailOffsets(this.#directoryOf(run.run), tail);
    const follower = this.#follow(run.run, from, caller, {
      done: () => finishWith(caller, { type: 'done', runs: [run.run] }),
      failed: (why) => {
        follower.close();
        failWith(caller, 'no-output', EXIT.noVerdict, unreadOutput(run.run, why));
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

  #awaitEnd(number: RunId, caller: Caller): void {
    const tell = (): void => {
      this.#tellEnd(number, this.#loop.state.runs.get(number), undefined, caller);
    };
    if (this.#loop.state.runs.get(number)?.state === 'ended') {
      return this.#whenDurable(caller, tell);
    }
    const stop = this.#watch(number, (event) => {
      if (event.type !== 'ended') return;
      stop();
      tell();
    });
    caller.onClose(() => stop());
    this.#await(number, caller);
  }

  #whenDurable(caller: Caller, tell: () => void): void {
    this.#loop.whenDurable((loss) => {
      if (loss === undefined) tell();
      else this.#denials.noJournal(caller, loss);
    });
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
    this.#await(number, caller);
    if (last?.state === 'running') {
      caller.send({ type: 'started', run: number });
      follower.pump();
    } else if (last === undefined || last.state === 'ended') {
      stop();
      this.#whenDurable(caller, () => follower.end());
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
      rota: this.#rota,
      send: (frame) => caller.send({ type: 'output', run, ...frame }),
      hasRoom: () => caller.hasRoom(),
      ...told,
    });
    caller.onDrain(() => follower.resume());
    caller.onClose(() => follower.close());
    return follower;
  }

  #tellEnd(number: RunId, run: Run | undefined, failure: string | undefined, caller: Caller): void {
    if (run?.state !== 'ended') return this.#denials.unknownEnd(caller, number);
    const { target, outcome, verdict, lostBytes } = run;
    const isOdd = outcome.kind !== 'exited';
    const left = isOdd ? describeLeftLocks(this.#loop.catalog.targets.get(target)) : '';
    const unread = failure === undefined ? '' : unrelayed(failure);
    const isDenied = !isOdd && outcome.code === 0 && verdict === 'failed';
    const denied = isDenied ? zeroDenied() : '';
    const lost = lostBytes === undefined ? '' : lostOutput(lostBytes);
    const tell = isOdd || isDenied || failure !== undefined || lost !== '';
    const text = tellOutcome(outcome, number, target, `${denied}${left}${lost}${unread}`);
    const exit = exitStatus(outcome, verdict);
    finishWith(caller, {
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

  #watch(run: RunId, watcher: (event: Event) => void): () => void {
    const watchers = this.#watchers.get(run) ?? new Set();
    watchers.add(watcher);
    this.#watchers.set(run, watchers);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0) this.#watchers.delete(run);
    };
  }
}

/** Absent of a run that an older version accepted. */
function nonceOf(run: Run | undefined): { readonly nonce?: Nonce } {
  return run?.nonce === undefined ? {} : { nonce: run.nonce };
}

/**
 * Lets a client that loses its connection ask for this very run again. Only one that speaks of
 * versions: others may have been written when the first answer was another.
 */
function tellFound({ v }: Of<'wait' | 'output'>, run: Run, caller: Caller): void {
  if (v === undefined) return;
  caller.send({ type: 'found', run: run.run, target: run.target, ...nonceOf(run) });
}
