/** A daemon that systemd-socket-activate starts when the first client connects. */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { BATOND, Rig } from '../support/rig.ts';
import { Line } from './line.ts';
import { ENV } from './measure.ts';

export class Activated {
  readonly #rig = new Rig();
  readonly #flags: readonly string[];
  #child: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();

  constructor(targets: Readonly<Record<string, unknown>>, flags: readonly string[] = []) {
    this.#rig.configure({ targets });
    this.#flags = flags;
  }

  /** Starts the listener; there is no daemon yet. */
  async listen(): Promise<void> {
    const { socket, configFile, state } = this.#rig;
    rmSync(socket, { force: true });
    const command = [process.execPath, BATOND, '--config', configFile, '--state', state];
    const name = ['--fdname=baton.socket', '-l', socket];
    const child = spawn('systemd-socket-activate', [...name, ...command, ...this.#flags], {
      env: ENV,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child = child;
    this.#gone = new Promise((resolve) => child.once('exit', () => resolve()));
    await new Promise<void>((resolve, reject) => {
      // Its first line says that it listens; the socket exists a moment before that.
      child.stderr.once('data', () => resolve());
      child.once('error', reject);
      child.once('exit', () => reject(new Error('systemd-socket-activate ended at once')));
    });
    child.stderr.resume();
  }

  /** From the first connection, which starts a daemon, to its first reply. */
  async firstReplyMs(): Promise<number> {
    const sinceMs = performance.now();
    const line = await Line.open(this.#rig.socket);
    await line.ask({ type: 'status' }, 'status');
    const tookMs = performance.now() - sinceMs;
    line.close();
    return tookMs;
  }

  get isAlive(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  exited(): Promise<void> {
    return this.#gone;
  }

  /** Ends the daemon: it has replaced the listener. */
  async end(): Promise<void> {
    if (this.isAlive) this.#child?.kill('SIGKILL');
    await this.#gone;
  }

  async close(): Promise<void> {
    await this.end();
    rmSync(this.#rig.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
