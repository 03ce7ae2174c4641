/**
 * One client: takes its lines apart, checks them, and keeps its replies in bounds.
 *
 * A line that is malformed, too long or not a request gets one `error`, then the connection is
 * closed; nothing else is disturbed. ndjson's parser is fed by hand, because a pipe would be undone
 * by the first malformed line and hang; it ends itself on a line `null`, and does not see long lines
 * that come in one chunk, so both are looked after here. It is fed whole lines only: it would go
 * over a long line anew with every byte that comes, and take bytes that are no UTF-8 for others.
 */
import { isUtf8 } from 'node:buffer';
import type { Socket } from 'node:net';
import ndjson from 'ndjson';
import * as v from 'valibot';
import type { Log } from './log.ts';
import {
  type ErrorCode,
  EXIT,
  LINE_BYTES_MAX,
  PROTOCOL_VERSION,
  type Reply,
  Request,
  suggest,
} from './protocol.ts';
import type { Caller } from './service.ts';

/** Most requests of one connection that may be unanswered. */
export const OPEN_REQUESTS_MAX = 1_024;
/** Most bytes of replies that may wait for a client that does not read; it is cut off. */
const UNREAD_BYTES_MAX = 16 * 1_048_576;
/** While so many wait, no further request of the client is taken. More than a frame of output. */
const UNREAD_BYTES_HOLD = 1_048_576;

/**
 * A client that has closed its side may still read, as `nc -N` does, or be gone; only a write tells.
 * An empty line, which readers of ndjson skip, is sent so long after, and then every so often.
 */
const GONE_LOOK_MS = 5_000;
const GONE_LOOK_AGAIN_MS = 60_000;

const NEWLINE = 10;
/** Pieces of one line are joined when there are so many of them. */
const PIECES_MAX = 64;

