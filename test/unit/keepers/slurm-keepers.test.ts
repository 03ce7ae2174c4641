/**
 * The daemon's side of runs that are Slurm jobs, with a simulated Slurm: each way in which the real
 * one was observed to lie, forget or repeat. See test/e2e/slurm.test.ts for the real one.
 */
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { CommandInput } from '../../../daemon/core/command.ts';
import type { SlurmPlan } from '../../../daemon/core/plan.ts';
import { RunDirectories } from '../../../daemon/keepers/run-directories.ts';
import { SlurmKeepers } from '../../../daemon/keepers/slurm-keepers.ts';
import { elapsedMs } from '../../../daemon/shared/elapsed.ts';
import type { KeeperId } from '../../../daemon/shared/run.ts';
import { directory } from '../../support/config.ts';
import { FakeSlurm, PlayedKeeper } from '../../support/fake-slurm.ts';
import { ManualClock, SpokenLog } from '../../support/parts.ts';

const NONCE = 'nonce';
const STOP = { signal: 'INT', to: 'main', graceMs: 5_000 } as const;
const RUN = { run: 4, target: 'far, away', merged: false, startNonce: NONCE, stop: STOP };
/** More steps than anything here takes: a test that waits for something that never comes fails. */
const STEPS_MAX = 20_000;

function stage(t: TestContext) {
  const state = directory(t);
  mkdirSync(join(state, 'runs'));
  const shared = directory(t);
  const [clock, log, slurm] = [new ManualClock(), new SpokenLog(), new FakeSlurm()];
  const plan: SlurmPlan = {
    ...{ keeper: 'slurm', directory: shared, args: ['/bin/secret', 'word'] },
    ...{ env: { KEY: 'hidden' }, options: ['--mem=1G'] },
  };
  /** A daemon, and what it has posted. */
  const daemon = () => {
    const posts: CommandInput[] = [];
    const directories = new RunDirectories({ directory: state, nonce: NONCE, log: log.pino });
    const keepers = new SlurmKeepers({
      ...{ directory: state, directories, clock, log: log.pino, commands: slurm },
      post: (input) => posts.push(input),
    });
    return { posts, keepers, own: directories.of(RUN.run) };
  };
  const step = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await settled();
  };
  const until = async <T>(look: () => T | undefined | false, stepMs = 50): Promise<T> => {
    for (let steps = 0; steps < STEPS_MAX; steps++) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      await step(stepMs);
    }
    assert.fail(`it never came: ${look.toString()}`);
  };
  /** Lets time pass, with everything that depends on it. */
  const pass = async (ms: number): Promise<void> => {
    for (let passedMs = 0; passedMs < ms; passedMs += 250) await step(250);
  };
  return { state, shared, clock, log, slurm, plan, daemon, until, pass };
}

/**
 * Files are real: their time must not count on the simulated clock, however slow they are. A close
 * is a request of its own: one of 6 ms took 70 s on this clock, and its keeper was "silent".
 */
async function settled(): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    await setImmediate();
    const isBusy = process
      .getActiveResourcesInfo()
      .some((name) => /^(FSReq|FileHandle|CloseReq)/.test(name));
    if (isBusy) quiet = 0;
  }
}

type Stage = ReturnType<typeof stage>;
type Daemon = ReturnType<Stage['daemon']>;

function postOf<T extends CommandInput['type']>({ posts }: Daemon, type: T) {
  return posts.find((input): input is Extract<CommandInput, { type: T }> => input.type === type);
}

/** A run whose job is submitted and held. */
async function submitted(staged: Stage, daemon: Daemon): Promise<KeeperId> {
  void daemon.keepers.start(RUN, 1, staged.plan);
  return (await staged.until(() => postOf(daemon, 'kept'))).keeper;
}

/** A run whose command is running. */
async function running(staged: Stage, daemon: Daemon): Promise<PlayedKeeper> {
  await submitted(staged, daemon);
  daemon.keepers.go(RUN.run);
  const keeper = new PlayedKeeper(staged.shared);
  assert.ok(keeper.begin());
  staged.slurm.say({ state: 'RUNNING', reason: 'None', node: 'n1' });
  await staged.until(() => daemon.keepers.view(RUN.run)?.node);
  return keeper;
}

