/**
 * Many runs on a real cluster while the daemon, slurmctld, slurmd and slurmstepd are killed: no
 * command starts twice, no status is wrong, no byte is lost. If nobody can know how a command
 * ended, its run is lost (125). It makes 300 runs, without the runner's time limit, with
 * BATON_TEST_AMOUNT=50 node dist/test/e2e/slurmsoak.test.js
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { amount } from '../support/amount.ts';
import { makeRandom } from '../support/random.ts';
import { Rig } from '../support/rig.ts';
import { SLURM_NEEDS, SlurmCluster } from '../support/slurm.ts';
import { skipWithout } from '../support/tools.ts';

const RUNS = amount(6);
/** Number of kills. */
const KILLS = RUNS;
const WHO = ['slurmstepd', 'daemon', 'slurmctld', 'slurmd'] as const;
/** Between two kills; slurmctld forgets what is younger than 5 s. */
const PAUSE_MS = 2_000;

test('no status is wrong and nothing starts twice, whoever is killed', async (t) => {
  if (skipWithout(t, ...SLURM_NEEDS)) return;
  const random = makeRandom(1);
  const cluster = await SlurmCluster.start();
  t.after(() => cluster.close());
  const rig = new Rig();
  t.after(() => rig.close());
  const shared = join(rig.directory, 'shared');
  mkdirSync(shared);
  const starts = join(rig.directory, 'starts');
  const script =
    `echo $BATON_RUN >>'${starts}'; echo out $BATON_RUN; sleep $((BATON_RUN % 4)); ` +
    'echo err $BATON_RUN >&2; exit $((BATON_RUN % 5))';
  const runner = {
    type: 'slurm',
    directory: shared,
    conf: cluster.conf,
    args: ['sh', '-c', script],
  };
  const policies = [{ type: 'cardinality', group: 'all', instances: 3 }];
  rig.configure({ keep: { runs: 2 * RUNS }, targets: { soak: { runner, policies } } });
  await rig.boot();
  const session = await rig.open();
  const asked = Array.from({ length: RUNS }, () =>
    session.ask({ type: 'run', target: 'soak', merged: false }, 'accepted'),
  );
  const runs = (await Promise.all(asked)).map(({ run }) => run);
  session.close();

  const mischief = {
    daemon: async () => {
      await rig.end('SIGKILL');
      await rig.boot();
    },
    slurmctld: () => cluster.controller.restart(),
    slurmd: () => cluster.slurmd(cluster.nodes[random.below(cluster.nodes.length)] ?? '').restart(),
    slurmstepd: async () => {
      const [pid] = cluster.stepds();
      if (pid !== undefined) kill(pid);
    },
  };
  const isOver = async (): Promise<boolean> => {
    const { targets } = await rig.status();
    return targets.every(({ active, waiting }) => active.length + waiting === 0);
  };
  const counts: Record<string, number> = {};
  for (let kills = 0; !(await isOver()); kills++) {
    await sleep(PAUSE_MS);
    if (kills >= KILLS) continue;
    const name = WHO[kills % WHO.length] ?? 'daemon';
    counts[name] = (counts[name] ?? 0) + 1;
    await mischief[name]();
    // Repairs what slurmctld considered broken, as an administrator would.
    await cluster.ask('scontrol', [
      'update',
      `NodeName=${cluster.nodes.join(',')}`,
      'State=RESUME',
    ]);
  }

  const started = readFileSync(starts, 'utf8').trim().split('\n').map(Number);
  assert.equal(new Set(started).size, started.length, 'a command started twice');
  const later = await rig.open();
  const history = await later.ask({ type: 'history', limit: RUNS }, 'history');
  later.close();
  const byRun = new Map(history.runs.map((view) => [view.run, view]));
  let lost = 0;
  for (const run of runs) {
    const { outcome, text } = byRun.get(run) ?? {};
    if (outcome?.kind === 'lost' || outcome?.kind === 'not-started') {
      lost += 1;
      assert.ok(outcome.kind === 'lost' || !started.includes(run), `run ${run} ${text}`);
      continue;
    }
    assert.deepEqual(outcome, { kind: 'exited', code: run % 5 }, `run ${run} ${text}`);
    const read = (stream: string) =>
      readFileSync(join(rig.state, 'runs', `${run}`, stream), 'utf8');
    assert.deepEqual([read('out'), read('err')], [`out ${run}\n`, `err ${run}\n`]);
  }
  t.diagnostic(`${RUNS} runs, ${lost} lost, killed: ${JSON.stringify(counts)}`);
});

/** It may have ended by itself meanwhile. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has.
  }
}
