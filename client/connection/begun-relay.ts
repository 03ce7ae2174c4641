/** What client/baton.pl tells of a relay that client/connection/resumed.ts goes on with. */

/** How far a client of this process has come: what client/baton.pl says when it becomes Node. */
export interface BegunRelay {
  readonly run?: number;
  readonly nonce?: string;
  readonly isForeign: boolean;
  readonly isMidLine: boolean;
  /** Number of a signal that was to end the run. */
  readonly signal?: number;
  readonly out: BegunStream;
  readonly err: BegunStream;
}

interface BegunStream {
  readonly offset: number;
  /** Nobody reads it any more. */
  readonly isShut: boolean;
}