test('a job is submitted held, with all that the keeper needs, and nothing of it is an argument', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  await submitted(staged, daemon);
  await staged.pass(20_000);
  const { slurm, shared } = staged;
  const [submission] = slurm.submissions;
  assert.match(submission?.token ?? '', /^baton:far__away:4\.1:[0-9a-f]{16}$/);
  assert.ok(!/secret|hidden/.test(JSON.stringify(submission)), 'it is for all users to read');
  const keeper = new PlayedKeeper(shared);
  const mode = (path: string): number => statSync(path).mode & 0o777;
  assert.deepEqual([mode(keeper.directory), mode(keeper.path('spawn'))], [0o700, 0o600]);
  const words = keeper.spawn();
  assert.deepEqual(words.slice(0, 8), [
    ...['baton-spawn-3', submission?.token, '5000', 'INT', 'main', '0'],
    ...['baton job 4 far, away', keeper.path('status')],
  ]);
  assert.deepEqual(words.slice(-2), ['/bin/secret', 'word']);
  assert.ok(words.includes('KEY=hidden') && words.includes(`BATON_RUN_DIR=${keeper.directory}`));
  assert.deepEqual(slurm.orders, [], 'it was let go without a word of the journal');
  assert.equal(slurm.polls, 0, 'Slurm was asked while nothing could run');
});

test('a run has the status and the output that its keeper left, and then nothing is left of the job', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  const { slurm, until, shared, state } = staged;
  assert.deepEqual(slurm.orders, [`release ${slurm.submissions[0]?.token}`]);
  keeper.print('one\n');
  keeper.print('two\n', 'err');
  await until(
    () =>
      existsSync(join(daemon.own, 'err')) &&
      readFileSync(join(daemon.own, 'err'), 'utf8') === 'two\n',
  );
  keeper.print('three\n');
  keeper.end({ tookMs: 1_500, wallMs: staged.clock.now().wallMs, outBytes: 10, errBytes: 4 });
  const { report } = await until(() => postOf(daemon, 'reported'));
  assert.deepEqual([report.started, report.code, report.bytes], [true, 7, 14]);
  assert.equal(readFileSync(join(daemon.own, 'out'), 'utf8'), 'one\nthree\n');
  daemon.keepers.drop(RUN.run);
  await staged.pass(10_000);
  assert.ok(existsSync(keeper.directory), 'Slurm still has the job');
  slurm.say({ state: 'FAILED', reason: 'NonZeroExitCode' });
  await until(() => readdirSync(shared).length === 0);
  await until(() => readdirSync(join(state, 'slurm')).length === 0);
  const { polls } = slurm;
  await staged.pass(30_000);
  assert.equal(slurm.polls, polls, 'Slurm is asked while no run lives');
});

test('a job that Slurm counts as running long after its keeper has left is cancelled', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  keeper.end();
  await until(() => postOf(daemon, 'reported'));
  daemon.keepers.drop(RUN.run);
  const isCancelled = () => slurm.orders.some((order) => order.startsWith('cancel '));
  await staged.pass(120_000);
  assert.ok(!isCancelled(), 'it has left processes behind, which the keeper looks after');
  keeper.leave();
  await staged.pass(25_000);
  assert.ok(!isCancelled(), 'Slurm had no time to see it');
  await until(isCancelled);
  await until(() => readdirSync(staged.shared).length === 0);
});

test('output that a slow file system has not shown yet is waited for, and missed only then', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  keeper.print('half');
  keeper.end({ outBytes: 8, errBytes: 0 });
  await staged.pass(10_000);
  assert.equal(postOf(daemon, 'reported'), undefined);
  keeper.print('half');
  await staged.until(() => postOf(daemon, 'reported'));
  assert.equal(readFileSync(join(daemon.own, 'out'), 'utf8'), 'halfhalf');

  const other = stage(t);
  const next = other.daemon();
  const short = await running(other, next);
  short.print('half');
  short.end({ outBytes: 8, errBytes: 0 });
  const { report } = await other.until(() => postOf(next, 'reported'));
  assert.deepEqual([report.code, report.lostBytes], [7, 4]);
});

