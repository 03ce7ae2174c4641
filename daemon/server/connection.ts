/**
 * One client: checks its lines, has them served, and keeps its replies in bounds.
 *
 * A line that is malformed, too long or not a request gets one `error`, after the answers to those
 * before it; then the connection is closed, and nothing else is disturbed.
 */
import type { Socket } from 'node:net';
import * as v from 'valibot';
import * as say from '../protocol/refusal-text.ts';
import { type ErrorCode, EXIT, PROTOCOL_VERSION, type Reply } from '../protocol/request.ts';
import { Ping, Request } from '../protocol/request-schema.ts';
import type { Log } from '../system/log.ts';
import type { FairQueue } from './fair-queue.ts';
import { LineReader } from './line-reader.ts';
import { describeRequestError, fieldOf } from './request-errors.ts';
import type { Responder } from './responder.ts';

/** Most requests of one connection that may be unanswered; each may hold two files open. */
export const OPEN_REQUESTS_MAX = 256;
/** Most bytes of replies that may wait for a client that does not read; it is cut off. */
const UNREAD_BYTES_MAX = 16 * 1_048_576;
/** Longest reply. With all that may wait before it, it is less than a client may leave unread. */
const REPLY_BYTES_MAX = 12 * 1_048_576;
/** While so many wait, no further request of the client is taken. More than a frame of output. */
const UNREAD_BYTES_HOLD = 1_048_576;
/**
 * Most lines of one connection that are kept behind a request which holds it up. No line is read
 * beyond them, not even a ping: each may be of LINE_BYTES_MAX, on each of thousands of connections.
 */
export const KEPT_LINES_MAX = 16;
/** How long the answers to what came before a bad line may take until that is refused. */
const ANSWERS_MS_MAX = 1_000;

/**
 * A client that has closed its side may still read, as `nc -N` does, or be gone; only a write
 * tells. An empty line, which readers of ndjson skip, is sent so long after, and then every so
 * often.
 */
const GONE_LOOK_MS = 5_000;
const GONE_LOOK_AGAIN_MS = 60_000;

interface Open {
  readonly closed: (() => void)[];
  readonly drained: (() => void)[];
  isAnswered: boolean;
}

