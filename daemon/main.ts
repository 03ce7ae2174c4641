#!/usr/bin/env node
/**
 * batond: reads its flags and its configuration, starts the daemon, and turns signals into calls.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import meow from 'meow';
import { boot, type Running } from './boot.ts';
import { type Config, formatMistakes, loadConfig } from './config.ts';
import { LOG_FORMATS, LOG_LEVELS, type Log, type LogFormat, makeLog } from './log.ts';
import * as say from './message/boot.ts';
import { FLAGS, helpText } from './options.ts';
import { describeConfig } from './overview.ts';
import { findConfig, findSocket, findState, placesOfConfig } from './places.ts';
import { STDERR, STDOUT, writeAll } from './print.ts';
import { DURATION_EXPECTED, EXIT, parseDuration, suggest } from './protocol.ts';
import { replayFile } from './replayfile.ts';
import { goesToJournal, takeSockets } from './systemd.ts';

const LOG_LEVEL_DEFAULT = 'info';
/** A bug, or a journal that cannot be trusted any more: EX_SOFTWARE of sysexits(3). */
const EXIT_SOFTWARE = 70;

const PLACES = { env: process.env, uid: process.getuid?.() ?? 0, exists: existsSync };

/** Thrown by whatever judges the command line. */
class Mistake extends Error {}

// Not awaited here: a bundle in CommonJS knows no await at the top. What it throws ends the process.
void main();

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
    return complain(say.noConfig(placesOfConfig(PLACES)), EXIT.config);
  }
  const loaded = loadConfig(resolve(config));
  if (!loaded.ok) return complain(formatMistakes(loaded), EXIT.config);
  if (flags.check) return check(loaded.value);
  if (flags.replay !== undefined) return replay(loaded.value, flags.replay, flags.only);
  const level = flags.logLevel ?? loaded.value.logLevel ?? LOG_LEVEL_DEFAULT;
  const format = formatOf(flags.logFormat ?? loaded.value.logFormat);
  const { log, flush } = makeLog({ level, format, isJournal: goesToJournal(process.env, 1) });
  process.once('exit', flush);
  await run(loaded.value, version, log, flags);
}

/**
 * meow's own check of unknown flags prints in its own style and exits with 2, so they are let
 * through and looked for here; what it throws (a flag given twice) is caught.
 */
function parseFlags(version: string) {
  try {
    const cli = meow(helpText(), {
      importMeta: import.meta,
      pkg: { name: 'batond', version },
      description: false,
      autoHelp: false,
      autoVersion: false,
      flags: FLAGS,
    });
    // meow would print these itself, and not see a full disk.
    const about = { help: cli.help, version };
    for (const [name, text] of Object.entries(about)) {
      if (!Object.hasOwn(cli.flags, name)) continue;
      print(`${text}\n`, 0);
      return undefined;
    }
    const unknown = Object.keys(cli.flags).find((name) => !Object.hasOwn(FLAGS, name));
    if (unknown !== undefined) {
      const near = suggest(unknown, Object.keys(FLAGS));
      throw new Mistake(say.unknownOption(dashed(unknown), near && dashed(near)));
    }
    const empty = Object.entries(cli.flags).find(([, value]) => value === '');
    if (empty !== undefined) throw new Mistake(say.noValue(dashed(empty[0])));
    const extra = cli.input[cli.flags.check ? 1 : 0];
    if (extra !== undefined) throw new Mistake(say.extraWord(extra));
    const { idleExit, logLevel, logFormat } = cli.flags;
    if (cli.flags.only !== undefined && cli.flags.replay === undefined) {
      throw new Mistake(say.onlyAlone());
    }
    checkWord('--log-level', logLevel, LOG_LEVELS);
    checkWord('--log-format', logFormat, LOG_FORMATS);
    if (idleExit !== undefined && !parseDuration(idleExit)) {
      throw new Mistake(say.wrongDuration('--idle-exit', DURATION_EXPECTED, idleExit));
    }
    return cli;
  } catch (error) {
    complain(say.badUsage(mistakeOf(error)), EXIT.usage);
    return undefined;
  }
}

