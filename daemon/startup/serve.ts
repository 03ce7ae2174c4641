/**
 * The life of a daemon: what systemd passes, the configuration, signals, and what happens if the
 * start fails.
 */

import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../config/load.ts';
import type { PluginFiles } from '../config/plugin-files.ts';
import * as say from '../protocol/refusal-text.ts';
import { EXIT, parseDuration } from '../protocol/request.ts';
import { noHome } from '../system/boot-messages.ts';
import { leave, looksReturned } from '../system/bounded-looks.ts';
import { LOG_FORMATS, type Log, makeLog } from '../system/log.ts';
import { findOwnEntry } from '../system/passwd.ts';
import { isGoingDown } from '../system/shutdown.ts';
import {
  goesToJournal,
  type Notify,
  type PassedSocket,
  takeNotify,
  takeSockets,
} from '../system/systemd.ts';
import { boot, type Running } from './boot.ts';
import type { ConfigSource } from './config-source.ts';
import { findSocket, findState, type Places } from './paths.ts';
import { FailureNote, refuseClients } from './refused-start.ts';

const LOG_LEVEL_DEFAULT = 'info';
/** A bug, or a journal that cannot be trusted any more: EX_SOFTWARE of sysexits(3). */
const EXIT_SOFTWARE = 70;

/** The original environment is modified: systemd's variables in it are for this process only. */
export const PLACES = {
  env: process.env,
  uid: process.getuid?.() ?? 0,
  exists: existsSync,
  home: (): string | undefined => findOwnEntry()?.homedir,
} satisfies Places;

interface ServeFlags {
  readonly socket?: string | undefined;
  readonly state?: string | undefined;
  readonly idleExit?: string | undefined;
  readonly logLevel?: string | undefined;
  readonly logFormat?: string | undefined;
}

interface Start {
  readonly version: string;
  readonly flags: ServeFlags;
  readonly plugins: PluginFiles;
  readonly hangup: Hangup;
  /** Of the state. */
  readonly directory: string;
  readonly passed: readonly PassedSocket[];
  readonly notify: Notify;
  readonly note: FailureNote;
  /** Prints on stderr why the process will exit, and sets its status. */
  readonly complain: (message: string, status: number) => void;
}

/** Serves, or ends the process if that is impossible. */
export async function serve(
  source: ConfigSource,
  about: Pick<Start, 'version' | 'flags' | 'complain'>,
): Promise<void> {
  const { flags, complain } = about;
  const hangup = new Hangup();
  const passed = takeSockets(process.env, process.pid);
  const state = findState(flags.state, PLACES);
  if (state === undefined) return complain(noHome(PLACES.uid), EXIT.config);
  const directory = resolve(state);
  const note = new FailureNote(directory);
  const notify = takeNotify(process.env);
  const { plugins } = source;
  const start = { ...about, plugins, hangup, directory, passed, note, notify };
  const first = await source.read();
  if (first.ok) return await run(first.value, start);
  complain(first.text, EXIT.config);
  let { refusal } = first;
  const cure = async (): Promise<Config | undefined> => {
    const again = await source.readIfChanged();
    if (again?.ok === false) {
      complain(again.text, EXIT.config);
      refusal = again.refusal;
    }
    return again?.ok ? again.value : undefined;
  };
  const log = logFor(flags);
  const cured = await refuseClients({ ...start, log, refusal: () => refusal, cure });
  if (cured === undefined) return process.exit();
  await run(cured.value, { ...start, passed: cured.passed });
}

function logFor(flags: ServeFlags, config?: Config): Log {
  const isJournal = goesToJournal(process.env, 1);
  const format = LOG_FORMATS.find((it) => it === (flags.logFormat ?? config?.logFormat));
  const { log, flush } = makeLog({
    level: levelFor(flags, config),
    // The journal is read by people; journald stores the time and the priority as fields.
    format: format ?? (isJournal ? 'text' : 'json'),
    isJournal,
  });
  process.once('exit', flush);
  return log;
}

function levelFor({ logLevel }: ServeFlags, config: Config | undefined): string {
  return logLevel ?? config?.logLevel ?? LOG_LEVEL_DEFAULT;
}

async function run(config: Config, start: Start): Promise<void> {
  const { flags, passed, note, complain } = start;
  const log = logFor(flags, config);
  warnOf(config, log);
  start.plugins.listen(({ failure, ...about }) => {
    if (failure === undefined) log.warn(about, 'plugin is slow');
    else log.error({ ...about, reason: failure }, 'plugin failed');
  });
  const hasOthers = passed.length > 0 || config.sockets !== undefined;
  const socket = hasOthers && !flags.socket ? undefined : findSocket(flags.socket, PLACES);
  if (socket?.ok === false) return complain(socket.error, EXIT.config);
  const idleExitMs = flags.idleExit ? parseDuration(flags.idleExit) : config.idleExitMs;
  if (idleExitMs !== undefined && passed.length === 0) {
    log.warn(
      { idleExitMs },
      'idle exit without socket activation: nothing starts the daemon again',
    );
  }
  const fail = catchBugs(log);
  let daemon: Running | undefined;
  const end = (): void => {
    note.remove();
    if (daemon === undefined) leave(0);
    daemon
      .stop()
      .then(looksReturned)
      .then(() => leave(0), fail);
  };
  // On shutdown, runs are ended here, while what they need still exists: mounts and the network go
  // after the daemon, and if left alone the runs would go last of all.
  const terminate = async (): Promise<void> => {
    if (daemon !== undefined && (await isGoingDown())) await daemon.endRuns();
    end();
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void terminate().catch(fail));
  }
  const started = await boot({
    config,
    plugins: start.plugins,
    socket: socket?.value,
    passed,
    idleExitMs,
    directory: start.directory,
    log,
    relevel: (now) => {
      log.level = levelFor(flags, now);
    },
    version: start.version,
    idle: end,
    fail,
  });
  if (!started.ok) return await refuse(started.error, start, log);
  daemon = started.value;
  note.remove();
  start.notify('', log);
  start.hangup.listen(() => void daemon?.reload());
}

/**
 * SIGHUP, handled from the start, because it ends a process that does not: reading a configuration
 * with plugins can take seconds. It is then read again afterwards.
 */
class Hangup {
  #isPending = false;
  #hear = (): void => {
    this.#isPending = true;
  };

  constructor() {
    process.on('SIGHUP', () => this.#hear());
  }

  listen(hear: () => void): void {
    this.#hear = hear;
    if (this.#isPending) hear();
  }
}

/** Something that the daemon needs is unavailable: another daemon has it, or the disk fails. */
async function refuse(why: string, start: Start, log: Log): Promise<void> {
  start.complain(why, EXIT.unavailable);
  const refusal = {
    code: 'unavailable',
    exit: EXIT.unavailable,
    message: say.cannotStart(why),
    brief: say.cannotStartNow(),
  } as const;
  await refuseClients({ ...start, log, refusal: () => refusal, cure: async () => undefined });
  process.exit();
}

function warnOf({ path, warnings, catalog }: Config, log: Log): void {
  for (const warning of warnings) log.warn({ config: path, warning }, 'config');
  for (const { name, broken } of catalog.targets.values()) {
    if (broken) log.error({ target: name, reason: broken }, 'target is broken');
  }
}

/** A bug is logged with all details, and ends the daemon; the runs continue. */
function catchBugs(log: Log): (error: unknown) => void {
  const fail = (error: unknown): void => {
    log.fatal({ err: error }, 'cannot continue');
    leave(EXIT_SOFTWARE);
  };
  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  return fail;
}
