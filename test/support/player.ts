/**
 * Plays one hostile case (test/support/hostile.ts) on a connection of its own, and reports what the
 * daemon did wrong, if anything: a reply that is not JSON or of no known type, a missing or
 * unexpected answer, a connection that is not closed.
 */
import net from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Reply } from '../../daemon/protocol/request.ts';
import type { Case } from './case.ts';

/** Longest time for a case: a daemon that has not answered within it never will. */
const CASE_MS_MAX = 20_000;
const CONNECT_AGAIN_MS = 5;

const TYPES: Readonly<Record<Reply['type'], 'last' | 'more'>> = {
  accepted: 'more',
  notice: 'more',
  joined: 'more',
  found: 'more',
  started: 'more',
  output: 'more',
  fleet: 'last',
  ignored: 'last',
  refused: 'last',
  ended: 'last',
  done: 'last',
  history: 'last',
  status: 'last',
  why: 'last',
  probed: 'last',
  pong: 'last',
  error: 'last',
};

/** Connects; repeats if the kernel's queue of the socket is full (EAGAIN). */
export async function connect(path: string): Promise<net.Socket> {
  for (;;) {
    const socket = net.connect(path);
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      socket.once('error', resolve);
      socket.once('connect', () => resolve(undefined));
    });
    if (error === undefined) return socket;
    if (error.code !== 'EAGAIN') throw error;
    await sleep(CONNECT_AGAIN_MS);
  }
}

/** Plays the case; undefined if all is well. */
export async function play(path: string, hostile: Case): Promise<string | undefined> {
  const socket = await connect(path).catch(String);
  if (typeof socket === 'string') return socket;
  const player = new Player(socket, hostile);
  const late = new AbortController();
  const deadline = sleep(CASE_MS_MAX, 'late', { signal: late.signal }).catch(() => 'over');
  const ended = await Promise.race([player.play(), deadline]);
  late.abort();
  player.close();
  if (ended === 'late') return `is not over after ${CASE_MS_MAX} ms; ${player.describe()}`;
  return player.fault();
}

class Player {
  readonly #case: Case;
  readonly #socket: net.Socket;
  readonly #closed: Promise<unknown>;
  readonly #answered: Promise<void>;
  readonly #ids = new Set<number>();
  #sawAll = (): void => {};
  #unparsed = '';
  #replies = 0;
  #last: Reply | undefined;
  #fault: string | undefined;

  constructor(socket: net.Socket, hostile: Case) {
    this.#case = hostile;
    this.#socket = socket;
    socket.on('error', () => {}); // the daemon may have closed before all is written
    this.#closed = new Promise((resolve) => socket.once('close', resolve));
    this.#answered = new Promise((resolve) => {
      this.#sawAll = resolve;
    });
    socket.setEncoding('utf8');
    if (hostile.reads) socket.on('data', (text) => this.#read(String(text)));
  }

  async play(): Promise<'over'> {
    const { end, lingerMs, expect } = this.#case;
    const written = this.#write();
    if (end === 'vanish') {
      await sleep(lingerMs);
      return 'over';
    }
    await written;
    if (end === 'half-close') this.#socket.end();
    const isMineToClose = expect.type === 'answers' && end === 'stay';
    await (isMineToClose ? Promise.race([this.#answered, this.#closed]) : this.#closed);
    return 'over';
  }

  close(): void {
    this.#socket.destroy();
  }

  describe(): string {
    return `${this.#replies} replies, the last is ${JSON.stringify(this.#last)?.slice(0, 200)}`;
  }

  fault(): string | undefined {
    const { expect, end } = this.#case;
    if (this.#fault !== undefined) return this.#fault;
    if (end === 'vanish') return undefined;
    if (this.#unparsed !== '') return `the last reply is cut: ${this.#unparsed.slice(-80)}`;
    if (expect.type === 'answers' && this.#ids.size !== expect.count) {
      return `${this.#ids.size} of ${expect.count} requests were answered; ${this.describe()}`;
    }
    if (expect.type !== 'error') return undefined;
    const last = this.#last;
    const isExpected = last?.type === 'error' && expect.codes.includes(last.code);
    return isExpected ? undefined : `wanted error ${expect.codes.join(' or ')}; ${this.describe()}`;
  }

  async #write(): Promise<void> {
    for (const piece of this.#case.pieces) {
      if (!this.#socket.writable) return;
      await new Promise((resolve) => this.#socket.write(piece, resolve));
      await turn();
    }
  }

  #read(text: string): void {
    const lines = (this.#unparsed + text).split('\n');
    this.#unparsed = lines.pop() ?? '';
    for (const line of lines) if (line !== '') this.#take(line); // empty lines check the connection
  }

  #take(line: string): void {
    this.#replies++;
    try {
      const reply = JSON.parse(line) as Reply;
      const kind = TYPES[reply.type];
      if (kind === undefined) this.#complain(`unknown type of reply: ${line.slice(0, 100)}`);
      this.#last = reply;
      if (kind !== 'last' || typeof reply.id !== 'number') return;
      if (this.#ids.has(reply.id)) this.#complain(`request ${reply.id} is answered twice`);
      this.#ids.add(reply.id);
      const { expect } = this.#case;
      if (expect.type === 'answers' && this.#ids.size >= expect.count) this.#sawAll();
    } catch {
      this.#complain(`a reply is no JSON: ${line.slice(0, 100)}`);
    }
  }

  #complain(fault: string): void {
    this.#fault ??= fault;
  }
}
