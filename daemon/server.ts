/**
 * Listens on the Unix socket. The mode is right from the first moment (umask around the bind, which
 * is synchronous), a socket that a dead daemon left is replaced under a lock, and a path that the
 * kernel would cut is refused.
 */
import { lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import net from 'node:net';
import { dirname } from 'node:path';
import type { Result } from './journal.ts';
import { signLock, takeLock } from './lock.ts';
import { SOCKET_PATH_BYTES_MAX } from './protocol.ts';

/** Most clients at once; a further one is told to come back. */
export const CONNECTIONS_MAX = 4_096;
/** Owner only. */
const UMASK = 0o177;

/** Listens on `path`; every client is handed to `serve`. */
export async function listen(
  path: string,
  serve: (socket: net.Socket) => void,
): Promise<Result<net.Server>> {
  const bytes = Buffer.byteLength(path);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    const error = `socket path ${path}: has ${bytes} bytes, at most ${SOCKET_PATH_BYTES_MAX} are possible; choose a shorter one with --socket`;
    return { ok: false, error };
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  } catch (error) {
    return { ok: false, error: `socket ${path}: its directory cannot be made (${text(error)})` };
  }
  const lock = takeLock(`${path}.lock`);
  if (!lock.ok) return lock;
  signLock(lock.value);
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isSocket()) {
    const error = `socket ${path}: is there already and is no socket; remove it, or name another place with --socket`;
    return { ok: false, error };
  }
  // Under the lock nobody else listens here: what is there was left by a dead daemon.
  if (there !== undefined) unlinkSync(path);
  return await bind(path, serve);
}

function bind(path: string, serve: (socket: net.Socket) => void): Promise<Result<net.Server>> {
  const server = net.createServer({ allowHalfOpen: true }, serve);
  server.maxConnections = CONNECTIONS_MAX;
  return new Promise((resolve) => {
    server.once('error', (error) => {
      resolve({ ok: false, error: `socket ${path}: cannot be listened on (${text(error)})` });
    });
    const before = process.umask(UMASK);
    server.listen(path, () => resolve({ ok: true, value: server }));
    process.umask(before);
  });
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
