/**
 * Detects a daemon that holds a connection but does not answer: stopped, stuck, or not a daemon at
 * all. A run may be silent for hours, so after half of the time the client sends a `ping`, which
 * the daemon answers immediately, whatever else it does.
 */

import { PROTOCOL_VERSION } from '../../daemon/protocol/request.ts';

/** The request that is answered immediately. */
export const PING = { type: 'ping', v: PROTOCOL_VERSION } as const;
/** How long a daemon may be silent by default. */
export const SILENT_MS_DEFAULT = 60_000;
/** A daemon that is being started for this connection needs this long. */
const SILENT_MS_MIN = 2_000;

/** For a given `--connect-timeout`. */
export function silentMsOf(connectTimeoutMs: number | undefined): number {
  return Math.max(connectTimeoutMs ?? SILENT_MS_DEFAULT, SILENT_MS_MIN);
}

export class Silence {
  #wasHeard = false;
  #wasAsked = false;
  readonly #timer: NodeJS.Timeout;

  /** `ask` makes a living daemon answer; `giveUp` is called once, after at least `silentMs`. */
  constructor(
    silentMs: number,
    { ask, giveUp }: { readonly ask: () => void; readonly giveUp: () => void },
  ) {
    this.#timer = setInterval(() => {
      if (this.#wasHeard) {
        [this.#wasHeard, this.#wasAsked] = [false, false];
      } else if (this.#wasAsked) {
        this.stop();
        giveUp();
      } else {
        this.#wasAsked = true;
        ask();
      }
    }, silentMs / 2).unref();
  }

  /** The daemon has sent something. */
  heard(): void {
    this.#wasHeard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
