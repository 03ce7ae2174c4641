/** What the loop needs from its surroundings. */
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
  /** Random, new for each daemon. */
  readonly nonce: Nonce;
  readonly log: Log;
  /** Absent if only runs are simulated: then all conditions of policies count as met. */
  readonly world?: WorldPort;
  /** Gets all events, in order, before they are durable, to start work that nobody can see. */
  readonly prepare: (events: readonly Event[]) => void;
  /** Gets all events, in order, once they are durable. */
  readonly perform: (events: readonly Event[]) => void;
  /** A run has ended, but the journal has no room for that. */
  readonly unrecorded?: (end: UnrecordedEnd) => void;
  /** A bug, or a journal that cannot be trusted any more: the daemon has to exit. */
  readonly fail: (error: unknown) => void;
}
