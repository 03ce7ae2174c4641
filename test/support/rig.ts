/**
 * A real daemon for a test: with a socket, a state directory and a configuration of its own, in a
 * fresh temporary directory, ended by its pid.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Reply, StatusReply } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import { showOnFailure } from './daemonlog.ts';
import './scratch.ts';

const DIST = join(import.meta.dirname, '../..');
export const BATOND = join(DIST, 'daemon/batond.cjs');
export const BATON = join(DIST, 'client/main.cjs');

type ReplyOf<T extends Reply['type']> = Extract<Reply, { readonly type: T }>;

export class Rig {
  readonly directory: string;
  readonly socket: string;
  readonly state: string;
  readonly configFile: string;
  /** Log lines of all daemons of this rig. */
  readonly log: Record<string, unknown>[] = [];
  readonly #watchers = new Set<() => void>();
  stderr = '';
  daemon: ChildProcess | undefined;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), 'baton-'));
    this.socket = join(this.directory, 's');
    this.state = join(this.directory, 'state');
    this.configFile = join(this.directory, 'config.json');
    showOnFailure(this);
  }

  static async start(config: unknown, args: readonly string[] = []): Promise<Rig> {
    const rig = new Rig();
    rig.configure(config);
    await rig.boot(args);
    return rig;
  }

  configure(config: unknown): void {
    writeFileSync(this.configFile, JSON.stringify(config), { mode: 0o600 });
  }

  /** Starts the daemon and waits until it listens. */
  async boot(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<void> {
    const own = ['--config', this.configFile, '--socket', this.socket, '--state', this.state];
    const since = this.log.length;
    const ended = this.spawn([process.execPath, BATOND, ...own, ...args], env);
    await Promise.race([this.logged('ready', since), ended]);
  }

  /** Starts a daemon, or a program that starts one. The promise rejects when that has ended. */
  spawn([file = '', ...args]: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<never> {
    const daemon = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', ...env },
    });
    this.daemon = daemon;
    createInterface(daemon.stdout).on('line', (line) => {
      this.log.push(JSON.parse(line) as Record<string, unknown>);
      for (const watcher of [...this.#watchers]) watcher();
    });
    daemon.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    const ended = new Promise<never>((_, reject) => {
      daemon.once('exit', (code, signal) => {
        const why = signal === 'SIGKILL' ? ` (${memory()})` : '';
        reject(new Error(`batond ended with ${code ?? signal}${why}: ${this.stderr}`));
      });
    });
    ended.catch(() => {});
    return ended;
  }

  /** Resolves with the first log line with this message from position `since` on. */
  logged(
    msg: string,
    since = 0,
    where: (line: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    return new Promise((resolve) => {
      const look = (): void => {
        const line = this.log.slice(since).find((entry) => entry['msg'] === msg && where(entry));
        if (line === undefined) return;
        this.#watchers.delete(look);
        resolve(line);
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Ends the daemon with a signal and resolves with how it ended. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    const { daemon } = this;
    if (daemon === undefined || daemon.exitCode !== null || daemon.signalCode !== null) return null;
    const exit = new Promise<number | NodeJS.Signals | null>((resolve) => {
      daemon.once('close', (code, by) => resolve(code ?? by));
    });
    daemon.kill(signal);
    return await exit;
  }

  /** Ends everything and removes the directory. */
  async close(): Promise<void> {
    const session = await Session.open(this.socket).catch(() => undefined);
    if (session !== undefined) {
      const { targets } = await session.ask({ type: 'status' }, 'status');
      for (const { target, active, waiting } of targets) {
        if (active.length + waiting === 0) continue;
        await session.ask({ type: 'pause', target }, 'done');
        const watched = active.map((run) => session.ask({ type: 'wait', run: run.run }, 'ended'));
        await session.ask({ type: 'cancel', of: target }, 'done');
        await Promise.all(watched);
      }
      session.close();
    }
    await this.end('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }

  open(): Promise<Session> {
    return Session.open(this.socket);
  }

  async status(): Promise<StatusReply> {
    const session = await this.open();
    const reply = await session.ask({ type: 'status' }, 'status');
    session.close();
    return reply;
  }

  /** Runs the real client to its end. */
  async baton(...args: readonly string[]): Promise<Ended> {
    return await this.client(args).ended;
  }

  /** Starts the real client. */
  client(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    const child = spawn(process.execPath, [BATON, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'] ?? '', BATON_SOCKET: this.socket, ...env },
    });
    const [out, err]: [Buffer[], Buffer[]] = [[], []];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const ended = new Promise<Ended>((resolve) => {
      child.once('close', (code, signal) => {
        const [stdout, stderr] = [Buffer.concat(out), Buffer.concat(err)];
        resolve({ status: code ?? signal, stdout, stderr, text: `${stdout}`, errors: `${stderr}` });
      });
    });
    return { child, ended };
  }

  /** The events in the journal. */
  journal(): Record<string, unknown>[] {
    const text = readFileSync(join(this.state, 'journal.ndjson'), 'utf8');
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { event: Record<string, unknown> }).event);
  }
}

export interface Ended {
  readonly status: number | NodeJS.Signals | null;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
  readonly text: string;
  readonly errors: string;
}

/** One connection that speaks the protocol. */
export class Session {
  readonly socket: net.Socket;
  readonly replies: Reply[] = [];
  readonly #watchers = new Set<() => void>();
  #ids = 0;
  isClosed = false;

  private constructor(socket: net.Socket) {
    this.socket = socket;
    socket.on('error', () => {});
    const lines = createInterface(socket);
    lines.on('error', () => {}); // it passes on those of its socket
    lines.on('line', (line) => {
      this.replies.push(JSON.parse(line) as Reply);
      this.#wake();
    });
    socket.on('close', () => {
      this.isClosed = true;
      this.#wake();
    });
  }

  static open(path: string): Promise<Session> {
    return new Promise((resolve, reject) => {
      const socket = net.connect(path);
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Session(socket)));
    });
  }

  /** Sends a request and resolves with its first reply of this type; any error rejects. */
  async ask<T extends Reply['type']>(request: RequestInput, type: T): Promise<ReplyOf<T>> {
    const id = `q${++this.#ids}`;
    this.socket.write(`${JSON.stringify({ ...request, id })}\n`);
    return await this.reply(type, id);
  }

  /** Sends without waiting; returns the id to wait for. */
  send(request: RequestInput): string {
    const id = `q${++this.#ids}`;
    this.socket.write(`${JSON.stringify({ ...request, id })}\n`);
    return id;
  }

  reply<T extends Reply['type']>(type: T, id?: string): Promise<ReplyOf<T>> {
    const mine = (reply: Reply): boolean => id === undefined || reply.id === id;
    const wanted = (reply: Reply): reply is ReplyOf<T> => reply.type === type && mine(reply);
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.replies.find(wanted);
        const bad = this.replies.find((reply) => reply.type === 'error' && mine(reply));
        if (found === undefined && bad === undefined && !this.isClosed) return;
        this.#watchers.delete(look);
        if (found !== undefined) resolve(found);
        else
          reject(new Error(`wanted ${type}, got ${JSON.stringify(bad ?? 'a closed connection')}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  closed(): Promise<void> {
    if (this.isClosed) return Promise.resolve();
    return new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  close(): void {
    this.socket.destroy();
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

/** Whether the kernel has killed for lack of memory, the likely cause of such an end. */
function memory(): string {
  const lines = ['/proc/vmstat', '/proc/meminfo'].flatMap((path) =>
    readFileSync(path, 'utf8').split('\n'),
  );
  return lines.filter((line) => /^(oom_kill|MemAvailable)\b/.test(line)).join(', ');
}
