#!/usr/bin/env node
/**
 * batond: reads its flags and its configuration, starts the daemon, and turns signals into calls.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import meow from 'meow';
import { boot, type Running } from './boot.ts';
import { type Config, describeConfig, formatMistakes, loadConfig } from './config.ts';
import { LOG_LEVELS, type Log, makeLog } from './log.ts';
import { findConfig, findSocket, findState } from './places.ts';
import { EXIT } from './protocol.ts';

const HELP = `
  Usage
    batond [--config FILE] [--socket PATH] [--state DIR] [--log-level LEVEL]
    batond --check [FILE]

  Options
    --config FILE      else $BATON_CONFIG, ~/.config/baton/config.json, /etc/baton/config.json
    --socket PATH      else $BATON_SOCKET, /run/baton/baton.sock, $XDG_RUNTIME_DIR/baton.sock
    --state DIR        else $STATE_DIRECTORY, /var/lib/baton, ~/.local/state/baton
    --log-level LEVEL  ${LOG_LEVELS.join(', ')}
    --check [FILE]     say what is wrong with the configuration, or what it means, and exit

  Signals
    TERM, INT  stop listening, leave runs to their keepers, exit 0
    HUP        read the configuration again; a bad one leaves the old one in force
`;

const FLAGS = {
  config: { type: 'string' },
  socket: { type: 'string' },
  state: { type: 'string' },
  logLevel: { type: 'string', choices: [...LOG_LEVELS] },
  check: { type: 'boolean', default: false },
} as const;

/** A bug, or a journal that cannot be trusted any more: EX_SOFTWARE of sysexits(3). */
const EXIT_SOFTWARE = 70;

const PLACES = { env: process.env, uid: process.getuid?.() ?? 0, exists: existsSync };

await main();

async function main(): Promise<void> {
  process.umask(0o077);
  const { version } = JSON.parse(
    readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'),
  ) as { version: string };
  const cli = parseFlags(version);
  if (cli === undefined) return;
  const { flags, input } = cli;
  const config = findConfig(flags.check ? (input[0] ?? flags.config) : flags.config, PLACES);
  if (config === undefined) {
    return complain('no config.json found; name one with --config FILE', EXIT.config);
  }
  const loaded = loadConfig(resolve(config));
  if (!loaded.ok) return complain(formatMistakes(loaded), EXIT.config);
  if (flags.check) return check(loaded.value);
  const level = flags.logLevel ?? loaded.value.logLevel ?? 'info';
  await run(loaded.value, version, makeLog(level), flags);
}

/**
 * meow's own check of unknown flags prints in its own style and exits with 2, so they are let
 * through and looked for here; what it throws (a flag given twice) is caught.
 */
function parseFlags(version: string) {
  try {
    const cli = meow(HELP, {
      importMeta: import.meta,
      pkg: { name: 'batond', version },
      description: false,
      flags: FLAGS,
    });
    const unknown = Object.keys(cli.flags).find((name) => !Object.hasOwn(FLAGS, name));
    if (unknown !== undefined) throw new Error(`unknown flag "${dashed(unknown)}"`);
    const empty = Object.entries(cli.flags).find(([, value]) => value === '');
    if (empty !== undefined) throw new Error(`${dashed(empty[0])} needs a value`);
    const extra = cli.input[cli.flags.check ? 1 : 0];
    if (extra !== undefined) throw new Error(`unexpected argument "${extra}"`);
    return cli;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    complain(`${message.split('\n')[0]}; see batond --help`, EXIT.usage);
    return undefined;
  }
}

function dashed(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return name.length === 1 ? `-${words}` : `--${words}`;
}

function check(config: Config): void {
  process.stdout.write(describeConfig(config));
  const broken = [...config.catalog.targets.values()].some((target) => target.broken !== undefined);
  process.exitCode = broken ? EXIT.config : 0;
}

async function run(
  config: Config,
  version: string,
  log: Log,
  flags: { readonly socket?: string | undefined; readonly state?: string | undefined },
): Promise<void> {
  for (const warning of config.warnings) log.warn({ config: config.path, warning }, 'config');
  for (const target of config.catalog.targets.values()) {
    if (target.broken)
      log.error({ target: target.name, reason: target.broken }, 'target is broken');
  }
  const socket = findSocket(flags.socket, PLACES);
  if (!socket.ok) return complain(socket.error, EXIT.config);
  const fail = (error: unknown): void => {
    log.fatal({ error: error instanceof Error ? error.stack : String(error) }, 'cannot go on');
    process.exit(EXIT_SOFTWARE);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  let daemon: Running | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      if (daemon === undefined) process.exit(0);
      daemon.stop().then(() => process.exit(0), fail);
    });
  }
  process.on('SIGHUP', () => daemon?.reload());
  const directory = resolve(findState(flags.state, PLACES));
  const started = await boot({
    config,
    socket: resolve(socket.value),
    directory,
    log,
    version,
    fail,
  });
  if (!started.ok) return complain(started.error, EXIT.unavailable);
  daemon = started.value;
}

function complain(message: string, status: number): void {
  for (const line of message.trimEnd().split('\n')) process.stderr.write(`batond: ${line}\n`);
  process.exitCode = status;
}
