/**
 * Connects to a host over all hops of its way: address, host key, authentication. Every failure is a
 * value that names its phase. Only what the network did is tried again, and nothing here has run
 * any command, so trying again is safe.
 */
import { createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import ssh2, { type AnyAuthMethod, type Client } from 'ssh2';
import { showDuration } from '../../daemon/duration.ts';
import { fingerprint } from '../knownhosts.ts';
import type { SshSession } from '../runner.ts';
import type { Gates } from './gate.ts';
import { HostKeyCheck } from './hostkey.ts';
import type { Failure } from './message.ts';
import type { KeyRing } from './privatekey.ts';
import type { Hop, Router } from './route.ts';

/** A link on which nothing comes back so many times is dead. */
const ALIVE_COUNT_MAX = 4;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

export interface Link {
  readonly client: Client;
  /** Where it leads to, for people. */
  readonly name: string;
  /** What was seen on the way, a sentence each. */
  readonly seen: readonly string[];
  /** Why it broke, as far as is known. */
  trouble(): string | undefined;
  /** Closes it, and all that it runs over. */
  close(): void;
}

export type Linked =
  | { readonly ok: true; readonly link: Link }
  | {
      readonly ok: false;
      readonly failure: Failure;
      readonly isPassing: boolean;
      readonly seen: readonly string[];
    };

/** What all sessions of a keeper share. */
export interface Desk {
  readonly gates: Gates;
  readonly router: Router;
  readonly keys: KeyRing;
}

/** Connects, and tries again as often as the session says. Ends early when aborted. */
export async function connect(
  session: SshSession,
  desk: Desk,
  abort: AbortSignal,
): Promise<Linked> {
  for (let attempt = 0; ; attempt++) {
    const linked = await connectOnce(session, desk, abort);
    if (linked.ok || !linked.isPassing || abort.aborted) return linked;
    if (attempt >= session.retries) return attempt === 0 ? linked : afterAll(linked, attempt + 1);
    const pauseMs = Math.min(RETRY_MS_MIN * 2 ** attempt, RETRY_MS_MAX);
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: abort }).catch(() => {});
  }
}

function afterAll(linked: Extract<Linked, { ok: false }>, times: number): Linked {
  const { phase, message } = linked.failure;
  return { ...linked, failure: { phase, message: `${message} (tried ${times} times)` } };
}

async function connectOnce(session: SshSession, desk: Desk, abort: AbortSignal): Promise<Linked> {
  const route = await desk.router.routeTo(session);
  if (!route.ok) {
    const failure: Failure = { phase: 'connect', message: route.message };
    return { ok: false, failure, isPassing: false, seen: [] };
  }
  const links: Link[] = [];
  const close = (): void => {
    for (const link of links.toReversed()) link.close();
  };
  const seen = (): readonly string[] => links.flatMap((link) => link.seen);
  for (const [index, hop] of route.hops.entries()) {
    const isLast = index === route.hops.length - 1;
    const leave = await desk.gates.enter(`${hop.host}:${hop.port}`);
    const asked = { ...session, hostKey: hostKeyFor(session, isLast) };
    const linked = await new Handshake(hop, asked, desk.keys).run(links.at(-1), abort);
    leave();
    if (!linked.ok) {
      close();
      return { ...linked, seen: [...seen(), ...linked.seen] };
    }
    links.push(linked.link);
  }
  const last = links.at(-1);
  if (last === undefined) throw new Error('Internal error: a way without hops');
  const trouble = (): string | undefined => {
    for (const link of links) if (link.trouble() !== undefined) return link.trouble();
    return undefined;
  };
  return { ok: true, link: { client: last.client, name: last.name, seen: seen(), trouble, close } };
}

/** A pinned key is the target's own; hosts on the way are known by the files. */
function hostKeyFor(session: SshSession, isLast: boolean): string {
  return isLast || session.hostKey === 'accept-new' ? session.hostKey : 'strict';
}

/** One handshake with one host. */
class Handshake {
  readonly #hop: Hop;
  readonly #session: SshSession;
  readonly #keys: KeyRing;
  readonly #check: HostKeyCheck;
  readonly #client: Client = new ssh2.Client();
  readonly #name: string;
  readonly #offered: string[] = [];
  readonly #skipped: string[] = [];
  #method = '';
  #trouble: string | undefined;
  #isTrusted = false;
  #version = '';

  constructor(hop: Hop, session: SshSession, keys: KeyRing) {
    this.#hop = hop;
    this.#session = session;
    this.#keys = keys;
    this.#check = new HostKeyCheck(hop, session.hostKey);
    this.#name = `${hop.user}@${hop.host}:${hop.port}`;
  }

