/**
 * A daemon that sends only what a test tells it to: NDJSON on a Unix socket of its own, for
 * replies, silences and broken connections that the real one rarely produces. Everything is
 * awaited; nothing sleeps.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Reply } from '../../daemon/protocol/request.ts';
import './scratch.ts';

export const BATON = join(import.meta.dirname, '../../client/main.cjs');

export class FakeDaemon {
  readonly directory = mkdtempSync(join(tmpdir(), 'baton-fake-'));
  readonly socket = join(this.directory, 's');
  readonly #lines = new Queue<FakeConnection>();
  #server: net.Server | undefined;
  readonly #open = new Set<net.Socket>();

  static async open(): Promise<FakeDaemon> {
    const daemon = new FakeDaemon();
    await daemon.listen();
    return daemon;
  }

  async listen(): Promise<void> {
    // As in the real one: a client such as `nc -N` has closed its side and still reads.
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket));
      this.#lines.put(new FakeConnection(socket));
    });
    // A test that skips itself runs beforeEach but no afterEach; the file must end all the same.
    server.unref();
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.socket, resolve));
  }

  /** The next client's connection. */
  connection(): Promise<FakeConnection> {
    return this.#lines.take();
  }

  /** The next client's connection, after reading its first request. */
  async asked(): Promise<{ connection: FakeConnection; request: FakeRequest }> {
    const connection = await this.connection();
    return { connection, request: await connection.request() };
  }

  /** Runs a command whose first request is answered with these replies. */
  answered(args: string, ...replies: readonly Reply[]): Promise<BatonEnd> {
    return this.answering(args, {}, ...replies);
  }

  async answering(
    args: string,
    more: BatonOptions,
    ...replies: readonly Reply[]
  ): Promise<BatonEnd> {
    const baton = this.baton(args.split(' '), more);
    const { connection } = await this.asked();
    connection.send(...replies);
    return await baton.ended;
  }

  /** Stops listening, like a daemon that dies: the connections break. */
  async die(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise<void>((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
    this.#server = undefined;
  }

  async close(): Promise<void> {
    await this.die();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Starts the real client. */
  baton(args: readonly string[], more: BatonOptions = {}): Baton {
    return new Baton(args, { BATON_SOCKET: this.socket, ...more.env }, more);
  }
}

export type FakeRequest = Readonly<Record<string, unknown>>;

export class FakeConnection {
  readonly #requests = new Queue<FakeRequest>();
  readonly #socket: net.Socket;
  readonly closed: Promise<void>;

  constructor(socket: net.Socket) {
    this.#socket = socket;
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    createInterface(socket).on('line', (line) => this.#requests.put(JSON.parse(line)));
  }

  request(): Promise<FakeRequest> {
    return this.#requests.take();
  }

  send(...replies: readonly Reply[]): void {
    this.#socket.write(replies.map((reply) => `${JSON.stringify(reply)}\n`).join(''));
  }

  raw(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  /** Breaks the connection once everything that was sent has arrived. */
  cut(): void {
    this.#socket.destroySoon();
  }
}

export interface BatonOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Both streams go to this file descriptor, as under cron. */
  readonly file?: number;
  /** Standard output goes to this file. */
  readonly stdout?: string;
  readonly uid?: number;
  /** Another copy of the client. */
  readonly client?: string;
  /** Another client: what to execute, before the arguments. */
  readonly program?: readonly [string, ...string[]];
}

/** See client-net.test.ts. */
const { NODE_PENDING_DEPRECATION } = process.env;
const WARNED = NODE_PENDING_DEPRECATION === undefined ? {} : { NODE_PENDING_DEPRECATION };

/** The real client as a child process, in cron's empty environment. */
export class Baton {
  readonly child: ChildProcess;
  readonly ended: Promise<BatonEnd>;
  #stdout = Buffer.alloc(0);
  #stderr = Buffer.alloc(0);
  readonly #watchers = new Set<() => void>();

  constructor(args: readonly string[], env: Record<string, string>, options: BatonOptions) {
    const { file, stdout, uid, client = BATON } = options;
    const [program, ...given] = options.program ?? [process.execPath, client];
    const out = stdout === undefined ? file : openSync(stdout, 'w');
    this.child = spawn(program, [...given, ...args], {
      stdio: ['ignore', out ?? 'pipe', file ?? 'pipe'],
      ...(uid === undefined ? {} : { uid }),
      env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC', ...WARNED, ...env },
    });
    if (out !== undefined && out !== file) closeSync(out);
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout = Buffer.concat([this.#stdout, chunk]);
      for (const watcher of [...this.#watchers]) watcher();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = Buffer.concat([this.#stderr, chunk]);
    });
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        const [stdout, stderr] = [this.#stdout, `${this.#stderr}`];
        resolve({ status: code ?? signal, stdout, text: `${stdout}`, stderr });
      });
    });
  }

  /** Repeats a signal until the client ends: a quick repetition does not count as a second. */
  async killAgain(signal: NodeJS.Signals): Promise<BatonEnd> {
    const again = setInterval(() => this.child.kill(signal), 150);
    const end = await this.ended;
    clearInterval(again);
    return end;
  }

  /** Resolves once stdout contains this text. */
  printed(text: string): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.#stdout.includes(text)) return;
        this.#watchers.delete(look);
        resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }
}

export interface BatonEnd {
  readonly status: number | NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly text: string;
  readonly stderr: string;
}

/** Values are kept until they are taken, and take() waits until one arrives. */
class Queue<T> {
  readonly #values: T[] = [];
  readonly #takers: ((value: T) => void)[] = [];

  put(value: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#values.push(value);
    else taker(value);
  }

  take(): Promise<T> {
    const [value] = this.#values.splice(0, 1);
    if (value !== undefined) return Promise.resolve(value);
    return new Promise((resolve) => this.#takers.push(resolve));
  }
}
