/** How a run is stopped: which signal goes to which processes, and when they are killed. Pure. */

import { SIGNAL_NAMES } from './signals.ts';

/** Signals that can ask a command to stop, named as in kill(1). */
export const STOP_SIGNALS = ['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2'] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * `tree`: every process of the run. `main`: the process that was started, and the others after it
 * has ended.
 */
export const STOP_TO = ['tree', 'main'] as const;
export type StopTo = (typeof STOP_TO)[number];

export interface StopOrder {
  readonly signal: StopSignal;
  readonly to: StopTo;
  /** Time between the signal and SIGKILL, which always goes to every process. */
  readonly graceMs: number;
}

/** The settings of a target. */
interface Stoppable {
  readonly killAfterMs: number;
  readonly stopSignal?: StopSignal;
  readonly stopTo?: StopTo;
}

/** Without a target: for a run whose target is no longer configured. */
export function stopOrderOf(target?: Stoppable): StopOrder {
  const {
    killAfterMs = KILL_AFTER_MS_DEFAULT,
    stopSignal = 'TERM',
    stopTo = 'tree',
  } = target ?? {};
  return { signal: stopSignal, to: stopTo, graceMs: killAfterMs };
}

/** The default in config.json. */
const KILL_AFTER_MS_DEFAULT = 30_000;

export function stopNumber(signal: StopSignal): number {
  return SIGNAL_NAMES.indexOf(`SIG${signal}`) + 1;
}
