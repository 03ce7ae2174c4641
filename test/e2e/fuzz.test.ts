/** The short version of `npm run fuzz`, and what hostile clients can do that it does not. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fuzz } from '../fuzz.ts';
import { amount } from '../support/amount.ts';
import { Rig } from '../support/rig.ts';

test('hostile clients neither disturb others, nor grow, nor end the daemon', async (t) => {
  const seed = Date.now() % 1_000_000;
  const result = await fuzz({ cases: amount(3_000), seed, bigBytes: 200_000_000, fastReads: 1 });
  const { cases, seconds, peakRssBytes, slowestAnswerMs, faults } = result;
  t.diagnostic(
    `seed ${seed}: ${cases} cases, ${seconds.toFixed(0)} s, peak RSS ${(peakRssBytes / 1e6).toFixed(0)} MB, slowest answer ${slowestAnswerMs.toFixed(0)} ms`,
  );
  assert.deepEqual(faults, [], `seed ${seed}`);
});

test('a client whose output cannot be opened for want of file descriptors gets it later', async (t) => {
  const rig = await Rig.start({
    targets: { hello: { runner: { type: 'local', args: ['/bin/echo', 'hello'] } } },
  });
  t.after(() => rig.close());
  const session = await rig.open();
  const { run } = await session.ask({ type: 'run', target: 'hello', wait: true }, 'ended');
  const pid = String(rig.daemon?.pid);
  const open = (): number => readdirSync(`/proc/${pid}/fd`).length;
  const limit = open() + 10;
  execFileSync('prlimit', ['--pid', pid, `--nofile=${limit}:`]);
  const others = await Promise.all(Array.from({ length: 20 }, () => rig.open()));
  while (open() < limit) await sleep(5);
  const output = session.send({ type: 'output', of: run });
  await session.ask({ type: 'status' }, 'status');
  assert.ok(!session.replies.some(({ id }) => id === output), 'nothing is said to be all');
  execFileSync('prlimit', ['--pid', pid, '--nofile=1024:']);
  for (const other of others) other.close();
  await session.reply('done', output);
  assert.equal((await session.reply('output', output)).data, 'hello\n');
});