  /** Over `before` where there is one. */
  async run(before: Link | undefined, abort: AbortSignal): Promise<Linked> {
    const { host, port } = this.#hop;
    let sock: Duplex | undefined;
    const over = AbortSignal.any([abort, AbortSignal.timeout(this.#session.connectTimeoutMs)]);
    try {
      over.throwIfAborted();
      sock = await within(before ? forward(before, host, port) : dial(host, port), over);
      await within(this.#shake(sock), over);
    } catch (error) {
      this.#client.destroy();
      sock?.destroy();
      return this.#fail(error, over.aborted && !abort.aborted);
    }
    this.#client.on('close', () => sock.destroy());
    return { ok: true, link: this.#link() };
  }

  #shake(sock: Duplex): Promise<void> {
    return new Promise((resolve, reject) => {
      const client = this.#client;
      client.on('error', (error) => {
        this.#trouble ??= error.message;
        reject(error);
      });
      client.on('close', () => reject(new Error('the server closed the connection')));
      client.on('handshake', () => {
        this.#isTrusted = true;
      });
      client.on('ready', () => resolve());
      const methods = this.#methods();
      client.connect({
        sock,
        username: this.#hop.user,
        readyTimeout: 0,
        keepaliveInterval: this.#session.keepaliveMs,
        keepaliveCountMax: ALIVE_COUNT_MAX,
        algorithms: { serverHostKey: this.#check.algorithms },
        hostVerifier: (key: Buffer) => this.#check.verify(key),
        authHandler: (_left, _partial, next) => {
          const method = methods.next();
          if (method.done) next(false as never);
          else next(method.value);
        },
        debug: (line: string) => this.#listen(line),
      });
    });
  }

  /** ssh2 tells the server's version only here. Nothing of these lines is kept or logged. */
  #listen(line: string): void {
    this.#version ||= /^Remote ident: '([\x20-\x7e]{1,255})'/.exec(line)?.[1] ?? '';
  }

  *#methods(): Generator<AnyAuthMethod> {
    const { user: username, keys, agent } = this.#hop;
    for (const path of keys) {
      const key = this.#keys.read(path, this.#session.passphraseFile);
      if (typeof key === 'string') {
        if (!key.endsWith('(ENOENT)') || this.#session.keys.length > 0) this.#skipped.push(key);
        continue;
      }
      this.#method = `key ${path} (${fingerprint(key.getPublicSSH())})`;
      this.#offered.push(this.#method);
      yield { type: 'publickey', username, key };
    }
    if (agent === undefined) return;
    this.#method = `the agent at ${agent}`;
    this.#offered.push(this.#method);
    yield { type: 'agent', username, agent };
  }

  #link(): Link {
    const trouble: string[] = [];
    try {
      this.#check.remember();
    } catch (error) {
      trouble.push(`the new host key could not be written down (${String(error)})`);
    }
    const seen = [
      `connected to ${this.#hop.host} port ${this.#hop.port}${this.#version && ` (${this.#version})`}`,
      `${this.#check.seen}`,
      `authenticated as ${this.#hop.user} with ${this.#method}`,
      ...trouble,
    ];
    const client = this.#client;
    return {
      client,
      name: this.#name,
      seen,
      trouble: () => this.#trouble,
      close: () => {
        client.end();
      },
    };
  }

  #fail(error: unknown, isLate: boolean): Linked {
    const fail = (phase: Failure['phase'], message: string, isPassing: boolean): Linked => {
      const seen = this.#check.seen === undefined ? [] : [this.#check.seen];
      return { ok: false, failure: { phase, message }, isPassing, seen };
    };
    if (this.#check.refusal !== undefined) return fail('hostkey', this.#check.refusal, false);
    const said = error instanceof Error ? error.message : String(error);
    const { host, port, user } = this.#hop;
    const where = `${host} port ${port}`;
    if (isLate) {
      const limit = showDuration(this.#session.connectTimeoutMs);
      return fail('connect', `no answer from ${where} within ${limit}`, true);
    }
    if (this.#isTrusted) {
      const offered = this.#offered.join(', ') || 'nothing: there is no usable key';
      const skipped = this.#skipped.length === 0 ? '' : `; not usable: ${this.#skipped.join('; ')}`;
      const why = /All configured authentication/.test(said) ? '' : ` (${said})`;
      return fail(
        'auth',
        `${where} refused user ${user}${why}; offered: ${offered}${skipped}`,
        false,
      );
    }
    const isFinal = /no matching|invalid|unsupported/i.test(said);
    return fail('connect', `${where}: ${said}`, !isFinal);
  }
}

/** ssh2's own socket does not set TCP_NODELAY, which costs 40 ms an exchange. */
function dial(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port, noDelay: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function forward(link: Link, host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    link.client.forwardOut('127.0.0.1', 0, host, port, (error, channel) => {
      if (error) reject(new Error(`${link.name} cannot reach it: ${error.message}`));
      else resolve(channel);
    });
  });
}

/** A promise, or the abort if that comes first; what comes too late is thrown away. */
function within<T>(promise: Promise<T>, abort: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(new Error('given up'));
      promise.then(
        (late) => (late as { destroy?(): void } | undefined)?.destroy?.(),
        () => {},
      );
    };
    abort.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => abort.removeEventListener('abort', stop));
  });
}
