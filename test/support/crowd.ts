/**
 * The clients that are connected all the time while the fuzz plays its cases: many that send
 * nothing, some that request a large output and read nothing or little of it, one that reads as
 * fast as it can (a separate program, like `nc`).
 */
import { type ChildProcess, execFile } from 'node:child_process';
import type net from 'node:net';
import { connect } from './player.ts';

const READS_NOTHING = 8;
/** Requests of each of those; the output must not be read ahead for any of them. */
const RELAYS_EACH = 40;
const READS_SLOWLY = 8;
/** How often one of those reads a chunk. */
const SLOW_READ_MS = 20;

/** Requests the output of a run, discards it, and prints the end of the last line. */
const FAST_READER = `use Socket; my ($path, $run) = @ARGV; my ($chunk, $tail) = ("", "");
  socket(S, AF_UNIX, SOCK_STREAM, 0) && connect(S, pack_sockaddr_un($path)) or die "$!";
  syswrite(S, qq({"type":"output","of":$run}\\n)); shutdown(S, 1);
  $tail = substr($tail . $chunk, -100) while sysread(S, $chunk, 1 << 20); print $tail;`;

export class Crowd {
  readonly #path: string;
  readonly #sockets: net.Socket[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #fast: { readonly child: ChildProcess; readonly read: Promise<void> }[] = [];
  readonly faults: string[] = [];
  #isOver = false;

  private constructor(path: string) {
    this.#path = path;
  }

  /** `big` is the run whose output they request. */
  static async gather(path: string, silent: number, big: number): Promise<Crowd> {
    const crowd = new Crowd(path);
    const relay = `{"type":"output","of":${big}}\n`;
    for (let index = 0; index < silent; index++) await crowd.#connect('says nothing');
    for (let index = 0; index < READS_NOTHING; index++) {
      const socket = await crowd.#connect('reads nothing');
      socket.write(relay.repeat(RELAYS_EACH));
    }
    for (let index = 0; index < READS_SLOWLY; index++) {
      const socket = await crowd.#connect('reads slowly');
      socket.on('data', () => socket.pause());
      socket.write(relay);
      crowd.#timers.push(setInterval(() => socket.resume(), SLOW_READ_MS));
    }
    return crowd;
  }

  get size(): number {
    return this.#sockets.length + this.#fast.length;
  }

  /** Reads the whole output at full speed. */
  readFast(big: number): void {
    const args = ['-e', FAST_READER, this.#path, String(big)];
    let child: ChildProcess | undefined;
    const read = new Promise<void>((resolve) => {
      child = execFile('/usr/bin/perl', args, (error, tail) => {
        if (!this.#isOver && (error !== null || !tail.includes('"type":"done"'))) {
          this.faults.push(`the fast reader got no end: ${error?.message ?? tail}`);
        }
        resolve();
      });
    });
    if (child !== undefined) this.#fast.push({ child, read });
  }

  /** Resolves once the fast ones have read everything. */
  async finish(): Promise<void> {
    await Promise.all(this.#fast.map(({ read }) => read));
  }

  async close(): Promise<void> {
    this.#isOver = true;
    for (const timer of this.#timers) clearInterval(timer);
    for (const socket of this.#sockets) socket.destroy();
    for (const { child } of this.#fast) child.kill();
    await this.finish();
  }

  async #connect(what: string): Promise<net.Socket> {
    const socket = await connect(this.#path);
    socket.on('error', () => {});
    socket.once('close', () => {
      if (!this.#isOver) this.faults.push(`a client that ${what} was closed`);
    });
    this.#sockets.push(socket);
    return socket;
  }
}