export class Connection {
  readonly #socket: Socket;
  readonly #handle: (request: Request, caller: Caller) => void;
  readonly #log: Log;
  readonly #parser = ndjson.parse({ strict: true, maxLength: LINE_BYTES_MAX });
  readonly #open = new Set<{ closed: (() => void)[]; drained: (() => void)[] }>();
  /** What has come of a line that has not ended yet. */
  #pieces: Buffer[] = [];
  #lineBytes = 0;
  #isOver = false;
  /** The client has ended its side; every line of it has been taken, too. */
  #hasEnded = false;
  #isDrained = false;
  /** Requests that came before a malformed line and wait for their turn. */
  #leftBeforeBad: number | undefined;
  #goneTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, handle: (request: Request, caller: Caller) => void, log: Log) {
    this.#socket = socket;
    this.#handle = handle;
    this.#log = log;
    this.#parser.on('data', (value: unknown) => this.#take(value));
    this.#parser.on('error', () => this.#malformed());
    this.#parser.on('end', () => {
      if (!this.#hasEnded) return this.#malformed(); // a line `null`
      this.#isDrained = true;
      this.#closeIfIdle();
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#end());
    // Not at once: a client that reads as fast as it is written to would have the daemon for itself.
    socket.on('drain', () => setImmediate(() => this.#drain()));
    socket.on('error', (error) => this.#log.debug({ error: error.message }, 'connection failed'));
    socket.on('close', () => this.#abandon());
  }

  #read(chunk: Buffer): void {
    if (this.#isOver) return;
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from);
      this.#lineBytes += (end < 0 ? chunk.length : end) - from;
      if (this.#lineBytes > LINE_BYTES_MAX) {
        const message = `a line has more than ${LINE_BYTES_MAX} bytes`;
        return this.#reject('line-too-long', message);
      }
      if (end < 0) break;
      this.#lineBytes = 0;
      from = end + 1;
    }
    const whole = chunk.lastIndexOf(NEWLINE) + 1;
    if (whole > 0) this.#feed(chunk.subarray(0, whole));
    if (whole < chunk.length) this.#pieces.push(chunk.subarray(whole));
    if (this.#pieces.length > PIECES_MAX) this.#pieces = [Buffer.concat(this.#pieces)];
  }

  /** Gives whole lines to the parser. */
  #feed(rest: Buffer): void {
    const lines = Buffer.concat([...this.#pieces, rest]);
    this.#pieces = [];
    if (!isUtf8(lines)) return this.#reject('malformed', 'a line is not UTF-8');
    if (!this.#parser.write(lines)) {
      this.#socket.pause();
      this.#parser.once('drain', () => this.#socket.resume());
    }
  }

  /** The client sends no more; it may still read. */
  #end(): void {
    if (this.#isOver) return;
    if (this.#pieces.length > 0) this.#feed(Buffer.of(NEWLINE));
    // Later: a last line `null` ends the parser before.
    setImmediate(() => {
      this.#hasEnded = true;
      if (this.#isOver) return;
      this.#parser.end();
      this.#lookIfGone(GONE_LOOK_MS);
    });
  }

  #lookIfGone(afterMs: number): void {
    this.#goneTimer = setTimeout(() => {
      if (this.#socket.writable && this.#socket.writableLength === 0) this.#socket.write('\n');
      this.#lookIfGone(GONE_LOOK_AGAIN_MS);
    }, afterMs);
  }

  #take(value: unknown): void {
    if (this.#isOver) return;
    const id = idOf(value);
    // Before all else: another version may have other requests and other keys.
    const version = fieldOf(value, 'v');
    if (typeof version === 'number' && version !== PROTOCOL_VERSION) {
      const message = `the client speaks protocol ${version}, this daemon ${PROTOCOL_VERSION}: install the same version of both`;
      return this.#reject('version', message, id, EXIT.version);
    }
    const parsed = v.safeParse(Request, value);
    if (!parsed.success) return this.#reject('invalid', describe(parsed.issues[0], value), id);
    const request = parsed.output;
    if (this.#open.size >= OPEN_REQUESTS_MAX) {
      const message = `${OPEN_REQUESTS_MAX} requests of this connection are unanswered, the most allowed`;
      return this.#reject('busy', message, id, EXIT.notNow);
    }
    this.#serve(request);
    if (this.#leftBeforeBad !== undefined) {
      this.#leftBeforeBad--;
      this.#malformed();
    }
    // One request a turn: a chunk may hold thousands, and other clients wait.
    this.#parser.pause();
    if (this.#socket.writableLength <= UNREAD_BYTES_HOLD) {
      setImmediate(() => this.#parser.resume());
    }
  }

  /** The client has read its replies: goes on with its requests, and with the relays in turns. */
  #drain(): void {
    if (this.#isOver) return;
    this.#parser.resume();
    for (const request of [...this.#open]) {
      if (this.#socket.writableNeedDrain) return;
      this.#open.delete(request);
      this.#open.add(request);
      for (const callback of request.drained) callback();
    }
  }

  #serve(request: Request): void {
    const open = { closed: [] as (() => void)[], drained: [] as (() => void)[] };
    this.#open.add(open);
    const id = request.id === undefined ? {} : { id: request.id };
    this.#handle(request, {
      send: (reply) => this.#send({ ...id, ...reply }),
      hasRoom: () => this.#socket.writable && !this.#socket.writableNeedDrain,
      onDrain: (callback) => open.drained.push(callback),
      onClose: (callback) => {
        if (this.#isOver) callback();
        else open.closed.push(callback);
      },
      finish: () => {
        this.#open.delete(open);
        this.#closeIfIdle();
      },
    });
  }

  #send(reply: Reply): void {
    if (this.#isOver) return;
    this.#socket.write(`${JSON.stringify(reply)}\n`);
    if (this.#socket.writableLength > UNREAD_BYTES_MAX) {
      this.#log.warn({ unreadBytes: this.#socket.writableLength }, 'client does not read; cut off');
      this.#abandon();
      this.#socket.destroy();
    }
  }

  /** Nothing more is taken or sent. */
  #abandon(): void {
    this.#isOver = true;
    clearTimeout(this.#goneTimer);
    for (const request of [...this.#open]) for (const callback of request.closed) callback();
    this.#open.clear();
  }

  /** What came before the bad line, in the same chunk, is answered first. */
  #malformed(): void {
    this.#leftBeforeBad ??= this.#parser.readableLength;
    if (this.#leftBeforeBad === 0) this.#reject('malformed', 'a line is not a JSON object');
  }

  #reject(
    code: ErrorCode,
    message: string,
    id: { readonly id?: string | number } = {},
    exit: number = EXIT.usage,
  ): void {
    if (this.#isOver) return;
    this.#log.debug({ code, reason: message }, 'request rejected');
    this.#send({ ...id, type: 'error', code, exit, message });
    this.#abandon();
    this.#socket.end();
    this.#socket.resume();
  }

  #closeIfIdle(): void {
    if (this.#isDrained && this.#open.size === 0) this.#socket.end();
  }
}

function idOf(value: unknown): { readonly id?: string | number } {
  const id = fieldOf(value, 'id');
  return typeof id === 'string' || typeof id === 'number' ? { id } : {};
}

function fieldOf(value: unknown, key: 'id' | 'type' | 'v'): unknown {
  const isObject = typeof value === 'object' && value !== null && Object.hasOwn(value, key);
  return isObject ? (value as Record<typeof key, unknown>)[key] : undefined;
}

/** Longest text of a found value that a message shows. */
const FOUND_CHARS_MAX = 60;

/** What is wrong with a request, in words. */
function describe(issue: v.InferIssue<typeof Request>, value: unknown): string {
  const path = v.getDotPath(issue);
  if (path === null || Array.isArray(value)) {
    const found = Array.isArray(value) ? 'a list' : `a ${typeof value}`;
    return `a request is a JSON object with a "type"; found ${found}`;
  }
  const type = fieldOf(value, 'type');
  if (issue.type === 'variant') {
    const types = Request.options.map((option) => option.entries.type.literal);
    return `type: expected one of ${types.join(', ')}; found ${show(type)}${hint(type, types)}`;
  }
  if (issue.expected === 'never') {
    const option = Request.options.find((candidate) => candidate.entries.type.literal === type);
    const keys = Object.keys(option?.entries ?? {});
    return `${show(path)}: unknown key in a request of type ${show(type)}${hint(path, keys)}`;
  }
  return `${path}: expected ${issue.expected ?? issue.message}; found ${issue.received}`;
}

function hint(wrong: unknown, known: readonly string[]): string {
  const short = typeof wrong === 'string' && wrong.length <= FOUND_CHARS_MAX ? wrong : '';
  const near = suggest(short, known);
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

function show(value: unknown): string {
  // Neither is written out: JSON.stringify() has no stack for a deep one.
  if (typeof value === 'object' && value !== null) {
    return Array.isArray(value) ? 'a list' : 'an object';
  }
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > FOUND_CHARS_MAX ? `${text.slice(0, FOUND_CHARS_MAX)}…` : text;
}
