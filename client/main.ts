/**
 * baton: the fast path. It is a separate bundle and kept tiny, because a crontab line pays for it
 * every minute: it handles `run TARGET [--wait]` and `wait RUN`, as long as all goes well. Every
 * other command line and all problems are for client/cli.ts, a bundle that is loaded only then, or
 * when there is nothing to do but wait.
 */
import { fstatSync } from 'node:fs';
import { EXIT, type Reply, SOCKET_PATH_BYTES_MAX } from '../daemon/protocol/request.ts';
import { WholeLines } from '../daemon/shared/lines.ts';
import { internal } from './client-errors.ts';
import { type Connection, connect } from './connection/pipe.ts';
import { Relay } from './connection/relay.ts';
import { isReply } from './connection/replies.ts';
import { type RunRequest, runRequest, waitRequest } from './connection/run-requests.ts';
import { PING, SILENT_MS_DEFAULT, Silence } from './connection/silence.ts';
import { findSocket } from './connection/socket.ts';
import { finish } from './ending.ts';
import { parseFast } from './fast-path.ts';
import { complain } from './terminal/output.ts';

const STDERR = 2;
/** Shorter runs end without ever needing the full client. */
const LOAD_AFTER_MS = 1_000;

// A bug must not look like the command's own status 1.
process.setUncaughtExceptionCaptureCallback((error) => {
  complain(internal(error.stack));
  process.exit(EXIT.noVerdict);
});

// Neither must a path that sets no status, which Node would treat as success.
process.on('exit', () => {
  if (process.exitCode !== undefined) return;
  complain(internal('it stopped waiting'));
  process.exitCode = EXIT.noVerdict;
});

const socket = findSocket();
const command = parseFast(process.argv.slice(2));
// At a terminal, the full client shows the progress.
const isWaiting = command?.verb === 'wait' || command?.wait === true;
const isWatched = isWaiting && isTerminal(STDERR);
const isShort = Buffer.byteLength(socket) <= SOCKET_PATH_BYTES_MAX;
// client/baton.pl has started the request: client/cli.ts continues it.
const isResumed = process.env['BATON_RESUME'] !== undefined;
if (command && isShort && !isWatched && !isResumed) {
  const request: RunRequest =
    command.verb === 'run'
      ? runRequest(command.target, command.wait)
      : waitRequest({ run: command.runs[0] });
  follow(new Relay(request));
} else {
  full().main(process.argv.slice(2));
}

function follow(relay: Relay): void {
  if (isWaiting) {
    relay.takeSignals();
    // An upgrade replaces the files and restarts the daemon: code that is needed then has to be of
    // this version, so it must be loaded before.
    setTimeout(prepare, LOAD_AFTER_MS).unref();
  }
  let connection: Connection | undefined;
  let silence: Silence | undefined;
  const lines = new WholeLines<Buffer>(Buffer.concat);
  connect(socket, {
    opened: (made) => {
      connection = made;
      const send = (request: object): void => made.send(`${JSON.stringify(request)}\n`);
      silence = new Silence(SILENT_MS_DEFAULT, {
        ask: () => send(PING),
        giveUp: () => {
          made.close();
          full().giveUp(relay, socket);
        },
      });
      send(relay.request());
      relay.opened(send);
    },
    heard: (bytes) => {
      silence?.heard();
      for (const line of lines.read(bytes)) if (!take(line)) return;
    },
    closed: () => {
      silence?.stop();
      relay.lost();
      full().resume(relay, socket);
    },
  });

  /** False if there is nothing more to read. */
  function take(line: string): boolean {
    const reply = parse(line);
    const ending = reply && relay.take(reply);
    // A fleet is for the full client, which repeats the request with the same token.
    if (reply && !ending && reply.type !== 'fleet') return true;
    connection?.close();
    silence?.stop();
    if (ending) {
      finish(ending);
      process.exit(); // all is written: unwinding the event loop would gain nothing
    }
    relay.lost();
    full().resume(relay, socket);
    return false;
  }
}

/** A reply, or undefined if it is not one: the full client then reports that. */
function parse(line: string): Reply | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isReply(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function prepare(): void {
  try {
    full();
  } catch {
    // It is already gone. As long as the connection works, nothing is lost.
  }
}

function full(): typeof import('./cli.ts') {
  return require('./cli.cjs');
}

/** As isatty(3), but in clear cases without loading node:tty, and node:net with it. */
function isTerminal(fd: number): boolean {
  return fstatSync(fd).isCharacterDevice() && tty().isatty(fd);
}

function tty(): typeof import('node:tty') {
  return require('node:tty');
}
