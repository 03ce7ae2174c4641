/** The cluster of the other tests: it starts, runs jobs, can be damaged, and cleans up. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SLURM_NEEDS, SlurmCluster } from '../support/slurm.ts';
import { skipWithout } from '../support/tools.ts';

const SLEEPER = '#!/bin/sh\necho up\nexec sleep 1000\n';

test('a cluster of three nodes runs a job, outlives a killed controller, and leaves nothing', async (t) => {
  if (skipWithout(t, ...SLURM_NEEDS)) return;
  const cluster = await SlurmCluster.start();
  try {
    const out = join(cluster.directory, 'out');
    const id = await cluster.submit('#!/bin/sh\nexit 7\n', '-J', 'seven', '-o', '/dev/null');
    const { name, node } = await cluster.job(id, ({ state }) => state === 'FAILED');
    assert.equal(name, 'seven');
    assert.ok(cluster.nodes.includes(node));
    assert.match(await cluster.run('scontrol', 'show', 'job', id), / ExitCode=7:0/);

    await cluster.submit(SLEEPER, '-J', 'sleeper', '-o', out, '--no-requeue');
    await cluster.until(
      'the job has written',
      () => existsSync(out) && readFileSync(out).length > 0,
    );
    // What is not yet in its state would be forgotten.
    await cluster.controller.restart('SIGTERM');
    await cluster.job('sleeper', ({ state }) => state === 'RUNNING');
    await cluster.controller.restart();
    await cluster.job('sleeper', ({ state }) => state === 'RUNNING');
    assert.equal(cluster.stepds().length > 0, true);
  } finally {
    await cluster.close();
  }
  assert.deepEqual(cluster.processes(), []);
  assert.equal(existsSync(cluster.directory), false);
});
