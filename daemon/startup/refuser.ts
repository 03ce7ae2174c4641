/**
 * A daemon that cannot start, on sockets that systemd holds. If it exited, systemd would start it
 * again for the client still waiting in the socket, some thirty times, and then close the socket
 * for good. So it answers each client with what is wrong, checks with each new client whether it
 * can start now (has the configuration been fixed?), and exits after a time without clients.
 *
 * A client that waits for a run is answered later: the run continues without a daemon, and there is
 * one again once the configuration is fixed. Journal and runs are left alone.
 */
import type net from 'node:net';
import type { ErrorCode } from '../protocol/request.ts';
import type { Request } from '../protocol/request-schema.ts';
import { Connection } from '../server/connection.ts';
import { FairQueue } from '../server/fair-queue.ts';
import { listenOn } from '../server/listen.ts';
import { isMainSocket } from '../server/listeners.ts';
import { failWith, type Responder } from '../server/responder.ts';
import type { Log } from '../system/log.ts';
import type { PassedSocket } from '../system/systemd.ts';

export interface Refusal {
  readonly code: ErrorCode;
  readonly exit: number;
  /** For the administrator's socket. */
  readonly message: string;
  /** For other sockets: no details of the configuration. */
  readonly brief: string;
}

/** How long it stays without clients: every start counts towards systemd's start limit. */
const STAY_MS = 10_000;
/** How long a client that waits for a run is kept, in case the daemon can start again. */
const HOLD_MS = 60_000;
/** How often to check for that while such a client waits. */
const LOOK_MS = 1_000;
/** Turns of the event loop after which every client that waited in a socket has been seen. */
const TURNS_SEEN = 3;

export class Refuser<T> {
  readonly #refusal: () => Refusal;
  readonly #cure: () => Promise<T | undefined>;
  readonly #log: Log;
  readonly #fairQueue = new FairQueue();
  readonly #clients = new Set<net.Socket>();
  /** The clients that wait for a run. */
  readonly #held = new Set<net.Socket>();
  readonly #sockets: PassedSocket[] = [];
  readonly #ended: Promise<T | undefined>;
  #end: (value: T | undefined) => void = () => {};
  #wasAsked = false;
  #isOver = false;
  /** The current check: each starts when the one before has ended. */
  #looking: Promise<void> = Promise.resolve();
  #stayTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;

  constructor(options: {
    readonly refusal: () => Refusal;
    /** Checks whether the daemon can start now; cheap if nothing has changed. */
    readonly cure: () => Promise<T | undefined>;
    readonly log: Log;
  }) {
    this.#refusal = options.refusal;
    this.#cure = options.cure;
    this.#log = options.log;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The sockets for the daemon to take over, with clients whose requests have not been read. */
  get sockets(): readonly PassedSocket[] {
    return this.#sockets;
  }

  /** Returns whether a client waits in the sockets. If not, no client caused this start. */
  async open(passed: readonly PassedSocket[]): Promise<boolean> {
    for (const socket of passed) {
      const clients: net.Socket[] = [];
      const isMain = isMainSocket(socket, passed);
      const opened = await listenOn(socket, (client) => this.#meet(client, isMain, clients));
      if (!opened.ok) continue;
      this.#sockets.push({ ...socket, listening: { server: opened.value.server, clients } });
    }
    for (let turn = 0; turn < TURNS_SEEN; turn++) await new Promise(setImmediate);
    return this.#wasAsked;
  }

  /** Resolves when the daemon can start, or with undefined after a time without clients. */
  async refuse(): Promise<T | undefined> {
    this.#stay();
    return await this.#ended;
  }

  /** Checks whether the daemon can start, and if so ends. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(async () => {
      if (this.#isOver) return;
      const value = await this.#cure();
      if (value !== undefined && !this.#isOver) this.#leave(value);
    });
    return this.#looking;
  }

  #leave(value: T | undefined): void {
    this.#isOver = true;
    clearTimeout(this.#stayTimer);
    clearInterval(this.#lookTimer);
    // These reconnect, and reach the daemon.
    for (const client of this.#held) client.destroy();
    this.#end(value);
  }

  #meet(client: net.Socket, isMain: boolean, unheard: net.Socket[]): void {
    this.#wasAsked = true;
    // It counts during the check, which may be slow, because plugins are imported.
    clearTimeout(this.#stayTimer);
    this.#clients.add(client);
    client.once('close', () => {
      this.#clients.delete(client);
      this.#held.delete(client);
      if (this.#held.size === 0) clearInterval(this.#lookTimer);
      this.#stay();
    });
    void this.look().then(() => {
      if (this.#isOver) unheard.push(client);
      else this.#answer(client, isMain);
    });
  }

  #answer(client: net.Socket, isMain: boolean): void {
    const answer = (request: Request, responder: Responder): void => {
      const { code, exit, message, brief } = this.#refusal();
      const refuse = (): void => failWith(responder, code, exit, isMain ? message : brief);
      if (request.type !== 'wait') return refuse();
      const timer = setTimeout(refuse, HOLD_MS);
      responder.onClose(() => clearTimeout(timer));
      this.#hold(client);
    };
    new Connection(client, answer, { log: this.#log, fairQueue: this.#fairQueue });
  }

  #hold(client: net.Socket): void {
    if (this.#held.size === 0) this.#lookTimer = setInterval(() => void this.look(), LOOK_MS);
    this.#held.add(client);
  }

  #stay(): void {
    if (this.#clients.size > 0 || this.#isOver) return;
    clearTimeout(this.#stayTimer);
    this.#stayTimer = setTimeout(() => this.#leave(undefined), STAY_MS);
  }
}
