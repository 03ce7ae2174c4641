/**
 * Requests to run a target whose files have changed: they wait until the configuration has been
 * rebuilt, which takes many turns of the event loop if there are thousands of targets. Later
 * requests wait behind them, whatever their target, so that runs are queued in the order in which
 * clients asked. They share the next rebuild, so that no request waits for more than two of them,
 * however many files have changed. All other requests are served immediately.
 */
import type { TargetName } from '../shared/run.ts';
import type { Responder } from './responder.ts';

/** Updates what these targets depend on; undefined if nothing has changed. */
export type Refresh = (targets: ReadonlySet<TargetName>) => Promise<void> | undefined;

interface Held {
  readonly target: TargetName;
  readonly go: () => void;
}

export class HeldRequests {
  readonly #refresh: Refresh;
  /** In order of arrival; at most one for each client. */
  readonly #held = new Set<Held>();
  #isRefreshing = false;

  constructor(refresh: Refresh) {
    this.#refresh = refresh;
  }

  /** Calls `go` as soon as the target matches its files. */
  pass(target: TargetName, responder: Pick<Responder, 'hold'>, go: () => void): void {
    const request = { target, go };
    this.#held.add(request);
    if (!this.#isRefreshing) this.#letGo();
    // Its client's next request may be about this run.
    if (this.#held.has(request)) responder.hold();
  }

  #letGo(): void {
    const requests = [...this.#held];
    const refreshed = this.#refresh(new Set(requests.map(({ target }) => target)));
    if (refreshed === undefined) return this.#pass(requests);
    this.#isRefreshing = true;
    void refreshed.then(() => {
      this.#isRefreshing = false;
      // Does not check their files a second time: they may change faster than they can be read.
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
