/**
 * Listens on Unix sockets: on a path of the daemon's own, or on a descriptor that systemd passes.
 *
 * A path has its mode from the first moment (umask around the bind, which is synchronous; a wider
 * mode only once the group is right), a socket that a dead daemon left is replaced under a lock, and
 * a path that the kernel would cut is refused. What systemd owns is only listened on.
 */
import { chmodSync, chownSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import type { Result } from './journal.ts';
import { signLock, takeLock } from './lock.ts';
import * as say from './message/boot.ts';
import { SOCKET_PATH_BYTES_MAX } from './protocol.ts';

/** Owner only. */
export const MODE_DEFAULT = 0o600;
const UMASK = 0o177;
/** Of a directory that is made for a socket: who may open which is said by the sockets in it. */
const DIRECTORY_MODE = 0o755;

type Serve = (client: net.Socket) => void;

export interface Owned {
  readonly path: string;
  readonly mode: number;
  readonly gid?: number;
}

/** Makes a socket and listens on it; every client is handed to `serve`. */
export async function listenAt(place: Owned, serve: Serve): Promise<Result<net.Server>> {
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
  // Under the lock nobody else listens here: what is there was left by a dead daemon.
  if (there !== undefined) unlinkSync(path);
  const bound = await listen({ path }, `socket ${path}`, serve);
  return bound.ok ? widen(bound.value, place) : bound;
}

/** Listens on a descriptor that systemd passes. A network socket is refused: baton has none. */
export async function listenOn(
  { fd, name }: { readonly fd: number; readonly name: string },
  serve: Serve,
): Promise<Result<net.Server>> {
  const what = `socket "${name}" (descriptor ${fd})`;
  const bound = await listen({ fd }, what, serve);
  if (!bound.ok) return bound;
  const address = bound.value.address();
  if (address === null || typeof address === 'string') return bound;
  bound.value.close();
  return { ok: false, error: say.networkSocket(what) };
}

function listen(
  where: { readonly path: string } | { readonly fd: number },
  what: string,
  serve: Serve,
): Promise<Result<net.Server>> {
  const server = net.createServer({ allowHalfOpen: true }, serve);
  return new Promise((resolve) => {
    // Also later: an accept that fails for want of files must not end the daemon.
    server.on('error', (error) => {
      resolve({ ok: false, error: say.cannotListen(what, error) });
    });
    withUmask(UMASK, () => server.listen(where, () => resolve({ ok: true, value: server })));
  });
}

/** Gives it to its group, and only then lets more than its owner in. */
function widen(server: net.Server, { path, mode, gid }: Owned): Result<net.Server> {
  try {
    if (gid !== undefined) chownSync(path, -1, gid);
    if (mode !== MODE_DEFAULT) chmodSync(path, mode);
    return { ok: true, value: server };
  } catch (error) {
    server.close();
    return { ok: false, error: say.cannotWiden(path, gid, error) };
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
