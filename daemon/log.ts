/**
 * The daemon's log: one JSON object a line on stdout, synchronous so that a crash loses no line.
 * The message is a constant, what varies are fields. Environments, output and key material never
 * go into it.
 */
import pino from 'pino';

export type Log = pino.Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export function makeLog(level: string): Log {
  return pino(
    { base: null, level, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ dest: 1, sync: true }),
  );
}
