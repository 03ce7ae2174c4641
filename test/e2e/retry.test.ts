/** A run that is retried, with real processes. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
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

test('"baton retry" asks again for what failed, with its arguments, and only for that', async (t) => {
  const script = 'test "$1" = good';
  const args = ['/bin/sh', '-c', script, 'sh'];
  const rig = await Rig.start({
    targets: { pick: { runner: { type: 'local', args }, acceptArgs: ['[a-z]+'] } },
  });
  t.after(() => rig.close());
  for (const word of ['bad', 'good']) await rig.baton('run', 'pick', '--wait', '--', word);
  const one = await rig.baton('retry', '1');
  assert.deepEqual([one.status, one.text], [0, 'run 3 of pick is queued, as a retry of run 1\n']);
  assert.equal((await rig.baton('wait', '3')).status, 1);
  const all = await rig.baton('retry', '--failed');
  assert.deepEqual([all.status, all.text], [0, 'run 4 of pick is queued, as a retry of run 3\n']);
  const good = await rig.baton('retry', '2');
  assert.deepEqual([good.status, good.text], [75, '']);
  assert.match(good.errors, /^baton: run 2 did not fail; /);
});

test('"baton retry --wait" relays its runs, and names each that fails again', async (t) => {
  const sh = (script: string) => ({ runner: { type: 'local', args: ['/bin/sh', '-c', script] } });
  const once = 'test -e "$0" && echo good || { : > "$0"; exit 7; }';
  const rig = await Rig.start({
    targets: { bad: sh('echo bad; exit 3'), worse: sh('echo worse; exit 4') },
  });
  t.after(() => rig.close());
  const flag = join(rig.directory, 'once');
  rig.configure({
    targets: {
      bad: sh('echo bad; exit 3'),
      worse: sh('echo worse; exit 4'),
      once: { runner: { type: 'local', args: ['/bin/sh', '-c', once, flag] } },
    },
  });
  assert.equal((await rig.baton('reload')).status, 0);
  assert.equal((await rig.baton('run', 'bad', 'worse', 'once', '--wait')).status, 3);
  const one = await rig.baton('retry', '2', '--wait');
  assert.deepEqual([one.status, one.text, one.errors], [4, 'worse\n', '']);
  const all = await rig.baton('retry', '--failed', '--wait');
  assert.deepEqual([all.status, all.text], [3, 'bad\ngood\nworse\n']);
  const line = (target: string, run: number, status: number) =>
    `baton: ${target}: run ${run} exited with ${status}\n`;
  assert.equal(all.errors, line('bad', 5, 3) + line('worse', 7, 4));
  const left = await rig.baton('retry', '--failed', '--wait', '--since', '1h');
  assert.deepEqual([left.status, left.text], [3, 'bad\nworse\n']);
});
