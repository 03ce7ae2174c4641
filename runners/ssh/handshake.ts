/**
 * One handshake with one host: address, host key, authentication. Every failure is a value that
 * names its phase and says whether it may be temporary.
 */
import { createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type AnyAuthMethod, type Client, type ParsedKey } from 'ssh2';
import type { SshSession } from '../../daemon/core/plan.ts';
import { showDuration } from '../../daemon/shared/duration.ts';
import { errnoOf, isShortage } from '../../daemon/shared/errno.ts';
import { SshAgent } from './agent.ts';
import { HostKeyCheck } from './host-key.ts';
import type { Failure } from './keeper-protocol.ts';
import { fingerprint } from './known-hosts.ts';
import { Limit } from './limit.ts';
import type { KeyRing } from './private-key.ts';
import type { Hop } from './route.ts';
import { Sha512Agent, signingSha512 } from './sha512.ts';
import * as say from './ssh-messages.ts';

/** After this many unanswered keepalives a connection is considered dead. */
const ALIVE_COUNT_MAX = 4;

export interface Link {
  readonly client: Client;
  /** Where it leads, for people. */
  readonly name: string;
  /** What was seen on the way, one sentence each. */
  readonly seen: readonly string[];
  /** Why it broke, as far as known. */
  trouble(): string | undefined;
  /** Closes it and everything below it. */
  close(): void;
}

/** A connection over all hops of a route. */
export interface JumpChain extends Link {
  /** Its last server has answered on a channel: call this once, see handshake-limiter.ts. */
  settled(): void;
}

export interface Unlinked {
  readonly ok: false;
  readonly failure: Failure;
  readonly isPassing: boolean;
  /** The errno of a temporary shortage on this machine, which says nothing about the route. */
  readonly shortage?: string;
  readonly seen: readonly string[];
}

export type Linked = { readonly ok: true; readonly link: Link } | Unlinked;

/** One handshake with one host. */
export class Handshake {
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
  #agent: 'asked' | 'answered' | undefined;
  #version = '';
  /** Lets go of an agent that never answers. */
  readonly #left = new AbortController();
  /** The shortage (errno) because of which a key or the agent could not be used. */
  #shortage: string | undefined;

  constructor(hop: Hop, session: SshSession, keys: KeyRing) {
    this.#hop = hop;
    this.#session = session;
    this.#keys = keys;
    this.#check = new HostKeyCheck(hop, session.hostKey);
    this.#name = `${hop.user}@${hop.host}:${hop.port}`;
  }

