/**
 * A guest: a Debian with a real systemd as process 1, in a container of systemd-nspawn. It boots in
 * a few seconds, has a network of its own (only loopback), and can be shut down and booted again.
 * Nothing on this machine changes. Needs root.
 *
 * The tree is $BATON_TEST_SYSTEMD_ROOT, or is made (.ci/debian-root, about a minute). Its node is
 * the one that runs the test.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { ROOT } from './config.ts';
import type { Said } from './machine.ts';
import './scratch.ts';

/** Packages that the tests need in a tree. */
const PACKAGES = [
  'systemd',
  'systemd-sysv',
  'dbus',
  'dbus-user-session',
  'libpam-systemd',
  'procps',
  'cron',
  'rsnapshot',
];
const TOOLS = ['systemd-nspawn', 'nsenter', 'unshare', 'dpkg-deb'];
const BOOT_LOOKS_MAX = 600;
const BOOT_LOOK_MS = 100;

/** The requirements for skipWithout(). */
export const GUEST_NEEDS: readonly string[] =
  process.env['BATON_TEST_SYSTEMD_ROOT'] === undefined
    ? ['root', ...TOOLS, 'mmdebstrap']
    : ['root', ...TOOLS];

export class Guest {
  /** The same files as /share in the guest. */
  readonly share: string;
  readonly #directory: string;
  readonly #holder: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #pid = 0;

  private constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), 'baton-guest-'));
    chmodSync(this.#directory, 0o755);
    this.share = join(this.#directory, 'share');
    for (const name of ['layers', 'share']) mkdirSync(join(this.#directory, name));
    const script = join(ROOT, 'test/support/guest.sh');
    const words = [script, findTree(this.#directory), this.#directory, basename(this.#directory)];
    const flags = ['--mount', '--propagation', 'private'];
    this.#holder = spawn('unshare', [...flags, '/bin/sh', ...words], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    assert.ok(this.#holder.stdout);
    this.#lines = createInterface(this.#holder.stdout)[Symbol.asyncIterator]();
  }

  /** A booted guest, with this machine's node in its /usr/bin, or with only what the tree has. */
  static async boot({ hasNode = true } = {}): Promise<Guest> {
    const guest = new Guest();
    try {
      await guest.boot();
      if (!hasNode) return guest;
      copyFileSync(process.execPath, join(guest.share, 'node'));
      guest.ask('install -m 755 /share/node /usr/bin/node');
      return guest;
    } catch (error) {
      await guest.close();
      throw error;
    }
  }

  /** Boots it, also again after `off`. */
  async boot(): Promise<void> {
    this.#holder.stdin?.write('boot\n');
    const nspawn = Number((await this.#line()).split(' ')[1]);
    for (let looks = 0; ; looks++) {
      this.#pid = Number(childrenOf(nspawn)) || 0;
      const said = this.#pid === 0 ? undefined : this.run('systemctl is-system-running --wait');
      if (/^(running|degraded)\n/.test(said?.text ?? '')) return;
      if (looks >= BOOT_LOOKS_MAX) throw new Error(`the guest does not boot:\n${this.console()}`);
      await delay(BOOT_LOOK_MS);
    }
  }

  /** An orderly shutdown, as of a real machine; resolves when it is down. */
  async off(): Promise<void> {
    this.run('systemctl poweroff');
    assert.equal(await this.#line(), 'off');
    this.#pid = 0;
  }

  /** Runs a shell command in the guest as root and waits for its end. */
  run(command: string): Said {
    const [program, ...args] = this.#enter(command);
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    return { status, text: stdout, errors: stderr };
  }

  /** The stdout of a shell command that has to succeed. */
  ask(command: string): string {
    const { status, text, errors } = this.run(command);
    if (status === 0) return text;
    throw new Error(`${command} ended with ${status}:\n${text}${errors}`);
  }

  start(command: string): ChildProcess {
    const [program, ...args] = this.#enter(command);
    return spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** Repeats a shell command until its stdout is as wanted; the guest's own events take time. */
  async until(command: string, wanted: RegExp): Promise<string> {
    for (let looks = 0; ; looks++) {
      const { text, errors } = this.run(command);
      if (wanted.test(text)) return text;
      if (looks >= BOOT_LOOKS_MAX)
        throw new Error(`${command}: wanted ${wanted}:\n${text}${errors}`);
      await delay(BOOT_LOOK_MS);
    }
  }

  /** The output on its console, including shutdowns. */
  console(): string {
    return readFileSync(join(this.#directory, 'console'), 'utf8');
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#holder.once('exit', resolve));
    if (this.#pid !== 0) {
      process.kill(this.#pid, 'SIGKILL');
      await this.#line();
    }
    if (this.#holder.exitCode === null) {
      this.#holder.stdin?.end();
      await ended;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #enter(command: string): readonly [string, ...string[]] {
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const env = [path, 'HOME=/root', 'LC_ALL=C', 'SYSTEMD_PAGER=cat'];
    const nsenter = ['-t', String(this.#pid), '-a', '--wdns=/'];
    return ['nsenter', ...nsenter, 'env', '-i', ...env, '/bin/sh', '-c', command];
  }

  async #line(): Promise<string> {
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error(`guest.sh has ended:\n${this.console()}`);
    return value;
  }
}

function findTree(directory: string): string {
  const named = process.env['BATON_TEST_SYSTEMD_ROOT'];
  if (named !== undefined) return named;
  const tree = join(directory, 'tree');
  const command = join(ROOT, '.ci/debian-root');
  const { status, stderr } = spawnSync(command, ['bookworm', tree, ...PACKAGES], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return tree;
}

function childrenOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  } catch {
    return '';
  }
}
