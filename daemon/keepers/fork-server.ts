/**
 * The daemon's side of its fork server (fork-server.pl): one small process that forks the keepers,
 * because forking the daemon itself takes many times as long and blocks everything else meanwhile.
 * It is spawned for the first run and stays. If it exits, another is spawned for the next run; the
 * keepers live on, and only their further messages are lost.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { getSystemErrorName } from 'node:util';
import * as v from 'valibot';
import { errnoOf } from '../shared/errno.ts';
import { WholeLines } from '../shared/lines.ts';
import { findKeeperTrouble, findPerl, KEEPER_SCRIPT } from './perl.ts';
import { ErrnoNumber } from './status-file.ts';

/** What a keeper has to run. */
export interface SpawnRequest {
  /** As ps(1) shows it. */
  readonly title: string;
  readonly statusFile: string;
  readonly umask: number;
  readonly cwd: string;
  /** UID:GID that owns the command's streams, so that it can open /dev/stderr; '' for our own. */
  readonly owner: string;
  /** '' for no input. */
  readonly in: string;
  readonly out: string;
  /** '' if both streams go to one file, so that their order is kept. */
  readonly err: string;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

/** Output of processes whose keeper is gone. */
export interface Rescue {
  readonly title: string;
  readonly out: string;
  /** Does not exist if both streams go to one file. */
  readonly err: string;
  readonly pids: readonly number[];
}

/** Messages about a keeper, in this order. */
export interface KeeperListener {
  /** It waits for `go`. */
  readonly kept: (pid: number, control: KeeperControl) => void;
  /** There is no keeper; `errno` if the system gave one. Nothing else follows. */
  readonly none: (errno?: string) => void;
  /** Its command may run from now on, or may have run. */
  readonly begun: () => void;
  /** Its command has ended, but it cannot write its status file: its title says how it ended. */
  readonly unwritten: () => void;
  /** It is done, or dead, or will not be heard of again: check what it left. */
  readonly closed: () => void;
  /** The fork server exited: a keeper may exist, but it will never run anything. */
  readonly unknown: () => void;
}

export interface KeeperControl {
  /** The start is in the journal: let the command run. */
  go(): void;
  /** Its command must not start any more; no further messages. */
  drop(): void;
}

/** Node's `spawn`; tests may replace it. */
export type Spawn = (
  file: string,
  args: readonly string[],
  options: {
    readonly detached: true;
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    readonly stdio: readonly ('ignore' | 'pipe')[];
  },
) => ChildProcess;

export const REAL_SPAWN: Spawn = (file, args, options) =>
  spawn(file, [...args], { ...options, stdio: [...options.stdio] });

/** Room for the titles of the keepers, which overwrite the arguments. */
const TITLE_ROOM = ' '.repeat(400);

export class ForkServer {
  readonly #spawn: Spawn;
  #connection: Connection | undefined;
  #keys = 0;

  constructor(spawn: Spawn = REAL_SPAWN) {
    this.#spawn = spawn;
  }

  /** Requests a keeper. The listener is never called within this call. */
  keep(order: SpawnRequest, listener: KeeperListener): void {
    const words = wordsOf(order);
    if (words.some((word) => word.includes('\0'))) {
      process.nextTick(() => listener.none());
      return;
    }
    this.#ask('keep', words, listener);
  }

  /**
   * Has the output of processes without a keeper copied into its files; does nothing if another
   * process already copies it. `failed`: no process could be started.
   */
  rescue({ title, out, err, pids }: Rescue, failed: () => void): void {
    this.#ask('rescue', [title, out, err, ...pids.map(String)], {
      none: failed,
      unknown: failed,
      kept: () => {},
      begun: () => {},
      unwritten: () => {},
      closed: () => {},
    });
  }

  #ask(order: 'keep' | 'rescue', words: readonly string[], listener: KeeperListener): void {
    this.#connection ??= new Connection(this.#spawn, (ended) => {
      if (this.#connection === ended) this.#connection = undefined;
    });
    this.#keys += 1;
    this.#connection.ask(order, String(this.#keys), words, listener);
  }
}

/** What the fork server prints; see fork-server.pl. */
const Digits = v.pipe(v.string(), v.digits(), v.transform(Number));
const Line = v.union([
  v.tuple([v.literal('kept'), v.string(), v.pipe(Digits, v.safeInteger(), v.minValue(1))]),
  v.tuple([v.literal('none'), v.string(), v.pipe(Digits, ErrnoNumber)]),
  v.tuple([v.picklist(['begun', 'unwritten', 'closed']), v.string()]),
]);
type Line = v.InferOutput<typeof Line>;

