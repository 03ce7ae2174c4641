/**
 * Assembles the real daemon: lock → journal → state → daemon → service → socket. Read it as a table
 * of contents.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/load.ts';
import type { PluginFiles } from '../config/plugin-files.ts';
import { apply } from '../core/apply.ts';
import { emptyState, type State } from '../core/state.ts';
import { Daemon, planOf } from '../engine/daemon.ts';
import { hasWork, Idle } from '../engine/idle-exit.ts';
import { Journal } from '../journal/journal.ts';
import { findKeeperTrouble } from '../keepers/perl.ts';
import { ProcessKeepers } from '../keepers/process-keepers.ts';
import { KeeperRouter } from '../keepers/router.ts';
import { RunDirectories } from '../keepers/run-directories.ts';
import { SlurmKeepers } from '../keepers/slurm-keepers.ts';
import { SshKeepers } from '../keepers/ssh-keepers.ts';
import { findLetGo } from '../keepers/strays.ts';
import { FairQueue } from '../server/fair-queue.ts';
import { nameListener, planListeners, Sockets } from '../server/listeners.ts';
import { type Reloaded, Service } from '../server/service.ts';
import type { Result } from '../shared/result.ts';
import type { Nonce } from '../shared/run.ts';
import * as say from '../system/boot-messages.ts';
import { bootEvent, SystemClock } from '../system/clock.ts';
import { signLock, takeLock } from '../system/flock.ts';
import type { Log } from '../system/log.ts';
import { machine } from '../system/machine.ts';
import { bootId } from '../system/proc.ts';
import { findForeign } from '../system/state-directory.ts';
import type { PassedSocket } from '../system/systemd.ts';
import { CurrentConfig } from './current-config.ts';

export interface BootOptions {
  readonly config: Config;
  readonly plugins: PluginFiles;
  /** A socket that permits everything, besides those of the configuration and of systemd. */
  readonly socket: string | undefined;
  readonly passed: readonly PassedSocket[];
  /** How long the daemon may be idle; absent: for ever. */
  readonly idleExitMs: number | undefined;
  /** The state directory. */
  readonly directory: string;
  readonly log: Log;
  /** A reload may change the log level. */
  readonly relevel: (config: Config) => void;
  readonly version: string;
  /** The daemon was idle for `idleExitMs`; the process may exit. */
  readonly idle: () => void;
  /** The daemon cannot continue; the process has to exit. */
  readonly fail: (error: unknown) => void;
}

/** A daemon that listens. */
export interface Running {
  reload(): Promise<Reloaded>;
  /** Ends all runs, because the machine is shutting down; resolves when none is left. */
  endRuns(): Promise<void>;
  /** Stops listening and leaves all runs to their keepers. */
  stop(): Promise<void>;
}

