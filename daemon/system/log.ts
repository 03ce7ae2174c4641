/**
 * The daemon's log: one line an event on stdout, synchronous so that a crash loses no line. The
 * message is constant, the variable parts are fields, an error is the field `err`. Environments,
 * output and key material are never logged. `json` is for machines, `text` for people; lines for
 * the journal have a priority.
 *
 * The daemon never waits for the reader: writes to stdout do not block. What cannot be written is
 * kept and retried; what exceeds the limit is dropped and counted, and one line says how many lines
 * were dropped, once there is room.
 */
import { constants, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import pino from 'pino';
import { errnoOf } from '../shared/errno.ts';
import { statOf } from './proc.ts';

export type Log = pino.Logger;
export type LogFormat = (typeof LOG_FORMATS)[number];

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export const LOG_FORMATS = ['json', 'text'] as const;

/** Most bytes that are kept for a log that cannot be written now; more is dropped. */
export const BACKLOG_BYTES_MAX = 1_048_576;
/** Interval of retries while the log cannot be written. */
const RETRY_MS = 250;
/** The same at the end of the process, and how many times. */
const LAST_RETRY_MS = 20;
const LAST_RETRIES_MAX = 50;

/** Where an environment, a passphrase or an argv would be if somebody logged it by mistake. */
const SECRET = [
  ...['env', '*.env', '*.session.env', '*.runner.env'],
  ...['passphrase', '*.passphrase', 'err.spawnargs'],
];

/** Prefixes for the journal, which removes them: sd-daemon(3). */
const PRIORITIES: Readonly<Record<string, string>> = {
  fatal: '<2>',
  error: '<3>',
  warn: '<4>',
  info: '<6>',
  debug: '<7>',
  trace: '<7>',
};

export interface OpenLog {
  readonly log: Log;
  /** At the end of the process: waits for a slow reader, up to a limit. */
  readonly flush: () => void;
}

export function makeLog(options: {
  readonly level: string;
  readonly format: LogFormat;
  /** stdout goes to the journal of systemd. */
  readonly isJournal: boolean;
  /** stdout, except in tests. */
  readonly fd?: number;
}): OpenLog {
  const { level, format, isJournal, fd = 1 } = options;
  const output = new Output(fd);
  const settings = {
    base: null,
    level,
    redact: SECRET,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const isPlain = format === 'json' && !isJournal;
  const log = pino(settings, {
    write: (line) => output.write(isPlain ? line : renderLine(line, format, isJournal)),
  });
  output.onDropped((lines) =>
    log.warn({ lines }, 'log lines were dropped, because the log was not read'),
  );
  if (output.mayBlock) {
    log.warn(
      'stdout is a terminal of another user, who can stop the daemon with it; redirect stdout',
    );
  }
  return { log, flush: () => output.flush() };
}

/** Where lines are written: never blocks, keeps what is not accepted, counts what is dropped. */
class Output {
  /** Writes may block: a reader that stops would stop the daemon. */
  readonly mayBlock: boolean;
  readonly #stream: ReturnType<typeof pino.destination>;
  #isStuck = false;
  #dropped = 0;
  #tellDropped: (lines: number) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(fd: number) {
    const maxLength = BACKLOG_BYTES_MAX;
    const { fd: dest, mayBlock } = openAnew(fd);
    this.mayBlock = mayBlock;
    // What is refused (EAGAIN) is kept for the next write, as for a full disk.
    const settings = { dest, sync: true, maxLength, retryEAGAIN: () => false };
    this.#stream = pino.destination(settings);
    this.#stream.on('error', (error: unknown) => this.#refused(errnoOf(error)));
    this.#stream.on('drop', () => this.#dropped++);
  }

  onDropped(tell: (lines: number) => void): void {
    this.#tellDropped = tell;
  }

  write(line: string): void {
    this.#stream.write(line);
  }

  flush(): void {
    const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    for (let count = 0; this.#isStuck && count < LAST_RETRIES_MAX; count++) {
      Atomics.wait(never, 0, 0, LAST_RETRY_MS);
      this.#retry();
    }
  }

  #refused(errno: string): void {
    this.#isStuck = errno !== 'EPIPE'; // a reader that is gone does not come back
    if (this.#isStuck) this.#timer ??= setInterval(() => this.#retry(), RETRY_MS).unref();
  }

  #retry(): void {
    this.#isStuck = false;
    this.#stream.write(''); // together with what is kept
    if (this.#isStuck) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#dropped === 0) return;
    const lines = this.#dropped;
    this.#dropped = 0;
    this.#tellDropped(lines);
  }
}

/**
 * A non-blocking descriptor for the same file. The file is opened again, because the flag is shared
 * by all processes that share the descriptor. A socket cannot be opened, and a terminal of another
 * user only by its name for the processes that it controls.
 */
function openAnew(fd: number): { readonly fd: number; readonly mayBlock: boolean } {
  const file = fstatSync(fd);
  if (file.isFile()) return { fd, mayBlock: false }; // it keeps its write position
  const isOurs = file.isCharacterDevice() && file.rdev === statOf(process.pid)?.terminal;
  for (const path of [`/proc/self/fd/${fd}`, ...(isOurs ? ['/dev/tty'] : [])]) {
    try {
      return { fd: openSync(path, constants.O_WRONLY | NONBLOCKING), mayBlock: false };
    } catch {
      // Another user's, or a socket.
    }
  }
  try {
    const socket = new Socket({ fd, readable: false, writable: true, allowHalfOpen: true }); // sets the flag
    socket.unref();
    socket.on('error', () => {});
    return { fd, mayBlock: false };
  } catch {
    return { fd, mayBlock: true }; // neither a pipe nor a socket: used as it is
  }
}

const NONBLOCKING = constants.O_NONBLOCK | constants.O_NOCTTY;

/** Converts a line of pino to `format`. Exported for its test. */
export function renderLine(json: string, format: LogFormat, isJournal: boolean): string {
  const entry = JSON.parse(json) as Record<string, unknown>;
  const { level, time, msg, ...fields } = entry;
  const priority = isJournal ? (PRIORITIES[String(level)] ?? '') : '';
  if (format === 'json') return `${priority}${json}`;
  // The journal has its own clock.
  const date = isJournal ? [] : [new Date(Number(time)).toISOString()];
  const pairs = Object.entries(fields).map(([key, value]) => {
    return `${key}=${show(key === 'err' ? errorText(value, level) : value)}`;
  });
  return `${priority}${[...date, level, msg, ...pairs].join(' ')}\n`;
}

/** An error as serialized by pino. A stack is useful only if the daemon exits because of it. */
function errorText(err: unknown, level: unknown): unknown {
  if (typeof err !== 'object' || err === null) return err; // something else was thrown
  const { type, message, stack } = err as Record<string, unknown>;
  return level === 'fatal' ? stack : `${type}: ${message}`;
}

/** Plain words unchanged; as JSON whatever could look like two words or break the line. */
function show(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@%+,-]+$/.test(value)) return value;
  return JSON.stringify(value);
}
