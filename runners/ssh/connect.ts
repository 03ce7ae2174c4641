/**
 * Connects to a host over all hops of its route: address, host key, authentication. Every failure
 * is a value that names its phase. Only network failures are retried, which is safe because no
 * command has been run here.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { SshSession } from '../../daemon/core/plan.ts';
import { Handshake, type JumpChain, type Link, type Unlinked } from './handshake.ts';
import type { HandshakeLimiter } from './handshake-limiter.ts';
import type { Failure } from './keeper-protocol.ts';
import type { KeyRing } from './private-key.ts';
import type { Router } from './route.ts';
import * as say from './ssh-messages.ts';

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

/** What all sessions of a keeper share. */
export interface SharedParts {
  readonly limiter: HandshakeLimiter;
  readonly router: Router;
  readonly keys: KeyRing;
  /** When the keeper was told to end (TERM), by CLOCK_MONOTONIC. */
  termAtMs?: number;
}

type Connected = { readonly ok: true; readonly link: JumpChain } | Unlinked;

/** Connects, and retries as often as the session says. Ends early when aborted. */
export async function connect(
  session: SshSession,
  shared: SharedParts,
  abort: AbortSignal,
): Promise<Connected> {
  for (let attempt = 0; ; attempt++) {
    const linked = await connectOnce(session, shared, abort);
    if (linked.ok || !linked.isPassing || abort.aborted) return linked;
    if (attempt >= session.retries) return attempt === 0 ? linked : afterAll(linked, attempt + 1);
    const pauseMs = Math.min(RETRY_MS_MIN * 2 ** attempt, RETRY_MS_MAX);
    await delay(pauseMs * (0.5 + Math.random() / 2), undefined, { signal: abort }).catch(() => {});
  }
}

function afterAll(linked: Unlinked, times: number): Unlinked {
  const { phase, message } = linked.failure;
  return { ...linked, failure: { phase, message: say.afterTries(times, message) } };
}

async function connectOnce(
  session: SshSession,
  shared: SharedParts,
  abort: AbortSignal,
): Promise<Connected> {
  const route = await shared.router.routeTo(session);
  if (!route.ok) {
    const failure: Failure = { phase: 'connect', message: route.message };
    const { shortage } = route;
    const lack = shortage === undefined ? {} : { shortage };
    return { ok: false, failure, isPassing: false, seen: [], ...lack };
  }
  const links: Link[] = [];
  let leave = (): void => {};
  const close = (): void => {
    leave();
    for (const link of links.toReversed()) link.close();
  };
  const seen = (): readonly string[] => links.flatMap((link) => link.seen);
  for (const [index, hop] of route.hops.entries()) {
    const isLast = index === route.hops.length - 1;
    // Holds only the last place: waiting at one host while holding a place at another can deadlock.
    leave();
    const left = await shared.limiter.enter(`${hop.host}:${hop.port}`, abort);
    if (left === undefined) {
      close();
      const failure: Failure = { phase: 'connect', message: say.givenUp() };
      return { ok: false, failure, isPassing: false, seen: seen() };
    }
    leave = left;
    const asked = { ...session, hostKey: hostKeyFor(session, isLast) };
    const linked = await new Handshake(hop, asked, shared.keys).run(links.at(-1), abort);
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
  setTimeout(leave, session.connectTimeoutMs).unref();
  const { client, name } = last;
  return { ok: true, link: { client, name, seen: seen(), trouble, close, settled: leave } };
}

/** A pinned key is the target's own; jump hosts are checked with the files. */
function hostKeyFor(session: SshSession, isLast: boolean): string {
  return isLast || session.hostKey === 'accept-new' ? session.hostKey : 'strict';
}
