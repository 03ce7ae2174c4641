/** What the loop needs of everything around it. */
import type { Catalog } from '../core/catalog.ts';
import type { Event } from '../core/event.ts';
import type { State } from '../core/state.ts';
import type { JournalPort } from '../journal/group-commit.ts';
import type { Nonce } from '../shared/run.ts';
import type { Clock } from '../system/clock.ts';
import type { Log } from '../system/log.ts';
import type { WorldPort } from '../system/machine.ts';
import type { UnrecordedEnd } from './unrecorded.ts';

export interface LoopOptions {
  readonly state: State;
  readonly catalog: Catalog;
  readonly journal: JournalPort;
  readonly clock: Clock;
  /** Random, and this daemon's own. */
  readonly nonce: Nonce;
  readonly log: Log;
  /** Absent where there is nothing but runs: policies that ask for more take it to be so. */
  readonly world?: WorldPort;
  /** Hears of all events, in order, while they become durable: what nobody can see may begin. */
  readonly prepare: (events: readonly Event[]) => void;
  /** Hears of all events, in order, once they are durable. */
  readonly perform: (events: readonly Event[]) => void;
  /** A run has ended, and the journal has no room for that. */
  readonly unrecorded?: (end: UnrecordedEnd) => void;
  /** A bug, or a journal that cannot be trusted any more: the daemon has to end. */
  readonly fail: (error: unknown) => void;
}
