/**
 * Slurm jobs: a run of `true` from request to ended, compared with srun and `sbatch --wait`, and
 * many of them, compared with as many plain jobs, on a real cluster of three nodes on this machine.
 * Plain jobs are submitted as fast as baton submits its own; both end with the last job.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { COMMANDS_MAX } from '../../daemon/keepers/slurm-commands.ts';
import { SlurmCluster } from '../support/slurm.ts';
import { type Options, takeTurns, timeIt } from './measure.ts';
import { gaps } from './peers.ts';
import { Subject } from './subject.ts';
import type { Line } from './table.ts';

const JOBS = 200;
const POLL_MS = 50;

const run = promisify(execFile);

export async function measureSlurm(options: Options): Promise<readonly Line[]> {
  const lacking = gaps('jobs of Slurm', 'slurmctld', 'munged');
  if (lacking.length > 0) return lacking;
  const cluster = await SlurmCluster.start();
  try {
    const shared = join(cluster.directory, 'shared');
    mkdirSync(shared);
    const runner = { type: 'slurm', directory: shared, conf: cluster.conf, args: ['/bin/true'] };
    const subject = await Subject.on({ t: { runner } });
    try {
      return [
        ...(await measureTrue(cluster, subject, options)),
        await measureDrain(cluster, subject, options),
      ];
    } finally {
      await subject.close();
    }
  } finally {
    await cluster.close();
  }
}

async function measureTrue(
  cluster: SlurmCluster,
  subject: Subject,
  { isQuick }: Options,
): Promise<readonly Line[]> {
  const line = await subject.line();
  const request = { type: 'run', target: 't', wait: true } as const;
  const quiet = ['-o', '/dev/null'];
  const times = await takeTurns(isQuick ? 2 : 10, {
    srun: () => timeIt(() => ask(cluster, 'srun', '-n1', '/bin/true')),
    sbatch: () => timeIt(() => ask(cluster, 'sbatch', '--wait', ...quiet, '--wrap', '/bin/true')),
    baton: () => timeIt(() => line.ask(request, 'ended')),
  });
  line.close();
  const what = 'true as a job, from request to ended';
  return [
    { what, unit: 'ms', figure: times.baton, against: { what: 'srun', figure: times.srun } },
    {
      ...{ what, unit: 'ms', figure: times.baton },
      against: { what: 'sbatch --wait', figure: times.sbatch },
    },
  ];
}

async function measureDrain(
  cluster: SlurmCluster,
  subject: Subject,
  { isQuick }: Options,
): Promise<Line> {
  const count = isQuick ? JOBS / 2 : JOBS;
  const rateOf = async (drain: () => Promise<void>): Promise<number> => {
    await cluster.idle();
    return (count * 1_000) / (await timeIt(drain));
  };
  const rates = await takeTurns(isQuick ? 1 : 3, {
    sbatch: () => rateOf(() => drainPlain(cluster, count)),
    baton: () => rateOf(() => drainRuns(subject, count)),
  });
  return {
    ...{ what: `drained: ${count} jobs of true`, unit: '/s', figure: rates.baton },
    against: { what: 'plain sbatch', figure: rates.sbatch },
  };
}

async function drainPlain(cluster: SlurmCluster, count: number): Promise<void> {
  const script = join(cluster.directory, 'true.sh');
  writeFileSync(script, '#!/bin/sh\nexec /bin/true\n');
  let left = count;
  const submit = async (): Promise<void> => {
    while (left-- > 0) await ask(cluster, 'sbatch', '-o', '/dev/null', '-J', 'plain', script);
  };
  await Promise.all(Array.from({ length: COMMANDS_MAX }, submit));
  while ((await ask(cluster, 'squeue', '-h', '-n', 'plain')) !== '') await sleep(POLL_MS);
}

async function drainRuns(subject: Subject, count: number): Promise<void> {
  const line = await subject.line();
  const request = { type: 'run', target: 't', wait: true } as const;
  await line.collect(Array(count).fill(request), 'ended');
  line.close();
}

async function ask({ env }: SlurmCluster, file: string, ...args: string[]): Promise<string> {
  return (await run(file, args, { env })).stdout;
}
