/**
 * A real Slurm cluster for a test: munged, slurmctld and three slurmd on this machine, on 127.0.0.1
 * and free ports, with keys, state and logs in a fresh temporary directory, ended by their pids.
 * Works with Slurm 22.05 (Debian 12) and 24.11 (Debian 13). Needs root.
 *
 * Slurm's daemons look up the name of the machine, which may not resolve, or only to another
 * address: so they run in a UTS namespace in which the machine is called localhost.
 */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePorts } from './ports.ts';
import { type Said, Service } from './service.ts';
import './scratch.ts';

/** The requirements for skipWithout(). */
export const SLURM_NEEDS = ['root', 'localhost', 'munged', 'slurmctld', 'slurmd', 'sbatch'];

/** How Slurm finds the processes of a job. */
type Proctrack = 'pgid' | 'linuxproc' | 'cgroup';

export interface SlurmOptions {
  readonly proctrack?: Proctrack;
  /** Lines of slurm.conf by key: additional or different settings. */
  readonly settings?: Readonly<Record<string, string | number>>;
}

export interface Job {
  readonly id: string;
  readonly state: string;
  readonly reason: string;
  readonly node: string;
  readonly name: string;
}

const NODES = ['n1', 'n2', 'n3'] as const;
/** Longest time until the cluster, a job or a process is in the state that a test waits for. */
const WAIT_MS_MAX = 120_000;
const POLL_MS = 50;
/** The first version whose cgroup.conf has to say that there are no cgroups. */
const WANTS_CGROUP_CONF = 23;
const FREEZER = '/sys/fs/cgroup/freezer';

export class SlurmCluster {
  readonly directory = mkdtempSync(join(tmpdir(), 'slurm-'));
  readonly conf = join(this.directory, 'slurm.conf');
  readonly nodes: readonly string[];
  readonly munged: Service;
  readonly controller: Service;
  readonly #slurmds: ReadonlyMap<string, Service>;
  readonly #options: SlurmOptions;

  private constructor(options: SlurmOptions) {
    this.#options = options;
    // The name of a node is also that of a cgroup, which exists once per machine.
    const unique = options.proctrack === 'cgroup' ? `c${process.pid}` : '';
    this.nodes = NODES.map((node) => `${unique}${node}`);
    for (const name of ['state', 'spool', 'log', 'munge']) mkdirSync(join(this.directory, name));
    // Jobs of other users need access.
    chmodSync(this.directory, 0o755);
    chmodSync(join(this.directory, 'munge'), 0o711);
    writeFileSync(this.#path('munge/key'), randomBytes(128), { mode: 0o600 });
    this.munged = this.#service('munged', [
      '--foreground',
      `--key-file=${this.#path('munge/key')}`,
      `--socket=${this.#path('munge/sock')}`,
      `--pid-file=${this.#path('munge/pid')}`,
      `--seed-file=${this.#path('munge/seed')}`,
      '--num-threads=4',
    ]);
    this.controller = this.#service('slurmctld', ['-D']);
    this.#slurmds = new Map(
      this.nodes.map((node) => [node, this.#service('slurmd', ['-D', '-N', node], node)]),
    );
  }

