/**
 * The directory of a run as the daemon makes it for a Slurm job, and the keeper of the job in it:
 * as a plain process here, or as the script for a real cluster.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { wordsOf } from '../../daemon/keepers/fork-server.ts';
import { readStatusFile, type StatusRecord } from '../../daemon/keepers/status-file.ts';
import type { StopSignal, StopTo } from '../../daemon/shared/stop.ts';
import { installed } from '../../daemon/system/installed.ts';
import type { SlurmCluster } from './slurm.ts';
import './scratch.ts';

export const SLURM_KEEPER = installed('daemon/slurm-keeper.pl');
const POLL_MS = 10;
const WAIT_MS_MAX = 120_000;

export interface JobOptions {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly umask?: number;
  readonly graceMs?: number;
  readonly timeoutMs?: number;
  readonly stopSignal?: StopSignal;
  readonly stopTo?: StopTo;
  readonly merged?: boolean;
  readonly stdin?: string;
}

export class SlurmJob {
  readonly directory: string;
  readonly token = `baton:nightly:7.1:${randomBytes(8).toString('hex')}`;

  constructor(parent: string, options: JobOptions) {
    this.directory = join(parent, 'run 7');
    mkdirSync(this.directory, { mode: 0o700 });
    const { args, env = {}, cwd = '/', umask = 0o022, merged = true, stdin = '' } = options;
    const path = (name: string) => join(this.directory, name);
    const words = wordsOf({
      ...{ title: 'baton job 7 nightly', statusFile: path('status.1'), umask, cwd, owner: '' },
      ...{ in: stdin, out: path('out'), err: merged ? '' : path('err'), env, args },
    });
    const { graceMs = 60_000, timeoutMs = 0, stopSignal = 'TERM', stopTo = 'tree' } = options;
    const limits = [graceMs, stopSignal, stopTo, timeoutMs];
    this.write('spawn.1', ['baton-spawn-3', this.token, ...limits, ...words].join('\0'));
  }

  /** The keeper's arguments, wherever it runs. */
  get args(): readonly [string, string, string] {
    return [this.directory, '1', this.token];
  }

  /** Submits it as the daemon does, and releases it. Returns the id of the job. */
  async submit(cluster: SlurmCluster, ...options: readonly string[]): Promise<string> {
    const places = ['-J', this.token, '-D', '/', '-o', join(this.directory, 'slurm.1')];
    const fixed = ['-H', '--open-mode=append', '--propagate=NONE', ...places];
    const call = [...fixed, ...options, SLURM_KEEPER, ...this.args];
    const id = (await cluster.run('sbatch', '--parsable', ...call)).trim();
    await cluster.run('scontrol', 'release', `jobname=${this.token}`);
    return id;
  }

  /** Starts the keeper as Slurm would. */
  start(args: readonly string[] = this.args, env: NodeJS.ProcessEnv = {}): Keeper {
    return new Keeper(args, env);
  }

  write(name: string, text: string): void {
    const path = join(this.directory, name);
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  has(name: string): boolean {
    return existsSync(join(this.directory, name));
  }

  read(name: string): string {
    return readFileSync(join(this.directory, name), 'utf8');
  }

  /** Resolves when the file exists. */
  async appears(name: string): Promise<void> {
    await this.#until(() => this.has(name), name);
  }

  /** Resolves when its output contains this. */
  async prints(text: string): Promise<void> {
    await this.#until(() => this.has('out') && this.read('out').includes(text), text);
  }

  async #until(isTrue: () => boolean, what: string): Promise<void> {
    const end = performance.now() + WAIT_MS_MAX;
    while (!isTrue()) {
      if (performance.now() > end) throw new Error(`no ${what} within ${WAIT_MS_MAX} ms`);
      await pause(POLL_MS);
    }
  }

  /** What the daemon would read. */
  record(): StatusRecord {
    const record = readStatusFile(join(this.directory, 'status.1'));
    if (record === undefined || record === 'unreadable') throw new Error(`status: ${record}`);
    return record;
  }

  /** A field of the record that only keepers of jobs write. */
  said(field: 'stop' | 'outBytes' | 'errBytes'): unknown {
    const record: Readonly<Record<string, unknown>> = JSON.parse(this.read('status.1'));
    return record[field];
  }
}

class Keeper {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  errors = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv) {
    const perl = ['/usr/bin/perl', SLURM_KEEPER, ...args];
    // Like slurmstepd's scripts: not in the process group of the test.
    this.#child = spawn('setsid', perl, { env, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.errors += text;
    });
    this.#ended = once(this.#child, 'close');
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it has printed this on stderr, which is the output file of the job. */
  async says(words: string): Promise<void> {
    while (!this.errors.includes(words)) await once(this.#child.stderr ?? this.#child, 'data');
  }

  /** Its exit status, or its signal. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    await this.#ended;
    return this.#child.exitCode ?? this.#child.signalCode;
  }
}
