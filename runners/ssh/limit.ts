/**
 * How long something may take, as a signal that also says when somebody gave it up.
 *
 * No AbortSignal.any over AbortSignal.timeout: what nothing else holds of these two is collected,
 * timer and all, and the limit never comes (nodejs/node#57867; Node 20 and 22). A plain timer is
 * held until it is lifted.
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

  /** The time is over, and nobody had given it up. */
  get isLate(): boolean {
    return this.signal.aborted && !this.#givenUp.aborted;
  }

  lift(): void {
    clearTimeout(this.#timer);
    this.#givenUp.removeEventListener('abort', this.#end);
  }
}