test('a submission whose answer is lost is found by its token, and not repeated', async (t) => {
  const staged = stage(t);
  const { slurm } = staged;
  const daemon = staged.daemon();
  slurm.answers.push({ submitted: { kind: 'unknown', why: 'Socket timed out' }, isThere: true });
  const keeper = await submitted(staged, daemon);
  assert.deepEqual([slurm.submissions.length, keeper.slurm?.job], [1, '1']);
});

test('a submission that did not come through is repeated under the same token, after a while', async (t) => {
  const staged = stage(t);
  const { slurm, clock } = staged;
  const daemon = staged.daemon();
  slurm.answers.push({ submitted: { kind: 'unknown', why: 'connect failure' }, isThere: false });
  const { steadyMs } = clock.now();
  void daemon.keepers.start(RUN, 1, staged.plan);
  await staged.until(() => /connect failure/.test(daemon.keepers.view(RUN.run)?.waits ?? ''));
  await staged.until(() => postOf(daemon, 'kept'));
  assert.ok(
    clock.now().steadyMs - steadyMs >= 30_000,
    'it may have been in the queue of slurmctld',
  );
  const [first, second] = slurm.submissions;
  assert.equal(first?.token, second?.token);
});

test('a run says what is wrong with slurm.conf while that lasts, and goes on then', async (t) => {
  const staged = stage(t);
  const { slurm } = staged;
  const daemon = staged.daemon();
  const said = (program: string): string => `${program}: Unable to process configuration file`;
  slurm.answers.push({ submitted: { kind: 'unknown', why: said('sbatch') }, isThere: false });
  slurm.down = said('squeue');
  const waits = (): string | undefined => daemon.keepers.view(RUN.run)?.waits;
  void daemon.keepers.start(RUN, 1, staged.plan);
  await staged.until(() => waits() === `waits for Slurm: ${said('sbatch')}`);
  await staged.until(() => waits() === `waits for Slurm: ${said('squeue')}`);
  await staged.pass(120_000);
  assert.equal(waits(), `waits for Slurm: ${said('squeue')}`);
  assert.deepEqual(daemon.posts, []);
  slurm.down = undefined;
  assert.ok(await staged.until(() => postOf(daemon, 'kept'), 250));
  assert.equal(waits(), 'waits in Slurm until its start is recorded');
});

test('a job that Slurm refuses ends the run with what Slurm said', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  staged.slurm.answers.push({
    submitted: { kind: 'refused', why: 'sbatch: invalid partition' },
    isThere: false,
  });
  void daemon.keepers.start(RUN, 1, staged.plan);
  const { report } = await staged.until(() => postOf(daemon, 'reported'));
  assert.ok(report.failure?.kind === 'not-started');
  assert.match(report.failure.detail, /invalid partition/);
});

test('a shared directory that is not there ends the run, and none is made in its place', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  const gone = join(staged.shared, 'unmounted');
  void daemon.keepers.start(RUN, 1, { ...staged.plan, directory: gone });
  const { report } = await staged.until(() => postOf(daemon, 'reported'));
  assert.ok(report.failure?.kind === 'not-started' && report.failure.errno === 'ENOENT');
  assert.ok(!existsSync(gone));
});

for (const state of ['COMPLETED', 'CANCELLED', 'FAILED', 'NODE_FAIL', undefined]) {
  const says = state ?? 'nothing, and has given its number to another job';
  test(`a job of which Slurm says ${says} and whose keeper never began has not run`, async (t) => {
    const staged = stage(t);
    const { slurm, until } = staged;
    const daemon = staged.daemon();
    await submitted(staged, daemon);
    daemon.keepers.go(RUN.run);
    const keeper = new PlayedKeeper(staged.shared);
    if (state !== undefined) slurm.say({ state, reason: 'None' });
    else slurm.say({ token: 'baton:stranger:9.1:0123456789abcdef' });
    const { report } = await until(() => postOf(daemon, 'reported'));
    assert.deepEqual([report.started, report.code, report.failure], [false, null, undefined]);
    assert.ok(!keeper.begin(), 'a late start would be a second one');
    daemon.keepers.drop(RUN.run);
    await staged.pass(10_000);
    const [token] = slurm.submissions.map((it) => it.token);
    assert.ok(
      slurm.orders.every((order) => order.endsWith(` ${token}`)),
      'a stranger was touched',
    );
  });
}