export class Connection {
  readonly #socket: Socket;
  readonly #handle: (request: Request, responder: Responder) => void;
  readonly #log: Log;
  readonly #open = new Set<Open>();
  readonly #lines = new LineReader({
    take: (value) => {
      // Whatever else is open or may not be asked here: a client that waits has to know.
      if (v.is(Ping, value) && otherVersionOf(value) === undefined)
        this.#send({ ...idOf(value), type: 'pong' });
      else this.#inTurn(() => this.#take(value));
    },
    refuse: ({ code, message }) => this.#inTurn(() => this.#refuse(code, message)),
    stall: (isStalled) => (isStalled ? this.#socket.pause() : this.#socket.resume()),
    drained: () =>
      this.#inTurn(() => {
        this.#isDrained = true;
        this.#closeIfIdle();
      }),
  });
  #isOver = false;
  /** The client has ended its side, and every line of it has been taken. */
  #isDrained = false;
  /** Nothing but pings is taken before this has an answer. */
  #held: Open | undefined;
  /** What came behind it, in that order. */
  readonly #kept: (() => void)[] = [];
  #goneTimer: NodeJS.Timeout | undefined;
  /** Sends the error that is the last word; set while answers are waited for. */
  #lastWord: (() => void) | undefined;
  #lastWordTimer: NodeJS.Timeout | undefined;

  constructor(
    socket: Socket,
    handle: (request: Request, responder: Responder) => void,
    parts: { readonly log: Log; readonly fairQueue: FairQueue },
  ) {
    this.#socket = socket;
    this.#handle = handle;
    this.#log = parts.log;
    socket.on('data', (chunk: Buffer) => this.#lines.read(chunk));
    socket.on('end', () => {
      if (this.#isOver) return;
      this.#lines.end();
      this.#lookIfGone(GONE_LOOK_MS);
    });
    // Not at once: a client that reads as fast as it is written to would have the daemon for
    // itself.
    socket.on('drain', () => parts.fairQueue.add(() => this.#drain()));
    socket.on('error', (err) => this.#log.debug({ err }, 'connection failed'));
    socket.on('close', () => this.#abandon());
  }

  #lookIfGone(afterMs: number): void {
    this.#goneTimer = setTimeout(() => {
      if (this.#socket.writable && this.#socket.writableLength === 0) this.#socket.write('\n');
      this.#lookIfGone(GONE_LOOK_AGAIN_MS);
    }, afterMs);
  }

  #inTurn(act: () => void): void {
    if (this.#held === undefined && this.#kept.length === 0) return act();
    this.#kept.push(act);
    if (this.#kept.length >= KEPT_LINES_MAX) this.#lines.pause();
  }

  #take(value: unknown): void {
    if (this.#isOver) return;
    const id = idOf(value);
    // Before all else: another version may have other requests and other keys.
    const version = otherVersionOf(value);
    if (version !== undefined) {
      const message = say.otherVersion(version, PROTOCOL_VERSION);
      return this.#refuse('version', message, id, EXIT.version);
    }
    const parsed = v.safeParse(Request, value);
    if (!parsed.success) {
      return this.#refuse('invalid', describeRequestError(parsed.issues[0], value), id);
    }
    if (this.#open.size >= OPEN_REQUESTS_MAX) {
      return this.#refuse('busy', say.tooManyOpen(OPEN_REQUESTS_MAX), id, EXIT.notNow);
    }
    this.#serve(parsed.output);
    // One request a turn: a chunk may hold thousands, and other clients wait.
    this.#lines.pause();
    if (this.#socket.writableLength <= UNREAD_BYTES_HOLD) setImmediate(() => this.#goOn());
  }

  #goOn(): void {
    const next = this.#held === undefined ? this.#kept.shift() : undefined;
    if (next !== undefined) next();
    else if (this.#kept.length < KEPT_LINES_MAX) this.#lines.resume();
  }

  /** The client has read its replies: goes on with its requests, and with the relays in turns. */
  #drain(): void {
    if (this.#isOver) return;
    this.#goOn();
    for (const request of [...this.#open]) {
      if (this.#socket.writableNeedDrain) return;
      this.#open.delete(request);
      this.#open.add(request);
      for (const callback of request.drained) callback();
    }
  }

  #serve(request: Request): void {
    const open: Open = { closed: [], drained: [], isAnswered: false };
    this.#open.add(open);
    const id = request.id === undefined ? {} : { id: request.id };
    this.#handle(request, {
      send: (reply) => {
        this.#send({ ...id, ...reply });
        open.isAnswered = true;
        this.#release(open);
        this.#speakLast();
      },
      hasRoom: () => this.#socket.writable && !this.#socket.writableNeedDrain,
      onDrain: (callback) => open.drained.push(callback),
      onClose: (callback) => {
        if (this.#isOver) callback();
        else open.closed.push(callback);
      },
      hold: () => {
        if (!open.isAnswered) this.#held = open;
      },
      finish: () => {
        this.#open.delete(open);
        this.#closeIfIdle();
      },
    });
  }

  /** A request that is answered holds up no other; what the client has not read may still. */
  #release(open: Open): void {
    if (this.#held !== open) return;
    this.#held = undefined;
    if (this.#socket.writableLength <= UNREAD_BYTES_HOLD) setImmediate(() => this.#goOn());
  }

  #send(reply: Reply): void {
    if (this.#isOver) return;
    this.#write(reply);
    if (this.#socket.writableLength > UNREAD_BYTES_MAX) {
      this.#log.warn(
        { unreadBytes: this.#socket.writableLength },
        'client does not read; disconnected',
      );
      this.#abandon();
      this.#socket.destroy();
    }
  }

  /** Base64 needs no escaping: it is put where JSON would put it, byte for byte. */
  #write(reply: Reply): void {
    if (reply.type !== 'output' || reply.encoding === undefined) {
      this.#socket.write(`${this.#bounded(reply)}\n`);
      return;
    }
    const { data, encoding, ...head } = reply;
    this.#socket.cork();
    this.#socket.write(JSON.stringify(head).slice(0, -1));
    this.#socket.write(`,"data":"${data}","encoding":"${encoding}"}\n`, 'latin1');
    this.#socket.uncork();
  }

  /** One that is longer would always be cut off, and nobody would know why. */
  #bounded(reply: Reply): string {
    const text = JSON.stringify(reply);
    const bytes = Buffer.byteLength(text);
    if (bytes <= REPLY_BYTES_MAX) return text;
    this.#log.warn({ reply: reply.type, bytes }, 'reply is too large');
    const message = say.tooLarge(reply.type, bytes, REPLY_BYTES_MAX);
    const id = reply.id === undefined ? {} : { id: reply.id };
    return JSON.stringify({
      ...id,
      type: 'error',
      code: 'too-large',
      exit: EXIT.noVerdict,
      message,
    });
  }

  /** Nothing more is taken or sent. */
  #abandon(): void {
    this.#isOver = true;
    this.#hearNoMore();
    clearTimeout(this.#goneTimer);
    clearTimeout(this.#lastWordTimer);
    for (const request of [...this.#open]) for (const callback of request.closed) callback();
    this.#open.clear();
  }

  /** Takes nothing more. The error is sent once all that came before has had an answer. */
  #refuse(
    code: ErrorCode,
    message: string,
    id: { readonly id?: string | number } = {},
    exit: number = EXIT.usage,
  ): void {
    if (this.#isOver) return;
    this.#hearNoMore();
    this.#log.debug({ code, reason: message }, 'request rejected');
    this.#lastWord = () => {
      this.#send({ ...id, type: 'error', code, exit, message });
      this.#abandon();
      this.#socket.end();
      this.#socket.resume();
    };
    this.#lastWordTimer = setTimeout(this.#lastWord, ANSWERS_MS_MAX);
    this.#speakLast();
  }

  #hearNoMore(): void {
    this.#lines.close();
    this.#kept.length = 0;
  }

  #speakLast(): void {
    if (this.#isOver || this.#lastWord === undefined) return;
    if ([...this.#open].every(({ isAnswered }) => isAnswered)) this.#lastWord();
  }

  #closeIfIdle(): void {
    if (this.#isDrained && this.#open.size === 0) this.#socket.end();
  }
}

function idOf(value: unknown): { readonly id?: string | number } {
  const id = fieldOf(value, 'id');
  return typeof id === 'string' || typeof id === 'number' ? { id } : {};
}

function otherVersionOf(value: unknown): number | undefined {
  const version = fieldOf(value, 'v');
  return typeof version === 'number' && version !== PROTOCOL_VERSION ? version : undefined;
}
