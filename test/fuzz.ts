/**
 * The protocol fuzz: endless hostile clients against a real daemon, while a well-behaved one must
 * be served in time. Case N of a seed is always the same (test/support/hostile.ts). The daemon has
 * to remain the same process, stay small, and keep every reply in order; it must close what it
 * opened, stop with 0, and start again from the journal that the hostile requests have left.
 *
 *   npm run fuzz -- [CASES] [SEED] [FIRST]     default 100000, a seed that is printed, case 0
 */
import { spawn } from 'node:child_process';
import { openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Scenery } from './support/case.ts';
import { Crowd } from './support/crowd.ts';
import { makeCase } from './support/hostile.ts';
import { play } from './support/player.ts';
import { STATUS_MS_USUAL, startProbing } from './support/prober.ts';
import { BATOND, Rig, Session } from './support/rig.ts';

const CASES_AT_ONCE = 32;
/** Clients that stay silent all the time. */
const SILENT = 1_000;
/** Most memory of the daemon. */
const RSS_BYTES_MAX = 300_000_000;
const BIG_TOKEN = 'big';
/** Stop after this many faults. */
const FAULTS_MAX = 20;
/** How long the daemon may take to close what its clients have left, and to stop. */
const CALM_MS_MAX = 10_000;

export interface FuzzResult {
  readonly cases: number;
  readonly seconds: number;
  readonly peakRssBytes: number;
  readonly slowestAnswerMs: number;
  /** The same without the time in which the machine had no processor for it. */
  readonly slowestOwnMs: number;
  /** Of those, what 99 of 100 did not exceed, and how many took longer than STATUS_MS_USUAL. */
  readonly usualOwnMs: number;
  readonly late: number;
  readonly statuses: number;
  readonly slowestRunMs: number;
  readonly faults: readonly string[];
}

export interface FuzzOptions {
  readonly cases: number;
  readonly seed: number;
  /** Number of the first case; default 0, otherwise to repeat one case. */
  readonly first?: number;
  /** Size of the output that slow readers request. */
  readonly bigBytes?: number;
  /** How often it is read at full speed. */
  readonly fastReads?: number;
}

/** Plays the cases; `faults` is empty if all is well. */
export async function fuzz(options: FuzzOptions): Promise<FuzzResult> {
  const { bigBytes = 1_000_000_000, fastReads = 3 } = options;
  const rig = new Rig();
  try {
    rig.configure(config(bigBytes));
    return await new Fuzz(rig, options).play(fastReads);
  } finally {
    await rig.close();
  }
}

function config(bigBytes: number): unknown {
  const local = (...args: string[]) => ({ runner: { type: 'local', args } });
  const one = { policies: [{ type: 'cardinality', instances: 1, whenFull: 'refuse' }] };
  const targets = {
    probe: local('/bin/true'),
    quick: { ...local('/bin/true'), ...one },
    switch: { ...local('/bin/true'), ...one },
    held: local('/bin/sleep', '3600'),
    big: local('/bin/sh', '-c', `head -c ${bigBytes} /dev/zero`),
  };
  return { targets };
}

class Fuzz {
  readonly #rig: Rig;
  readonly #options: FuzzOptions;
  readonly #faults: string[] = [];
  readonly #playing = new Set<string>();
  #daemon: ReturnType<typeof spawn> | undefined;

  constructor(rig: Rig, options: FuzzOptions) {
    this.#rig = rig;
    this.#options = options;
  }

  async play(fastReads: number): Promise<FuzzResult> {
    const { socket } = this.#rig;
    const startedAtMs = performance.now();
    this.#start();
    const context = await this.#prepare();
    const descriptors = this.#descriptors();
    const stopProbing = startProbing(socket, this.#daemon?.pid ?? 0);
    const crowd = await Crowd.gather(socket, SILENT, context.big);
    for (let read = 0; read < fastReads; read++) crowd.readFast(context.big);
    const played = await this.#playAll(context);
    await crowd.finish();
    await crowd.close();
    const probed = await stopProbing();
    this.#faults.push(...crowd.faults, ...probed.faults);
    const peakRssBytes = this.#peakRssBytes();
    if (peakRssBytes > RSS_BYTES_MAX) this.#fault(`the daemon took ${peakRssBytes} bytes`);
    await this.#calmDown(descriptors);
    await this.#end(context);
    return {
      cases: played + crowd.size,
      seconds: (performance.now() - startedAtMs) / 1_000,
      peakRssBytes,
      slowestAnswerMs: probed.slowestStatusMs,
      slowestOwnMs: probed.slowestOwnMs,
      usualOwnMs: probed.usualOwnMs,
      late: probed.late,
      statuses: probed.statuses,
      slowestRunMs: probed.slowestRunMs,
      faults: this.#faults,
    };
  }

  /** Its log goes to a file, so that this process need not keep up with it. */
  #start(): void {
    const { configFile, socket, state, directory } = this.#rig;
    const log = openSync(join(directory, 'log'), 'a');
    const args = ['--config', configFile, '--socket', socket, '--state', state];
    const daemon = spawn(process.execPath, [BATOND, ...args, '--log-level', 'error'], {
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'] ?? '' },
    });
    daemon.once('exit', (code, signal) => {
      if (code === 0) return;
      const said = readFileSync(join(directory, 'log'), 'utf8').slice(-2_000);
      const playing = [...this.#playing].join(', ');
      this.#fault(`the daemon ended with ${code ?? signal} in ${playing}: ${said}`);
    });
    this.#daemon = daemon;
    this.#rig.daemon = daemon;
  }

  /**
   * A run that continues and one with much output; both are followed at once, to open everything.
   */
  async #prepare(): Promise<Scenery> {
    const session = await this.#connect();
    const run = (target: string, token: string) =>
      session.ask({ type: 'run', target, token }, 'accepted');
    const { run: held } = await run('held', 'held');
    const { run: big } = await run('big', BIG_TOKEN);
    await session.ask({ type: 'wait', run: big, from: { out: 1e15, err: 0 } }, 'ended');
    session.send({ type: 'wait', run: held });
    await session.reply('started');
    await session.ask({ type: 'run', target: 'probe', wait: true }, 'ended');
    await sleep(500); // until the follower of `held` has opened its inotify descriptor
    session.close();
    await session.closed();
    return { held, big, bigToken: BIG_TOKEN };
  }