test('a run that Slurm ends before it begins on its nodes is tried five times, on other ones, and then given up', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  for (let attempt = 1; attempt <= 5; attempt++) {
    daemon.posts.length = 0;
    void daemon.keepers.start(RUN, attempt, staged.plan);
    await until(() => postOf(daemon, 'kept'));
    daemon.keepers.go(RUN.run);
    slurm.say({ state: 'COMPLETED', reason: 'None', node: `n${attempt}` });
    await until(() => postOf(daemon, 'reported'));
  }
  const { report } = await until(() => postOf(daemon, 'reported'));
  assert.ok(report.failure?.kind === 'not-started');
  assert.match(report.failure.detail, /5 times .* COMPLETED; see the log of slurmd on n5/);
  assert.deepEqual(
    slurm.submissions.map(({ options }) => options.find((it) => it.startsWith('--exclude'))),
    [undefined, '--exclude=n1', '--exclude=n1,n2', '--exclude=n1,n2,n3', '--exclude=n1,n2,n3,n4'],
  );
});

test('a run whose jobs slurmctld forgets again and again is delayed, and never given up', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  for (let attempt = 1; attempt <= 8; attempt++) {
    daemon.posts.length = 0;
    void daemon.keepers.start(RUN, attempt, staged.plan);
    await until(() => postOf(daemon, 'kept'));
    daemon.keepers.go(RUN.run);
    slurm.table = [];
    const { report } = await until(() => postOf(daemon, 'reported'));
    assert.deepEqual([report.started, report.failure], [false, undefined]);
  }
});

test('a run whose job is over without a word of its keeper is lost, in words, and never a success', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  keeper.beat(1);
  slurm.say({ state: 'COMPLETED', reason: 'None' });
  await staged.pass(30_000);
  assert.equal(daemon.posts.length, 1, 'its file system may be behind');
  const gone = await until(() => postOf(daemon, 'gone'));
  assert.match(
    gone.detail ?? '',
    /ended according to Slurm \(COMPLETED\), but the keeper on node n1 left no record/,
  );
  assert.deepEqual([gone.rebooted, gone.mayLive], [false, undefined]);
});

test('a command on a node that does not answer to Slurm goes on while its keeper gives signs of life', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  slurm.say({ state: 'NODE_FAIL', reason: 'NodeDown' });
  for (let second = 10; second < 600; second += 10) {
    keeper.beat(second);
    await staged.pass(10_000);
  }
  assert.equal(daemon.posts.length, 1);
  assert.match(
    daemon.keepers.view(RUN.run)?.waits ?? '',
    /continues, although Slurm reports NODE_FAIL/,
  );
  keeper.end();
  const { report } = await until(() => postOf(daemon, 'reported'));
  assert.equal(report.code, 7);
});

test('a node that is silent altogether loses its run, of which it is said that it may run on', async (t) => {
  const staged = stage(t);
  const { slurm, until, clock } = staged;
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  keeper.beat(1);
  slurm.say({ state: 'NODE_FAIL', reason: 'NodeDown' });
  const { steadyMs } = clock.now();
  const gone = await until(() => postOf(daemon, 'gone'), 250);
  assert.ok(clock.now().steadyMs - steadyMs >= 300_000);
  assert.equal(gone.mayLive, true);
  assert.match(gone.detail ?? '', /n1 does not respond to Slurm .* may still be running there/);
});

test('a job that Slurm would start again does not, and its run ends as its only start ended', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  slurm.say({ state: 'PENDING', reason: 'BeginTime' });
  for (let second = 10; second < 200; second += 10) {
    keeper.beat(second);
    await staged.pass(10_000);
  }
  assert.ok(!keeper.begin('1', 'n2'), 'it starts twice');
  slurm.say({ state: 'FAILED', reason: 'NonZeroExitCode', node: 'n2' });
  keeper.end({ code: 0 });
  const { report } = await until(() => postOf(daemon, 'reported'));
  assert.equal(report.code, 0);
});

