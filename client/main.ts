/**
 * baton: the fast path. It is bundled on its own and kept tiny, because a crontab line pays for it
 * every minute: it knows `run TARGET [--wait]` and `wait RUN`, as long as all goes well. Every other command line
 * and all trouble are for client/cli.ts, which is a bundle of its own and loaded only then, or when
 * there is nothing to do but wait.
 */
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { isatty } from 'node:tty';
import {
  defaultSocket,
  EXIT,
  PROTOCOL_VERSION,
  type Reply,
  RUN_SOCKET,
  SOCKET_PATH_BYTES_MAX,
} from '../daemon/protocol.ts';
import { parseFast } from './fast.ts';
import { complain } from './output.ts';
import { finish, isReply, Relay, type RunRequest, runRequest } from './relay.ts';

const STDERR = 2;
/** Shorter runs end without ever needing the full client. */
const LOAD_AFTER_MS = 1_000;

// A bug must not look like the command's own status 1.
process.setUncaughtExceptionCaptureCallback((error) => {
  complain(`internal error: ${error.stack}`);
  process.exit(EXIT.noVerdict);
});

const socket = defaultSocket(process.env, process.getuid?.() ?? 0, existsSync(RUN_SOCKET));
const command = parseFast(process.argv.slice(2));
// A person at a terminal is shown how far it is: by the full client.
const isWaiting = command?.verb === 'wait' || command?.wait === true;
const isWatched = isWaiting && isatty(STDERR);
const isShort = Buffer.byteLength(socket) <= SOCKET_PATH_BYTES_MAX;
if (command && isShort && !isWatched) {
  const request: RunRequest =
    command.verb === 'run'
      ? runRequest(command.target, command.wait)
      : { type: 'wait', v: PROTOCOL_VERSION, run: command.runs[0] };
  follow(new Relay(request));
} else {
  full().main(process.argv.slice(2));
}

function follow(relay: Relay): void {
  if (isWaiting) {
    relay.heedSignals();
    // An upgrade replaces the files and restarts the daemon: what is needed then has to be of this
    // version, and so to be here before.
    setTimeout(prepare, LOAD_AFTER_MS).unref();
  }
  const connection = connect(socket);
  let isOver = false;
  /** The line that has not ended yet. */
  let rest = '';
  connection.setEncoding('utf8');
  connection.on('connect', () => {
    const send = (request: object): void => {
      connection.write(`${JSON.stringify(request)}\n`);
    };
    send(relay.request());
    relay.opened(send);
  });
  connection.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (!connection.destroyed) take(line);
  });
  connection.on('error', () => {}); // 'close' follows
  connection.on('close', () => {
    if (isOver) return;
    relay.lost();
    full().resume(relay, socket);
  });

  function take(line: string): void {
    const reply = parse(line);
    const ending = reply && relay.take(reply);
    if (reply && !ending) return;
    isOver = ending !== undefined;
    connection.destroy();
    if (ending) {
      finish(ending);
      process.exit(); // all is written: nothing is gained by unwinding the event loop
    }
  }
}

/** A reply, or undefined for what is none: the full client then finds words for it. */
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
    // It is gone already. As long as the connection holds, nothing is lost.
  }
}

function full(): typeof import('./cli.ts') {
  return require('./cli.cjs');
}
