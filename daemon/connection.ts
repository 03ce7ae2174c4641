/**
 * One client: takes its lines apart, checks them, and keeps its replies in bounds.
 *
 * A line that is malformed, too long or not a request gets one `error`, then the connection is
 * closed; nothing else is disturbed. ndjson's parser is fed by hand, because a pipe would be undone
 * by the first malformed line and hang; it ends itself on a line `null`, and does not see long lines
 * that come in one chunk, so both are looked after here.
 */
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
/** Most bytes of replies that may wait for a client that does not read. */
export const UNREAD_BYTES_MAX = 16 * 1_048_576;

const NEWLINE = 10;

export class Connection {
  readonly #socket: Socket;
  readonly #handle: (request: Request, caller: Caller) => void;
  readonly #log: Log;
  readonly #parser = ndjson.parse({ strict: true, maxLength: LINE_BYTES_MAX });
  readonly #open = new Set<{ closed: (() => void)[]; drained: (() => void)[] }>();
  #lineBytes = 0;
  #isOver = false;
  #hasEnded = false;

  constructor(socket: Socket, handle: (request: Request, caller: Caller) => void, log: Log) {
    this.#socket = socket;
    this.#handle = handle;
    this.#log = log;
    this.#parser.on('data', (value: unknown) => this.#take(value));
    this.#parser.on('error', () => this.#malformed());
    this.#parser.on('end', () => {
      if (!this.#hasEnded) this.#malformed();
    });
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('end', () => this.#end());
    socket.on('drain', () => {
      for (const request of [...this.#open]) for (const callback of request.drained) callback();
    });
    socket.on('error', (error) => this.#log.debug({ error: error.message }, 'connection failed'));
    socket.on('close', () => {
      this.#isOver = true;
      for (const request of [...this.#open]) for (const callback of request.closed) callback();
      this.#open.clear();
    });
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
    if (!this.#parser.write(chunk)) {
      this.#socket.pause();
      this.#parser.once('drain', () => this.#socket.resume());
    }
  }

  /** The client sends no more; it may still read. */
  #end(): void {
    this.#hasEnded = true;
    if (!this.#isOver) this.#parser.end();
    setImmediate(() => this.#closeIfIdle());
  }

  #take(value: unknown): void {
    if (this.#isOver) return;
    const parsed = v.safeParse(Request, value);
    const id = idOf(value);
    if (!parsed.success) return this.#reject('invalid', describe(parsed.issues[0], value), id);
    const request = parsed.output;
    if (request.v !== undefined && request.v !== PROTOCOL_VERSION) {
      const message = `the client speaks protocol ${request.v}, this daemon ${PROTOCOL_VERSION}: install the same version of both`;
      return this.#reject('version', message, id, EXIT.version);
    }
    if (this.#open.size >= OPEN_REQUESTS_MAX) {
      const message = `${OPEN_REQUESTS_MAX} requests of this connection are unanswered, the most allowed`;
      return this.#reject('busy', message, id, EXIT.notNow);
    }
    this.#serve(request);
  }

  #serve(request: Request): void {
    const open = { closed: [] as (() => void)[], drained: [] as (() => void)[] };
    this.#open.add(open);
    const id = request.id === undefined ? {} : { id: request.id };
    this.#handle(request, {
      send: (reply) => this.#send({ ...id, ...reply }),
      onDrain: (callback) => open.drained.push(callback),
      onClose: (callback) => open.closed.push(callback),
      finish: () => {
        this.#open.delete(open);
        this.#closeIfIdle();
      },
    });
  }

  #send(reply: Reply): boolean {
    if (this.#isOver) return true;
    const room = this.#socket.write(`${JSON.stringify(reply)}\n`);
    if (this.#socket.writableLength > UNREAD_BYTES_MAX) {
      this.#log.warn({ unreadBytes: this.#socket.writableLength }, 'client does not read; cut off');
      this.#socket.destroy();
    }
    return room;
  }

  #malformed(): void {
    this.#reject('malformed', 'a line is not a JSON object');
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
    this.#isOver = true;
    this.#socket.end();
    this.#socket.resume();
    for (const request of [...this.#open]) for (const callback of request.closed) callback();
    this.#open.clear();
  }

  #closeIfIdle(): void {
    if (this.#hasEnded && this.#open.size === 0) this.#socket.end();
  }
}

function idOf(value: unknown): { readonly id?: string | number } {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : undefined;
  return typeof id === 'string' || typeof id === 'number' ? { id } : {};
}

/** What is wrong with a request, in words. */
function describe(issue: v.InferIssue<typeof Request>, value: unknown): string {
  const path = v.getDotPath(issue);
  if (path === null) return `a request is a JSON object with a "type"; found ${typeof value}`;
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : '';
  if (issue.type === 'variant') {
    const types = Request.options.map((option) => option.entries.type.literal);
    const near = typeof type === 'string' ? suggest(type, types) : undefined;
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    return `type: expected one of ${types.join(', ')}; found ${JSON.stringify(type) ?? 'nothing'}${hint}`;
  }
  if (issue.expected === 'never') {
    const option = Request.options.find((candidate) => candidate.entries.type.literal === type);
    const near = suggest(path, Object.keys(option?.entries ?? {}));
    const hint = near === undefined ? '' : `; did you mean "${near}"?`;
    return `${path}: unknown key in a request of type ${JSON.stringify(type)}${hint}`;
  }
  return `${path}: expected ${issue.expected ?? issue.message}; found ${issue.received}`;
}