test('a release that slurmctld forgot is repeated, and a job that an administrator holds is left alone', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  await submitted(staged, daemon);
  daemon.keepers.go(RUN.run);
  await staged.pass(2_000);
  slurm.say({ reason: 'JobHeldUser' });
  await until(() => slurm.orders.length === 2);
  slurm.say({ reason: 'JobHeldAdmin' });
  await until(() => /administrator/.test(daemon.keepers.view(RUN.run)?.waits ?? ''));
  await staged.pass(30_000);
  assert.deepEqual([...new Set(slurm.orders)].length, 1);
  assert.equal(slurm.orders.length, 2);
});

test('from a controller that does not answer nothing is concluded, and it is asked less often', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  slurm.down = 'Unable to contact slurm controller';
  const { polls } = slurm;
  await staged.pass(600_000);
  assert.ok(slurm.polls - polls < 20, `${slurm.polls - polls} questions in ten minutes`);
  assert.equal(daemon.posts.length, 1);
  keeper.end();
  const { report } = await until(() => postOf(daemon, 'reported'));
  assert.equal(report.code, 7, 'its status needs no Slurm');
});

test('a run that waits in Slurm says why, and is cancelled for good also while slurmctld is away', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  await submitted(staged, daemon);
  daemon.keepers.go(RUN.run);
  await until(() =>
    /not enough of .*\(Resources\)/.test(daemon.keepers.view(RUN.run)?.waits ?? ''),
  );
  slurm.down = 'Unable to contact slurm controller';
  daemon.keepers.stop(RUN.run, STOP);
  const { report } = await until(() => postOf(daemon, 'reported'));
  assert.equal(report.started, false);
  daemon.keepers.drop(RUN.run);
  assert.ok(!new PlayedKeeper(staged.shared).begin());
  slurm.down = undefined;
  await until(() => slurm.table.every(({ state }) => state === 'CANCELLED'));
  await until(() => readdirSync(staged.shared).length === 0);
});

test('a run whose submission is not answered yet says so', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  staged.slurm.isDeaf = true;
  void daemon.keepers.start(RUN, 1, staged.plan);
  await staged.until(() => staged.slurm.submissions.length === 1);
  assert.equal(daemon.keepers.view(RUN.run)?.waits, 'is being submitted to Slurm');
});

test('a run that is cancelled while its submission is not answered leaves no job behind', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  slurm.down = 'Socket timed out';
  slurm.answers.push({ submitted: { kind: 'unknown', why: 'Socket timed out' }, isThere: false });
  void daemon.keepers.start(RUN, 1, staged.plan);
  await until(() => slurm.submissions.length === 1);
  const [submission] = slurm.submissions;
  daemon.keepers.drop(RUN.run);
  await staged.pass(15_000);
  // It comes late, from the queue of slurmctld.
  slurm.down = undefined;
  const token = submission?.token ?? '';
  slurm.table.push({ job: '9', token, state: 'PENDING', reason: 'JobHeldUser', node: '' });
  await until(() => slurm.table.every(({ state }) => state === 'CANCELLED'));
  await until(() => readdirSync(staged.shared).length === 0);
  assert.deepEqual([daemon.posts, slurm.submissions.length], [[], 1]);
});

test('a running command is stopped by its keeper, and by Slurm only where that does not answer', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  daemon.keepers.stop(RUN.run, STOP);
  assert.equal(await until(() => keeper.stop()), '5000 INT main');
  await until(() => slurm.orders.some((order) => order.startsWith('tell ')));
  await staged.pass(14_000);
  assert.ok(!slurm.orders.some((order) => order.startsWith('cancel ')));
  await until(() => slurm.orders.some((order) => order.startsWith('cancel ')));
  const gone = await until(() => postOf(daemon, 'gone'), 250);
  assert.equal(gone.wasEnded, true);
});

test('what was asked to end has ended after it was asked, whatever the clock of its node says', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  const { steadyMs, wallMs } = staged.clock.now();
  const late = wallMs - 20_000;
  keeper.end({ code: null, signal: 15, stop: 'file', tookMs: 10, wallMs: late, steadyMs: 5 });
  keeper.leave();
  const { report } = await staged.until(() => postOf(daemon, 'reported'));
  assert.ok((report.ended?.steadyMs ?? 0) >= steadyMs);
  assert.equal(report.signal, 15);
});