/** meow itself knows one mistake only: a flag that is given twice. */
function mistakeOf(error: unknown): string {
  if (error instanceof Mistake) return error.message;
  const text = error instanceof Error ? error.message : String(error);
  const [, flag] = /^The flag (--\S+) can only be set once/.exec(text) ?? [];
  return flag === undefined ? text : say.twice(flag);
}

function checkWord(flag: string, word: string | undefined, known: readonly string[]): void {
  if (word === undefined || known.includes(word)) return;
  throw new Mistake(say.wrongWord(flag, known, word));
}

function dashed(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return name.length === 1 ? `-${words}` : `--${words}`;
}

function check(config: Config): void {
  const broken = [...config.catalog.targets.values()].some((target) => target.broken !== undefined);
  print(describeConfig(config), broken ? EXIT.config : 0);
}

function replay({ catalog }: Config, file: string, word: string | undefined): void {
  const only = word !== undefined && /^\d+$/.test(word) ? Number(word) : word;
  const told = replayFile(file, { catalog, ...(only === undefined ? {} : { only }) });
  if (!told.ok) return complain(told.error, told.isUnwritten ? EXIT.unwritten : EXIT.unavailable);
  if (told.value.length > 0) complain(told.value.join('\n'), 0);
}

async function run(
  config: Config,
  version: string,
  log: Log,
  flags: {
    readonly socket?: string | undefined;
    readonly state?: string | undefined;
    readonly idleExit?: string | undefined;
    readonly logLevel?: string | undefined;
  },
): Promise<void> {
  const passed = takeSockets(process.env, process.pid);
  for (const warning of config.warnings) log.warn({ config: config.path, warning }, 'config');
  for (const target of config.catalog.targets.values()) {
    if (target.broken)
      log.error({ target: target.name, reason: target.broken }, 'target is broken');
  }
  const hasOthers = passed.length > 0 || config.sockets !== undefined;
  const socket = hasOthers && !flags.socket ? undefined : findSocket(flags.socket, PLACES);
  if (socket?.ok === false) return complain(socket.error, EXIT.config);
  const idleExitMs = flags.idleExit ? parseDuration(flags.idleExit) : config.idleExitMs;
  if (idleExitMs !== undefined && passed.length === 0) {
    log.warn({ idleExitMs }, 'idle exit without socket activation: nobody starts the daemon again');
  }
  const fail = catchBugs(log);
  let daemon: Running | undefined;
  const end = (): void => {
    if (daemon === undefined) process.exit(0);
    daemon.stop().then(() => process.exit(0), fail);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  process.on('SIGHUP', () => daemon?.reload());
  const directory = resolve(findState(flags.state, PLACES));
  const started = await boot({
    config,
    socket: socket?.value,
    passed,
    idleExitMs,
    directory,
    log,
    relevel: ({ logLevel }) => {
      log.level = flags.logLevel ?? logLevel ?? LOG_LEVEL_DEFAULT;
    },
    version,
    idle: end,
    fail,
  });
  if (!started.ok) return complain(started.error, EXIT.unavailable);
  daemon = started.value;
}

function formatOf(name: string | undefined): LogFormat {
  return LOG_FORMATS.find((format) => format === name) ?? 'json';
}

/** Nobody reading is no error; a full disk is, whatever the status was to be. */
function print(text: string, status: number): void {
  const code = writeAll(STDOUT, text);
  if (code === undefined || code === 'EPIPE') process.exitCode = status;
  else complain(say.unprinted(code), EXIT.unwritten);
}

function complain(message: string, status: number): void {
  for (const line of message.trimEnd().split('\n')) writeAll(STDERR, `batond: ${line}\n`);
  process.exitCode = status;
}

/** A bug ends the daemon, with what is known of it in the log; the runs go on. */
function catchBugs(log: Log): (error: unknown) => void {
  const fail = (error: unknown): void => {
    log.fatal({ error: error instanceof Error ? error.stack : String(error) }, 'cannot go on');
    process.exit(EXIT_SOFTWARE);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  return fail;
}
