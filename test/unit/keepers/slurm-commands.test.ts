/** The commands of Slurm, with scripts in place of the programs. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  COMMAND_MS_MAX,
  COMMANDS_MAX,
  KILL_MS_MAX,
  RELEASES_MAX,
  RealSlurm,
  SAID_LINE_CHARS_MAX,
  SAID_LINES_MAX,
  SUBMIT_MS_MAX,
} from '../../../daemon/keepers/slurm-commands.ts';
import { parseJobs } from '../../../daemon/keepers/slurm-job-list.ts';
import { STDERR_CHARS_MAX } from '../../../daemon/system/bounded-command.ts';
import { ProgramFinder } from '../../../daemon/system/find-program.ts';
import { seemsAlive, statOf } from '../../../daemon/system/proc.ts';
import { directory } from '../../support/config.ts';
import { ManualClock } from '../../support/parts.ts';

const TOKEN = 'baton:far:1.1:0123456789abcdef';
const SUBMISSION = { token: TOKEN, directory: '/shared/1.n.1', attempt: 1, options: ['--mem=1G'] };

/** Programs with these names, each a shell script. */
function stage(t: TestContext, scripts: Readonly<Record<string, string>>) {
  const place = directory(t);
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(place, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(place, name), 0o755);
  }
  const clock = new ManualClock();
  return { place, clock, slurm: new RealSlurm(clock, new ProgramFinder(place), '/keeper.pl') };
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await sleep(2);
}

test('sbatch gets a held job, its options, and of the environment where Slurm is', async (t) => {
  process.env['SBATCH_PARTITION'] = 'wrong';
  t.after(() => delete process.env['SBATCH_PARTITION']);
  const { place, slurm } = stage(t, {
    sbatch: 'printf "%s\\n" "$@" > "$(dirname "$0")"/args; env > "$(dirname "$0")"/env; echo 17',
  });
  const submitted = await slurm.submit({ ...SUBMISSION, conf: '/etc/far.conf' });
  assert.deepEqual(submitted, { kind: 'taken', job: '17' });
  const args = readFileSync(join(place, 'args'), 'utf8').trimEnd().split('\n');
  assert.deepEqual(args, [
    ...['--parsable', '-H', '--no-requeue', '--open-mode=append', '--propagate=NONE'],
    ...['-J', TOKEN, '-D', '/', '-o', '/shared/1.n.1/slurm.1', '--mem=1G'],
    ...['/keeper.pl', '/shared/1.n.1', '1', TOKEN],
  ]);
  const names = readFileSync(join(place, 'env'), 'utf8').match(/^\w+(?==)/gm) ?? [];
  // The shell of this script adds its own.
  const own = new Set(['PWD', '_', 'SHLVL', 'OLDPWD']);
  assert.deepEqual(names.filter((name) => !own.has(name)).sort(), ['PATH', 'SLURM_CONF']);
});

for (const [what, said, kind] of [
  ['invalid partition', 'Batch job submission failed: Invalid partition name specified', 'refused'],
  ['no controller', 'Unable to contact slurm controller (connect failure)', 'unknown'],
  ['a slow controller', 'Socket timed out on send/recv operation', 'unknown'],
  ['no munge', 'Protocol authentication error', 'unknown'],
  ['a slurm.conf that is being written', 'Unable to process configuration file', 'unknown'],
  ['a full table', 'Slurm temporarily unable to accept job, sleeping and retrying', 'unknown'],
] as const) {
  test(`a submission that fails for ${what} is ${kind}`, async (t) => {
    const { slurm } = stage(t, { sbatch: `echo 'sbatch: error: ${said}' >&2; exit 1` });
    const submitted = await slurm.submit(SUBMISSION);
    assert.equal(submitted.kind, kind);
    assert.ok('why' in submitted && submitted.why.includes(said));
  });
}

test('a number without success, and success without a number, are no job', async (t) => {
  for (const script of ['echo 17; exit 1', 'echo hello']) {
    const { slurm } = stage(t, { sbatch: script });
    assert.notEqual((await slurm.submit(SUBMISSION)).kind, 'taken', script);
  }
});

