/**
 * The keeper inside a Slurm job, as a plain process: it starts a command once or never, reports its
 * outcome correctly, and leaves nothing of it behind. With Slurm: slurmjobs.test.ts.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { directory } from '../support/config.ts';
import { Puppets } from '../support/puppet.ts';
import { type JobOptions, SLURM_KEEPER, SlurmJob } from '../support/slurmjob.ts';
import { stoppable } from '../support/stoppable.ts';

const ONCE = ['/bin/sh', '-c', 'echo once'];

function jobOf(t: TestContext, options: JobOptions): SlurmJob {
  return new SlurmJob(directory(t), options);
}

/** A job whose command is a puppet, which has started. */
async function held(t: TestContext, options: Omit<JobOptions, 'args'> = {}) {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const job = jobOf(t, { ...options, args: puppets.args('command') });
  const keeper = job.start();
  t.after(() => keeper.signal('SIGKILL'));
  return { puppets, job, keeper, puppet: await puppets.next() };
}

test('without the token of its job the keeper runs nothing, and makes nothing', async (t) => {
  const wrongs: readonly ((job: SlurmJob) => readonly string[] | undefined)[] = [
    (job) => [job.directory, '1', 'baton:other:7.1:0'],
    (job) => [job.directory, '2', job.token],
    (job) => [join(job.directory, 'nowhere'), '1', job.token],
    (job) => [job.directory, '1', ''],
    (job) => {
      job.write('spawn.1', job.read('spawn.1').replace(job.token, ''));
      return [job.directory, '1', ''];
    },
    (job) => {
      job.write('spawn.1', job.read('spawn.1').replace('baton-spawn-3', 'baton-spawn-9'));
      return undefined;
    },
    (job) => {
      job.write('spawn.1', `baton-spawn-3\x00${job.token}\x000`);
      return undefined;
    },
    (job) => {
      rmSync(join(job.directory, 'spawn.1'));
      return undefined;
    },
  ];
  for (const wrong of wrongs) {
    const job = jobOf(t, { args: ONCE });
    const args = wrong(job);
    const before = readdirSync(job.directory);
    const keeper = job.start(args ?? job.args);
    assert.equal(await keeper.ended(), 75, String(wrong));
    assert.match(keeper.errors, /^baton: this job runs nothing: \S.*\n$/);
    assert.deepEqual(readdirSync(job.directory), before, String(wrong));
  }
});

test('of eight starts of one attempt one runs the command', async (t) => {
  const job = jobOf(t, { args: ONCE });
  const env = { SLURM_JOB_ID: '4711', SLURMD_NODENAME: 'n1', SLURM_RESTART_COUNT: '2' };
  const keepers = Array.from({ length: 8 }, () => job.start(job.args, env));
  const statuses = await Promise.all(keepers.map((keeper) => keeper.ended()));
  assert.deepEqual(statuses.toSorted(), [0, 75, 75, 75, 75, 75, 75, 75]);
  assert.equal(job.read('out'), 'once\n');
  const winner = keepers[statuses.indexOf(0)];
  const [id, node, restarts, wallMs, pid] = job.read('begun.1').trimEnd().split(' ');
  assert.deepEqual([id, node, restarts, pid], ['4711', 'n1', '2', String(winner?.pid)]);
  assert.ok(Math.abs(Date.now() - Number(wallMs)) < 600_000);
  assert.equal(keepers.filter(({ errors }) => errors.includes('has begun before')).length, 7);
});

test('an attempt that the daemon has withheld never starts', async (t) => {
  const job = jobOf(t, { args: ONCE });
  job.write('begun.1', 'withheld\n');
  assert.equal(await job.start().ended(), 75);
  assert.equal(job.has('out') || job.has('status.1'), false);
});

for (const [script, code, signal, status] of [
  ['exit 0', 0, null, 0],
  ['exit 7', 7, null, 7],
  ['exit 255', 255, null, 255],
  ['exit 143', 143, null, 143],
  ['kill -TERM $$', null, 15, 143],
  ['kill -KILL $$', null, 9, 137],
] as const) {
  test(`of "${script}" the record says what it was, and no more`, async (t) => {
    const job = jobOf(t, { args: ['/bin/sh', '-c', script] });
    assert.equal(await job.start().ended(), status);
    const { started, code: had, signal: by, stage, tookMs, termMs, lostBytes } = job.record();
    assert.deepEqual([started, had, by, stage], [true, code, signal, null]);
    assert.deepEqual([termMs, lostBytes, job.said('stop')], [null, 0, null]);
    assert.ok(tookMs !== undefined && tookMs >= 0);
    assert.equal(job.has('over.1'), true);
  });
}

for (const [what, options, stage, errno, status] of [
  ['a command that is not there', { args: ['/nowhere/x'] }, 'command', 2, 127],
  ['a command that is a directory', { args: ['/usr'] }, 'command', 13, 126],
  ['a directory that is not there', { args: ONCE, cwd: '/nowhere' }, 'directory', 2, 126],
] as const) {
  test(`${what} is told by its errno, and nothing runs elsewhere`, async (t) => {
    const job = jobOf(t, options);
    assert.equal(await job.start().ended(), status);
    const record = job.record();
    assert.deepEqual([record.started, record.stage, record.errno], [true, stage, errno]);
    assert.equal(job.read('out'), '');
  });
}

