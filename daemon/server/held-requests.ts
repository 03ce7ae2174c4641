/**
 * Requests to run a target whose files have changed: they wait until the configuration is made
 * again, which takes many turns of the event loop where there are thousands of targets. Requests
 * that come meanwhile wait behind them, whatever their target, so that runs are asked for in the
 * order in which their clients asked. They share the next making, so that nobody waits for more
 * than two of them, however many files have changed. All other requests are served at once.
 */
import type { TargetName } from '../shared/run.ts';
import type { Responder } from './responder.ts';

/** Brings what these targets depend on up to date; undefined where nothing has changed. */
export type Refresh = (targets: ReadonlySet<TargetName>) => Promise<void> | undefined;

interface Held {
  readonly target: TargetName;
  readonly go: () => void;
}

export class HeldRequests {
  readonly #refresh: Refresh;
  /** In the order of their coming: one for each client at most. */
  readonly #held = new Set<Held>();
  #isRefreshing = false;

  constructor(refresh: Refresh) {
    this.#refresh = refresh;
  }

  /** Calls `go` as soon as the target is as its files say. */
  pass(target: TargetName, responder: Pick<Responder, 'hold'>, go: () => void): void {
    const request = { target, go };
    this.#held.add(request);
    if (!this.#isRefreshing) this.#letGo();
    // What its client asks next may be about this run.
    if (this.#held.has(request)) responder.hold();
  }

  #letGo(): void {
    const requests = [...this.#held];
    const refreshed = this.#refresh(new Set(requests.map(({ target }) => target)));
    if (refreshed === undefined) return this.#pass(requests);
    this.#isRefreshing = true;
    void refreshed.then(() => {
      this.#isRefreshing = false;
      // Looks at their files no second time: they may change faster than they can be read.
      this.#pass(requests);
      if (this.#held.size > 0) this.#letGo();
    });
  }

  #pass(requests: readonly Held[]): void {
    for (const request of requests) {
      this.#held.delete(request);
      request.go();
    }
  }
}