test('without Slurm a submission is refused with what to do', async (t) => {
  const { slurm } = stage(t, {});
  const submitted = await slurm.submit(SUBMISSION);
  assert.ok(submitted.kind === 'refused');
  assert.match(submitted.why, /^sbatch was not found; install/);
});

test('a command that hangs is ended with all its processes, its effect unknown', async (t) => {
  const hangs = 'sleep 1000 & echo $! > "$(dirname "$0")"/pid; wait';
  const { place, clock, slurm } = stage(t, { sbatch: hangs, squeue: hangs });
  const pid = join(place, 'pid');
  const isUp = () => existsSync(pid) && /\d\n/.test(readFileSync(pid, 'utf8'));
  const submitting = slurm.submit(SUBMISSION);
  await until(isUp);
  const asleep = Number(readFileSync(pid, 'utf8'));
  const sleeper = {
    pid: asleep,
    startTime: statOf(asleep)?.startTime ?? 0,
  };
  clock.advance(SUBMIT_MS_MAX);
  const submitted = await submitting;
  assert.ok(submitted.kind === 'unknown' && /did not answer within 30/.test(submitted.why));
  const isGone = (): boolean => !seemsAlive(sleeper);
  await until(isGone);
  rmSync(pid);
  const asking = slurm.jobs(undefined);
  await until(isUp);
  clock.advance(COMMAND_MS_MAX);
  const jobs = await asking;
  assert.ok(!jobs.ok && /squeue did not answer within 15/.test(jobs.error));
});

test('a command that is ended for its time tells what it had said, each line once', async (t) => {
  const conf = 'cannot stat file /nowhere/slurm.conf, retrying';
  const says = (program: string): string =>
    `echo '${program}: error: ${conf}' >&2; echo '${program}: error: ${conf}' >&2; ` +
    `: > "$(dirname "$0")"/${program}.up; exec sleep 1000`;
  const { place, clock, slurm } = stage(t, { sbatch: says('sbatch'), squeue: says('squeue') });
  const isUp = (program: string) => () => existsSync(join(place, `${program}.up`));
  const submitting = slurm.submit(SUBMISSION);
  await until(isUp('sbatch'));
  clock.advance(SUBMIT_MS_MAX);
  const why = `sbatch did not end within 30.0 s; it says: error: ${conf}`;
  assert.deepEqual(await submitting, { kind: 'unknown', why });
  const asking = slurm.jobs(undefined);
  await until(isUp('squeue'));
  clock.advance(COMMAND_MS_MAX);
  const error = `squeue did not end within 15.0 s; it says: error: ${conf}`;
  assert.deepEqual(await asking, { ok: false, error });
});

test('of many lines the last ones are told, and of a long line its beginning', async (t) => {
  const long = 'x'.repeat(SAID_LINE_CHARS_MAX);
  const { slurm } = stage(t, {
    sbatch:
      "echo 'sbatch: error: timed out' >&2; " +
      `head -c ${2 * STDERR_CHARS_MAX} /dev/zero | tr '\\0' x >&2; exit 1`,
    squeue: `seq ${2 * STDERR_CHARS_MAX} >&2; echo ${long}x >&2; echo last >&2; exit 1`,
  });
  const why = `sbatch: ${long}...`;
  assert.deepEqual(await slurm.submit(SUBMISSION), { kind: 'refused', why });
  const numbers = Array.from({ length: SAID_LINES_MAX - 2 }, (_, at) => {
    return 2 * STDERR_CHARS_MAX - (SAID_LINES_MAX - 3) + at;
  });
  const error = `squeue: ${[...numbers, `${long}...`, 'last'].join('; ')}`;
  assert.deepEqual(await slurm.jobs(undefined), { ok: false, error });
});

test('what KILL does not reach is left to itself', async (t) => {
  const { place, clock, slurm } = stage(t, {
    squeue:
      'setsid sh -c \'echo $$ > "$0"; exec sleep 1000\' "$(dirname "$0")"/pid & exec sleep 1000',
  });
  const pid = join(place, 'pid');
  const asking = slurm.jobs(undefined);
  await until(() => existsSync(pid) && /\d\n/.test(readFileSync(pid, 'utf8')));
  const left = Number(readFileSync(pid, 'utf8'));
  t.after(() => process.kill(left, 'SIGKILL'));
  clock.advance(COMMAND_MS_MAX);
  clock.advance(KILL_MS_MAX);
  const jobs = await asking;
  assert.ok(!jobs.ok && /squeue did not answer within 15/.test(jobs.error));
});

