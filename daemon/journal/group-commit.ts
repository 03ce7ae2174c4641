/**
 * Group commit: events are appended as they are decided, one fdatasync covers all of a turn, and
 * nobody outside hears of any of them before. The next turn decides meanwhile, and what nobody can
 * see is prepared.
 *
 * A full disk is no error here: `append` says so, and the log once when it begins and when it ends.
 */
import type { Event } from '../core/event.ts';
import type { Log } from '../system/log.ts';

/** The journal as the loop needs it; see daemon/journal/journal.ts for the promises. */
export interface JournalPort {
  append(
    events: readonly Event[],
  ): { readonly ok: true } | { readonly ok: false; readonly error: string };
  sync(): Promise<void>;
  /** Why the journal is lost to this daemon, or undefined; once lost, it stays so. */
  examine(): string | undefined;
  /** Never while a compaction is under way. */
  readonly isBloated: boolean;
  /** Takes its time; what is appended meanwhile is not lost. */
  compact(
    events: Iterable<Event>,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly error: string }>;
}

interface Options {
  readonly journal: JournalPort;
  readonly log: Log;
  /** The shortest way to the state of now, for a compaction. */
  readonly history: () => Iterable<Event>;
  /** Hears of all events, in order, while they become durable. */
  readonly prepare: (events: readonly Event[]) => void;
  /** Hears of all events, in order, once they are durable. */
  readonly perform: (events: readonly Event[]) => void;
  /** A bug, or a journal that cannot be trusted any more: the daemon has to end. */
  readonly fail: (error: unknown) => void;
}

/** Is given why what was to be durable is not, and may never be. */
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

  /** Appends all of these events or none; then the errno says why. */
  append(events: readonly Event[]): string | undefined {
    if (events.length === 0) return undefined;
    const written = this.#options.journal.append(events);
    if (!written.ok && this.examine() !== undefined) return written.error;
    this.#tellRoom(written.ok ? undefined : written.error);
    if (!written.ok) return written.error;
    for (const event of events) this.#batch.events.push(event);
    return undefined;
  }

  /** Calls back once everything that is appended now is durable, after what that brings about. */
  whenDurable(callback: Told): void {
    this.#batch.callbacks.push(callback);
  }

  /** Makes durable what has come since the last time. */
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

  /** Why the journal is lost; told once in the log. */
  examine(): string | undefined {
    const { journal, log } = this.#options;
    const loss = journal.examine();
    if (loss !== undefined && !this.#isLost) log.error({ reason: loss }, LOST);
    this.#isLost = loss !== undefined;
    return loss;
  }

  /** Nothing is published any more; what is appended stays appended. */
  stop(): void {
    this.#stopped = true;
  }

  #publish(batch: Batch): void {
    const { journal, perform, fail } = this.#options;
    if (this.#stopped) return;
    const loss = this.examine();
    // Nothing is begun of what a start could not know, and nobody is told that it is safe.
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
