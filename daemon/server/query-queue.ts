/**
 * Queries about the state, whose answers may take long if there are thousands of targets. They are
 * answered one after another, in slices that are short enough for other clients; a short answer is
 * given immediately.
 *
 * An answer is started only when all earlier ones have been given, so that only one snapshot of the
 * state exists, however many clients ask. Meanwhile the same client's later requests wait: answers
 * keep the order of its requests, and do not pile up in memory.
 */

import type { Reply } from '../protocol/request.ts';
import type { CooperativeSteps } from '../shared/cooperative.ts';
import type { FairQueue } from './fair-queue.ts';
import { finishWith, type Responder } from './responder.ts';

/** Longest time without handling others, apart from one step. */
const SLICE_MS = 2;

interface Question {
  readonly responder: Responder;
  readonly begin: Begin;
}

/** Undefined: the client has already been told that there is no answer. */
type Begin = () => CooperativeSteps<Reply> | undefined;

export class QueryQueue {
  readonly #fairQueue: FairQueue;
  /** In order of arrival; the first one is being answered. */
  readonly #open = new Set<Question>();
  #pieces: CooperativeSteps<Reply> | undefined;
  #hasTurn = false;

  constructor(fairQueue: FairQueue) {
    this.#fairQueue = fairQueue;
  }

  /** `begin` takes from the state what the answer needs, before its first step. */
  ask(responder: Responder, begin: Begin): void {
    const question = { responder, begin };
    this.#open.add(question);
    if (this.#open.size === 1) this.#slice();
    if (!this.#open.has(question)) return;
    responder.hold();
    responder.onClose(() => this.#drop(question));
  }

  #slice(): void {
    const [question] = this.#open;
    if (question === undefined) return;
    if (this.#work(question)) this.#drop(question);
    if (this.#open.size > 0) this.#waitForTurn();
  }

  /** True once it is answered. */
  #work({ responder, begin }: Question): boolean {
    const untilMs = performance.now() + SLICE_MS;
    this.#pieces ??= begin();
    if (this.#pieces === undefined) return true;
    do {
      const piece = this.#pieces.next();
      if (piece.done !== true) continue;
      finishWith(responder, piece.value);
      return true;
    } while (performance.now() < untilMs);
    return false;
  }

  #waitForTurn(): void {
    if (this.#hasTurn) return;
    this.#hasTurn = true;
    this.#fairQueue.add(() => {
      this.#hasTurn = false;
      this.#slice();
    });
  }

  #drop(question: Question): void {
    const [first] = this.#open;
    this.#open.delete(question);
    if (first === question) this.#pieces = undefined;
  }
}
