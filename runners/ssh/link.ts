/**
 * Connects to a host over all hops of its way: address, host key, authentication. Every failure is a
 * value that names its phase. Only what the network did is tried again, and nothing here has run
 * any command, so trying again is safe.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { SshSession } from '../runner.ts';
import type { Gates } from './gate.ts';
import { Handshake, type Link, type Linked } from './handshake.ts';
import type { Failure } from './message.ts';
import type { KeyRing } from './privatekey.ts';
import type { Router } from './route.ts';

const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 30_000;

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
