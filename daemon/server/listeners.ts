/**
 * The sockets of a daemon: those passed by systemd, those in config.json, or the default one; each
 * with what it permits.
 *
 * Invariant: a socket without described rights permits nothing, unless the configuration names no
 * sockets at all and it is the only one or the one of baton.socket.
 */

import type { Socket } from 'node:net';
import type { Rights } from '../config/rights.ts';
import type { SocketSettings } from '../config/sockets.ts';
import { tooManyClients } from '../protocol/refusal-text.ts';
import { EXIT, type Reply } from '../protocol/request.ts';
import type { Request } from '../protocol/request-schema.ts';
import type { Result } from '../shared/result.ts';
import { noSocketGroup } from '../system/boot-messages.ts';
import type { Log } from '../system/log.ts';
import { findGroup } from '../system/passwd.ts';
import type { PassedSocket } from '../system/systemd.ts';
import { authorize, type Seen } from './access.ts';
import { Connection } from './connection.ts';
import type { FairQueue } from './fair-queue.ts';
import { listenAt, listenOn, MODE_DEFAULT, type Open } from './listen.ts';
import type { Responder } from './responder.ts';

type Settings = readonly SocketSettings[] | undefined;

/** One socket to listen on. */
export interface Listener {
  readonly where:
    | PassedSocket
    | { readonly path: string; readonly mode: number; readonly group?: string | number };
  /** What it permits under the current configuration. */
  rights(settings: Settings): Rights;
}

/** Most clients of one socket at once. More are refused: a crowd here blocks no other socket. */
const CONNECTIONS_MAX = 4_096;
/** How long a refused client has to read the reason. */
const TURNED_AWAY_MS = 1_000;
/** How long a new client may take to get its answer when the daemon stops. */
const DRAIN_MS = 500;
/** FileDescriptorName= of contrib/systemd/baton.socket, and its default. */
const MAIN_NAMES = ['baton', 'baton.socket'];

/**
 * What to listen on. `own` is a path that permits everything. If systemd passes sockets, entries
 * with a name refer to those: a name that it does not pass is off.
 */
export function planListeners(
  settings: Settings,
  passed: readonly PassedSocket[],
  own: string | undefined,
): readonly Listener[] {
  const isActivated = passed.length > 0;
  const entries = settings?.filter(({ name }) => !isActivated || name === undefined) ?? [];
  return [
    ...passed.map((socket) => passedListener(socket, isMainSocket(socket, passed))),
    // If the configuration has an entry for the path, that applies.
    ...(own === undefined || entries.some(({ path }) => path === own) ? [] : [ownListener(own)]),
    ...entries.flatMap((entry) =>
      entry.path === undefined ? [] : [pathListener(entry, entry.path)],
    ),
  ];
}

/** Where the sockets are; if a reload changes that, only a restart applies it. */
export function placesOf(settings: Settings): string {
  return JSON.stringify(settings?.map(({ path, name, mode, group }) => [path, name, mode, group]));
}

/** Whether this is the administrator's socket, which permits everything unless `sockets` is set. */
export function isMainSocket(socket: PassedSocket, passed: readonly PassedSocket[]): boolean {
  return passed.length === 1 || MAIN_NAMES.includes(socket.name);
}

export function nameListener({ where }: Listener): string {
  return 'fd' in where ? where.name : where.path;
}

export class Sockets {
  readonly #log: Log;
  readonly #servers: Open[] = [];
  readonly #clients = new Set<Socket>();
  /** Clients that have not got any reply yet. */
  readonly #unanswered = new Set<Socket>();
  readonly #settings: () => Settings;
  readonly #seen: () => Seen;
  readonly #handle: (request: Request, responder: Responder) => void;
  readonly #left: () => void;
  readonly #fairQueue: FairQueue;
  #answered = (): void => {};
  /** The refusal of clients has been logged. */
  #isFull = false;

  constructor(options: {
    readonly log: Log;
    /** From the current configuration. */
    readonly settings: () => Settings;
    readonly seen: () => Seen;
    readonly handle: (request: Request, responder: Responder) => void;
    /** A client has disconnected. */
    readonly left: () => void;
    readonly fairQueue: FairQueue;
  }) {
    this.#log = options.log;
    this.#settings = options.settings;
    this.#seen = options.seen;
    this.#handle = options.handle;
    this.#left = options.left;
    this.#fairQueue = options.fairQueue;
  }

  get connections(): number {
    return this.#clients.size;
  }

