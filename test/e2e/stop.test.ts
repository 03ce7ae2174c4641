/**
 * `stopSignal` and `stopTo`: the signals that a command gets when its run is stopped, on this
 * machine and over both kinds of SSH. In a Slurm job: slurmkeeper.test.ts.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askRun } from '../support/askedrun.ts';
import { Rig } from '../support/rig.ts';
import { SSHD_NEEDS, Sshd } from '../support/sshd.ts';
import { stoppable } from '../support/stoppable.ts';
import { whyWithout } from '../support/tools.ts';

const local = (more: readonly string[]) => ({
  runner: { type: 'local', args: stoppable(...more) },
});

/** The same targets for each way to run a command. */
function targets(by: string, make: (more: readonly string[]) => object) {
  return {
    [`${by}-plain`]: make([]),
    [`${by}-int`]: { ...make([]), stopSignal: 'INT' },
    [`${by}-main`]: { ...make([]), stopSignal: 'INT', stopTo: 'main' },
    [`${by}-timeout`]: { ...make([]), stopSignal: 'QUIT', stopTo: 'main', timeout: '2s' },
    [`${by}-deaf`]: { ...make(['deaf']), stopSignal: 'INT', killAfter: '400ms' },
    [`${by}-deaf-main`]: {
      ...make(['deaf']),
      stopSignal: 'INT',
      stopTo: 'main',
      killAfter: '400ms',
    },
  };
}

describe('a run that is stopped', { skip: whyWithout(...SSHD_NEEDS, 'ssh') }, () => {
  let sshd: Sshd;
  let rig: Rig;
  let config: { targets: Record<string, object> };

  before(async () => {
    sshd = await Sshd.start();
    const ssh = (more: readonly string[]) => sshd.target({ args: stoppable(...more) });
    const openssh = (more: readonly string[]) => {
      const { retry: _, ...runner } = sshd.target({
        via: 'openssh',
        args: stoppable(...more),
      }).runner;
      return { runner };
    };
    config = {
      targets: {
        ...targets('local', local),
        ...targets('ssh', ssh),
        ...targets('openssh', openssh),
      },
    };
    rig = await Rig.start(config);
  });

  after(async () => {
    await rig?.close();
    await sshd?.close();
  });

  /** Resolves once the command and its helper can be signalled. */
  async function up(target: string) {
    const asked = await askRun(rig, target);
    await asked.session.reply('output');
    const said = async () => {
      const { out, outcome } = await asked.ended();
      return { heard: `${out}`.split('\n').slice(1, -1), outcome };
    };
    return { ...asked, said };
  }

  for (const by of ['local', 'ssh', 'openssh']) {
    test(`${by}: hears TERM, the helper too, where its target says nothing`, async () => {
      const { cancel, said } = await up(`${by}-plain`);
      await cancel();
      const { heard, outcome } = await said();
      assert.ok(heard.includes('command TERM') && heard.includes('helper TERM'), `${heard}`);
      assert.deepEqual(outcome, { kind: 'cancelled', signal: 15 });
    });

    test(`${by}: hears its own signal, the helper too, and that is its outcome`, async () => {
      const { cancel, said } = await up(`${by}-int`);
      await cancel();
      const { heard, outcome } = await said();
      assert.ok(heard.includes('command INT') && heard.includes('helper INT'), `${heard}`);
      assert.ok(!`${heard}`.includes('TERM'), `${heard}`);
      assert.deepEqual(outcome, { kind: 'cancelled', signal: 2 });
    });

    test(`${by}: with stopTo "main" the helper hears nothing until the command has ended`, async () => {
      const { cancel, said } = await up(`${by}-main`);
      await cancel();
      const { heard, outcome } = await said();
      assert.deepEqual(heard, ['command INT', 'helper asked', 'helper INT']);
      assert.deepEqual(outcome, { kind: 'cancelled', signal: 2 });
    });

    test(`${by}: a timeout sends the same signal to the same processes`, async () => {
      const { said } = await up(`${by}-timeout`);
      const { heard, outcome } = await said();
      assert.deepEqual(heard, ['command QUIT', 'helper asked', 'helper QUIT']);
      assert.equal(outcome.kind, 'timed-out');
    });

    for (const [target, helper] of [
      ['deaf', ['helper INT']],
      ['deaf-main', []],
    ] as const) {
      test(`${by}: what ignores the signal is killed after killAfter (${target})`, async () => {
        const { cancel, said } = await up(`${by}-${target}`);
        await cancel();
        const { heard, outcome } = await said();
        assert.deepEqual(heard, helper);
        assert.deepEqual(outcome, { kind: 'cancelled', signal: 9 });
      });
    }

    test(`${by}: a daemon that takes the run over stops it as the present configuration says`, async () => {
      const { session, run } = await up(`${by}-plain`);
      assert.equal(await rig.end('SIGKILL'), 'SIGKILL');
      session.close();
      const plain = config.targets[`${by}-plain`];
      const changed = { ...plain, stopSignal: 'HUP', stopTo: 'main' };
      rig.configure({ targets: { ...config.targets, [`${by}-plain`]: changed } });
      await rig.boot();
      assert.equal((await rig.baton('cancel', String(run))).status, 0);
      assert.equal((await rig.baton('wait', String(run))).status, 129);
      const { text } = await rig.baton('logs', String(run));
      assert.deepEqual(text.split('\n').slice(1, -1), [
        'command HUP',
        'helper asked',
        'helper HUP',
      ]);
    });
  }
});
