/**
 * Commands of a remote user other than root, with both ways to connect: sshd then signals as that
 * user, and serves it in a separate process.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { askBegun, askRun } from '../support/askedrun.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { SSHD_NEEDS, Sshd, sessionOf } from '../support/sshd.ts';
import { whyWithout } from '../support/tools.ts';

describe('a remote user who is not root', {
  skip: whyWithout(...SSHD_NEEDS, 'ssh', 'root', 'a mount namespace'),
}, () => {
  let sshd: Sshd;
  let puppets: Puppets;
  let rig: Rig;

  before(async () => {
    sshd = await Sshd.start([], { asNobody: true });
    puppets = await Puppets.open();
    puppets.admitAll();
    const args = puppets.args('puppet');
    const one = { policies: [{ type: 'cardinality', instances: 1 }], killAfter: '30s' };
    const targets = ['ssh2', 'openssh'].map((via) => {
      const { retry: _, ...runner } = sshd.target({ via, args }).runner;
      return {
        [`${via} long`]: { runner, ...one },
        [`${via} short`]: { runner, killAfter: '200ms' },
        [`${via} brief`]: { runner, timeout: '5s', killAfter: '30s' },
        [`${via} guarded`]: { runner: { ...runner, killOnDisconnect: true } },
      };
    });
    rig = await Rig.start({ targets: Object.assign({}, ...targets) });
  });

  after(async () => {
    await rig?.close();
    puppets?.close();
    await sshd?.close();
  });

  const runOf = (target: string) => askRun(rig, target);

  for (const via of ['ssh2', 'openssh']) {
    test(`${via}: cancel ends the remote group, and only then is its place free`, async () => {
      const first = await runOf(`${via} long`);
      const puppet = await puppets.next();
      assert.equal((await puppet.tell('id')).split(' ')[0], '65534');
      const child = await puppets.childOf(puppet);
      const second = await runOf(`${via} long`);
      await first.cancel();
      const end = await first.ended();
      assert.deepEqual([end.exit, `${end.out}${end.err}`], [143, '']);
      await Promise.all([puppet.gone(), child.gone()]);
      const next = await puppets.next();
      next.exit(9);
      assert.equal((await second.ended()).exit, 9);
    });

    test(`${via}: what ignores TERM is killed after the grace, its children too`, async () => {
      const { cancel, ended } = await runOf(`${via} short`);
      const puppet = await puppets.next();
      const child = await puppets.childOf(puppet);
      await puppet.tell('trap TERM ignore');
      await child.tell('trap TERM ignore');
      await cancel();
      const end = await ended();
      assert.deepEqual([end.exit, `${end.out}${end.err}`], [137, '']);
      await Promise.all([puppet.gone(), child.gone()]);
    });

    test(`${via}: a timeout ends the remote group with 124`, async () => {
      const { puppet, ended } = await askBegun(rig, puppets, `${via} brief`);
      const child = await puppets.childOf(puppet);
      const end = await ended;
      assert.deepEqual([end.exit, `${end.out}${end.err}`], [124, '']);
      await Promise.all([puppet.gone(), child.gone()]);
    });

    test(`${via}: the command ends with its connection where the target says so`, async () => {
      const { ended } = await runOf(`${via} guarded`);
      const puppet = await puppets.next();
      process.kill(sessionOf(puppet.pid), 'SIGKILL');
      assert.equal((await ended()).outcome.kind, 'lost');
      await puppet.gone();
    });
  }
});
