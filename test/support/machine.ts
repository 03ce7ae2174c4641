/**
 * A disposable machine, for the effects of a package on a whole system: this one's files, copied on
 * write, in namespaces of its own (see machine.sh). Nothing outside it changes. Needs root.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './config.ts';
import './scratch.ts';

export interface Said {
  readonly status: number | null;
  readonly text: string;
  readonly errors: string;
}

/** The PATH of root's shell. cron has its own. */
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export class Machine {
  /** The same directory inside and outside. */
  readonly share: string;
  readonly #directory = mkdtempSync(join(tmpdir(), 'baton-machine-'));
  readonly #first: ChildProcess;
  #pid = 0;

  private constructor() {
    chmodSync(this.#directory, 0o755);
    mkdirSync(join(this.#directory, 'layers'));
    this.share = join(this.#directory, 'share');
    mkdirSync(this.share);
    const flags = ['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'];
    const script = join(ROOT, 'test/support/machine.sh');
    this.#first = spawn('unshare', [...flags, '/bin/sh', script, this.#directory], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
  }

  static async boot(): Promise<Machine> {
    const machine = new Machine();
    const first = machine.#first;
    await new Promise<void>((resolve, reject) => {
      first.once('exit', (status) => reject(new Error(`machine.sh ended with ${status}`)));
      first.stdout?.once('data', () => resolve());
    });
    const children = readFileSync(`/proc/${first.pid}/task/${first.pid}/children`, 'utf8');
    machine.#pid = Number(children);
    return machine;
  }

  /** Makes maintainer scripts believe in a running systemd: systemctl.sh acts for it. */
  pretendSystemd(): void {
    const script = readFileSync(join(ROOT, 'test/support/systemctl.sh'), 'utf8');
    mkdirSync(join(this.share, 'bin'));
    writeFileSync(join(this.share, 'bin/systemctl'), script.replace('@SHARE@', this.share), {
      mode: 0o755,
    });
    copyFileSync(join(ROOT, 'test/support/activator.pl'), join(this.share, 'activator.pl'));
    this.run('mkdir -p /run/systemd/system');
  }

  /** The command prefix that enters it and runs a command there. */
  enter(command: string): readonly [string, ...string[]] {
    const pid = String(this.#pid);
    return ['nsenter', '-t', pid, '--mount', '--pid', '--root', '--wdns=/', 'sh', '-c', command];
  }

  /** Runs a shell command and waits for its end. */
  run(command: string): Said {
    const [program, ...args] = this.enter(command);
    const { status, stdout, stderr } = spawnSync(program, args, {
      env: this.#env(),
      encoding: 'utf8',
    });
    return { status, text: stdout, errors: stderr };
  }

  /** The stdout of a shell command that has to succeed. */
  ask(command: string): string {
    const { status, text, errors } = this.run(command);
    if (status === 0) return text;
    throw new Error(`${command} ended with ${status}:\n${text}${errors}`);
  }

  start(command: string): ChildProcess {
    const [program, ...args] = this.enter(command);
    return spawn(program, args, { env: this.#env(), stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async close(): Promise<void> {
    if (this.#first.exitCode === null) {
      const exit = new Promise((resolve) => this.#first.once('exit', resolve));
      this.#first.stdin?.end();
      await exit;
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #env(): NodeJS.ProcessEnv {
    const DEBIAN_FRONTEND = 'noninteractive';
    return { PATH: `${this.share}/bin:${PATH}`, HOME: '/root', LC_ALL: 'C', DEBIAN_FRONTEND };
  }
}
