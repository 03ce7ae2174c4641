/**
 * The real Debian cron on a faked clock, as a test sees it: its log lines and mails are events.
 * Only cron sees the faked clock; its jobs use real time, in the environment that cron really
 * provides. Nothing outside its namespace is changed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './config.ts';
import type { Machine } from './machine.ts';
import './scratch.ts';

export interface Mail {
  readonly subject: string;
  readonly headers: string;
  readonly body: Buffer;
}

/** The requirements for skipWithout(). */
export const CRON_NEEDS = ['root', 'a mount namespace', 'cron', 'faketime', 'socat', 'unshare'];

export class Cron {
  /** Contains the namespace's /run, /usr/bin and so on. */
  readonly directory: string;
  readonly mails: Mail[] = [];
  /** When cron was started, in milliseconds of the real clock. */
  startedAtMs = 0;
  stderr = '';
  #syslog = '';
  readonly #watchers = new Set<() => void>();
  readonly #server: net.Server;
  readonly #machine: Machine | undefined;
  #child: ChildProcess | undefined;

  /** On this machine, or on a disposable one, whose own files cron then sees. */
  constructor(machine?: Machine) {
    this.#machine = machine;
    this.directory = mkdtempSync(join(machine?.share ?? tmpdir(), 'baton-cron-'));
    for (const name of ['bin', 'sbin', 'cron.d', 'tabs', 'run', 'layers']) {
      mkdirSync(join(this.directory, name));
    }
    this.write('crontab', '');
    const socket = join(this.directory, 'mail');
    const script = readFileSync(join(ROOT, 'test/support/sendmail.pl'), 'utf8');
    this.write('sbin/sendmail', script.replace('@SOCKET@', socket), 0o755);
    this.#server = net.createServer({ allowHalfOpen: true }, (mail) => this.#deliver(mail));
    // cron sends mail as the user of the job.
    chmodSync(this.directory, 0o755);
    this.#server.listen({ path: socket, writableAll: true });
  }

  /** What cron has logged. */
  get log(): readonly string[] {
    return this.#syslog.split(/(?=<\d+>)/).slice(1);
  }

  /**
   * A file of the namespace, by its path below the directory. cron refuses what others can write.
   */
  write(path: string, text: string, mode = 0o644): void {
    writeFileSync(join(this.directory, path), text, { mode });
  }

  /** Starts cron with its clock at this time. */
  start(clock: string): void {
    copyFileSync(join(ROOT, 'test/support/cron.sh'), join(this.directory, 'cron.sh'));
    const command = `/bin/sh "${this.directory}/cron.sh" "${this.directory}" "${clock}"`;
    const [program, ...args] = this.#machine?.enter(`${command} copy`) ?? [
      ...['unshare', '--mount', '--propagation', 'private', '/bin/sh', '-c', command],
    ];
    const child = spawn(program ?? '', args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    // Datagrams of syslog(3): they begin with <PRIORITY> and end without a newline.
    child.stdout.on('data', (chunk: Buffer) => {
      if (this.startedAtMs === 0) this.startedAtMs = Date.now();
      this.#syslog += chunk.toString();
      this.#wake();
    });
    child.once('exit', () => this.#wake());
  }

  /** Resolves once cron has finished this many jobs, and has mailed their output. */
  async ended(jobs: number): Promise<void> {
    const isEnd = (line: string): boolean => line.includes('session closed');
    await this.#until(() => this.log.filter(isEnd).length >= jobs);
  }

  async mailed(mails: number): Promise<void> {
    await this.#until(() => this.mails.length >= mails);
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.stdin?.end();
      await exit;
    }
    this.#server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  #until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const isOver = this.#child?.exitCode !== null;
        if (!isTrue() && !isOver) return;
        this.#watchers.delete(look);
        if (isTrue()) resolve();
        else reject(new Error(`cron has ended: ${this.stderr}`));
      };
      this.#watchers.add(look);
      look();
    });
  }

  #deliver(socket: net.Socket): void {
    const chunks: Buffer[] = [];
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('end', () => {
      const text = Buffer.concat(chunks);
      const at = text.indexOf('\n\n');
      const headers = text.subarray(0, at).toString();
      const subject = /^Subject: (.*)$/m.exec(headers)?.[1] ?? '';
      this.mails.push({ subject, headers, body: text.subarray(at + 2) });
      socket.end();
      this.#wake();
    });
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}
