/**
 * Listens on Unix sockets: on a path of the daemon's own, or on a descriptor that systemd passes.
 *
 * A path has the right mode from the start (umask around the bind, which is synchronous; a wider
 * mode only once the group is right), a stale socket of a dead daemon is replaced under a lock, and
 * a path that the kernel would truncate is refused. Sockets that systemd owns are only listened on.
 *
 * Invariant: a socket on which somebody listens is never replaced, and only the socket that was
 * created here is removed at the end: systemd, which ignores locks, may have put its own there.
 */

import { chmodSync, chownSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import { SOCKET_PATH_BYTES_MAX } from '../protocol/request.ts';
import { errnoOf } from '../shared/errno.ts';
import type { Result } from '../shared/result.ts';
import * as say from '../system/boot-messages.ts';
import { signLock, takeLock } from '../system/flock.ts';
import { nameGroup } from '../system/owner-name.ts';
import type { PassedSocket } from '../system/systemd.ts';
import { whoListens } from './unix-listener.ts';

/** Owner only. */
export const MODE_DEFAULT = 0o600;
const UMASK = 0o177;
/** For a directory that is created for sockets; the sockets restrict who may open them. */
const DIRECTORY_MODE = 0o755;

type Serve = (client: net.Socket) => void;

export interface OwnSocket {
  readonly path: string;
  readonly mode: number;
  readonly gid?: number;
}

/** A socket that is listened on. */
export interface Open {
  readonly server: net.Server;
  /** Accepts no more clients. */
  close(): void;
}

/** Creates a socket and listens on it; passes every client to `serve`. */
export async function listenAt(place: OwnSocket, serve: Serve): Promise<Result<Open>> {
  const { path } = place;
  const bytes = Buffer.byteLength(path);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    return { ok: false, error: say.longSocketPath(path, bytes, SOCKET_PATH_BYTES_MAX) };
  }
  try {
    withUmask(0o022, () => mkdirSync(dirname(path), { recursive: true, mode: DIRECTORY_MODE }));
  } catch (error) {
    return { ok: false, error: say.noSocketDirectory(path, error) };
  }
  const lock = takeLock(`${path}.lock`, '--socket PATH');
  if (!lock.ok) return lock;
  signLock(lock.value);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isSocket()) {
    return { ok: false, error: say.noSocket(path) };
  }
  if (there !== undefined) {
    const inUse = await findListener(path);
    if (inUse !== undefined) return { ok: false, error: inUse };
    // A dead daemon left it, and under the lock no other daemon can create it again.
    unlinkSync(path);
  }
  const bound = await listen({ path }, `socket ${path}`, serve);
  if (!bound.ok) return bound;
  const own = { server: bound.value, close: closerOf(bound.value, path) };
  const widened = widen(place);
  if (widened.ok) return { ok: true, value: own };
  own.close();
  return widened;
}

/** Why the socket may not be replaced, or undefined if nobody listens. */
async function findListener(path: string): Promise<string | undefined> {
  const listening = whoListens(path);
  if (listening !== undefined) return say.othersListen(path, listening.name, listening.pid);
  // A listener in another network namespace, such as a container's, was not seen.
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(undefined);
    });
    socket.once('error', (error) => resolve(errnoOf(error)));
  });
  if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined;
  return code === undefined ? say.othersListen(path) : say.notReplaced(path, code);
}

/** libuv removes whatever is at the path then, so it must not close if that is somebody else's. */
function closerOf(server: net.Server, path: string): () => void {
  const { dev, ino } = lstatSync(path);
  return () => {
    const now = lstatSync(path, { throwIfNoEntry: false });
    // Without its file nobody can reach the old socket any more; it ends with the process.
    if (now === undefined || (now.dev === dev && now.ino === ino)) server.close();
    else server.unref();
  };
}

/** Listens on a descriptor that systemd passes. A network socket is refused: baton uses none. */
export async function listenOn(
  { fd, name, listening }: PassedSocket,
  serve: Serve,
): Promise<Result<Open>> {
  if (listening !== undefined) {
    const { server, clients } = listening;
    server.removeAllListeners('connection').on('connection', serve);
    for (const client of clients.splice(0)) serve(client);
    return { ok: true, value: { server, close: () => server.close() } };
  }
  const what = `socket "${name}" (descriptor ${fd})`;
  const bound = await listen({ fd }, what, serve);
  if (!bound.ok) return bound;
  const server = bound.value;
  const address = server.address();
  if (address === null || typeof address === 'string') {
    return { ok: true, value: { server, close: () => server.close() } };
  }
  server.close();
  return { ok: false, error: say.networkSocket(what) };
}

function listen(
  where: { readonly path: string } | { readonly fd: number },
  what: string,
  serve: Serve,
): Promise<Result<net.Server>> {
  const server = net.createServer({ allowHalfOpen: true }, serve);
  return new Promise((resolve) => {
    // Also later: an accept that fails because of too many open files must not end the daemon.
    server.on('error', (error) => {
      resolve({ ok: false, error: say.cannotListen(what, error) });
    });
    withUmask(UMASK, () => server.listen(where, () => resolve({ ok: true, value: server })));
  });
}

/** Sets its group, and only then its wider mode. */
function widen({ path, mode, gid }: OwnSocket): Result<undefined> {
  try {
    if (gid !== undefined) chownSync(path, -1, gid);
    if (mode !== MODE_DEFAULT) chmodSync(path, mode);
    return { ok: true, value: undefined };
  } catch (error) {
    return {
      ok: false,
      error: say.cannotWiden(path, gid === undefined ? gid : nameGroup(gid), error),
    };
  }
}

function withUmask(umask: number, action: () => void): void {
  const before = process.umask(umask);
  try {
    action();
  } finally {
    process.umask(before);
  }
}
