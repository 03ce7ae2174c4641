/**
 * Notices a daemon that holds a connection and says nothing: stopped, stuck, or a program that is
 * no daemon at all. A run may have nothing to say for hours, so after half of the time the daemon
 * is asked whether it is there (`ping`), which it answers at once whatever else it does.
 */

import { PROTOCOL_VERSION } from '../../daemon/protocol/request.ts';

/** The question that is answered at once. */
export const PING = { type: 'ping', v: PROTOCOL_VERSION } as const;
/** How long a daemon may say nothing, unless the command line says otherwise. */
export const SILENT_MS_DEFAULT = 60_000;
/** A daemon that is being started for this very connection needs as long. */
const SILENT_MS_MIN = 2_000;

/** For a `--connect-timeout` of so long. */
export function silentMsOf(connectTimeoutMs: number | undefined): number {
  return Math.max(connectTimeoutMs ?? SILENT_MS_DEFAULT, SILENT_MS_MIN);
}

export class Silence {
  #wasHeard = false;
  #wasAsked = false;
  readonly #timer: NodeJS.Timeout;

  /**
   * `ask` makes a living daemon say something; `giveUp` is called once, after `silentMs` at least.
   */
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

  /** The daemon has said something. */
  heard(): void {
    this.#wasHeard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
