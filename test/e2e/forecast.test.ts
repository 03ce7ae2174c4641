/** The estimates of a real daemon: from a run's own output, and from runs before a restart. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { StatusReply } from '../../daemon/protocol/request.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';

let puppets: Puppets;
let rig: Rig;
const policies = [{ type: 'cardinality', group: 'disk' }];

before(async () => {
  puppets = await Puppets.open();
  rig = await Rig.start({
    targets: {
      mirror: {
        runner: { type: 'local', args: puppets.args('mirror') },
        progress: true,
        policies,
      },
      next: { runner: { type: 'dummy', time: '1ms' }, policies },
    },
  });
});

after(async () => {
  await rig.close();
  puppets.close();
});

function viewsOf({ targets }: StatusReply) {
  const [mirror, next] = targets;
  assert.ok(mirror && next);
  return { running: mirror.active[0], waiting: next.queued[0], mirror, next };
}

test('a percentage that a run prints is shown, and tells when it ends and the next one starts', async () => {
  const session = await rig.open();
  const { run } = await session.ask({ type: 'run', target: 'mirror' }, 'accepted');
  await session.ask({ type: 'run', target: 'next' }, 'accepted');
  const puppet = await puppets.next();
  const before = viewsOf(await session.ask({ type: 'status' }, 'status'));
  assert.equal(before.running?.progressPercent, undefined);
  assert.equal(before.waiting?.expectedStartAtMs, undefined, 'nobody knows yet');
  const followed = session.send({ type: 'output', of: run, follow: true });
  await puppet.print('out', 'sending\r 10%\r 40%  12MB/s');
  // Its output is in the file once its keeper has copied it.
  await session.reply('output', followed);
  const status = await session.ask({ type: 'status' }, 'status');
  const { running, waiting } = viewsOf(status);
  assert.equal(running?.progressPercent, 40);
  const leftMs = ((running.tookMs ?? 0) * 60) / 40;
  const wrongMs = Math.abs((running.expectedEndAtMs ?? 0) - status.nowMs - leftMs);
  assert.ok(wrongMs <= 2, `${wrongMs} ms off`);
  assert.equal(waiting?.expectedStartAtMs, running.expectedEndAtMs);
  assert.deepEqual(waiting?.behind, [running.run]);
  puppet.exit(0);
  await session.ask({ type: 'wait', run: waiting?.run ?? 0 }, 'ended');
  session.close();
});

test('what is usual survives a restart of the daemon', async () => {
  const session = await rig.open();
  const before = viewsOf(await session.ask({ type: 'status' }, 'status'));
  assert.deepEqual([before.mirror.usual?.runs, before.next.usual?.runs], [1, 1]);
  session.close();
  await rig.end('SIGKILL');
  await rig.boot();
  const again = await rig.open();
  const { mirror, next } = viewsOf(await again.ask({ type: 'status' }, 'status'));
  assert.deepEqual([mirror.usual, next.usual], [before.mirror.usual, before.next.usual]);
  again.close();
});
