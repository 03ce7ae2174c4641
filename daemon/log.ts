/**
 * The daemon's log: one line an event on stdout, synchronous so that a crash loses no line. The
 * message is a constant, what varies are fields. Environments, output and key material never go
 * into it. `json` is for machines, `text` for people; the journal is told the priority of a line.
 */
import pino from 'pino';

export type Log = pino.Logger;
export type LogFormat = (typeof LOG_FORMATS)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const LOG_FORMATS = ['json', 'text'] as const;

/** Most bytes that are kept for a log that cannot be written now; what comes on top is dropped. */
const BACKLOG_BYTES_MAX = 1_048_576;

/** sd-daemon(3): what stands before a line for the journal, which takes it off. */
const PRIORITIES: Readonly<Record<string, string>> = {
  fatal: '<2>',
  error: '<3>',
  warn: '<4>',
  info: '<6>',
  debug: '<7>',
  trace: '<7>',
};

export function makeLog(options: {
  readonly level: string;
  readonly format: LogFormat;
  /** stdout goes to the journal of systemd. */
  readonly isJournal: boolean;
}): Log {
  const { level, format, isJournal } = options;
  const destination = pino.destination({ dest: 1, sync: true, maxLength: BACKLOG_BYTES_MAX });
  // A full disk under the log, or a reader that has gone: no reason to leave runs alone. What is
  // kept back is written with the next line for which there is room.
  destination.on('error', () => {});
  const settings = {
    base: null,
    level,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (format === 'json' && !isJournal) return pino(settings, destination);
  return pino(settings, {
    write: (line) => destination.write(renderLine(line, format, isJournal)),
  });
}

/** A line of pino's as `format` wants it. Exported for its test. */
export function renderLine(json: string, format: LogFormat, isJournal: boolean): string {
  const entry = JSON.parse(json) as Record<string, unknown>;
  const { level, time, msg, ...fields } = entry;
  const priority = isJournal ? (PRIORITIES[String(level)] ?? '') : '';
  if (format === 'json') return `${priority}${json}`;
  // The journal has its own clock.
  const date = isJournal ? [] : [new Date(Number(time)).toISOString()];
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${show(value)}`);
  return `${priority}${[...date, level, msg, ...pairs].join(' ')}\n`;
}

/** Plain words as they are; whatever could be taken for two or break the line as JSON. */
function show(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@%+,-]+$/.test(value)) return value;
  return JSON.stringify(value);
}