  /** Resolves when all nodes are idle. */
  static async start(options: SlurmOptions = {}): Promise<SlurmCluster> {
    const cluster = new SlurmCluster(options);
    try {
      await cluster.#configure();
      cluster.munged.start();
      await cluster.until('munged has a socket', () => existsSync(cluster.#path('munge/sock')));
      for (const service of [cluster.controller, ...cluster.#slurmds.values()]) service.start();
      await cluster.idle();
      return cluster;
    } catch (error) {
      const log = cluster.log();
      await cluster.close();
      throw new Error(`no cluster of Slurm: ${error}\n${log}`);
    }
  }

  slurmd(node: string): Service {
    const slurmd = this.#slurmds.get(node);
    if (slurmd === undefined) throw new Error(`no node ${node}`);
    return slurmd;
  }

  /** The environment that a Slurm command needs to find this cluster. */
  get env(): { readonly PATH: string; readonly SLURM_CONF: string } {
    return { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', SLURM_CONF: this.conf };
  }

  /** Runs a Slurm command to its end, and throws if it does not exit with 0. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const { status, out, errors } = await this.ask(command, args);
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${status} ${errors}`);
    return out;
  }

  /** Runs a Slurm command to its end, whatever its status is. */
  async ask(command: string, args: readonly string[], input = ''): Promise<Said> {
    return await new Service(command, [command, ...args], this.env).ask(input, WAIT_MS_MAX);
  }

  /** Submits a script through stdin, as baton does. Returns the id of the job. */
  async submit(script: string, ...args: readonly string[]): Promise<string> {
    const { status, out, errors } = await this.ask('sbatch', ['--parsable', ...args], script);
    if (status !== 0) throw new Error(`sbatch ${args.join(' ')}: ${status} ${errors}`);
    return out.trim();
  }

  /** All jobs that the controller still knows; throws while it does not answer. */
  async jobs(): Promise<readonly Job[]> {
    const out = await this.run('squeue', '-h', '-t', 'all', '-o', '%i|%T|%r|%N|%j');
    return out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [id = '', state = '', reason = '', node = '', ...name] = line.split('|');
        return { id, state, reason, node, name: name.join('|') };
      });
  }

  /** Resolves with the job as soon as `is` accepts it; `which` is its id or its name. */
  async job(which: string, is: (job: Job) => boolean): Promise<Job> {
    let last: Job | undefined;
    let found: Job | undefined;
    await this.until(
      () => `job ${which} is as the test wants it: ${JSON.stringify(last)}`,
      async () => {
        const jobs = await this.jobs().catch(() => []);
        last = jobs.find(({ id, name }) => id === which || name === which) ?? last;
        found = last !== undefined && is(last) ? last : undefined;
        return found !== undefined;
      },
    );
    if (found === undefined) throw new Error('unreachable');
    return found;
  }

  /** Resolves when every node is free for jobs and none is running. */
  async idle(): Promise<void> {
    await this.until('all nodes are idle', async () => {
      const { out } = await this.ask('sinfo', ['-h', '-o', '%T %D']);
      return out.trim() === `idle ${this.nodes.length}`;
    });
  }

  /** Repeats until it is true; fails after a time that no machine needs. */
  async until(
    what: string | (() => string),
    isTrue: () => boolean | Promise<boolean>,
  ): Promise<void> {
    const end = performance.now() + WAIT_MS_MAX;
    while (!(await isTrue())) {
      if (performance.now() > end) {
        const text = typeof what === 'string' ? what : what();
        throw new Error(`not within ${WAIT_MS_MAX} ms: ${text}\n${this.log()}`);
      }
      await pause(POLL_MS);
    }
  }

  /** The processes that run and watch the batch scripts, as children of slurmstepd. */
  stepds(): readonly number[] {
    return this.processes().filter((pid) => read(`/proc/${pid}/comm`).startsWith('slurmstepd'));
  }

  /** Every process of this cluster: it has the path or an open file of its directory. */
  processes(): readonly number[] {
    const all = execFileSync('/usr/bin/perl', ['-e', FIND, this.directory], { encoding: 'utf8' });
    return all.split(' ').filter(Boolean).map(Number);
  }

  /** The last log lines of the daemons, for a test that fails. */
  log(): string {
    return ['slurmctld', ...this.nodes]
      .map(
        (name) =>
          `${name}:\n${read(this.#path(`log/${name}`))
            .split('\n')
            .slice(-20)
            .join('\n')}`,
      )
      .join('\n');
  }

  /** Ends everything: the daemons, the jobs, and the files. */
  async close(): Promise<void> {
    const services = [this.controller, ...this.#slurmds.values(), this.munged];
    await Promise.all(services.map((service) => service.kill('SIGKILL')));
    await this.until('all processes are gone', () => {
      const left = this.processes();
      for (const pid of left) kill(pid);
      return left.length === 0;
    });
    for (const node of this.nodes) removeCgroup(node);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #configure(): Promise<void> {
    const [controller, ...ports] = await freePorts(1 + this.nodes.length);
    const { proctrack = 'linuxproc', settings = {} } = this.#options;
    const lines: Record<string, string | number> = {
      ClusterName: 'test',
      SlurmctldHost: 'localhost(127.0.0.1)',
      SlurmUser: 'root',
      SlurmdUser: 'root',
      AuthInfo: `socket=${this.#path('munge/sock')}`,
      // Without this they listen on the whole network.
      CommunicationParameters: 'NoCtldInAddrAny,NoInAddrAny',
      SlurmctldPort: controller ?? 0,
      StateSaveLocation: this.#path('state'),
      SlurmdSpoolDir: this.#path('spool/%n'),
      SlurmctldPidFile: this.#path('slurmctld.pid'),
      SlurmdPidFile: this.#path('slurmd.%n.pid'),
      SlurmctldLogFile: this.#path('log/slurmctld'),
      SlurmdLogFile: this.#path('log/%n'),
      ProctrackType: `proctrack/${proctrack}`,
      TaskPlugin: 'task/none',
      JobAcctGatherType: 'jobacct_gather/none',
      SwitchType: 'switch/none',
      MpiDefault: 'none',
      SelectType: 'select/cons_tres',
      SelectTypeParameters: 'CR_CPU',
      ReturnToService: 2,
      SlurmdTimeout: 30,
      // More CPUs than the machine has.
      SlurmdParameters: 'config_overrides',
      SchedulerParameters: 'batch_sched_delay=0',
      Licenses: 'disk:1',
      ...settings,
    };
    const nodes = this.nodes.map(
      (node, at) =>
        `NodeName=${node} NodeHostname=localhost NodeAddr=127.0.0.1 Port=${ports[at]} CPUs=8`,
    );
    const partition = `PartitionName=main Nodes=${this.nodes.join(',')} Default=YES State=UP`;
    const all = [...Object.entries(lines).map(([key, value]) => `${key}=${value}`), ...nodes];
    writeFileSync(this.conf, `${[...all, partition].join('\n')}\n`);
    writeFileSync(this.#path('cgroup.conf'), cgroupConf(proctrack));
  }

  #service(command: string, args: readonly string[], name = command): Service {
    return new Service(name, [...AS_LOCALHOST, command, ...args], this.env);
  }

  #path(name: string): string {
    return join(this.directory, name);
  }
}

const AS_LOCALHOST = ['unshare', '--uts', 'sh', '-c', 'hostname localhost && exec "$@"', 'sh'];

/** As in undertaker.pl: by arguments, environment, working directory and open files. */
const FIND = `
  for my $pid (grep { $_ != $$ } map { m{(\\d+)} } glob '/proc/[0-9]*') {
    my $words = join ' ', map { open(my $f, '<', "/proc/$pid/$_") ? do { local $/; <$f> // '' } : '' }
      qw(cmdline environ);
    my $files = join ' ', map { (readlink // '') . '/' } "/proc/$pid/cwd", glob "/proc/$pid/fd/*";
    print "$pid " if 0 <= index "$words/ $files", "$ARGV[0]/";
  }`;

/**
 * A missing file, or one with unknown keys, is an error in one version or another. Without the name
 * of a plugin, slurmd 22.05 ends if the cgroups are of version 2, or not mounted.
 */
function cgroupConf(proctrack: Proctrack): string {
  const version = execFileSync('slurmctld', ['-V'], { encoding: 'utf8' });
  const [, major = '0'] = /(\d+)\./.exec(version) ?? [];
  if (Number(major) < WANTS_CGROUP_CONF) return 'CgroupPlugin=cgroup/v1\n';
  return proctrack === 'cgroup' ? 'IgnoreSystemd=yes\n' : 'CgroupPlugin=disabled\n';
}

/** proctrack/cgroup leaves it behind. */
function removeCgroup(node: string): void {
  try {
    rmdirSync(join(FREEZER, `slurm_${node}`));
  } catch {
    // There is none.
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
