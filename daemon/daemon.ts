/**
 * Puts the daemon together: journal → state → loop → keepers → service → socket. Read it as a
 * table of contents. It is started by main.ts and, with other parts, by tests.
 */
import { mkdirSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { join } from 'node:path';
import { runners } from '../runners/index.ts';
import type { Plan, Runner } from '../runners/runner.ts';
import type { Target } from './catalog.ts';
import { bootEvent, SystemClock } from './clock.ts';
import { type Config, formatMistakes, loadConfig } from './config.ts';
import { Connection } from './connection.ts';
import type { Event, RunId } from './event.ts';
import { Journal, type Result } from './journal.ts';
import { Keepers } from './keeper.ts';
import { signLock, takeLock } from './lock.ts';
import type { Log } from './log.ts';
import { Loop } from './loop.ts';
import { bootId } from './process.ts';
import { listen } from './server.ts';
import { type Reloaded, Service } from './service.ts';
import { apply, emptyState, type State } from './state.ts';

export interface DaemonOptions {
  readonly config: Config;
  readonly socket: string;
  readonly directory: string;
  readonly log: Log;
  readonly version: string;
  /** The daemon cannot go on; the process has to end. */
  readonly fail: (error: unknown) => void;
}

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #log: Log;
  readonly #journal: Journal;
  readonly #loop: Loop;
  readonly #keepers: Keepers;
  readonly #service: Service;
  #config: Config;
  #server: Server | undefined;

  /** Takes the state directory, replays the journal, takes over what runs, and listens. */
  static async start(options: DaemonOptions): Promise<Result<Daemon>> {
    const { directory, log } = options;
    mkdirSync(join(directory, 'runs'), { recursive: true, mode: 0o700 });
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
    if (booted !== undefined) {
      const written = journal.append([booted]);
      if (!written.ok) return { ok: false, error: `${journal.path}: cannot be written (${written.error})` };
      await journal.sync();
      apply(state, booted);
    }
    const daemon = new Daemon(options, journal, state);
    daemon.#recover();
    const listening = await listen(options.socket, (socket) => daemon.#serve(socket));
    if (!listening.ok) return listening;
    daemon.#server = listening.value;
    log.info({ socket: options.socket, pid: process.pid, version: options.version }, 'ready');
    return { ok: true, value: daemon };
  }

  private constructor(options: DaemonOptions, journal: Journal, state: State) {
    const { log, config, fail } = options;
    this.#options = options;
    this.#log = log;
    this.#config = config;
    this.#journal = journal;
    const clock = new SystemClock(state.boot?.offsetMs ?? 0);
    this.#loop = new Loop({
      state,
      catalog: config.catalog,
      journal,
      clock,
      log,
      perform: (event) => this.#perform(event),
      fail,
    });
    this.#keepers = new Keepers({
      directory: join(options.directory, 'runs'),
      clock,
      log,
      post: (observation) => this.#loop.post(observation),
    });
    this.#service = new Service({
      loop: this.#loop,
      clock,
      directoryOf: (run) => this.#keepers.directoryOf(run),
      reload: () => this.reload(),
      about: { version: options.version, config: () => this.#config.path },
    });
  }

  /** Reads the configuration again; a bad one leaves the old one in force. */
  reload(): Reloaded {
    const loaded = loadConfig(this.#config.path);
    if (!loaded.ok) {
      this.#log.error({ config: this.#config.path, mistakes: loaded.mistakes }, 'reload refused');
      const message = `the old configuration stays in force:\n${formatMistakes(loaded)}`;
      return { ok: false, message };
    }
    this.#config = loaded.value;
    this.#loop.configure(loaded.value.catalog);
    const { size } = loaded.value.catalog.targets;
    this.#log.info({ config: this.#config.path, targets: size }, 'reloaded');
    return { ok: true, text: `${this.#config.path}: ${size} targets` };
  }

  /** Stops listening and leaves all runs to their keepers. */
  async stop(): Promise<void> {
    this.#server?.close();
    await this.#journal.sync();
    this.#loop.stop();
    this.#log.info('stopped');
  }

  #serve(socket: Socket): void {
    new Connection(socket, (request, caller) => this.#service.handle(request, caller), this.#log);
  }

  /** Takes over what another daemon left: living keepers, deadlines, half-done starts. */
  #recover(): void {
    for (const run of this.#loop.state.runs.values()) {
      if (run.state === 'running') {
        this.#keepers.adopt(run, run.attempt, run.keeper);
        if (run.stopping !== undefined) this.#stopRun(run.run);
      }
      if (run.state === 'ended' && run.heldBy.length > 0) this.#keepers.guard(run.run, run.heldBy);
    }
    this.#loop.recover();
  }

  /** What a fact brings about in the world, once it is durable. */
  #perform(event: Event): void {
    this.#tell(event);
    switch (event.type) {
      case 'starting':
        this.#startRun(event.run, event.attempt);
        break;
      case 'started':
        this.#keepers.go(event.run);
        break;
      case 'stopping':
        this.#stopRun(event.run);
        break;
      case 'ended':
        this.#keepers.drop(event.run);
        if (event.heldBy !== undefined) this.#keepers.guard(event.run, event.heldBy);
        this.#retain(event.run);
        break;
      case 'forgotten':
        for (const run of event.runs) this.#remove(run);
        break;
      default:
        break;
    }
    this.#service.notify(event);
  }

  #startRun(number: RunId, attempt: number): void {
    const run = this.#loop.state.runs.get(number);
    if (run?.state !== 'starting' || run.attempt !== attempt) return;
    const target = this.#loop.catalog.targets.get(run.target);
    if (target === undefined) {
      const detail = 'the target was removed from the configuration';
      const failure = { kind: 'not-started', stage: 'system', errno: 'ENOENT', detail } as const;
      const report = { started: true, code: null, signal: null, core: false, failure };
      this.#loop.post({ type: 'reported', run: number, attempt, report });
      return;
    }
    this.#keepers.start(run, attempt, planOf(target)).catch(this.#options.fail);
  }

  #stopRun(run: RunId): void {
    const target = this.#loop.catalog.targets.get(this.#loop.state.runs.get(run)?.target ?? '');
    this.#keepers.stop(run, target?.killAfterMs ?? KILL_AFTER_MS_DEFAULT);
  }

  #retain(number: RunId): void {
    const target = this.#loop.state.runs.get(number)?.target;
    if (target === undefined) return;
    const runsMax = this.#loop.catalog.targets.get(target)?.keepRuns ?? this.#config.keepRuns;
    this.#loop.post({ type: 'retain', target, runsMax });
  }

  #remove(run: RunId): void {
    try {
      rmSync(this.#keepers.directoryOf(run), { recursive: true, force: true });
    } catch (error) {
      this.#log.warn({ run, error: String(error) }, 'run directory cannot be removed');
    }
  }

  /** Log lines are events: a constant message, what varies as fields. */
  #tell(event: Event): void {
    if (!('run' in event)) {
      if (event.type !== 'forgotten') this.#log.info(event, event.type);
      return;
    }
    const target = this.#loop.state.runs.get(event.run)?.target;
    const about = { run: event.run, target };
    if (event.type === 'ended') {
      const { outcome, verdict, heldBy } = event;
      const level = verdict === 'ok' ? 'info' : 'warn';
      this.#log[level]({ ...about, outcome, verdict, heldBy }, 'ended');
    } else if (event.type === 'started') {
      this.#log.info({ ...about, pid: event.keeper.pid }, 'started');
    } else if (event.type === 'stopping') {
      this.#log.info({ ...about, why: event.why }, 'stopping');
    } else {
      this.#log.info(about, event.type);
    }
  }
}

/** From TERM to KILL for a run whose target is no longer configured. */
const KILL_AFTER_MS_DEFAULT = 30_000;

function planOf(target: Target): Plan {
  const known: Readonly<Record<string, Runner<unknown>>> = runners;
  const runner = known[target.runner.type];
  if (runner === undefined) throw new Error(`Internal error: no runner ${target.runner.type}`);
  return runner.plan(target.runner.options);
}
