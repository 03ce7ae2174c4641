/**
 * Section 7: fifty commands on another machine at once, compared with fifty ssh(1); sshd is local.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Sshd } from '../support/sshd.ts';
import type { Line as Connection } from './line.ts';
import { ENV, type Options, pssMb, takeTurns, timeIt } from './measure.ts';
import { gaps } from './peers.ts';
import { Subject } from './subject.ts';
import type { Line } from './table.ts';

/** Of the time that as many `ssh` take. */
const TIME_FACTOR = 0.6;
/** The first budget was 120. */
const ALL_MB = 60;
const COUNT = 50;
const LOOK_MS = 20;

export async function measureSsh({ isQuick }: Options): Promise<readonly Line[]> {
  const lacking = gaps(`${COUNT} SSH runs at once`, 'ssh', 'sshd');
  if (lacking.length > 0) return lacking;
  const sshd = await Sshd.start(['MaxStartups 1000']);
  const marks = join(sshd.directory, 'marks');
  const asleep = `echo x >>${marks}; exec sleep 1000`;
  const subject = await Subject.on({
    t: sshd.target({ args: ['true'] }),
    s: sshd.target({ args: ['sh', '-c', asleep] }),
  });
  try {
    const { baton, ssh } = await takeTurns(isQuick ? 1 : 2, {
      ssh: () => timeIt(() => Promise.all(manySsh(sshd, 'true').map(ended))),
      baton: () => timeIt(() => manyRuns(subject)),
    });
    const batonMb = await runsMb(subject, async (line) => {
      const asked = Array.from({ length: COUNT }, () => ({ type: 'run', target: 's' }) as const);
      await line.collect(asked, 'accepted');
      await marked(marks, COUNT);
    });
    const sshMb = await processesMb(sshd, asleep, marks);
    const budget = { rule: 'at most', on: 'figure', bound: ALL_MB } as const;
    return [
      {
        what: `true on ${COUNT} connections at once`,
        unit: 'ms',
        figure: baton,
        against: { what: `${COUNT} × ssh`, figure: ssh },
        goal: { rule: 'at most', on: 'ratio', bound: TIME_FACTOR },
      },
      {
        what: `memory of ${COUNT} SSH runs in all (PSS)`,
        unit: 'MB',
        figure: batonMb,
        against: { what: `${COUNT} × ssh`, figure: sshMb },
        budget,
      },
    ];
  } finally {
    await subject.close();
    await sshd.close();
  }
}

async function manyRuns(subject: Subject): Promise<void> {
  const line = await subject.line();
  const request = { type: 'run', target: 't', wait: true } as const;
  const ends = await line.collect(
    Array.from({ length: COUNT }, () => request),
    'ended',
  );
  line.close();
  const bad = ends.find(({ exit }) => exit !== 0);
  if (bad !== undefined) throw new Error(`run ${bad.run} ${bad.text}`);
}

function manySsh(sshd: Sshd, command: string): readonly ChildProcess[] {
  const options = [
    '-F',
    'none',
    '-o',
    `UserKnownHostsFile=${sshd.knownHosts}`,
    '-o',
    'BatchMode=yes',
  ];
  const where = ['-p', String(sshd.port), '-i', sshd.key, `${sshd.user}@127.0.0.1`];
  return Array.from({ length: COUNT }, () =>
    spawn('ssh', [...options, ...where, command], { env: ENV, stdio: 'ignore' }),
  );
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`ssh exited with ${code}`));
    });
  });
}

/** The growth of the daemon and the keepers while all runs that `begin` requests exist. */
export async function runsMb(
  subject: Subject,
  begin: (line: Connection) => Promise<void>,
): Promise<number> {
  const line = await subject.line();
  const before = pssMb(subject.pid);
  await begin(line);
  const { targets } = await line.ask({ type: 'status' }, 'status');
  line.close();
  const keepers = new Set(targets.flatMap(({ active }) => active.flatMap(({ pid }) => pid ?? [])));
  const all = [...keepers].reduce((sum, pid) => sum + pssMb(pid), 0);
  return all + pssMb(subject.pid) - before;
}

async function processesMb(sshd: Sshd, command: string, marks: string): Promise<number> {
  const children = manySsh(sshd, command);
  await marked(marks, 2 * COUNT);
  const all = children.reduce((sum, { pid }) => sum + pssMb(pid ?? 0), 0);
  const gone = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
  for (const child of children) child.kill();
  await Promise.all(gone);
  return all;
}

/** Every command leaves a mark before it sleeps. */
export async function marked(marks: string, count: number): Promise<void> {
  const seen = (): number => (existsSync(marks) ? readFileSync(marks, 'utf8').length / 2 : 0);
  while (seen() < count) await sleep(LOOK_MS);
}
