/**
 * Observations that cannot be journaled because the disk is full. They are true whether there is
 * room or not, so they are kept, shown, and retried before anything else is decided, because a
 * later request must not overwrite a known end.
 */

import type { CommandInput, Decision } from '../core/command.ts';
import type { Outcome, RunId } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';

/** A known end that is not in the journal. */
export interface UnrecordedEnd {
  readonly run: RunId;
  readonly outcome: Outcome;
  /** Why the journal cannot be written. */
  readonly errno: string;
}

interface Entry<R> {
  readonly input: CommandInput;
  readonly reply?: R;
}

/** Delay before the next attempt. */
export const ROOM_RETRY_MS = 1_000;

interface Options {
  readonly clock: Clock;
  /** Called once for each end. */
  readonly tell: ((end: UnrecordedEnd) => void) | undefined;
  /** Called when it is time to try again. */
  readonly again: () => void;
}

export class Unrecorded<R> {
  readonly #options: Options;
  readonly #ends = new Map<RunId, UnrecordedEnd>();
  #entries: Entry<R>[] = [];
  #isTimed = false;

  constructor(options: Options) {
    this.#options = options;
  }

  add(input: CommandInput, reply: R | undefined, { events }: Decision, errno: string): void {
    this.#entries.push(reply === undefined ? { input } : { input, reply });
    for (const event of events) {
      if (event.type !== 'ended') continue;
      const { run, outcome } = event;
      const isNew = !this.#ends.has(run);
      this.#ends.set(run, { run, outcome, errno });
      if (isNew) this.#options.tell?.({ run, outcome, errno });
    }
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#options.clock.after(ROOM_RETRY_MS, () => {
      this.#isTimed = false;
      this.#options.again();
    });
  }

  /** In the order in which they were observed. */
  take(): readonly Entry<R>[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** The end of this run is in the journal now. */
  recorded(run: RunId): void {
    this.#ends.delete(run);
  }

  endOf(run: RunId): UnrecordedEnd | undefined {
    return this.#ends.get(run);
  }
}