test('a file for the output that cannot be opened is told by its errno', async (t) => {
  const job = jobOf(t, { args: ONCE });
  mkdirSync(join(job.directory, 'out'));
  assert.equal(await job.start().ended(), 126);
  const { stage, errno } = job.record();
  assert.deepEqual([stage, errno], ['system', 21]);
});

test('the environment is what the target says, and what Slurm says of the job', async (t) => {
  const args = ['/bin/sh', '-c', 'env; pwd; umask; ulimit -n; cat'];
  const stdin = join(directory(t), 'in');
  writeFileSync(stdin, 'given\n');
  const env = { PATH: '/usr/bin:/bin', TMPDIR: '/mine', EQUALS: 'a=b\nc' };
  const job = jobOf(t, { args, env, cwd: '/usr', umask: 0o027, stdin });
  const ofJob = { SLURM_JOB_ID: '5', SLURMD_NODENAME: 'n1', CUDA_VISIBLE_DEVICES: '0,1' };
  const keeper = job.start(job.args, { ...ofJob, TMPDIR: '/tmp', SECRET: 'x', PATH: '/bin' });
  assert.equal(await keeper.ended(), 0);
  const lines = job.read('out').split('\n').toSorted();
  const own = ['PWD=/usr', '/usr', '0027', '1024', 'given', '', 'c', 'EQUALS=a=b'];
  const shown = [...Object.entries({ ...ofJob, ...env })].flatMap(([name, value]) =>
    name === 'EQUALS' ? [] : [`${name}=${value}`],
  );
  assert.deepEqual(lines, [...own, ...shown].toSorted());
});

test('output is in the files byte by byte and in order, and on the disk before the record', async (t) => {
  const bytes = 3_000_001;
  const script = `head -c ${bytes} /dev/urandom | tee /dev/stderr`;
  const two = jobOf(t, { args: ['/bin/sh', '-c', script], merged: false });
  assert.equal(await two.start().ended(), 0);
  const [out, err] = ['out', 'err'].map((name) =>
    createHash('sha256')
      .update(readFileSync(join(two.directory, name)))
      .digest('hex'),
  );
  assert.equal(out, err);
  assert.deepEqual([two.said('outBytes'), two.said('errBytes')], [bytes, bytes]);

  const loop = 'i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo $i; i=$((i+1)); echo $i >&2; done';
  const one = jobOf(t, { args: ['/bin/sh', '-c', loop] });
  writeFileSync(join(one.directory, 'out'), 'of the attempt before\n');
  assert.equal(await one.start().ended(), 0);
  const lines = Array.from({ length: 500 }, (_, at) => `${at + 1}\n`);
  assert.equal(one.read('out'), `of the attempt before\n${lines.join('')}`);
  assert.deepEqual([one.said('outBytes'), one.said('errBytes')], [one.read('out').length, 0]);
});

for (const by of ['file', 'signal'] as const) {
  test(`a wish to stop by ${by} sends TERM, and leaves the command its time`, async (t) => {
    const one = await held(t);
    await one.puppet.tell('trap TERM 3');
    if (by === 'file') one.job.write('stop.1', '60000');
    else one.keeper.signal('SIGTERM');
    assert.equal(await one.keeper.ended(), 3);
    const { code, signal, termMs } = one.job.record();
    assert.deepEqual([code, signal, termMs, one.job.said('stop')], [3, null, null, by]);
  });
}

for (const [by, order] of [
  ['signal', { stopSignal: 'INT', stopTo: 'main' }],
  ['timeout', { stopSignal: 'INT', stopTo: 'main', timeoutMs: 2_000 }],
  ['file', {}],
] as const) {
  test(`by ${by}, a command hears the signal of its target, and its helpers once it has ended`, async (t) => {
    const job = jobOf(t, { args: stoppable(), ...order });
    const keeper = job.start();
    await job.prints('is up');
    if (by === 'signal') keeper.signal('SIGTERM');
    if (by === 'file') job.write('stop.1', '60000 INT main');
    assert.equal(await keeper.ended(), 3);
    assert.equal(job.read('out'), 'command is up\ncommand INT\nhelper asked\nhelper INT\n');
    assert.equal(job.said('stop'), by);
  });
}

test('a signal that is none ends no keeper: the wish has that of the start', async (t) => {
  const { puppet, job, keeper } = await held(t);
  await puppet.tell('trap TERM 3');
  job.write('stop.1', '60000 NONSENSE main');
  assert.equal(await keeper.ended(), 3);
});