/** Locks the state directory, replays the journal, takes over running runs, and listens. */
export async function boot(options: BootOptions): Promise<Result<Running>> {
  const { directory, log, version } = options;
  // Only logged: running runs need a daemon, and a package may be about to be installed.
  const trouble = findKeeperTrouble(process.env['PATH']);
  if (trouble !== undefined) log.error({ reason: trouble }, 'no local run can be started');
  const opened = await openState(directory, log);
  if (!opened.ok) return opened;
  const { journal, state } = opened.value;
  const clock = new SystemClock(state.boot ?? { offsetMs: 0 });
  const nonce = makeNonce();
  const directories = new RunDirectories({ directory, nonce, log });
  directories.sweep(state);
  const letGo = findLetGo(directory, (run) => directories.of(run), state, clock);
  let ssh: SshKeepers | undefined;
  let slurm: SlurmKeepers | undefined;
  let idle: Idle | undefined;
  const daemon: Daemon = new Daemon({
    state,
    catalog: options.config.catalog,
    journal,
    clock,
    nonce,
    log,
    world: machine,
    keepers: (post) => {
      ssh = new SshKeepers({ directory, directories, clock, log, post });
      slurm = new SlurmKeepers({ directory, directories, clock, log, post });
      const process = new ProcessKeepers({ directories, clock, log, post });
      return new KeeperRouter({ process, ssh, slurm, directories, clock, log, post });
    },
    notify: (event) => {
      service.notify(event);
      if (event.type === 'ended' || event.type === 'released') idle?.touch();
    },
    unrecorded: (end) => service.unrecorded(end),
    fail: options.fail,
  });
  const config = new CurrentConfig(options, daemon.loop);
  const fairQueue = new FairQueue();
  const service = new Service({
    loop: daemon.loop,
    fairQueue,
    refresh: (targets) => config.refresh(targets),
    clock,
    directoryOf: (run) => directories.of(run),
    jobOf: (run) => slurm?.view(run),
    reload: () => config.reload(),
    probe: async (target) => {
      const plan = planOf(target);
      return plan.keeper === 'ssh' ? await ssh?.probe(plan.session) : undefined;
    },
    about: { version, config: () => config.now.path },
  });
  const sockets = new Sockets({
    log,
    settings: () => config.now.sockets,
    seen: () => daemon.loop,
    handle: (request, caller) => service.handle(request, caller),
    left: () => idle?.touch(),
    fairQueue,
  });
  const listeners = planListeners(options.config.sockets, options.passed, options.socket);
  const listening = await sockets.open(listeners);
  // A daemon that nobody can reach starts and takes over nothing.
  if (!listening.ok) return listening;
  idle = makeIdle(options, { clock, daemon, sockets });
  daemon.recover(letGo);
  slurm?.tidy().catch((error: unknown) => log.error({ err: error }, 'jobs of earlier daemons'));
  idle?.touch();
  log.info({ sockets: listeners.map(nameListener), pid: process.pid, version }, 'ready');
  const end = () => stop(daemon, journal, sockets, log);
  const endRuns = () => new Promise<void>((resolve) => daemon.endRuns(resolve));
  return { ok: true, value: { reload: () => config.reload(), endRuns, stop: end } };
}

function makeIdle(
  { idleExitMs, idle, log }: BootOptions,
  parts: { readonly clock: SystemClock; readonly daemon: Daemon; readonly sockets: Sockets },
): Idle | undefined {
  if (idleExitMs === undefined) return undefined;
  return new Idle({
    afterMs: idleExitMs,
    clock: parts.clock,
    isBusy: () => parts.sockets.connections > 0 || hasWork(parts.daemon.loop.state),
    exit: () => {
      log.info({ idleExitMs }, 'nothing to do');
      idle();
    },
  });
}

/** Ten characters: V8 stores such a short text only once, however many runs have it. */
function makeNonce(): Nonce {
  return randomBytes(7).toString('base64url');
}

async function openState(
  directory: string,
  log: Log,
): Promise<Result<{ readonly journal: Journal; readonly state: State }>> {
  try {
    mkdirSync(join(directory, 'runs'), { recursive: true, mode: 0o700 });
  } catch (error) {
    return { ok: false, error: say.noStateDirectory(directory, error) };
  }
  const foreign = findForeign(directory);
  if (foreign !== undefined) return { ok: false, error: foreign };
  const lock = takeLock(join(directory, 'lock'), '--state DIR');
  if (!lock.ok) return lock;
  signLock(lock.value);
  const state = emptyState();
  const opened = Journal.open(directory, (event) => apply(state, event));
  if (!opened.ok) return opened;
  const { journal, events, tornBytes } = opened.value;
  if (tornBytes > 0) log.warn({ path: journal.path, tornBytes }, 'incomplete last line removed');
  log.info({ path: journal.path, events }, 'journal replayed');
  const booted = bootEvent(state, bootId());
  if (booted === undefined) return { ok: true, value: { journal, state } };
  const written = journal.append([booted]);
  if (!written.ok) return { ok: false, error: say.cannotWrite(journal.path, written.error) };
  await journal.sync();
  apply(state, booted);
  return { ok: true, value: { journal, state } };
}

async function stop(daemon: Daemon, journal: Journal, sockets: Sockets, log: Log): Promise<void> {
  await sockets.close();
  await journal.sync();
  daemon.loop.stop();
  log.info('stopped');
}