  /** Through `before` if there is one. */
  async run(before: Link | undefined, abort: AbortSignal): Promise<Linked> {
    const { host, port } = this.#hop;
    const { shortage } = this.#check;
    if (shortage !== undefined) return this.#lacking(shortage, shortage);
    let sock: Duplex | undefined;
    const limit = new Limit(this.#session.connectTimeoutMs, abort);
    try {
      limit.signal.throwIfAborted();
      sock = await within(before ? forward(before, host, port) : dial(host, port), limit.signal);
      await within(this.#shake(sock), limit.signal);
    } catch (error) {
      this.#client.destroy();
      sock?.destroy();
      const failed = this.#fail(error, limit.isLate);
      this.#left.abort();
      return failed;
    } finally {
      limit.lift();
    }
    this.#client.on('close', () => sock.destroy());
    return { ok: true, link: this.#link() };
  }

  #shake(sock: Duplex): Promise<void> {
    return new Promise((resolve, reject) => {
      const client = this.#client;
      client.on('error', (error) => {
        // ssh2 continues with the other methods.
        if (error.level === 'agent') return this.#dropAgent(error);
        this.#trouble ??= error.message;
        reject(error);
      });
      client.on('close', () => reject(new Error(say.serverLeft())));
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

  /** ssh2 reports the server's version only here. None of these lines is kept or logged. */
  #listen(line: string): void {
    if (this.#agent === 'asked' && line.startsWith('Agent: Trying')) this.#agent = 'answered';
    if (this.#agent === 'answered' && line.endsWith('USERAUTH_PK_OK')) this.#agent = 'asked';
    if (line.endsWith('USERAUTH_REQUEST (publickey)')) this.#agent = 'answered';
    this.#version ||= /^Remote ident: '([\x20-\x7e]{1,255})'/.exec(line)?.[1] ?? '';
  }

  #dropAgent(error: Error): void {
    const { agent = '' } = this.#hop;
    this.#agent = 'answered';
    this.#lack(errnoOf(error));
    this.#offered.splice(this.#offered.indexOf(this.#method), 1);
    this.#skipped.push(say.agentFailed(agent, error.message));
  }

  /** A method is unavailable because of a shortage; others may still work. */
  #lack(errno: string): void {
    if (isShortage(errno)) this.#shortage ??= errno;
  }

  *#methods(): Generator<AnyAuthMethod> {
    const { user: username, keys, agent } = this.#hop;
    const rsa: (readonly [string, ParsedKey])[] = [];
    for (const path of keys) {
      const key = this.#keys.read(path, this.#session.passphraseFile);
      if (typeof key === 'string') {
        if (!key.endsWith('(ENOENT)') || this.#session.keys.length > 0) this.#skipped.push(key);
        continue;
      }
      if ('shortage' in key) {
        this.#lack(key.shortage);
        continue;
      }
      this.#method = `key ${path} (${fingerprint(key.getPublicSSH())})`;
      this.#offered.push(this.#method);
      if (key.type === 'ssh-rsa') rsa.push([this.#method, key]);
      yield { type: 'publickey', username, key };
    }
    if (agent !== undefined) {
      this.#method = `the agent at ${agent}`;
      this.#offered.push(this.#method);
      this.#agent = 'asked';
      yield { type: 'agent', username, agent: new SshAgent(agent, this.#left.signal) };
    }
    yield* this.#again(rsa);
  }

  /** RSA keys last: the server counts each one as a separate failure (MaxAuthTries). */
  *#again(rsa: readonly (readonly [string, ParsedKey])[]): Generator<AnyAuthMethod> {
    const { user: username, agent } = this.#hop;
    for (const [method, key] of rsa) {
      this.#method = method;
      yield { type: 'publickey', username, key: signingSha512(key) };
    }
    const method = `the agent at ${agent}`;
    if (agent === undefined || !this.#offered.includes(method)) return;
    this.#method = method;
    this.#agent = 'asked';
    yield { type: 'agent', username, agent: new Sha512Agent(agent, this.#left.signal) };
  }

  #link(): Link {
    const trouble: string[] = [];
    try {
      this.#check.remember();
    } catch (error) {
      trouble.push(say.hostKeyUnwritten(String(error)));
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

  #lacking(shortage: string, said: string): Unlinked {
    const message = say.noConnection(this.#hop.host, this.#hop.port, said);
    const failure = { phase: 'connect', message } as const;
    return { ok: false, failure, isPassing: false, seen: [], shortage };
  }

  #fail(error: unknown, isLate: boolean): Linked {
    const fail = (phase: Failure['phase'], message: string, isPassing: boolean): Unlinked => {
      const seen = this.#check.seen === undefined ? [] : [this.#check.seen];
      return { ok: false, failure: { phase, message }, isPassing, seen };
    };
    if (this.#check.refusal !== undefined) return fail('hostkey', this.#check.refusal, false);
    const said = error instanceof Error ? error.message : String(error);
    const { host, port } = this.#hop;
    const errno = errnoOf(error);
    if (!this.#isTrusted && isShortage(errno)) return this.#lacking(errno, said);
    if (isLate) {
      const limit = showDuration(this.#session.connectTimeoutMs);
      const { agent } = this.#hop;
      if (agent !== undefined && this.#agent === 'asked') {
        return fail('auth', say.silentAgent(agent, limit), false);
      }
      return fail('connect', say.noAnswer(host, port, limit), true);
    }
    if (this.#shortage !== undefined) return this.#lacking(this.#shortage, this.#shortage);
    if (this.#isTrusted) {
      const [skipped] = this.#skipped;
      if (this.#agent !== undefined && this.#offered.length === 0 && skipped !== undefined) {
        return fail('auth', skipped, false);
      }
      const why = /All configured authentication/.test(said) ? undefined : said;
      const text = say.refusedUser(this.#hop, why, this.#offered, this.#skipped);
      return fail('auth', text, false);
    }
    const isFinal = /no matching|invalid|unsupported/i.test(said);
    return fail('connect', say.noConnection(host, port, said), !isFinal);
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
      if (error) reject(new Error(say.viaHop(link.name, error.message)));
      else resolve(channel);
    });
  });
}

/** A promise, or the abort if that comes first; a later result is discarded. */
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
