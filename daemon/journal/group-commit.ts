/**
 * Group commit: events are appended as they are decided, one fdatasync covers all events of a turn,
 * and nobody outside learns of them before that. Meanwhile the next turn decides, and work that
 * nobody can see is prepared.
 *
 * A full disk is not an error here: `append` returns it, and it is logged when it starts and ends.
 */
import type { Event } from '../core/event.ts';
import type { Log } from '../system/log.ts';

/** The journal as the loop needs it; see daemon/journal/journal.ts for its guarantees. */
export interface JournalPort {
  append(
    events: readonly Event[],
  ): { readonly ok: true } | { readonly ok: false; readonly error: string };
  sync(): Promise<void>;
  /** Why the journal is lost to this daemon, or undefined; once lost, it stays lost. */
  examine(): string | undefined;
  /** Never true during a compaction. */
  readonly isBloated: boolean;
  /** Takes some time; what is appended meanwhile is not lost. */
  compact(
    events: Iterable<Event>,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly error: string }>;
}

interface Options {
  readonly journal: JournalPort;
  readonly log: Log;
  /** The shortest history that leads to the current state, for a compaction. */
  readonly history: () => Iterable<Event>;
  /** Gets all events, in order, before they are durable. */
  readonly prepare: (events: readonly Event[]) => void;
  /** Gets all events, in order, once they are durable. */
  readonly perform: (events: readonly Event[]) => void;
  /** A bug, or a journal that cannot be trusted any more: the daemon has to exit. */
  readonly fail: (error: unknown) => void;
}

/** Called with the reason if something is not durable and may never be. */
type Told = (loss?: string) => void;

interface Batch {
  readonly events: Event[];
  readonly callbacks: Told[];
}

const LOST = 'journal lost; new requests are refused';

export class GroupCommit {
  readonly #options: Options;
  #batch: Batch = { events: [], callbacks: [] };
  #isShort = false;
  #isLost = false;
  #stopped = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Appends all of these events or none; then it returns the errno. */
  append(events: readonly Event[]): string | undefined {
    if (events.length === 0) return undefined;
    const written = this.#options.journal.append(events);
    if (!written.ok && this.examine() !== undefined) return written.error;
    this.#tellRoom(written.ok ? undefined : written.error);
    if (!written.ok) return written.error;
    for (const event of events) this.#batch.events.push(event);
    return undefined;
  }

  /** Calls back once everything appended so far is durable, and its effects have been performed. */
  whenDurable(callback: Told): void {
    this.#batch.callbacks.push(callback);
  }

  /** Makes durable what has been appended since the last time. */
  commit(): void {
    const { journal, prepare, fail } = this.#options;
    const batch = this.#batch;
    if (batch.events.length === 0 && batch.callbacks.length === 0) return;
    this.#batch = { events: [], callbacks: [] };
    journal
      .sync()
      .then(() => this.#publish(batch))
      .catch(fail);
    prepare(batch.events);
  }

  /** Why the journal is lost; logged once. */
  examine(): string | undefined {
    const { journal, log } = this.#options;
    const loss = journal.examine();
    if (loss !== undefined && !this.#isLost) log.error({ reason: loss }, LOST);
    this.#isLost = loss !== undefined;
    return loss;
  }

  /** Nothing is published any more; what was appended stays appended. */
  stop(): void {
    this.#stopped = true;
  }

  #publish(batch: Batch): void {
    const { journal, perform, fail } = this.#options;
    if (this.#stopped) return;
    const loss = this.examine();
    // Starts nothing that a later start could not know of, and tells nobody that it is safe.
    if (loss !== undefined) {
      for (const callback of batch.callbacks) callback(loss);
      return;
    }
    perform(batch.events);
    for (const callback of batch.callbacks) callback();
    if (journal.isBloated) this.#compact().catch(fail);
  }

  async #compact(): Promise<void> {
    const { journal, history, log } = this.#options;
    const compacted = await journal.compact(history());
    if (compacted.ok) log.info('journal compacted');
    else log.warn({ errno: compacted.error }, 'journal could not be compacted');
  }

  #tellRoom(errno: string | undefined): void {
    if (this.#isShort === (errno !== undefined)) return;
    this.#isShort = errno !== undefined;
    const { log } = this.#options;
    if (errno === undefined) log.info('journal can be written again');
    else log.error({ errno }, 'journal cannot be written; new requests are refused');
  }
}
