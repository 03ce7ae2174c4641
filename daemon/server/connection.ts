/**
 * One client connection: checks its lines, has them served, and limits its unread replies.
 *
 * A line that is malformed, too long or not a request gets one `error`, after the answers to
 * earlier requests; then the connection is closed. Nothing else is affected.
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

/** Most unanswered requests of one connection; each may hold two files open. */
export const OPEN_REQUESTS_MAX = 256;
/** Most unread reply bytes of a client; with more, it is disconnected. */
const UNREAD_BYTES_MAX = 16 * 1_048_576;
/** Longest reply. Together with all that may be queued before it, less than UNREAD_BYTES_MAX. */
const REPLY_BYTES_MAX = 12 * 1_048_576;
/** With more unread bytes than this, no request is taken. More than one frame of output. */
const UNREAD_BYTES_HOLD = 1_048_576;
/**
 * Most lines of one connection that are kept while a request holds them up. No further line is
 * read, not even a ping: each line may have LINE_BYTES_MAX, on thousands of connections.
 */
export const KEPT_LINES_MAX = 16;
/** How long a bad line waits for the answers to earlier requests before it is refused. */
const ANSWERS_MS_MAX = 1_000;

/**
 * A client that has closed its side may still read, as `nc -N` does, or be gone; only a write shows
 * which. After the first time, and then at the second interval, it is sent an empty line, which
 * readers of ndjson skip.
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
      // Even if other requests are open or not permitted: a waiting client needs the answer.
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
  /** The client has closed its side, and all its lines have been taken. */
  #isDrained = false;
  /** Until this request has an answer, only pings are taken. */
  #held: Open | undefined;
  /** Lines that arrived behind it, in order. */
  readonly #kept: (() => void)[] = [];
  #goneTimer: NodeJS.Timeout | undefined;
  /** Sends the final error; set while earlier answers are pending. */
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
    // Not immediately: a client that reads as fast as the daemon writes would monopolize it.
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
    // First of all: another version may have other requests and other keys.
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
    // One request per turn: a chunk may contain thousands, and other clients wait.
    this.#lines.pause();
    if (this.#socket.writableLength <= UNREAD_BYTES_HOLD) setImmediate(() => this.#goOn());
  }

  #goOn(): void {
    const next = this.#held === undefined ? this.#kept.shift() : undefined;
    if (next !== undefined) next();
    else if (this.#kept.length < KEPT_LINES_MAX) this.#lines.resume();
  }

  /** The client has read its replies: continues with its requests, and with the relays in turn. */
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

  /** An answered request holds up no other one; unread replies may still do so. */
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

  /** Base64 needs no escaping: it is inserted where JSON would put it, byte for byte. */
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

  /** A longer reply would always be cut off, without an explanation. */
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

  /** Takes and sends nothing more. */
  #abandon(): void {
    this.#isOver = true;
    this.#hearNoMore();
    clearTimeout(this.#goneTimer);
    clearTimeout(this.#lastWordTimer);
    for (const request of [...this.#open]) for (const callback of request.closed) callback();
    this.#open.clear();
  }

  /** Takes nothing more, and sends the error once all earlier requests have an answer. */
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
