/**
 * Commands that a test controls remotely (see puppet.pl): it waits for a puppet to appear instead
 * of sleeping, and decides when and how it ends.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import './scratch.ts';

const SCRIPT = join(import.meta.dirname, '../../../test/support/puppet.pl');

/** Less than the time limit for a test file, so that the waiting test is named. */
const APPEARS_MS_MAX = 120_000;

export class Puppets {
  readonly #directory = mkdtempSync(join(tmpdir(), 'puppets-'));
  readonly socket = join(this.#directory, 's');
  readonly #arrived: Puppet[] = [];
  readonly #waiting: ((puppet: Puppet) => void)[] = [];
  readonly #server = net.createServer((socket) => this.#greet(socket));
  /** Names in the order in which the puppets appeared. */
  readonly order: string[] = [];

  static async open(): Promise<Puppets> {
    const puppets = new Puppets();
    await new Promise<void>((resolve) => puppets.#server.listen(puppets.socket, resolve));
    return puppets;
  }

  /** The `args` of a target for a puppet of this name. */
  args(name: string): [string, ...string[]] {
    return ['/usr/bin/perl', SCRIPT, this.socket, name];
  }

  /** The next puppet that appears, or one that has appeared and was not taken yet. */
  next(): Promise<Puppet> {
    const puppet = this.#arrived.shift();
    if (puppet !== undefined) return Promise.resolve(puppet);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no puppet appeared within ${APPEARS_MS_MAX / 1_000} s`));
      }, APPEARS_MS_MAX);
      this.#waiting.push((appeared) => {
        clearTimeout(timer);
        resolve(appeared);
      });
    });
  }

  /** A further puppet, started by this one in its own process group. */
  async childOf(puppet: Puppet): Promise<Puppet> {
    await puppet.tell(`sh ${this.args('child').join(' ')} >/dev/null 2>&1 &`);
    return await this.next();
  }

  /** How many have appeared and were not taken. */
  get unasked(): number {
    return this.#arrived.length;
  }

  /** Admits puppets of every user. */
  admitAll(): void {
    chmodSync(this.#directory, 0o711);
    chmodSync(this.socket, 0o666);
  }

  close(): void {
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #greet(socket: net.Socket): void {
    socket.on('error', () => {});
    const lines = createInterface(socket)[Symbol.asyncIterator]();
    void lines.next().then(({ value }) => {
      const [, name = '', pid = '', run = '', cwd = ''] = String(value).split(' ');
      const puppet = new Puppet(socket, lines, { name, pid: Number(pid), run: Number(run), cwd });
      this.order.push(name);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#arrived.push(puppet);
      else waiting(puppet);
    });
  }
}

export class Puppet {
  readonly name: string;
  readonly pid: number;
  readonly run: number;
  readonly cwd: string;
  readonly #socket: net.Socket;
  readonly #lines: AsyncIterator<string>;

  constructor(
    socket: net.Socket,
    lines: AsyncIterator<string>,
    about: { name: string; pid: number; run: number; cwd: string },
  ) {
    this.#socket = socket;
    this.#lines = lines;
    this.name = about.name;
    this.pid = about.pid;
    this.run = about.run;
    this.cwd = about.cwd;
  }

  /** Sends it a line and returns its answer. */
  async tell(line: string): Promise<string> {
    this.#socket.write(`${line}\n`);
    const { value } = await this.#lines.next();
    return String(value);
  }

  exit(code: number): void {
    this.#socket.write(`exit ${code}\n`);
  }

  async print(stream: 'out' | 'err', data: string | Buffer): Promise<void> {
    await this.tell(`${stream} ${Buffer.from(data).toString('hex')}`);
  }

  /** Dies by a signal. */
  die(signal: string): void {
    this.#socket.write(`kill ${signal}\n`);
  }

  /** Resolves when it is gone. */
  gone(): Promise<void> {
    if (this.#socket.destroyed) return Promise.resolve();
    return new Promise((resolve) => this.#socket.once('close', () => resolve()));
  }
}