interface Client {
  readonly listener: KeeperListener;
  state: 'asked' | 'kept' | 'let go';
}

/** One fork server, from its spawn to its exit. */
class Connection {
  readonly #clients = new Map<string, Client>();
  readonly #ended: (self: Connection) => void;
  readonly #lines = new WholeLines<Buffer>(Buffer.concat);
  #socket: Socket | undefined;

  constructor(spawnIt: Spawn, ended: (self: Connection) => void) {
    this.#ended = ended;
    try {
      this.#open(spawnIt);
    } catch (error) {
      process.nextTick(() => this.#fail(errnoOf(error)));
    }
  }

  #open(spawnIt: Spawn): void {
    const perl = findPerl(process.env['PATH']);
    if (perl === undefined) return void process.nextTick(() => this.#fail());
    const child = spawnIt(perl, [KEEPER_SCRIPT, TITLE_ROOM], {
      detached: true,
      cwd: '/',
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    child.on('error', (error) => this.#fail(errnoOf(error)));
    child.unref();
    const socket = child.stdio[3] as Socket | null | undefined;
    if (child.pid === undefined || !socket) return; // `error` follows
    this.#socket = socket;
    socket.unref();
    socket.on('error', () => {}); // ECONNRESET and EPIPE are normal here; `close` follows
    socket.on('data', (bytes: Buffer) => this.#hear(bytes));
    socket.on('close', () => this.#end());
  }

  ask(order: string, key: string, words: readonly string[], listener: KeeperListener): void {
    this.#clients.set(key, { listener, state: 'asked' });
    this.#say(order, key, ...words);
  }

  #say(...words: readonly string[]): void {
    const body = Buffer.from(words.join('\0'));
    const frame = Buffer.allocUnsafe(4 + body.length);
    frame.writeUInt32BE(body.length);
    body.copy(frame, 4);
    this.#socket?.write(frame);
  }

  #hear(bytes: Buffer): void {
    for (const line of this.#lines.read(bytes)) {
      const parsed = v.safeParse(Line, line.slice(0, -1).split(' '));
      // A line that cannot be parsed names no client.
      if (parsed.success) this.#tell(parsed.output);
    }
  }

  #tell(line: Line): void {
    const [what, key] = line;
    const client = this.#clients.get(key);
    if (client === undefined) return;
    const { listener } = client;
    switch (what) {
      case 'kept':
        client.state = 'kept';
        return listener.kept(line[2], this.#controlOf(key, client));
      case 'none':
        this.#clients.delete(key);
        return listener.none(getSystemErrorName(-line[2]));
      case 'begun':
        return listener.begun();
      case 'unwritten':
        return listener.unwritten();
      case 'closed':
        this.#clients.delete(key);
        return listener.closed();
      default:
        return what satisfies never;
    }
  }

  #controlOf(key: string, client: Client): KeeperControl {
    return {
      go: () => {
        if (!this.#clients.has(key)) return;
        client.state = 'let go';
        this.#say('go', key);
      },
      drop: () => {
        if (this.#clients.delete(key)) this.#say('drop', key);
      },
    };
  }

  /** It could not be spawned, so it has no keepers. */
  #fail(errno?: string): void {
    this.#ended(this);
    for (const { listener } of this.#take()) listener.none(errno);
  }

  #end(): void {
    this.#ended(this);
    for (const { listener, state } of this.#take()) {
      if (state === 'asked') {
        if (findKeeperTrouble(process.env['PATH']) === undefined) listener.unknown();
        else listener.none();
      } else {
        // Whether the keeper has read `go` is unknown now.
        if (state === 'let go') listener.begun();
        listener.closed();
      }
    }
  }

  #take(): readonly Client[] {
    const clients = [...this.#clients.values()];
    this.#clients.clear();
    return clients;
  }
}

/** In the order in which fork-server.pl reads them. */
export function wordsOf(order: SpawnRequest): readonly string[] {
  const { title, statusFile, umask, cwd, owner, out, err, args } = order;
  const env = Object.entries(order.env).map(([name, value]) => `${name}=${value}`);
  const files = [order.in, out, err];
  return [
    title,
    statusFile,
    String(umask),
    cwd,
    owner,
    ...files,
    String(env.length),
    ...env,
    ...args,
  ];
}
