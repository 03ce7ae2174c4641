/**
 * Puts the real daemon together: lock → journal → state → daemon → service → socket. Read it as a
 * table of contents.
 */
import { mkdirSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { bootEvent, SystemClock } from './clock.ts';
import { type Config, formatMistakes, loadConfig } from './config.ts';
import { Connection } from './connection.ts';
import { Daemon } from './daemon.ts';
import { Journal, type Result } from './journal.ts';
import { Keepers } from './keeper.ts';
import { signLock, takeLock } from './lock.ts';
import type { Log } from './log.ts';
import { bootId } from './process.ts';
import { listen } from './server.ts';
import { type Reloaded, Service } from './service.ts';
import { apply, emptyState, type State } from './state.ts';

export interface BootOptions {
  readonly config: Config;
  readonly socket: string;
  /** The state directory. */
  readonly directory: string;
  readonly log: Log;
  readonly version: string;
  /** The daemon cannot go on; the process has to end. */
  readonly fail: (error: unknown) => void;
}

/** A daemon that listens. */
export interface Running {
  reload(): Reloaded;
  /** Stops listening and leaves all runs to their keepers. */
  stop(): Promise<void>;
}

/** Takes the state directory, replays the journal, takes over what runs, and listens. */
export async function boot(options: BootOptions): Promise<Result<Running>> {
  const { directory, log, socket, version } = options;
  const opened = await openState(directory, log);
  if (!opened.ok) return opened;
  const { journal, state } = opened.value;
  const clock = new SystemClock(state.boot?.offsetMs ?? 0);
  const runs = join(directory, 'runs');
  let config = options.config;
  const daemon: Daemon = new Daemon({
    state,
    catalog: config.catalog,
    journal,
    clock,
    log,
    keepers: (post) => new Keepers({ directory: runs, clock, log, post }),
    notify: (event) => service.notify(event),
    fail: options.fail,
  });
  const reload = (): Reloaded => {
    const loaded = reloadConfig(config.path, log);
    if (!loaded.ok) return loaded;
    config = loaded.value;
    daemon.loop.configure(config.catalog);
    return { ok: true, text: `${config.path}: ${config.catalog.targets.size} targets` };
  };
  const service = new Service({
    loop: daemon.loop,
    clock,
    directoryOf: (run) => join(runs, String(run)),
    reload,
    about: { version, config: () => config.path },
  });
  const listening = await listen(socket, (client) => {
    new Connection(client, (request, caller) => service.handle(request, caller), log);
  });
  // Nothing is started or taken over by a daemon that nobody can reach.
  if (!listening.ok) return listening;
  daemon.recover();
  log.info({ socket, pid: process.pid, version }, 'ready');
  return {
    ok: true,
    value: { reload, stop: () => stop(daemon, journal, listening.value, log) },
  };
}

async function openState(
  directory: string,
  log: Log,
): Promise<Result<{ readonly journal: Journal; readonly state: State }>> {
  try {
    mkdirSync(join(directory, 'runs'), { recursive: true, mode: 0o700 });
  } catch (error) {
    return { ok: false, error: `state directory ${directory}: cannot be made (${String(error)})` };
  }
  const lock = takeLock(join(directory, 'lock'));
  if (!lock.ok) return lock;
  signLock(lock.value);
  const opened = Journal.open(directory);
  if (!opened.ok) return opened;
  const { journal, events, tornBytes } = opened.value;
  if (tornBytes > 0) log.warn({ path: journal.path, tornBytes }, 'torn last line cut off');
  const state = emptyState();
  for (const event of events) apply(state, event);
  log.info({ path: journal.path, events: events.length }, 'journal replayed');
  const booted = bootEvent(state, bootId());
  if (booted === undefined) return { ok: true, value: { journal, state } };
  const written = journal.append([booted]);
  if (!written.ok)
    return { ok: false, error: `${journal.path}: cannot be written (${written.error})` };
  await journal.sync();
  apply(state, booted);
  return { ok: true, value: { journal, state } };
}

/** A bad configuration leaves the old one in force, and says every mistake. */
function reloadConfig(
  path: string,
  log: Log,
): { readonly ok: true; readonly value: Config } | Extract<Reloaded, { ok: false }> {
  const loaded = loadConfig(path);
  if (loaded.ok) {
    log.info({ config: path, targets: loaded.value.catalog.targets.size }, 'reloaded');
    return loaded;
  }
  log.error({ config: path, mistakes: loaded.mistakes }, 'reload refused');
  return { ok: false, message: `the old configuration stays in force\n${formatMistakes(loaded)}` };
}

async function stop(daemon: Daemon, journal: Journal, server: Server, log: Log): Promise<void> {
  server.close();
  await journal.sync();
  daemon.loop.stop();
  log.info('stopped');
}
