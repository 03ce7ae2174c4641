/** The Slurm runner with a real cluster of three nodes, as a client of the socket sees it. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { askRun } from '../support/askedrun.ts';
import { Rig } from '../support/rig.ts';
import { SLURM_NEEDS, SlurmCluster } from '../support/slurm.ts';
import { whyWithout } from '../support/tools.ts';

/** They would be options of sbatch if they reached it. */
const DECOYS = { SBATCH_PARTITION: 'nowhere', SBATCH_REQUEUE: '1', SLURM_CONF: '/nowhere' };

const FOR_EVER = 'while :; do sleep 1; done';

describe('slurm', { skip: whyWithout(...SLURM_NEEDS) }, () => {
  let cluster: SlurmCluster;
  let rig: Rig;
  let shared: string;
  let marks: string;

  before(async () => {
    cluster = await SlurmCluster.start();
    rig = new Rig();
    shared = join(rig.directory, 'shared');
    marks = join(rig.directory, 'marks');
    for (const path of [shared, marks]) mkdirSync(path);
    const job = (args: readonly string[], more = {}) => ({
      ...{ type: 'slurm', directory: shared, conf: cluster.conf, args, ...more },
    });
    const sh = (script: string, more = {}) => job(['sh', '-c', script], more);
    const mark = (name: string): string => `echo $$ >>'${join(marks, name)}'`;
    rig.configure({
      targets: {
        seven: { runner: sh('exit 7') },
        most: { runner: sh('exit 255') },
        killed: { runner: sh('kill -KILL $$') },
        term: { runner: sh('kill -TERM $$') },
        missing: { runner: job(['no-such-command-anywhere']) },
        both: { runner: sh('printf "a\\000b"; printf "\\377" >&2') },
        big: { runner: sh('head -c 20000000 /dev/zero; head -c 5000000 /dev/zero >&2') },
        env: { runner: job(['env'], { env: { GREETING: "it's\ntwo" } }) },
        'odd, %j name': { runner: sh('exit 3') },
        deaf: {
          runner: sh(
            `trap '' TERM; ${mark('deaf')}; ` +
              `setsid sh -c 'trap "" TERM; ${mark('deaf')}; ${FOR_EVER}' & wait; ${FOR_EVER}`,
          ),
          ...{ killAfter: '1s' },
        },
        brief: {
          runner: sh(`trap '' TERM; ${FOR_EVER}`),
          timeout: '2s',
          killAfter: '1s',
        },
        slow: {
          runner: sh(
            `${mark('slow')}; echo begun; ` +
              `while [ ! -e '${join(marks, 'go')}' ]; do sleep 0.1; done; echo done; exit 5`,
          ),
        },
        disk: {
          runner: sh(
            `${mark('disk')}; while [ ! -e '${join(marks, 'free')}' ]; do sleep 0.1; done`,
            { licenses: 'disk:1' },
          ),
        },
        later: { runner: sh(`${mark('later')}; exit 4`, { extra: ['--begin=now+8'] }) },
        disk2: { runner: sh(mark('disk2'), { licenses: 'disk:1' }) },
        disk3: { runner: sh(mark('disk2'), { licenses: 'disk:1' }), maxWait: '3s' },
      },
    });
    await rig.boot([], DECOYS);
  });

  after(async () => {
    await rig?.close();
    await cluster?.close();
  });

  const result = async (target: string) => await (await askRun(rig, target)).ended();
  const pids = (name: string): readonly number[] => {
    const path = join(marks, name);
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').map(Number) : [];
  };
  const viewOf = async (run: number) => {
    const { targets } = await rig.status();
    return targets.flatMap(({ active }) => active).find((view) => view.run === run);
  };

  test('each end is told as it was, and nothing is left of the job', async () => {
    const ends = [
      ['seven', 7],
      ['most', 255],
      ['killed', 137],
      ['term', 143],
      ['missing', 127],
      ['odd, %j name', 3],
    ] as const;
    const all = await Promise.all(ends.map(async ([target]) => (await result(target)).exit));
    assert.deepEqual(
      all,
      ends.map(([, exit]) => exit),
    );
    // That of the job, and then the daemon's part of it.
    for (const path of [shared, join(rig.state, 'slurm')]) {
      await cluster.until(`${path} is empty`, () => readdirSync(path).length === 0);
    }
  });

  test('both streams are complete and apart, whatever the bytes and however many', async () => {
    const [both, big] = await Promise.all([result('both'), result('big')]);
    assert.deepEqual([both.out, both.err], [Buffer.from('a\0b'), Buffer.from([255])]);
    assert.deepEqual([big.exit, big.out.length, big.err.length], [0, 20_000_000, 5_000_000]);
  });

  test('the environment is that of a run and of its job, and nothing of the daemon', async () => {
    const { out } = await result('env');
    const text = out.toString();
    assert.match(text, /^GREETING=it's\ntwo$/m);
    assert.match(text, /^BATON_TARGET=env$/m);
    assert.match(text, /^SLURM_JOB_ID=\d+$/m);
    assert.doesNotMatch(text, /SBATCH_|nowhere/);
  });

  test('cancel ends the whole tree, also what ignores TERM and has left its session', async () => {
    const asked = await askRun(rig, 'deaf');
    await cluster.until('both run', () => pids('deaf').length === 2);
    await cluster.until('its node is shown', async () => {
      const { slurm } = (await viewOf(asked.run)) ?? {};
      return slurm?.node !== undefined && cluster.nodes.includes(slurm.node);
    });
    await asked.cancel();
    const { outcome } = await asked.ended();
    assert.deepEqual(outcome, { kind: 'cancelled', signal: 9 });
    // A dead process remains until its parent has reaped it.
    await cluster.until('both are gone', () =>
      pids('deaf').every((pid) => !existsSync(`/proc/${pid}`)),
    );
  });

  test('a timeout is kept, and ends what ignores TERM', async () => {
    const { outcome, exit } = await result('brief');
    assert.deepEqual([outcome.kind, exit], ['timed-out', 124]);
  });

  test('a run that waits in Slurm says why, and never starts once it is cancelled', async () => {
    const first = await askRun(rig, 'disk');
    await cluster.until('it has the license', () => pids('disk').length === 1);
    const second = await askRun(rig, 'disk2');
    await cluster.until('it waits', async () => {
      const { text } = await rig.baton('why', String(second.run));
      return /waits in Slurm: .*\(Licenses\)/.test(text);
    });
    const third = await askRun(rig, 'disk3');
    await second.cancel();
    assert.deepEqual((await second.ended()).outcome, { kind: 'cancelled' });
    const { outcome, exit } = await third.ended();
    assert.deepEqual([outcome.kind, exit], ['expired', 75]);
    await first.cancel();
    assert.equal((await first.ended()).outcome.kind, 'cancelled');
    await cluster.idle();
    assert.deepEqual(pids('disk2'), []);
  });

  test('a controller that hangs, and is killed, delays a run and starts it once', async () => {
    cluster.controller.stop();
    const client = rig.client(['run', 'slow', '--wait']);
    // Longer than sbatch itself waits, so that its answer is lost.
    await rig.logged('Slurm does not accept the job now');
    cluster.controller.cont();
    await cluster.until('it runs', () => pids('slow').length === 1);
    // If slurmctld has not saved the start, it would forget that, and end the job.
    const { id = '' } = (await cluster.jobs()).find(({ name }) => name.includes(':slow:')) ?? {};
    await cluster.run('scontrol', 'update', `JobId=${id}`, 'Comment=it-runs');
    const saved = join(cluster.directory, 'state/job_state');
    await cluster.until('its start is saved', () => {
      return existsSync(saved) && readFileSync(saved, 'latin1').includes('it-runs');
    });
    // If a daemon then dies, it loses nothing.
    await rig.end('SIGKILL');
    await cluster.controller.restart();
    await rig.boot([], DECOYS);
    mkdirSync(join(marks, 'go'));
    const { status, text } = await client.ended;
    assert.deepEqual([status, text], [5, 'begun\ndone\n']);
    assert.equal(pids('slow').length, 1, 'it started more than once');
  });

  test('a job that slurmctld forgets runs once, and the job that gets its number is left alone', async () => {
    const stays = '#!/bin/sh\n';
    const args = ['-o', '/dev/null', '-J', 'stranger', '--begin=now+1hour'];
    await cluster.submit(stays, ...args);
    const asked = await askRun(rig, 'later');
    await rig.logged('started', 0, ({ run }) => run === asked.run);
    // It has not saved what it accepted in the last seconds.
    await cluster.controller.restart();
    await cluster.until('it answers', async () => {
      const { status } = await cluster.ask('sbatch', args, stays);
      return status === 0;
    });
    const { exit } = await asked.ended();
    assert.deepEqual([exit, pids('later').length], [4, 1]);
    const strangers = (await cluster.jobs()).filter(({ name }) => name === 'stranger');
    assert.ok(strangers.length > 0 && strangers.every(({ state }) => state === 'PENDING'));
    await cluster.run('scancel', '-n', 'stranger');
    await cluster.idle();
  });

  test('while munged hangs commands can be cancelled, and new runs are delayed', async () => {
    const before = pids('disk').length;
    const first = await askRun(rig, 'disk');
    await cluster.until('it runs', () => pids('disk').length > before);
    cluster.munged.stop();
    try {
      await first.cancel();
      assert.equal((await first.ended()).outcome.kind, 'cancelled');
      const second = await askRun(rig, 'seven');
      await cluster.until('it says what it waits for', async () => {
        const { text } = await rig.baton('why', String(second.run));
        return /is being submitted to Slurm|waits for Slurm/.test(text);
      });
      cluster.munged.cont();
      assert.equal((await second.ended()).exit, 7);
    } finally {
      cluster.munged.cont();
    }
  });

  test('a command that goes on without slurmd and slurmstepd ends with its own status', async () => {
    const own = join(marks, 'go');
    rmdirSync(own);
    const asked = await askRun(rig, 'slow');
    await cluster.until('it runs', () => pids('slow').length === 2);
    for (const pid of cluster.stepds()) process.kill(pid, 'SIGKILL');
    await Promise.all(cluster.nodes.map((node) => cluster.slurmd(node).kill()));
    mkdirSync(own);
    const { exit, out } = await asked.ended();
    assert.deepEqual([exit, out.toString()], [5, 'begun\ndone\n']);
    for (const node of cluster.nodes) cluster.slurmd(node).start();
  });
});