  /** Listens on all of them, or returns what is wrong with one. */
  async open(listeners: readonly Listener[]): Promise<Result<undefined>> {
    // Slow things first: no client is served before the last socket is open.
    const gids = new Map<Listener, number>();
    for (const listener of listeners) {
      const gid = await gidOf(listener);
      if (!gid.ok) return gid;
      if (gid.value !== undefined) gids.set(listener, gid.value);
    }
    // systemd's sockets last: once closed, they could not be opened again to report a mistake.
    for (const listener of [...listeners].sort((one, other) => isPassed(one) - isPassed(other))) {
      const serve = this.#serve(listener);
      const { where } = listener;
      const gid = gids.get(listener);
      const owned = 'fd' in where ? where : { ...where, ...(gid === undefined ? {} : { gid }) };
      const opened = 'fd' in owned ? await listenOn(owned, serve) : await listenAt(owned, serve);
      if (!opened.ok) {
        for (const server of this.#servers) server.close();
        return opened;
      }
      this.#servers.push(opened.value);
    }
    return { ok: true, value: undefined };
  }

  /** Accepts no more clients; resolves when those that have just connected are answered. */
  async close(): Promise<void> {
    for (const server of this.#servers) server.close();
    if (this.#unanswered.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, DRAIN_MS);
      this.#answered = () => {
        if (this.#unanswered.size > 0) return;
        clearTimeout(timer);
        // Their other requests are answered in the current turn.
        setImmediate(resolve);
      };
    });
  }

  /** Sends the reason, so that the client does not have to guess. */
  #turnAway(client: Socket, listener: Listener): void {
    if (!this.#isFull) this.#log.warn({ socket: nameListener(listener) }, 'clients are refused');
    this.#isFull = true;
    client.on('error', () => {});
    const message = tooManyClients(CONNECTIONS_MAX, nameListener(listener));
    const reply: Reply = { type: 'error', code: 'busy', exit: EXIT.notNow, message };
    client.end(`${JSON.stringify(reply)}\n`);
    client.resume();
    const timer = setTimeout(() => client.destroy(), TURNED_AWAY_MS);
    client.once('close', () => clearTimeout(timer));
  }

  #serve(listener: Listener): (client: Socket) => void {
    const rights = (): Rights => listener.rights(this.#settings());
    const handle = authorize(this.#handle, rights, this.#seen);
    const here = new Set<Socket>();
    return (client) => {
      if (here.size >= CONNECTIONS_MAX) return this.#turnAway(client, listener);
      here.add(client);
      this.#clients.add(client);
      this.#unanswered.add(client);
      const heard = (): void => {
        if (this.#unanswered.delete(client)) this.#answered();
      };
      client.once('close', () => {
        here.delete(client);
        this.#clients.delete(client);
        this.#isFull = false;
        heard();
        this.#left();
      });
      const answer = (request: Request, responder: Responder): void => {
        const send: Responder['send'] = (reply) => {
          responder.send(reply);
          heard();
        };
        handle(request, { ...responder, send });
      };
      new Connection(client, answer, { log: this.#log, fairQueue: this.#fairQueue });
    };
  }
}

function isPassed({ where }: Listener): number {
  return 'fd' in where ? 1 : 0;
}

function passedListener(socket: PassedSocket, isMain: boolean): Listener {
  const { name } = socket;
  return {
    where: socket,
    rights: (settings) => {
      const entry = settings?.find((it) => it.name === name);
      if (entry !== undefined) return rightsOf(entry, entry.path ?? name);
      if (settings === undefined && isMain) return { socket: name };
      return { socket: name, closed: 'name' };
    },
  };
}

function ownListener(path: string): Listener {
  return { where: { path, mode: MODE_DEFAULT }, rights: () => ({ socket: path }) };
}

function pathListener({ mode = MODE_DEFAULT, group }: SocketSettings, path: string): Listener {
  return {
    where: { path, mode, ...(group === undefined ? {} : { group }) },
    rights: (settings) => {
      const entry = settings?.find((it) => it.path === path);
      if (entry !== undefined) return rightsOf(entry, path);
      return { socket: path, closed: 'path' };
    },
  };
}

function rightsOf({ allow, targets }: SocketSettings, socket: string): Rights {
  return {
    socket,
    ...(allow === undefined ? {} : { allow }),
    ...(targets === undefined ? {} : { targets }),
  };
}

async function gidOf({ where }: Listener): Promise<Result<number | undefined>> {
  if ('fd' in where || where.group === undefined) return { ok: true, value: undefined };
  const { path, group } = where;
  const gid = typeof group === 'number' ? group : await findGroup(group);
  if (gid !== undefined) return { ok: true, value: gid };
  return { ok: false, error: noSocketGroup(path, group) };
}
