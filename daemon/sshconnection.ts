/**
 * A connection to the SSH keeper of a state directory, which is started where there is none. See
 * runners/ssh/message.ts for what is said on it.
 *
 * The socket is reached through a descriptor of the state directory: its own path may be longer
 * than the 107 bytes that the kernel takes.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type FromKeeper,
  KEEPER_VERSION,
  SOCKET_NAME,
  type ToKeeper,
} from '../runners/ssh/message.ts';
import { errnoOf } from './launch.ts';

const LOG_NAME = 'ssh.log';
const KEEPER = join(import.meta.dirname, '../runners/ssh/keeper.js');
/** How long a keeper has to answer, or to come up. */
const ANSWER_MS = 20_000;

export interface SshConnection {
  /** The keeper's. */
  readonly pid: number;
  send(message: ToKeeper): void;
  close(): void;
}

export interface Listener {
  take(message: FromKeeper): void;
  closed(): void;
}

/** A connection, or why there is none; with `mayStart` false only to a keeper that runs. */
export async function openConnection(
  directory: string,
  mayStart: boolean,
  listener: Listener,
): Promise<SshConnection | string> {
  const found = await greet(directory, listener);
  if (typeof found !== 'string') return found;
  if (!mayStart) return found;
  const started = await startKeeper(directory);
  return started ?? (await greet(directory, listener));
}

/** Connects and waits for `hello`. A keeper of another version is told to take no more runs. */
async function greet(directory: string, listener: Listener): Promise<SshConnection | string> {
  const folder = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  const socket = createConnection(`/proc/self/fd/${folder}/${SOCKET_NAME}`);
  try {
    return await hello(socket, listener);
  } finally {
    closeSync(folder);
  }
}

function hello(socket: Socket, listener: Listener): Promise<SshConnection | string> {
  return new Promise((resolve) => {
    let isOpen = false;
    const send = (message: ToKeeper): void => {
      socket.write(`${JSON.stringify(message)}\n`);
    };
    const refuse = (why: string): void => {
      resolve(why);
      socket.destroy();
    };
    socket.setTimeout(ANSWER_MS, () => refuse('the SSH keeper does not answer'));
    socket.on('error', (error) => resolve(errnoOf(error)));
    socket.on('close', () => {
      if (isOpen) listener.closed();
      else resolve('the SSH keeper has left');
    });
    const lines = createInterface(socket);
    lines.on('error', () => {}); // readline hands on what the socket has said already
    lines.on('line', (line) => {
      const message = JSON.parse(line) as FromKeeper;
      if (isOpen) return listener.take(message);
      if (message.type !== 'hello' || message.version !== KEEPER_VERSION) {
        send({ type: 'retire' });
        socket.end();
        return resolve('the SSH keeper is of another version');
      }
      isOpen = true;
      socket.setTimeout(0);
      resolve({ pid: message.pid, send, close: () => socket.destroy() });
    });
  });
}

/** Resolves once it listens, or with the reason why it does not. */
function startKeeper(directory: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const path = join(directory, LOG_NAME);
    const failed = (why: string): void => {
      resolve(`the SSH keeper could not be started (${why}); see ${path}`);
    };
    let log: number;
    try {
      log = openSync(path, 'a', 0o600);
    } catch (error) {
      return failed(errnoOf(error));
    }
    const child = spawn(process.execPath, [...NODE_FLAGS, KEEPER, directory], {
      detached: true,
      cwd: '/',
      env: environment(),
      stdio: ['ignore', log, log, 'pipe'],
    });
    closeSync(log);
    child.unref();
    child.on('error', (error) => failed(errnoOf(error)));
    child.on('exit', (code, signal) => failed(`it ended with ${code ?? signal}`));
    const ready = child.stdio[3];
    ready?.on('error', () => {});
    ready?.on('close', () => resolve(undefined));
    if (ready && 'resume' in ready) ready.resume();
  });
}

/** Small young generations: what passes through is output, which lives for one write. */
const NODE_FLAGS = ['--max-semi-space-size=1'];

/** What ssh(1) and the agent need; nothing else of the daemon's own. */
function environment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'USER', 'LOGNAME', 'SSH_AUTH_SOCK', 'LANG', 'TZ'];
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