test('a timeout is kept by the keeper, from the start of the command on', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  void daemon.keepers.start({ ...RUN, timeoutMs: 60_000 }, 1, staged.plan);
  await staged.until(() => postOf(daemon, 'kept'));
  daemon.keepers.go(RUN.run);
  const keeper = new PlayedKeeper(staged.shared);
  assert.equal(keeper.spawn()[5], '60000');
  keeper.begin();
  keeper.end({ code: null, signal: 15, stop: 'timeout' });
  keeper.leave();
  const { report } = await staged.until(() => postOf(daemon, 'reported'));
  assert.equal(report.isTimedOut, true);
});

test('a job that waits longer than its run may is withdrawn, unless its command has begun', async (t) => {
  for (const hasBegun of [false, true]) {
    const staged = stage(t);
    const { slurm, clock } = staged;
    const daemon = staged.daemon();
    const { keepers } = daemon;
    const expiresAtMs = elapsedMs(clock.now()) + 60_000;
    void keepers.start({ ...RUN, expiresAtMs: () => expiresAtMs }, 1, staged.plan);
    await staged.until(() => postOf(daemon, 'kept'));
    keepers.go(RUN.run);
    slurm.say({ reason: 'Licenses' });
    await staged.until(() => elapsedMs(clock.now()) > expiresAtMs - 2_000);
    const keeper = new PlayedKeeper(staged.shared);
    assert.equal(postOf(daemon, 'reported'), undefined);
    if (hasBegun) assert.ok(keeper.begin());
    await staged.pass(10_000);
    if (hasBegun) keeper.end();
    const { report } = await staged.until(() => postOf(daemon, 'reported'));
    assert.deepEqual([report.started, report.code], hasBegun ? [true, 7] : [false, null]);
    keepers.drop(RUN.run);
    if (hasBegun) continue;
    await staged.until(() => slurm.table.every(({ state }) => state === 'CANCELLED'));
    await staged.until(() => readdirSync(staged.shared).length === 0);
  }
});

test('a run that is being ended goes on until its keeper has left', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  daemon.keepers.stop(RUN.run, STOP);
  keeper.end({ code: null, signal: 15, stop: 'file' });
  await staged.pass(4_000);
  assert.equal(postOf(daemon, 'reported'), undefined, 'some of its processes may live');
  keeper.leave();
  await staged.until(() => postOf(daemon, 'reported'));
});

test('a run whose shared directory is removed before its start is lost', async (t) => {
  for (const isCancelled of [false, true]) {
    const staged = stage(t);
    const daemon = staged.daemon();
    await submitted(staged, daemon);
    daemon.keepers.go(RUN.run);
    rmSync(new PlayedKeeper(staged.shared).directory, { recursive: true });
    if (isCancelled) daemon.keepers.stop(RUN.run, STOP);
    else staged.slurm.say({ state: 'FAILED', reason: 'NonZeroExitCode', node: 'n1' });
    const gone = await staged.until(() => postOf(daemon, 'gone'), 250);
    assert.equal(gone.survivors.length, 0);
  }
});

test('output that is no plain file is none, and a run directory is made anew', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  rmSync(join(keeper.directory, 'out'), { force: true });
  symlinkSync('/etc/passwd', join(keeper.directory, 'out'));
  rmSync(daemon.own, { recursive: true });
  keeper.print('two\n', 'err');
  keeper.end({ outBytes: 0, errBytes: 4 });
  const { report } = await staged.until(() => postOf(daemon, 'reported'), 250);
  assert.equal(report.code, 7);
  assert.deepEqual(
    ['out', 'err'].map((stream) => readFileSync(join(daemon.own, stream), 'utf8')),
    ['', 'two\n'],
  );
});

test('a link in the place of a directory of a job is removed, and not what is behind it', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  const elsewhere = directory(t);
  writeFileSync(join(elsewhere, 'precious'), '');
  keeper.end();
  await staged.until(() => postOf(daemon, 'reported'));
  rmSync(keeper.directory, { recursive: true });
  symlinkSync(elsewhere, keeper.directory);
  daemon.keepers.drop(RUN.run);
  staged.slurm.say({ state: 'FAILED', reason: 'NonZeroExitCode' });
  await staged.until(() => readdirSync(staged.shared).length === 0);
  assert.deepEqual(readdirSync(elsewhere), ['precious']);
});

