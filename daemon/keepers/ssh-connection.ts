/**
 * A connection to the SSH keeper of a state directory, which is started if there is none. See
 * runners/ssh/keeper-protocol.ts for the messages.
 *
 * The socket is reached through a descriptor of the state directory, because its own path may be
 * longer than the 107 bytes that the kernel allows.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { KEEPER_VERSION, SOCKET_NAME, type ToKeeper } from '../../runners/ssh/keeper-protocol.ts';
import { FromKeeper } from '../../runners/ssh/keeper-schema.ts';
import * as say from '../protocol/outcome-text.ts';
import { errnoOf, isPassing } from '../shared/errno.ts';
import { WholeLines } from '../shared/lines.ts';
import type { Clock } from '../system/clock.ts';
import { checkRoomToSpawn } from '../system/free-descriptors.ts';
import { installed } from '../system/installed.ts';
import { parseJson } from '../system/parse-json.ts';
import { APPEND, openRegular } from '../system/regular-file.ts';

const LOG_NAME = 'ssh.log';
const KEEPER = installed('runners/ssh/keeper.cjs');
/** How long a keeper may take to answer. */
const ANSWER_MS = 20_000;
/** How long an idle connection is kept; a keeper without work and connections exits. */
const LINGER_MS = 10_000;

export interface SshConnection {
  /** The keeper's pid. */
  readonly pid: number;
  send(message: ToKeeper): void;
  close(): void;
}

export interface Listener {
  take(message: FromKeeper): void;
  closed(): void;
}

/** Why there is no connection. */
export interface NoConnection {
  readonly why: string;
  /** It is temporary: too many processes or files, no memory, a full disk. */
  readonly passes: boolean;
  /** If the system gave one. */
  readonly errno?: string;
}

/** Spawns the keeper with its log, and a pipe as fd 3 on which it says that it listens. */
export type SpawnSshKeeper = (directory: string, log: number) => ChildProcess;

/** A connection, or why there is none; without `mayStart` only to a keeper that is running. */
export async function openConnection(
  directory: string,
  mayStart: boolean,
  listener: Listener,
  spawnIt: SpawnSshKeeper = spawnKeeper,
): Promise<SshConnection | NoConnection> {
  const found = await greet(directory, listener);
  if (!('why' in found) || found.passes || !mayStart) return found;
  const failed = await startKeeper(directory, spawnIt);
  return failed ?? (await greet(directory, listener));
}

/** Connects and waits for `hello`. A keeper of another version is told to accept no more runs. */
async function greet(directory: string, listener: Listener): Promise<SshConnection | NoConnection> {
  let folder: number;
  try {
    folder = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    return failed(error);
  }
  try {
    return await hello(createConnection(`/proc/self/fd/${folder}/${SOCKET_NAME}`), listener);
  } finally {
    closeSync(folder);
  }
}

function failed(error: unknown): NoConnection {
  const errno = errnoOf(error);
  return { why: errno, passes: isPassing(errno), errno };
}

function hello(socket: Socket, listener: Listener): Promise<SshConnection | NoConnection> {
  return new Promise((resolve) => {
    let isOpen = false;
    const send = (message: ToKeeper): void => {
      socket.write(`${JSON.stringify(message)}\n`);
    };
    const refuse = (why: string): void => {
      resolve({ why, passes: false });
      socket.destroy();
    };
    socket.setTimeout(ANSWER_MS, () => refuse(say.sshSilent()));
    socket.on('error', (error) => resolve(failed(error)));
    socket.on('close', () => {
      if (isOpen) listener.closed();
      else refuse(say.sshLeft());
    });
    const hear = (line: string): void => {
      const message = parseJson(FromKeeper, line);
      // Disconnects if the message makes no sense: `closed` finds out what became of the runs.
      if (isOpen) return void (message === undefined ? socket.destroy() : listener.take(message));
      if (message?.type !== 'hello' || message.version !== KEEPER_VERSION) {
        send({ type: 'retire' });
        socket.end();
        return resolve({ why: say.sshOther(), passes: false });
      }
      isOpen = true;
      socket.setTimeout(0);
      resolve({ pid: message.pid, send, close: () => socket.destroy() });
    };
    const lines = new WholeLines<Buffer>(Buffer.concat);
    socket.on('data', (bytes: Buffer) => {
      for (const line of lines.read(bytes)) if (!socket.destroyed) hear(line);
    });
  });
}

