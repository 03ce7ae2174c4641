/** The state of a relay that client/baton.pl passes to client/connection/resumed.ts. */

/** How far client/baton.pl had come when it became Node. */
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