  async #connect(): Promise<Session> {
    for (;;) {
      const session = await Session.open(this.#rig.socket).catch(() => undefined);
      if (session !== undefined) return session;
      if (!this.#isAlive) throw new Error(this.#faults.join('\n'));
      await sleep(20);
    }
  }

  async #playAll(context: Scenery): Promise<number> {
    const { cases, seed, first = 0 } = this.#options;
    let next = first;
    const worker = async (): Promise<void> => {
      while (next < first + cases && this.#isAlive && this.#faults.length < FAULTS_MAX) {
        const index = next++;
        const hostile = makeCase(seed, index, context);
        const name = `case ${index} (${hostile.kind})`;
        this.#playing.add(name);
        const fault = await play(this.#rig.socket, hostile);
        this.#playing.delete(name);
        if (fault !== undefined) this.#fault(`${name}: ${fault}`);
      }
    };
    await Promise.all(Array.from({ length: CASES_AT_ONCE }, worker));
    return next - first;
  }

  /** Everything opened for the clients is closed again. */
  async #calmDown(before: number): Promise<void> {
    const deadlineMs = performance.now() + CALM_MS_MAX;
    while (this.#descriptors() > before) {
      if (performance.now() > deadlineMs) {
        return this.#fault(`${this.#descriptors()} open files, ${before} before the cases`);
      }
      await sleep(50);
    }
  }

  async #end({ held }: Scenery): Promise<void> {
    if (!this.#isAlive) return;
    const session = await this.#connect();
    const ended = session.ask({ type: 'wait', run: held }, 'ended');
    await session.ask({ type: 'cancel', of: held }, 'done');
    await ended;
    session.close();
    const how = await Promise.race([this.#rig.end(), sleep(CALM_MS_MAX, 'never', { ref: false })]);
    if (how !== 0) return this.#fault(`the daemon ended with ${String(how)} on SIGTERM`);
    try {
      await this.#rig.boot();
      await this.#rig.status();
    } catch (error) {
      this.#fault(`the daemon does not come up again: ${String(error)}`);
    }
  }

  get #isAlive(): boolean {
    return this.#daemon?.exitCode === null && this.#daemon.signalCode === null;
  }

  #descriptors(): number {
    return this.#isAlive ? readdirSync(`/proc/${this.#daemon?.pid}/fd`).length : 0;
  }

  #peakRssBytes(): number {
    if (!this.#isAlive) return 0;
    const status = readFileSync(`/proc/${this.#daemon?.pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
  }

  #fault(fault: string): void {
    this.#faults.push(fault);
  }
}

if (process.argv[1] === import.meta.filename) {
  const [cases = 100_000, seed = Date.now() % 1_000_000, first = 0] = process.argv
    .slice(2)
    .map(Number);
  process.stdout.write(`fuzz: ${cases} cases, seed ${seed}, from case ${first}\n`);
  const result = await fuzz({ cases, seed, first });
  for (const fault of result.faults) process.stdout.write(`FAULT ${fault}\n`);
  const { seconds, peakRssBytes, slowestAnswerMs, slowestOwnMs, slowestRunMs, faults } = result;
  const rate = result.cases / seconds;
  process.stdout.write(
    `${result.cases} cases in ${seconds.toFixed(0)} s (${rate.toFixed(0)} a second), ` +
      `peak RSS ${(peakRssBytes / 1e6).toFixed(0)} MB, slowest run ${slowestRunMs.toFixed(0)} ms, ` +
      `${faults.length} faults\n` +
      `${result.statuses} statuses, without waiting for a processor: 99 of 100 within ` +
      `${result.usualOwnMs.toFixed(0)} ms (limit ${STATUS_MS_USUAL}), ${result.late} beyond the limit, ` +
      `slowest ${slowestOwnMs.toFixed(0)} ms; with it, slowest ${slowestAnswerMs.toFixed(0)} ms\n`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}
