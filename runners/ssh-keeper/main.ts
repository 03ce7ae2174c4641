/**
 * The SSH keeper: one detached process for each state directory, which holds the SSH sessions of
 * all runs, outlives the daemon, and records how each run ended (see keeper-protocol.ts and
 * remote-run.ts).
 *
 *   node keeper.cjs STATE
 *
 * A daemon starts it if nobody listens on STATE/ssh.sock; it exits when it has no runs and no
 * connections. Its socket gets its name by a rename, so that of two keepers the later one is used,
 * and each removes only its own. It reports on fd 3 that it listens.
 */
import { chmodSync, closeSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import type { SshSession } from '../../daemon/core/plan.ts';
import { WholeLines } from '../../daemon/shared/lines.ts';
import { parseJson } from '../../daemon/system/parse-json.ts';
import { isSystemdShutdown } from '../../daemon/system/shutdown.ts';
import { connect, type SharedParts } from '../ssh/connect.ts';
import { HandshakeLimiter } from '../ssh/handshake-limiter.ts';
import {
  type AttemptId,
  type FromKeeper,
  KEEPER_VERSION,
  SOCKET_NAME,
} from '../ssh/keeper-protocol.ts';
import { ToKeeper } from '../ssh/keeper-schema.ts';
import { KeyRing } from '../ssh/private-key.ts';
import { Router } from '../ssh/route.ts';
import { probeOpenssh, type Seen } from './openssh-probe.ts';
import { Task } from './remote-run.ts';
import { monotonicMs } from './status-writer.ts';

/** How long it stays when nobody needs it. */
const IDLE_MS = 2_000;
/** How long it waits for a daemon after the start. */
const FIRST_IDLE_MS = 15_000;
/** The descriptor on which the daemon that started it waits. */
const READY_FD = 3;

interface Caller {
  readonly socket: Socket;
  /** Its open probes, which end with its connection. */
  readonly probes: Set<AbortController>;
  send(message: FromKeeper): void;
}

class Keeper {
  readonly #shared: SharedParts = {
    limiter: new HandshakeLimiter(),
    router: new Router(),
    keys: new KeyRing(),
  };
  readonly #tasks = new Map<string, Task>();
  readonly #callers = new Set<Caller>();
  readonly #server = createServer((socket) => this.#greet(socket));
  #idle: NodeJS.Timeout | undefined;
  #inode = 0;
  #probes = 0;

  /**
   * As in the process keeper: runs continue, but the time is recorded, because a shutdown signals
   * everything. In a shutdown it exits at once, or systemd would wait; its runs are interrupted.
   */
  term(): void {
    this.#shared.termAtMs = monotonicMs();
    if (!isSystemdShutdown()) return;
    say('left, the machine shuts down', { runs: this.#tasks.size });
    process.exit(0);
  }

  /** In the current directory, because a socket path must not be longer than 107 bytes. */
  listen(): void {
    const own = `${SOCKET_NAME}.${process.pid}`;
    this.#server.listen(own, () => {
      chmodSync(own, 0o600);
      renameSync(own, SOCKET_NAME);
      this.#inode = statSync(SOCKET_NAME).ino;
      tellReady();
      this.#rest(FIRST_IDLE_MS);
      say('started', {});
    });
  }

  #greet(socket: Socket): void {
    const caller: Caller = {
      socket,
      probes: new Set(),
      send: (message) => socket.write(`${JSON.stringify(message)}\n`),
    };
    this.#callers.add(caller);
    clearTimeout(this.#idle);
    socket.on('error', () => {});
    const lines = new WholeLines<Buffer>(Buffer.concat);
    socket.on('data', (bytes: Buffer) => {
      for (const line of lines.read(bytes)) if (!socket.destroyed) this.#hear(line, caller);
    });
    socket.on('close', () => this.#part(caller));
    caller.send({ type: 'hello', version: KEEPER_VERSION, pid: process.pid });
  }

  #hear(line: string, caller: Caller): void {
    const message = parseJson(ToKeeper, line);
    if (message !== undefined) return this.#take(message, caller);
    // A daemon that sends unknown messages is treated like one that died.
    say('unknown message', {});
    caller.socket.destroy();
  }

  readonly #owners = new Map<Task, Caller>();

  /** Runs that the daemon prepared but did not release never start, and record that. */
  #part(caller: Caller): void {
    this.#callers.delete(caller);
    for (const probe of caller.probes) probe.abort();
    for (const [task, owner] of [...this.#owners]) {
      if (owner !== caller) continue;
      this.#owners.delete(task);
      void task.drop();
    }
    this.#rest(IDLE_MS);
  }

  #take(message: ToKeeper, caller: Caller): void {
    switch (message.type) {
      case 'prepare': {
        const { run, attempt, nonce } = message;
        const name = nameOf(message);
        const task = new Task(message, this.#shared, () => {
          this.#owners.delete(task);
          this.#tasks.delete(name);
          for (const other of this.#callers) other.send({ type: 'ended', run, attempt, nonce });
          this.#rest(IDLE_MS);
        });
        this.#tasks.set(name, task);
        this.#owners.set(task, caller);
        return caller.send({ type: 'ready', run, attempt, nonce });
      }
      case 'go':
        return this.#find(message)?.go();
      case 'drop':
        return void this.#find(message)?.drop();
      case 'stop':
        return this.#find(message)?.stop(message.order);
      case 'probe':
        return void this.#probe(message, caller);
      case 'retire':
        return this.#retire();
      default:
        return message satisfies never;
    }
  }

  #find(attempt: AttemptId): Task | undefined {
    return this.#tasks.get(nameOf(attempt));
  }

  async #probe({ id, session }: ToKeeper & { type: 'probe' }, caller: Caller): Promise<void> {
    this.#probes++;
    const abort = new AbortController();
    caller.probes.add(abort);
    const seen = await this.#try(session, abort.signal);
    caller.probes.delete(abort);
    caller.send({ type: 'probed', id, ...seen });
    this.#probes--;
    this.#rest(IDLE_MS);
  }

  async #try(session: SshSession, abort: AbortSignal): Promise<Seen> {
    if (session.openssh !== undefined) return await probeOpenssh(session, session.openssh, abort);
    const linked = await connect({ ...session, retries: 0 }, this.#shared, abort);
    if (!linked.ok) return { lines: linked.seen, failure: linked.failure };
    linked.link.close();
    return { lines: linked.link.seen };
  }

  /** Checks later whether anybody still needs it. */
  #rest(ms: number): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => {
      if (this.#tasks.size + this.#callers.size + this.#probes > 0) return;
      this.#retire();
      say('left', {});
      process.exit(0);
    }, ms);
  }

  /** Gives up the socket's name; existing connections stay. */
  #retire(): void {
    try {
      if (statSync(SOCKET_NAME).ino === this.#inode) unlinkSync(SOCKET_NAME);
    } catch {
      // It is already gone.
    }
    this.#server.close();
  }
}

function nameOf({ run, attempt, nonce }: AttemptId): string {
  return `${run}.${attempt}.${nonce}`;
}

/** A closed descriptor alone could also mean that the keeper died. */
function tellReady(): void {
  try {
    writeSync(READY_FD, 'ready\n');
  } catch {
    // The daemon has exited meanwhile; another one will find the socket.
  }
  closeSync(READY_FD);
}

/** A log line in the daemon's format, on stdout. Never a session, which contains too much. */
function say(msg: string, more: object): void {
  const line = { level: 'info', time: Date.now(), pid: process.pid, ...more, msg };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

process.umask(0o077);
process.title = 'baton ssh keeper';
for (const signal of ['SIGHUP', 'SIGINT'] as const) process.on(signal, () => {});
// A peer that makes ssh2 throw must not affect all other sessions.
process.on('uncaughtException', (error) => say('uncaught', { error: error.stack }));
process.on('unhandledRejection', (error) => say('unhandled', { error: String(error) }));
process.chdir(process.argv[2] ?? '.');
const keeper = new Keeper();
process.on('SIGTERM', () => keeper.term());
keeper.listen();