test('a directory of a job is removed with all that its command has made in it', async (t) => {
  const staged = stage(t);
  const daemon = staged.daemon();
  const keeper = await running(staged, daemon);
  mkdirSync(join(keeper.directory, 'made', 'here'), { recursive: true });
  keeper.end();
  await staged.until(() => postOf(daemon, 'reported'));
  daemon.keepers.drop(RUN.run);
  staged.slurm.say({ state: 'FAILED', reason: 'NonZeroExitCode' });
  await staged.until(() => readdirSync(staged.shared).length === 0);
  assert.ok(existsSync(staged.shared));
});

test('Slurm is asked one thing at a time, and about each second while runs start', async (t) => {
  const staged = stage(t);
  const { slurm, clock } = staged;
  const daemon = staged.daemon();
  await running(staged, daemon);
  const before = slurm.polls;
  for (let run = 100; run < 140; run++) {
    void daemon.keepers.start({ ...RUN, run }, 1, staged.plan);
    await staged.until(() => daemon.posts.some((it) => it.type === 'kept' && it.run === run));
    daemon.keepers.go(run);
    clock.advance(500);
    await settled();
  }
  assert.ok(slurm.polls - before >= 10, `asked ${slurm.polls - before} times in 20 s`);
  slurm.isSlow = true;
  void daemon.keepers.start({ ...RUN, run: 200 }, 1, staged.plan);
  await staged.pass(30_000);
  assert.equal(slurm.asking, 1);
});

test('another daemon takes a run over: it repeats the release, goes on with the output, and hears the end', async (t) => {
  const staged = stage(t);
  const { slurm, until } = staged;
  const first = staged.daemon();
  const keeper = await submitted(staged, first);
  // It died between the journal and the release.
  const second = staged.daemon();
  second.keepers.adopt(RUN, 1, keeper);
  await second.keepers.tidy();
  await until(() => slurm.orders.some((order) => order.startsWith('release ')));
  const played = new PlayedKeeper(staged.shared);
  played.begin();
  played.print('before\n');
  await until(
    () => existsSync(join(second.own, 'out')) && statSync(join(second.own, 'out')).size === 7,
  );
  const third = staged.daemon();
  third.keepers.adopt(RUN, 1, keeper);
  played.print('after\n');
  played.end();
  const { report } = await until(() => postOf(third, 'reported'));
  assert.equal(report.code, 7);
});

test('a job of a daemon that died before its start was in the journal is withdrawn by the next', async (t) => {
  const staged = stage(t);
  const { slurm, until, pass } = staged;
  await submitted(staged, staged.daemon());
  const [{ token } = { token: '' }] = slurm.submissions;
  slurm.table.push({
    job: '8',
    token: 'baton:x:1.1:ff',
    state: 'PENDING',
    reason: 'JobHeldUser',
    node: '',
  });
  const next = staged.daemon();
  await next.keepers.tidy();
  await until(() => slurm.table.some((job) => job.token === token && job.state === 'CANCELLED'));
  assert.ok(!new PlayedKeeper(staged.shared).begin());
  await until(() => readdirSync(staged.shared).length === 0);
  await pass(10_000);
  assert.equal(slurm.table.find(({ job }) => job === '8')?.state, 'PENDING', 'it is of others');
});

test('a second attempt has a directory of its own, and its output follows that of the first', async (t) => {
  const staged = stage(t);
  const { until, slurm } = staged;
  const daemon = staged.daemon();
  const first = await running(staged, daemon);
  first.print('first\n');
  first.end({ outBytes: 6, errBytes: 0 });
  await until(() => postOf(daemon, 'reported'));
  daemon.keepers.drop(RUN.run);
  slurm.say({ state: 'FAILED' });
  daemon.posts.length = 0;
  void daemon.keepers.start(RUN, 2, staged.plan);
  await until(() => postOf(daemon, 'kept'));
  daemon.keepers.go(RUN.run);
  const second = new PlayedKeeper(staged.shared, 2);
  assert.ok(second.begin('2', 'n2'));
  second.print('second\n');
  second.end({ code: 0, outBytes: 7, errBytes: 0 });
  const { report } = await until(() => postOf(daemon, 'reported'));
  assert.equal(report.code, 0);
  assert.equal(readFileSync(join(daemon.own, 'out'), 'utf8'), 'first\nsecond\n');
});
