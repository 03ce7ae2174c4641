/**
 * A real sshd for a test: on 127.0.0.1, a high port, with keys that live as long as the test, ended
 * by its pid. `home` is a home directory for the daemon, whose .ssh is used.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './ports.ts';
import './scratch.ts';

const SSHD = '/usr/sbin/sshd';
/** The requirements for skipWithout(). */
export const SSHD_NEEDS = ['sshd', 'ssh-keygen', 'ssh-agent'];

/** The account for SshdOptions.asNobody; in Debian it exists without a shell. */
const NOBODY = 'nobody';

export interface SshdOptions {
  /** The user is `nobody`, who has a shell and a home in a passwd that only this sshd sees. */
  readonly asNobody?: boolean;
}

export class Sshd {
  readonly directory = mkdtempSync(join(tmpdir(), 'sshd-'));
  readonly home = join(this.directory, 'home');
  readonly user: string;
  readonly key = join(this.directory, 'id');
  readonly knownHosts = join(this.home, '.ssh/known_hosts');
  /** What sshd printed on stderr, for a test that fails. */
  log = '';
  port = 0;
  #process: ChildProcess | undefined;

  private constructor({ asNobody = false }: SshdOptions) {
    this.user = asNobody ? NOBODY : userInfo().username;
  }

  /** `more` are lines for sshd_config. */
  static async start(more: readonly string[] = [], options: SshdOptions = {}): Promise<Sshd> {
    const sshd = new Sshd(options);
    mkdirSync(join(sshd.home, '.ssh'), { recursive: true, mode: 0o700 });
    for (const type of ['ed25519', 'rsa', 'ecdsa'])
      keygen(join(sshd.directory, `host_${type}`), type);
    keygen(sshd.key);
    sshd.authorize(sshd.key);
    sshd.port = await freePort();
    sshd.know();
    await sshd.boot(more);
    return sshd;
  }

  async boot(more: readonly string[] = []): Promise<void> {
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
    const config = join(this.directory, 'sshd_config');
    // The first value of an option applies.
    const lines = [
      ...more,
      `Port ${this.port}`,
      'ListenAddress 127.0.0.1',
      ...['ed25519', 'rsa', 'ecdsa'].map((type) => `HostKey ${this.directory}/host_${type}`),
      `AuthorizedKeysFile ${this.directory}/authorized_keys`,
      'StrictModes no',
      'UsePAM no',
      'PasswordAuthentication no',
      'PidFile none',
      'PermitRootLogin yes',
      // bash reads ~/.bashrc for every command: the user's own may take seconds, or print
      // something.
      `SetEnv HOME=${this.home}`,
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const [file, ...args] = [...this.#around(), SSHD, '-D', '-e', '-f', config];
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      createInterface(child.stderr).on('line', (line) => {
        this.log += `${line}\n`;
        if (line.startsWith('Server listening')) resolve();
      });
      child.once('exit', (code) => reject(new Error(`sshd ended with ${code}: ${this.log}`)));
    });
  }

  /** The command prefix for sshd: for another user, its own passwd. */
  #around(): [string, ...string[]] | [] {
    if (this.user !== NOBODY) return [];
    const passwd = join(this.directory, 'passwd');
    const entry = `${NOBODY}:x:65534:65534::${this.home}:/bin/sh`;
    const others = readFileSync('/etc/passwd', 'utf8').replace(/^nobody:.*\n/m, '');
    writeFileSync(passwd, `${entry}\n${others}`, { mode: 0o644 });
    // sshd reads the files for logins as that user.
    for (const path of [this.directory, this.home]) chmodSync(path, 0o755);
    chmodSync(join(this.directory, 'authorized_keys'), 0o644);
    const script = 'mount --bind "$0" /etc/passwd && exec "$@"';
    return ['unshare', '--mount', 'sh', '-c', script, passwd];
  }

  /** Authorizes a key; `options` such as command="…" precede it. */
  authorize(key: string, options = ''): void {
    const line = `${options}${options && ' '}${readFileSync(`${key}.pub`, 'utf8')}`;
    writeFileSync(join(this.directory, 'authorized_keys'), line, { flag: 'a', mode: 0o600 });
  }

  /** Its host key, as ssh-keyscan would print it without the name. */
  hostKey(type = 'ed25519'): string {
    const [kind, key] = readFileSync(join(this.directory, `host_${type}.pub`), 'utf8').split(' ');
    return `${kind} ${key}`;
  }

  /** Makes the host key known, or `line` instead of it. */
  know(line = `[127.0.0.1]:${this.port} ${this.hostKey()}`): void {
    writeFileSync(this.knownHosts, `${line}\n`, { mode: 0o600 });
  }

  /** The runner of a target that connects to this. */
  target(more: Record<string, unknown> = {}): { runner: Record<string, unknown> } {
    const { port, user, key, knownHosts } = this;
    const at = { type: 'ssh', host: '127.0.0.1', port, user, key, knownHosts, sshConfig: false };
    return { runner: { ...at, retry: 0, ...more } };
  }

  /** A further key pair. */
  keygen(name: string, ...options: readonly string[]): string {
    const path = join(this.directory, name);
    keygen(path, 'ed25519', options);
    return path;
  }

  /** How many signals sshd was asked to send and refused. */
  get signalsRefused(): number {
    return this.log.match(/session_signal_req/g)?.length ?? 0;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  async end(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await gone;
  }

  async close(): Promise<void> {
    await this.end();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** A real ssh-agent without keys, with its socket at this path. */
export async function startAgent(
  t: { after(done: () => unknown): void },
  socket: string,
): Promise<string> {
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => agent.kill());
  await once(createInterface(agent.stdout), 'line');
  return socket;
}

export function addKey(agent: string, key: string): void {
  execFileSync('ssh-add', ['-q', key], { env: { SSH_AUTH_SOCK: agent } });
}

/** The sshd process that serves a remote command: the nearest ancestor of that name. */
export function sessionOf(pid: number): number {
  for (let at = pid; at > 1; ) {
    const stat = readFileSync(`/proc/${at}/stat`, 'latin1');
    if (stat.includes('(sshd')) return at;
    at = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  }
  throw new Error(`no sshd above ${pid}`);
}

function keygen(path: string, type = 'ed25519', options: readonly string[] = []): void {
  const phrase = options.includes('-N') ? [] : ['-N', ''];
  execFileSync('ssh-keygen', ['-q', '-t', type, ...phrase, ...options, '-f', path]);
  chmodSync(path, 0o600);
}