test('a place in the PATH that hangs delays a command for its time at most', async (t) => {
  const { place } = stage(t, { squeue: 'exit 0' });
  const clock = new ManualClock();
  let isThere: (() => void) | undefined;
  const finder = new ProgramFinder(`/hangs:${place}`, async (file) => {
    if (file.startsWith(place)) return;
    await new Promise<void>((_, reject) => {
      isThere = () => reject(new Error('ENOENT'));
    });
  });
  const slurm = new RealSlurm(clock, finder, '/keeper.pl');
  const asking = slurm.jobs(undefined);
  clock.advance(COMMAND_MS_MAX);
  const jobs = await asking;
  assert.ok(
    !jobs.ok && /^squeue was not found in time, because a directory in the PATH/.test(jobs.error),
  );
  const submitting = slurm.submit(SUBMISSION);
  clock.advance(SUBMIT_MS_MAX);
  assert.equal((await submitting).kind, 'unknown', 'it was not seen that sbatch is not there');
  const again = slurm.jobs(undefined);
  isThere?.();
  assert.ok((await again).ok);
});

test('only a few commands run at once, and a look at all jobs is not behind them', async (t) => {
  const { place, clock, slurm } = stage(t, {
    scancel: 'echo x >> "$(dirname "$0")"/count; exec sleep 1000',
    squeue: 'exit 0',
  });
  const count = join(place, 'count');
  const all = Array.from({ length: COMMANDS_MAX + 2 }, () => slurm.cancel(TOKEN, undefined));
  const counted = () => (existsSync(count) ? readFileSync(count, 'utf8').length / 2 : 0);
  await until(() => counted() === COMMANDS_MAX);
  assert.ok((await slurm.jobs(undefined)).ok);
  assert.equal(counted(), COMMANDS_MAX);
  clock.advance(COMMAND_MS_MAX);
  await until(() => counted() === COMMANDS_MAX + 2);
  clock.advance(COMMAND_MS_MAX);
  assert.ok((await Promise.all(all)).every(({ ok }) => !ok));
});

test('a job that was submitted is let go before those that wait to be submitted', async (t) => {
  const { place, clock, slurm } = stage(t, {
    sbatch: 'echo x >> "$(dirname "$0")"/count; exec sleep 1000',
    scontrol: 'exit 0',
  });
  const count = join(place, 'count');
  const counted = () => (existsSync(count) ? readFileSync(count, 'utf8').length / 2 : 0);
  const all = Array.from({ length: 3 * COMMANDS_MAX }, () => slurm.submit(SUBMISSION));
  const released = slurm.release(TOKEN, undefined);
  await until(() => counted() === COMMANDS_MAX);
  clock.advance(SUBMIT_MS_MAX);
  assert.ok((await released).ok);
  await until(() => counted() === 2 * COMMANDS_MAX);
  clock.advance(SUBMIT_MS_MAX);
  await until(() => counted() === 3 * COMMANDS_MAX);
  clock.advance(SUBMIT_MS_MAX);
  assert.ok((await Promise.all(all)).every(({ kind }) => kind === 'unknown'));
});

test('a cluster that hangs does not keep submissions to another one waiting for ever', async (t) => {
  const { clock, slurm } = stage(t, { scancel: 'exec sleep 1000', sbatch: 'echo 12' });
  let isSubmitted = false;
  const cancelAgain = async (): Promise<void> => {
    while (!isSubmitted) await slurm.cancel(TOKEN, '/hangs');
  };
  const cancels = Array.from({ length: 3 * COMMANDS_MAX }, cancelAgain);
  const submitted = slurm.submit({ ...SUBMISSION, conf: '/answers' });
  void submitted.then(() => {
    isSubmitted = true;
  });
  for (let rounds = 0; !isSubmitted && rounds < 1_000; rounds++) {
    clock.advance(COMMAND_MS_MAX);
    await sleep(5);
  }
  assert.ok(isSubmitted);
  for (const cancel of cancels) {
    clock.advance(COMMAND_MS_MAX);
    await Promise.race([cancel, sleep(5)]);
  }
});