test('a command that ignores TERM is ended after the grace, with all that has left its session', async (t) => {
  const { puppets, puppet, job, keeper } = await held(t, { graceMs: 300 });
  const start = `${puppets.args('child').join(' ')} >/dev/null 2>&1 &`;
  await puppet.tell(`sh setsid ${start}`);
  const inSession = await puppets.next();
  await puppet.tell(`sh (setsid sh -c 'setsid ${start.slice(0, -1)} & exit' &) ; true`);
  const orphan = await puppets.next();
  const all = [puppet, inSession, orphan];
  for (const one of all) await one.tell('trap TERM ignore');
  keeper.signal('SIGTERM');
  await Promise.all(all.map((one) => one.gone()));
  assert.equal(await keeper.ended(), 137);
  const { code, signal } = job.record();
  assert.deepEqual([code, signal, job.said('stop')], [null, 9, 'signal']);
});

test('a stopped command hears of the wish, too', async (t) => {
  const { job, keeper, puppet } = await held(t);
  process.kill(puppet.pid, 'SIGSTOP');
  job.write('stop.1', '');
  assert.equal(await keeper.ended(), 143);
  assert.equal(job.record().signal, 15);
});

test('of two wishes the one with less time counts, whichever came first', async (t) => {
  for (const times of [
    ['600000', '0'],
    ['0', '600000'],
  ]) {
    const { job, keeper, puppet } = await held(t, { graceMs: Number(times[0]) });
    await puppet.tell('trap TERM ignore');
    keeper.signal('SIGTERM');
    job.write('stop.1', String(times[1]));
    assert.equal(await keeper.ended(), 137);
    assert.equal(job.record().signal, 9);
  }
});

test('a wish that came before the start: nothing runs, and the record says so', async (t) => {
  const job = jobOf(t, { args: ONCE });
  job.write('stop.1', '0');
  assert.equal(await job.start().ended(), 75);
  assert.equal(job.record().started, false);
  assert.deepEqual([job.has('out'), job.has('over.1')], [false, true]);
});

test('the keeper itself ends a command whose time is over', async (t) => {
  const job = jobOf(t, { args: ['/bin/sleep', '1000'], timeoutMs: 200 });
  assert.equal(await job.start().ended(), 143);
  assert.deepEqual([job.record().signal, job.said('stop')], [15, 'timeout']);
});

test('signals that are no wish to stop change nothing', async (t) => {
  const { keeper, puppet, job } = await held(t);
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGCONT', 'SIGUSR1', 'SIGPIPE'] as const) {
    keeper.signal(signal);
  }
  await puppet.print('out', 'still here');
  puppet.exit(5);
  assert.equal(await keeper.ended(), 5);
  assert.deepEqual([job.read('out'), job.said('stop')], ['still here', null]);
});

test('what a command leaves keeps the job, has its output, and ends by the wish to stop', async (t) => {
  const { puppets, puppet, job, keeper } = await held(t);
  await puppet.tell(`spawn exec setsid ${puppets.args('left').join(' ')}`);
  const left = await puppets.next();
  puppet.exit(4);
  await job.appears('status.1');
  assert.equal(job.record().code, 4);
  await left.print('err', 'late');
  assert.equal(job.has('over.1'), false);
  job.write('stop.1', '60000');
  await left.gone();
  assert.equal(await keeper.ended(), 4);
  assert.equal(job.has('over.1'), true);
  assert.deepEqual([job.record().code, job.said('stop')], [4, null]);
  assert.equal(job.read('out'), 'late');
});

test('a command does not outlive a keeper that is killed', async (t) => {
  const { puppet, job, keeper } = await held(t);
  await puppet.tell('trap TERM ignore');
  keeper.signal('SIGKILL');
  await puppet.gone();
  assert.equal(await keeper.ended(), 'SIGKILL');
  assert.equal(job.has('status.1'), false);
});

test('the directory of the run is never made anew', async (t) => {
  const { puppet, job, keeper } = await held(t);
  rmSync(job.directory, { recursive: true });
  puppet.exit(0);
  assert.equal(await keeper.ended(), 0);
  assert.equal(job.has('.'), false);
});

test('a record that cannot be written is written once it can', async (t) => {
  const { puppet, job, keeper } = await held(t);
  // Cannot be moved away: it is not a file, and the other name is taken by a non-empty directory.
  for (const name of ['status.1.tmp', 'status.1.tmp.aside']) {
    mkdirSync(join(job.directory, name));
    writeFileSync(join(job.directory, name, 'x'), '');
  }
  puppet.exit(6);
  await keeper.says('status.1 cannot be written');
  rmSync(join(job.directory, 'status.1.tmp.aside'), { recursive: true });
  assert.equal(await keeper.ended(), 6);
  assert.equal(job.record().code, 6);
});

test('the keeper is one file that sbatch takes', () => {
  const text = readFileSync(SLURM_KEEPER, 'latin1');
  assert.ok(text.startsWith('#!/usr/bin/perl\n'));
  assert.ok(text.length < 4_000_000 && !/[\0\r]/.test(text));
  assert.doesNotMatch(text, /^#SBATCH/m);
  assert.doesNotMatch(text, /^\s*(use|require) (?!POSIX)/m);
});
