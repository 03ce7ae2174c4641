/**
 * Clients that cost as little as possible, so that the daemon is measured: no schema, and replies
 * are dropped right after a look at them.
 */
import net from 'node:net';
import { createInterface } from 'node:readline';
import type { Reply } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';

type ReplyOf<T extends Reply['type']> = Extract<Reply, { readonly type: T }>;

/** Most open requests of a connection; the daemon allows 256. */
export const WINDOW = 250;

/** One connection for requests and replies. */
export class Line {
  readonly socket: net.Socket;
  #hear: (reply: Reply) => void = () => {};
  #fail: (what: string) => void = () => {};

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.once('close', () => this.#fail('a closed connection'));
    createInterface(socket)
      .on('error', () => {})
      .on('line', (line) => this.#hear(JSON.parse(line) as Reply));
  }

  static async open(path: string): Promise<Line> {
    return new Line(await connect(path));
  }

  /** Resolves with the first reply of this type; an error, or a lost connection, rejects. */
  ask<T extends Reply['type']>(request: RequestInput, type: T): Promise<ReplyOf<T>> {
    return this.collect([request], type, 1).then(([reply]) => {
      if (reply === undefined) throw new Error(`no ${type}`);
      return reply;
    });
  }

  /**
   * Sends all of them, as many at once as a connection may have open, and resolves with `count`
   * replies of this type. Fewer requests than that may stay open after such a reply.
   */
  collect<T extends Reply['type']>(
    requests: readonly RequestInput[],
    type: T,
    count = requests.length,
  ): Promise<readonly ReplyOf<T>[]> {
    const found: ReplyOf<T>[] = [];
    let sent = 0;
    const send = (): void => {
      const next = requests.slice(sent, found.length + WINDOW);
      sent += next.length;
      if (next.length === 0) return;
      this.socket.write(next.map((request) => `${JSON.stringify(request)}\n`).join(''));
    };
    const isWanted = (reply: Reply): reply is ReplyOf<T> => reply.type === type;
    return new Promise((resolve, reject) => {
      const fail = (what: string): void => reject(new Error(`wanted ${type}, got ${what}`));
      this.#fail = fail;
      this.#hear = (reply) => {
        if (isWanted(reply)) found.push(reply);
        else if (reply.type === 'error' || reply.type === 'refused') fail(JSON.stringify(reply));
        if (found.length === count) resolve(found);
        else if (sent < requests.length && sent - found.length <= WINDOW / 2) send();
      };
      send();
    });
  }

  close(): void {
    this.socket.destroy();
  }
}

export function connect(path: string): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(path);
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
  });
}

const NEWLINE = 10;
const ACCEPTED = '{"type":"accepted"';

export interface Flood {
  readonly connections: number;
  /** In total. */
  readonly requests: number;
  readonly target: string;
}

/**
 * Requests runs over several connections at once; each waits for its answer before the next
 * request. Returns accepted requests a second; throws if one is not accepted.
 */
export async function flood(path: string, wanted: Flood): Promise<number> {
  const { connections, requests, target } = wanted;
  const sockets = await Promise.all(Array.from({ length: connections }, () => connect(path)));
  const request = `${JSON.stringify({ type: 'run', target })}\n`;
  let [asked, answered] = [0, 0];
  const sinceMs = performance.now();
  await new Promise<void>((resolve, reject) => {
    const ask = (socket: net.Socket): void => {
      if (asked >= requests) return;
      asked++;
      socket.write(request);
    };
    for (const socket of sockets) {
      let rest = '';
      socket.setEncoding('latin1');
      socket.on('data', (chunk: string) => {
        rest += chunk;
        if (rest.charCodeAt(rest.length - 1) !== NEWLINE) return;
        if (!rest.startsWith(ACCEPTED)) return reject(new Error(`not accepted: ${rest}`));
        rest = '';
        answered++;
        if (answered === requests) resolve();
        else ask(socket);
      });
      socket.once('error', reject);
      ask(socket);
    }
  });
  const tookMs = performance.now() - sinceMs;
  for (const socket of sockets) socket.destroy();
  return (requests * 1_000) / tookMs;
}
