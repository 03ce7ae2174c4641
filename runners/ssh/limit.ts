/**
 * A time limit, as a signal that also fires when the caller gives up.
 *
 * Not AbortSignal.any with AbortSignal.timeout: if nothing else references these two, they are
 * garbage collected with their timer, and never fire (nodejs/node#57867; Node 20 and 22). A plain
 * timer stays until it is cleared.
 */
export class Limit {
  readonly #controller = new AbortController();
  readonly #givenUp: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #end = (): void => this.#controller.abort();

  constructor(ms: number, givenUp: AbortSignal) {
    this.#givenUp = givenUp;
    this.#timer = setTimeout(this.#end, ms);
    givenUp.addEventListener('abort', this.#end);
    if (givenUp.aborted) this.#end();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time is over, and the caller had not given up. */
  get isLate(): boolean {
    return this.signal.aborted && !this.#givenUp.aborted;
  }

  lift(): void {
    clearTimeout(this.#timer);
    this.#givenUp.removeEventListener('abort', this.#end);
  }
}
