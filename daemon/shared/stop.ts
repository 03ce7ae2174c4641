/** How a run is ended: what its processes are told, and when they are killed. Pure. */

import { SIGNAL_NAMES } from './signals.ts';

/** Signals that a command may take as the wish to end, as kill(1) names them. */
export const STOP_SIGNALS = ['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2'] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * `tree`: every process of the run. `main`: its main process, the one that was started, and the
 * others once that has ended.
 */
export const STOP_TO = ['tree', 'main'] as const;
export type StopTo = (typeof STOP_TO)[number];

export interface StopOrder {
  readonly signal: StopSignal;
  readonly to: StopTo;
  /** From the signal to KILL, which goes to every process in any case. */
  readonly graceMs: number;
}

/** What a target says of it. */
interface Stoppable {
  readonly killAfterMs: number;
  readonly stopSignal?: StopSignal;
  readonly stopTo?: StopTo;
}

/** Without a target: of a run whose target is no longer configured. */
export function stopOrderOf(target?: Stoppable): StopOrder {
  const {
    killAfterMs = KILL_AFTER_MS_DEFAULT,
    stopSignal = 'TERM',
    stopTo = 'tree',
  } = target ?? {};
  return { signal: stopSignal, to: stopTo, graceMs: killAfterMs };
}

/** As the default of config.json. */
const KILL_AFTER_MS_DEFAULT = 30_000;

/** The number of a signal. */
export function stopNumber(signal: StopSignal): number {
  return SIGNAL_NAMES.indexOf(`SIG${signal}`) + 1;
}
