/** The keeper inside real Slurm jobs: nothing that Slurm does to a job changes its record. */
import assert from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { directory } from '../support/config.ts';
import { Puppets } from '../support/puppet.ts';
import { SLURM_NEEDS, SlurmCluster } from '../support/slurm.ts';
import { SlurmJob } from '../support/slurmjob.ts';
import { whyWithout } from '../support/tools.ts';

/** proctrack/cgroup needs a machine that lets Slurm create cgroups of version 1. */
const PROCTRACKS = ['pgid', 'linuxproc', ...(hasFreezer() ? (['cgroup'] as const) : [])] as const;

for (const proctrack of PROCTRACKS) {
  describe(`jobs under proctrack/${proctrack}`, { skip: whyWithout(...SLURM_NEEDS) }, () => {
    let cluster: SlurmCluster;
    let puppets: Puppets;
    before(async () => {
      cluster = await SlurmCluster.start({ proctrack });
      puppets = await Puppets.open();
    });
    after(async () => {
      await cluster.close();
      puppets.close();
    });

    test('a job that is let go runs its command, and the record has how that ended', async (t) => {
      const job = new SlurmJob(directory(t), { args: puppets.args('command') });
      const id = await job.submit(cluster, '--no-requeue');
      const puppet = await puppets.next();
      const [jobId, node, restarts] = job.read('begun.1').split(' ');
      assert.deepEqual([jobId, restarts], [id, '0']);
      assert.ok(cluster.nodes.includes(String(node)));
      assert.match(await puppet.tell('env'), new RegExp(`SLURM_JOB_ID=${id}\\b`));
      await puppet.print('out', 'a');
      await puppet.print('err', 'b');
      puppet.exit(7);
      await job.appears('over.1');
      assert.deepEqual([job.record().code, job.read('out'), job.read('slurm.1')], [7, 'ab', '']);
      assert.equal(
        (await cluster.job(id, ({ state }) => state === 'FAILED')).reason,
        'NonZeroExitCode',
      );
    });

    test('scancel --batch tells the keeper, who ends all that the command has started', async (t) => {
      const job = new SlurmJob(directory(t), { args: puppets.args('command'), graceMs: 300 });
      const id = await job.submit(cluster, '--no-requeue');
      const puppet = await puppets.next();
      await puppet.tell(`spawn exec setsid ${puppets.args('child').join(' ')}`);
      const child = await puppets.next();
      for (const one of [puppet, child]) await one.tell('trap TERM ignore');
      await cluster.run('scancel', '--batch', '--signal=TERM', id);
      await Promise.all([puppet.gone(), child.gone()]);
      await job.appears('over.1');
      assert.deepEqual([job.record().signal, job.said('stop')], [9, 'signal']);
    });

    test('a job that Slurm starts again runs nothing, and leaves the word of the first', async (t) => {
      const job = new SlurmJob(directory(t), { args: puppets.args('command') });
      const id = await job.submit(cluster, '--requeue');
      const puppet = await puppets.next();
      const begun = job.read('begun.1');
      await puppet.tell('trap TERM 3');
      await cluster.run('scontrol', 'requeue', id);
      await puppet.gone();
      await job.appears('over.1');
      const said = job.read('status.1');
      await cluster.until('the keeper was started again', async () => {
        const { state } = await cluster.job(id, (seen) => /^(PENDING|FAILED)$/.test(seen.state));
        if (job.read('slurm.1').includes('has begun before')) return state === 'FAILED';
        // Slurm would wait for two minutes, and refuses a start within the same second.
        const nudge =
          state === 'FAILED' ? ['requeue', id] : ['update', `jobid=${id}`, 'starttime=now'];
        await cluster.ask('scontrol', nudge);
        return false;
      });
      assert.match(await cluster.run('scontrol', 'show', 'job', id), / ExitCode=75:0/);
      assert.match(job.read('slurm.1'), /^baton: this job runs nothing: .*has begun before$/m);
      assert.deepEqual([job.read('begun.1'), job.read('status.1')], [begun, said]);
      assert.deepEqual([job.record().code, puppets.unasked], [3, 0]);
    });
  });
}

function hasFreezer(): boolean {
  try {
    accessSync('/sys/fs/cgroup/freezer', constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
