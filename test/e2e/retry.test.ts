/** A run that is tried again, with real processes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';

test('who waits for a run that is tried again, by another daemon, hears one output and one end', async (t) => {
  const puppets = await Puppets.open();
  const runner = { type: 'local', args: puppets.args('again') };
  const rig = await Rig.start({
    targets: { again: { runner, retry: { attempts: 3, delay: '1s', on: [23] } } },
  });
  t.after(async () => {
    await rig.close();
    puppets.close();
  });
  const { ended } = rig.client(['run', 'again', '--wait']);
  const first = await puppets.next();
  await first.print('out', 'one,');
  first.exit(23);
  await rig.logged('attempt failed, another one follows');
  assert.equal(await rig.end('SIGKILL'), 'SIGKILL');
  await rig.boot();
  const second = await puppets.next();
  assert.equal(second.run, first.run);
  await second.print('out', 'two');
  second.exit(0);
  const { status, text, errors } = await ended;
  assert.deepEqual([status, text, errors], [0, 'one,two', '']);
  const ends = rig.journal().filter(({ type }) => type === 'ended');
  assert.equal(ends.length, 1);
  const session = await rig.open();
  const { runs } = await session.ask({ type: 'history', limit: 10 }, 'history');
  session.close();
  const [run, other] = runs;
  assert.equal(other, undefined);
  assert.deepEqual([run?.attempt, run?.bytes], [2, 7]);
  assert.deepEqual(
    run?.attempts?.map((attempt) => attempt.text),
    ['exited with 23'],
  );
});