/** Resolves once the keeper listens, or with the reason why it does not. */
function startKeeper(
  directory: string,
  spawnIt: SpawnSshKeeper,
): Promise<NoConnection | undefined> {
  return new Promise((resolve) => {
    const path = join(directory, LOG_NAME);
    const fail = (none: NoConnection): void =>
      resolve({ ...none, why: say.sshNoStart(none.why, path) });
    const failWith = (error: unknown): void => fail(failed(error));
    let log: number | undefined;
    try {
      log = openRegular(path, APPEND);
      checkRoomToSpawn();
      const child = spawnIt(directory, log);
      child.unref();
      child.on('error', failWith);
      // Ended by a signal: aborted or killed for lack of threads or memory.
      child.on('exit', (code, signal) =>
        fail({ why: say.sshEnded(code ?? signal), passes: signal !== null }),
      );
      // If no descriptor is free (EMFILE), Node returns a child without streams.
      child.once('spawn', () => {
        const ready = child.stdio[3];
        ready?.on('error', () => {});
        // Not on `close`: a keeper that has died has closed the pipe, too.
        ready?.on('data', () => resolve(undefined));
      });
    } catch (error) {
      failWith(error);
    } finally {
      if (log !== undefined) closeSync(log);
    }
  });
}

function spawnKeeper(directory: string, log: number): ChildProcess {
  return spawn(process.execPath, [...NODE_FLAGS, KEEPER, directory], {
    detached: true,
    cwd: '/',
    env: environment(),
    stdio: ['ignore', log, log, 'pipe'],
  });
}

/** A small young generation: most memory is output, which is needed for one write only. */
const NODE_FLAGS = ['--max-semi-space-size=1'];

/** What ssh(1) and the agent need, and nothing else of the daemon's environment. */
function environment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'LANG', 'TZ'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/**
 * The daemon's only connection to the SSH keeper: opened when it is needed, shared by all that need
 * it, and closed some time after nothing needs it any more.
 */
export class PooledConnection {
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #open: typeof openConnection;
  readonly #isBusy: () => boolean;
  readonly #take: (message: FromKeeper) => void;
  readonly #closed: (link: SshConnection) => void;
  #opening:
    | { readonly link: Promise<SshConnection | NoConnection>; readonly mayStart: boolean }
    | undefined;
  #linger: (() => void) | undefined;

  constructor(options: {
    /** The state directory. */
    readonly directory: string;
    readonly clock: Clock;
    readonly open: typeof openConnection;
    /** Whether a run or a probe still needs the connection. */
    readonly isBusy: () => boolean;
    readonly take: (message: FromKeeper) => void;
    /** The keeper is gone, or has closed this connection. */
    readonly closed: (link: SshConnection) => void;
  }) {
    this.#directory = options.directory;
    this.#clock = options.clock;
    this.#open = options.open;
    this.#isBusy = options.isBusy;
    this.#take = options.take;
    this.#closed = options.closed;
  }

  /** The connection, or why there is none; without `mayStart` only to a keeper that is running. */
  connect(mayStart: boolean): Promise<SshConnection | NoConnection> {
    this.#linger?.();
    this.#linger = undefined;
    const { link, mayStart: started } = this.#opening ?? {};
    if (link !== undefined && (started === true || !mayStart)) return link;
    // The attempt in progress starts no keeper, and this request needs one.
    if (link !== undefined) return this.#orStarted(link);
    const opening = this.#open(this.#directory, mayStart, {
      take: this.#take,
      closed: () => void this.#part(opening),
    });
    this.#opening = { link: opening, mayStart };
    void opening.then((link) => {
      if ('why' in link) this.#drop(opening);
    });
    return opening;
  }

  /** Closes the connection later, if nothing needs it then. */
  rest(): void {
    if (this.#isBusy() || this.#linger !== undefined) return;
    this.#linger = this.#clock.after(LINGER_MS, () => {
      this.#linger = undefined;
      if (!this.#isBusy()) this.close();
    });
  }

  /** Closes the connection; the keeper goes on by itself. */
  close(): void {
    this.#linger?.();
    void this.#opening?.link.then((link) => {
      if (!('why' in link)) link.close();
    });
  }

  async #part(opening: Promise<SshConnection | NoConnection>): Promise<void> {
    this.#drop(opening);
    const link = await opening;
    if (!('why' in link)) this.#closed(link);
  }

  async #orStarted(
    opening: Promise<SshConnection | NoConnection>,
  ): Promise<SshConnection | NoConnection> {
    const link = await opening;
    if (!('why' in link)) return link;
    this.#drop(opening);
    return await this.connect(true);
  }

  #drop(opening: Promise<SshConnection | NoConnection>): void {
    if (this.#opening?.link === opening) this.#opening = undefined;
  }
}
