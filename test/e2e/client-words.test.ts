/** The commands for people, the help, and wrong usage. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import type { Reply } from '../../daemon/protocol/request.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { assertEnd, ended, output } from '../support/replies.ts';

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.open();
});
afterEach(async () => {
  await daemon.close();
});

// --- other commands

test('wait relays the whole output and exits as the run did', async () => {
  const baton = daemon.baton(['wait', '17']);
  const { connection, request } = await daemon.asked();
  assert.deepEqual(request, { type: 'wait', v: 1, run: 17, from: { out: 0, err: 0 } });
  connection.send(output('out', 0, 'all of it\n'), ended(3));
  assertEnd(await baton.ended, { status: 3, text: 'all of it\n' });
});

test('logs prints both streams and is a success whatever the run was', async () => {
  const baton = daemon.baton(['logs', 'x', '-f']);
  const { connection, request } = await daemon.asked();
  assert.deepEqual(request, { type: 'output', v: 1, of: 'x', follow: true });
  connection.send(output('out', 0, 'out\n'), output('err', 0, 'err\n'));
  await baton.printed('out');
  connection.cut();
  const second = await daemon.asked();
  const from = { out: 4, err: 4 };
  assert.deepEqual(second.request, { type: 'output', v: 1, of: 17, follow: true, from });
  second.connection.send(output('out', 4, 'more\n'), { type: 'done', runs: [17] });
  assertEnd(await baton.ended, { status: 0, text: 'out\nmore\n', stderr: 'err\n' });
});

test('cancel, pause, resume and reload ask one thing and say what there is to say', async () => {
  const cases = [
    ['cancel x', { type: 'cancel', v: 1, of: 'x' }, { runs: [3, 4] }, 'cancelling run 3, 4\n'],
    ['cancel 3', { type: 'cancel', v: 1, of: 3 }, { runs: [] }, 'nothing to cancel\n'],
    ['pause x', { type: 'pause', v: 1, target: 'x' }, {}, ''],
    ['resume x', { type: 'resume', v: 1, target: 'x' }, {}, ''],
    ['reload', { type: 'reload', v: 1 }, { text: '3 targets' }, '3 targets\n'],
  ] as const;
  for (const [args, wanted, more, text] of cases) {
    const baton = daemon.baton(args.split(' '));
    const { connection, request } = await daemon.asked();
    assert.deepEqual(request, wanted);
    connection.send({ type: 'done', ...more });
    assertEnd(await baton.ended, { status: 0, text });
  }
});

test('a failed question is one line and the status of the answer', async () => {
  const message = 'there is no run 9';
  const end = await daemon.answered('why 9', {
    type: 'error',
    code: 'unknown-run',
    exit: 64,
    message,
  });
  assertEnd(end, { status: 64, stderr: `baton: run 9: ${message}\n` });
});

const midnight = Date.UTC(2025, 10, 23);
const status: Reply = {
  type: 'status',
  version: '0.1.0',
  pid: 4711,
  startedAtMs: midnight,
  nowMs: midnight + 3 * 3_600_000,
  requests: 9,
  running: 1,
  queued: 4,
  executing: ['daily'],
  config: '/etc/baton/config.json',
  targets: [
    {
      target: 'daily',
      runner: 'local',
      groups: ['disk'],
      paused: true,
      waiting: 4,
      active: [
        {
          run: 17,
          target: 'daily',
          state: 'running',
          acceptedAtMs: midnight,
          startedAtMs: midnight + 60_000,
          waitedMs: 60_000,
          tookMs: 4_320_000,
          pid: 99,
          expectedEndAtMs: midnight + 208 * 60_000,
          usual: { medianMs: 6_000_000, lowMs: 5_900_000, highMs: 6_200_000, runs: 9 },
        },
      ],
      queued: [
        {
          run: 18,
          target: 'daily',
          state: 'queued',
          acceptedAtMs: midnight,
          waitedMs: 300_000,
          reasons: ['waits for run 17 (daily), which is running'],
          behind: [17],
          expectedStartAtMs: midnight + 208 * 60_000,
          overtaken: 2,
        },
      ],
      last: {
        run: 12,
        target: 'daily',
        state: 'ended',
        acceptedAtMs: midnight,
        startedAtMs: midnight,
        endedAtMs: midnight + 120_000,
        waitedMs: 0,
        tookMs: 120_000,
        verdict: 'warning',
        exit: 2,
        text: 'exited with 2',
        usual: { medianMs: 100_000, lowMs: 90_000, highMs: 110_000, runs: 4 },
      },
    },
    {
      target: 'new',
      runner: 'local',
      groups: [],
      paused: false,
      active: [],
      queued: [],
      waiting: 0,
    },
  ],
};

test('status shows what runs, what waits and why, and how it last ended', async () => {
  const text = `1 running, 4 waiting
batond 0.1.0, pid 4711, up 3 h; /etc/baton/config.json

  TARGET  STATE    TIME        EXPECTED
= daily   paused                             until "baton resume daily"
>         running  1 h 12 min  ends 03:28    [#######---] 72%, since 00:01, run 17
.         waiting  5 min       starts 03:28  for daily, overtaken twice, run 18
                                             and 3 more waiting
?         warning  00:02                     exited with 2, took 2 min
  new     -                                  has not run yet
`;
  assertEnd(await daemon.answered('status', status), { status: 0, text });
});

test('status without a target says so', async () => {
  const end = await daemon.answered('status', { ...status, targets: [] });
  assert.match(end.text, /\nno targets are configured\n$/);
});

for (const args of ['status --json', '-s']) {
  test(`"${args}" prints the daemon's answer as JSON`, async () => {
    const end = await daemon.answered(args, status);
    assert.deepEqual(JSON.parse(end.text), status);
  });
}

test('why shows the run and, indented, those in its way', async () => {
  const [daily] = status.targets;
  const chain = [...(daily?.queued ?? []), ...(daily?.active ?? [])];
  const nowMs = midnight + 3 * 3_600_000;
  const end = await daemon.answered('why daily', { type: 'why', target: 'daily', chain, nowMs });
  const text = `run 18 of daily has been waiting for 5 min, since 00:00
  waits for run 17 (daily), which is running
  starts about 03:28
  was overtaken twice
  run 17 of daily has been running for 1 h 12 min, since 00:01, pid 99
    72% done, ends about 03:28; usually takes 1 h 40 min
`;
  assertEnd(end, { status: 0, text });
  const none = await daemon.answered('why new', { type: 'why', target: 'new', chain: [] });
  assertEnd(none, { status: 0, text: 'new has not run yet; nothing is queued\n' });
});

test('history lists the runs that have ended, in columns', async () => {
  const baton = daemon.baton(['history', 'daily', '--limit', '2']);
  const { connection, request } = await daemon.asked();
  assert.deepEqual(request, { type: 'history', v: 1, target: 'daily', limit: 2 });
  const last = status.targets[0]?.last;
  connection.send({ type: 'history', runs: last === undefined ? [] : [last] });
  const text = `  RUN  TARGET  ENDED             WAITED  TOOK   VS USUAL  OUTCOME
? 12   daily   2025-11-23 00:02  0 ms    2 min  +20%      exited with 2 (a warning)
`;
  assertEnd(await baton.ended, { status: 0, text });
  const none = await daemon.answered('history', { type: 'history', runs: [] });
  assertEnd(none, { status: 0, text: 'no such run has ended yet\n' });
});

test('help fits a terminal of 24 lines and 80 columns', async () => {
  const end = await daemon.baton(['--help']).ended;
  assert.equal(end.status, 0);
  const lines = end.text.trimEnd().split('\n');
  assert.ok(lines.length <= 24, `${lines.length} lines`);
  assert.ok(Math.max(...lines.map((line) => line.length)) <= 80);
});

const TWICE = ['run', 'x', '--socket', 'a', '--socket', 'b'];

test('bad usage is one line with a hint, and status 64', async () => {
  for (const [args, what, page] of [
    [[], '[^;]*', '--help'],
    [['rum'], '[^;]*', '--help'],
    [['run', 'x', '--wiat'], '[^;]*', 'help run'],
    [['run'], '[^;]*', 'help run'],
    [['run', 'x', '--frob'], '[^;]*', 'help run'],
    [TWICE, '--socket is given twice; give it once', 'help run'],
  ] as const) {
    const end = await daemon.baton(args).ended;
    assert.equal(end.status, 64);
    assert.equal(end.text, '');
    assert.match(end.stderr, new RegExp(`^baton: ${what}; see baton ${page}\n$`));
  }
});

test('help about one command is asked for in two ways and needs no daemon', async () => {
  const [one, other] = [daemon.baton(['help', 'run']), daemon.baton(['run', '--help'])];
  const { status, text, stderr } = await one.ended;
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  assert.match(text, /^baton run: .*\n\nUsage: baton run TARGET… .*--wait[\s\S]*\nExamples\n/);
  assert.equal((await other.ended).text, text);
});

test('names gives up soon where the daemon takes the question and says nothing', async () => {
  const baton = daemon.baton(['names', 'targets']);
  await daemon.asked();
  assertEnd(await baton.ended, { status: 69, text: '', stderr: '' });
});
