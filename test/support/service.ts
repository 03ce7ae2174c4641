/** A program that a test starts, stops, kills and restarts; identified only by its pid. */
import { type ChildProcess, spawn } from 'node:child_process';
import './scratch.ts';

export interface Said {
  readonly status: number;
  readonly out: string;
  readonly errors: string;
}

export class Service {
  readonly name: string;
  readonly #words: readonly string[];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(name: string, words: readonly string[], env: NodeJS.ProcessEnv) {
    this.name = name;
    this.#words = words;
    this.#env = env;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  start(): void {
    if (this.isRunning) throw new Error(`${this.name} runs`);
    const child = this.#spawn('ignore');
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', resolve));
  }

  /** Resolves when it is gone. It may be stopped: SIGKILL ends it in any case. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.isRunning) this.#child?.kill(signal);
    await this.#ended;
  }

  /** Stops it until cont(). */
  stop(): void {
    this.#child?.kill('SIGSTOP');
  }

  cont(): void {
    this.#child?.kill('SIGCONT');
  }

  async restart(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.kill(signal);
    this.start();
  }

  /** Runs it once, to its end; if it takes longer than `ms`, it is killed, with status -1. */
  async ask(input: string, ms: number): Promise<Said> {
    const child = this.#spawn('pipe');
    const said = { out: '', errors: '' };
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said.out += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said.errors += text;
    });
    child.stdin?.on('error', () => {}); // it may have ended before it has read all
    child.stdin?.end(input);
    const timer = setTimeout(() => child.kill('SIGKILL'), ms);
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code ?? -1));
    });
    clearTimeout(timer);
    return { status, ...said };
  }

  #spawn(stdio: 'ignore' | 'pipe'): ChildProcess {
    const [file = '', ...args] = this.#words;
    return spawn(file, args, { stdio, env: this.#env, cwd: '/' });
  }
}