test('what fails for one of several that are let go is not told of the others', async (t) => {
  const { slurm } = stage(t, { scontrol: 'echo "Job has finished" >&2; exit 1' });
  const several = await Promise.all(['a', 'b'].map((token) => slurm.release(token, undefined)));
  assert.deepEqual(
    several.map(({ ok }) => ok),
    [true, true],
  );
  const one = await slurm.release(TOKEN, undefined);
  assert.ok(!one.ok && one.error.includes('Job has finished'));
});

test('jobs that are let go at once share one command for each cluster', async (t) => {
  const { place, clock, slurm } = stage(t, {
    scancel: 'echo x >> "$(dirname "$0")"/count; exec sleep 1000',
    scontrol: 'echo "$SLURM_CONF $*" >> "$(dirname "$0")"/orders',
  });
  const orders = () => {
    const said = readFileSync(join(place, 'orders'), 'utf8').trim().split('\n').sort();
    rmSync(join(place, 'orders'));
    return said;
  };
  const release = (conf: string, ...tokens: readonly string[]) =>
    tokens.map((token) => slurm.release(token, conf));
  await Promise.all([...release('/a', 'one', 'two'), ...release('/b', 'three')]);
  assert.deepEqual(orders(), ['/a release jobname=one jobname=two', '/b release jobname=three']);
  const all = Array.from({ length: COMMANDS_MAX }, () => slurm.cancel(TOKEN, undefined));
  const count = join(place, 'count');
  await until(() => existsSync(count) && readFileSync(count).length === 2 * COMMANDS_MAX);
  const many = Array.from({ length: RELEASES_MAX + 1 }, (_, at) => `t${at}`);
  const released = many.flatMap((token) => release('/a', token));
  clock.advance(COMMAND_MS_MAX);
  assert.ok((await Promise.all([...released, ...release('/a', 'last')])).every(({ ok }) => ok));
  const first = many.slice(0, -1).map((token) => ` jobname=${token}`);
  const said = orders();
  assert.ok(said.includes(`/a release${first.join('')}`));
  assert.ok(said.length <= 3, said.join('\n'));
  assert.match(said.join(), new RegExp(`jobname=t${RELEASES_MAX}\\b`));
  await Promise.all(all);
});

test('all who ask while squeue hangs share the next question, of the same cluster', async (t) => {
  const { place, clock, slurm } = stage(t, {
    squeue: 'echo "$SLURM_CONF" >> "$(dirname "$0")"/asked; exec sleep 1000',
  });
  const asked = () => {
    const path = join(place, 'asked');
    return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').sort() : [];
  };
  const first = [slurm.jobs('/a'), slurm.jobs('/b')];
  const rest = Array.from({ length: 20 }, () => slurm.jobs('/a'));
  await until(() => asked().length === 2);
  assert.deepEqual(asked(), ['/a', '/b']);
  clock.advance(COMMAND_MS_MAX);
  assert.ok((await Promise.all(first)).every(({ ok }) => !ok));
  await until(() => asked().length === 3);
  clock.advance(COMMAND_MS_MAX);
  assert.ok((await Promise.all(rest)).every(({ ok }) => !ok));
  assert.deepEqual(asked(), ['/a', '/a', '/b']);
});

test('of the jobs of a user those of baton are read, whatever the names of others hold', () => {
  const text = [
    `12|PENDING|launch failed requeued held||${TOKEN}`,
    `13|RUNNING|None|n1|${TOKEN}`,
    '14|RUNNING|None|n1|a name|with\nnewlines',
    '15|FAILED|None|n1|baton: not one of ours',
    '16_3|PENDING|None||array',
    '',
  ];
  assert.deepEqual(parseJobs(text.join('\n')), [
    { job: '12', token: TOKEN, state: 'PENDING', reason: 'launch failed requeued held', node: '' },
    { job: '13', token: TOKEN, state: 'RUNNING', reason: 'None', node: 'n1' },
  ]);
});
