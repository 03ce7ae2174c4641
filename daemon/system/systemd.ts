/**
 * What systemd passes to a service: listening sockets (sd_listen_fds(3)), a journal behind stdout,
 * and a socket for readiness messages (sd_notify(3)). No library and no native code: it is all in
 * the environment, and as Node has no Unix datagram sockets, systemd-notify sends the messages.
 *
 * Invariant: none of it is left in the environment, where a child could take it for its own.
 */
import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import type { Log } from './log.ts';

/** A listening socket that systemd owns: it is never unlinked, locked or changed. */
export interface PassedSocket {
  readonly fd: number;
  /** FileDescriptorName= of its unit; the order of several differs from start to start. */
  readonly name: string;
  /** Set if this process already listens on it, with clients whose requests have not been read. */
  readonly listening?: { readonly server: Server; readonly clients: Socket[] };
}

/** Tells systemd that the daemon is ready, with the text for `systemctl status`. */
export type Notify = (status: string, log: Pick<Log, 'warn'>) => void;

type Env = Record<string, string | undefined>;

/** SD_LISTEN_FDS_START */
const FIRST_FD = 3;
/** Node closes descriptors from 3 up in its children as long as there is no gap. */
const SOCKETS_MAX = 64;

/** Takes the sockets for the process `pid` out of the environment. */
export function takeSockets(env: Env, pid: number): readonly PassedSocket[] {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env;
  delete env['LISTEN_PID'];
  delete env['LISTEN_FDS'];
  delete env['LISTEN_FDNAMES'];
  if (LISTEN_PID !== String(pid)) return [];
  const count = /^\d+$/.test(LISTEN_FDS ?? '') ? Math.min(Number(LISTEN_FDS), SOCKETS_MAX) : 0;
  const names = LISTEN_FDNAMES.split(':');
  return Array.from({ length: count }, (_, index) => ({
    fd: FIRST_FD + index,
    name: names[index] || 'unknown',
  }));
}

/** Takes the notification socket out of the environment; does nothing if there is none. */
export function takeNotify(env: Env): Notify {
  const { NOTIFY_SOCKET, PATH } = env;
  delete env['NOTIFY_SOCKET'];
  if (NOTIFY_SOCKET === undefined) return () => {};
  return (status, log) => {
    const child = spawn('systemd-notify', ['--ready', `--status=${status}`], {
      stdio: 'ignore',
      env: { NOTIFY_SOCKET, PATH },
    });
    child.on('error', (err) => log.warn({ err }, 'cannot tell systemd "ready"'));
    child.unref();
  };
}

/** Whether this descriptor is connected to the journal: systemd.exec(5), JOURNAL_STREAM. */
export function goesToJournal(env: Readonly<Env>, fd: number): boolean {
  const stream = env['JOURNAL_STREAM'];
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(fd);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
