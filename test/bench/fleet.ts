/**
 * The fleet: `true` on fifty hosts at once, as whole processes, compared with pdsh and
 * parallel-ssh. All hosts are names of one sshd on this machine. They can also do ten at a time.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BATON } from '../support/rig.ts';
import { Sshd } from '../support/sshd.ts';
import { NODE, type Options, takeTurns, timeOnce } from './measure.ts';
import { gaps } from './peers.ts';
import { marked, runsMb } from './ssh.ts';
import { Subject } from './subject.ts';
import type { Line } from './table.ts';

/** The same as for 50 SSH runs that are requested individually. */
const ALL_MB = 60;
const COUNT = 50;
const AT_ONCE = [COUNT, 10] as const;
const HOSTS = Array.from({ length: COUNT }, (_, at) => `h${at + 1}`);

export async function measureFleet({ isQuick }: Options): Promise<readonly Line[]> {
  const lacking = gaps(`a fleet of ${COUNT} hosts`, 'ssh', 'sshd', 'pdsh', 'parallel-ssh');
  if (lacking.length > 0) return lacking;
  const sshd = await Sshd.start(['MaxStartups 1000']);
  const marks = join(sshd.directory, 'marks');
  const sleeps = ['sh', '-c', `echo x >>${marks}; exec sleep 1000`];
  const subject = await Subject.on({
    ...Object.fromEntries(AT_ONCE.map((most) => [`t${most}`, fleet(sshd, ['true'], most)])),
    s: fleet(sshd, sleeps, COUNT),
  });
  try {
    const lines: Line[] = [];
    for (const most of AT_ONCE) lines.push(...(await timed(subject, sshd, most, isQuick ? 1 : 3)));
    const figure = await runsMb(subject, async (line) => {
      await line.ask({ type: 'run', target: 's' }, 'fleet');
      await marked(marks, COUNT);
    });
    const budget = { rule: 'at most', on: 'figure', bound: ALL_MB } as const;
    return [
      ...lines,
      { what: `memory of ${COUNT} runs of a fleet in all (PSS)`, unit: 'MB', figure, budget },
    ];
  } finally {
    await subject.close();
    await sshd.close();
  }
}

/** The host is only in the description: all have one address. */
function fleet(sshd: Sshd, args: readonly string[], instances: number): object {
  return {
    ...{ description: 'on {host}', hosts: HOSTS, ...sshd.target({ args }) },
    policies: [{ type: 'cardinality', instances }],
  };
}

async function timed(
  subject: Subject,
  sshd: Sshd,
  most: number,
  rounds: number,
): Promise<readonly Line[]> {
  const config = join(sshd.directory, 'ssh_config');
  writeFileSync(config, sshConfig(sshd));
  const pdsh = ['pdsh', '-R', 'ssh', '-f', String(most), '-w', `h[1-${COUNT}]`, 'true'];
  const list = ['-H', HOSTS.join(' '), '-x', `-F ${config}`];
  const pssh = ['parallel-ssh', '-p', String(most), '-t', '0', ...list, 'true'];
  const baton = [NODE, BATON, 'run', `t${most}`, '--wait'];
  const times = await takeTurns(rounds, {
    pdsh: () => timeOnce(pdsh, { PDSH_SSH_ARGS: `-F ${config}` }),
    pssh: () => timeOnce(pssh),
    baton: () => timeOnce(baton, { BATON_SOCKET: subject.socket }),
  });
  const what = `true on ${COUNT} hosts, ${most} at a time, baton run --wait`;
  return [
    { what, unit: 'ms', figure: times.baton, against: { what: 'pdsh', figure: times.pdsh } },
    {
      what,
      unit: 'ms',
      figure: times.baton,
      against: { what: 'parallel-ssh', figure: times.pssh },
    },
  ];
}

function sshConfig({ port, user, key, knownHosts }: Sshd): string {
  const settings = {
    ...{ HostName: '127.0.0.1', Port: port, User: user, IdentityFile: key, BatchMode: 'yes' },
    ...{ UserKnownHostsFile: knownHosts, StrictHostKeyChecking: 'yes', LogLevel: 'ERROR' },
  };
  const lines = Object.entries(settings).map(([name, value]) => `  ${name} ${value}`);
  return ['Host h*', ...lines, ''].join('\n');
}
