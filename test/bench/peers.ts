/**
 * The other tools: which of them are installed, and a directory of their own for those with state.
 * Everything that they start is ended by pid.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ENV } from './measure.ts';
import type { Gap } from './table.ts';

/** Their packages in Debian. */
const PACKAGES = {
  tsp: 'task-spooler',
  nq: 'nq',
  hyperfine: 'hyperfine',
  flock: 'util-linux',
  nc: 'netcat-openbsd',
  ssh: 'openssh-client',
  sshd: 'openssh-server',
  pdsh: 'pdsh',
  'parallel-ssh': 'pssh',
  slurmctld: 'slurm-wlm',
  munged: 'munge',
  'systemd-socket-activate': 'systemd',
} as const;

export type Tool = keyof typeof PACKAGES;

export function has(tool: Tool): boolean {
  return (ENV['PATH'] ?? '').split(':').some((directory) => existsSync(join(directory, tool)));
}

/** One line for each missing tool. */
export function gaps(what: string, ...tools: readonly Tool[]): readonly Gap[] {
  return tools
    .filter((tool) => !has(tool))
    .map((tool) => ({ what, why: `needs ${tool} (apt-get install ${PACKAGES[tool]})` }));
}

/** The versions of the installed ones. */
export function versions(): Readonly<Record<string, string>> {
  const packages = [
    ...new Set(
      Object.entries(PACKAGES).flatMap(([tool, name]) => (has(tool as Tool) ? [name] : [])),
    ),
  ];
  try {
    const text = execFileSync('dpkg-query', ['-W', ...packages], { encoding: 'utf8' });
    const pairs = text.trim().split('\n');
    return Object.fromEntries(pairs.map((line) => line.split('\t')));
  } catch {
    return {}; // not Debian
  }
}

/** A queue of tsp or nq. */
export class Peer {
  readonly name: 'tsp' | 'nq';
  readonly directory = mkdtempSync(join(tmpdir(), 'baton-peer-'));
  readonly env: Readonly<Record<string, string>>;

  constructor(name: 'tsp' | 'nq', slots = 1) {
    this.name = name;
    const own =
      name === 'tsp'
        ? { TS_SOCKET: join(this.directory, 's'), TS_SLOTS: String(slots), TMPDIR: this.directory }
        : { NQDIR: this.directory };
    this.env = { ...ENV, ...own };
  }

  submit(...command: readonly string[]): readonly string[] {
    return this.name === 'tsp' ? ['tsp', '-n', ...command] : ['nq', '-q', ...command];
  }

  /** Submits many, one after another, in one shell. */
  async fill(count: number, command: string): Promise<void> {
    const one = this.submit(command).join(' ');
    await this.shell(`i=0; while [ $i -lt ${count} ]; do ${one} >/dev/null; i=$((i+1)); done`);
  }

  /** Resolves when everything submitted has ended. */
  async drained(): Promise<void> {
    await this.shell(this.name === 'tsp' ? 'tsp -w' : 'nq -w');
  }

  async shell(script: string): Promise<void> {
    const child = spawn('sh', ['-c', script], { env: this.env, stdio: 'ignore' });
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
  }

  /** All processes with this place in their environment: its own, and the jobs. */
  pids(comm?: string): readonly number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .filter((pid) => {
        try {
          if (comm !== undefined && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== comm) {
            return false;
          }
          return readFileSync(`/proc/${pid}/environ`, 'utf8').includes(this.directory);
        } catch {
          return false;
        }
      })
      .map(Number);
  }

  async close(): Promise<void> {
    // When a process dies, the next job may start, so repeat until none is left.
    for (let pids = this.pids(); pids.length > 0; pids = this.pids()) {
      for (const pid of pids) end(pid);
      await sleep(20);
    }
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is already gone.
  }
}
