/** What a person sees: the client on a real terminal. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Reply, RunView, StatusReply } from '../../daemon/protocol/request.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { accepted, assertEnd, ended, output, started } from '../support/replies.ts';
import { Terminal } from '../support/terminal.ts';
import { skipWithout } from '../support/tools.ts';

let daemon: FakeDaemon;

/** A test that needs a pseudo-terminal. */
function onTerminal(name: string, body: () => Promise<void>): void {
  test(name, async (t) => {
    if (skipWithout(t, 'script')) return;
    daemon = await FakeDaemon.open();
    t.after(() => daemon.close());
    await body();
  });
}

const MINUTE_MS = 60_000;
const NOON_MS = Date.UTC(2026, 10, 23, 12);
const usual = { medianMs: 100 * MINUTE_MS, lowMs: 1, highMs: 200 * MINUTE_MS, runs: 9 };
const base = { acceptedAtMs: NOON_MS, waitedMs: 0 };
const weekly: RunView = {
  ...base,
  run: 16,
  target: 'rsnap-weekly',
  state: 'running',
  startedAtMs: NOON_MS - 72 * MINUTE_MS,
  tookMs: 72 * MINUTE_MS,
  expectedEndAtMs: NOON_MS + 28 * MINUTE_MS,
  usual,
};
const waiting: RunView = {
  ...base,
  run: 17,
  target: 'x',
  state: 'queued',
  behind: [16],
  reasons: ['waits for run 16 (rsnap-weekly), which is running'],
  expectedStartAtMs: NOON_MS + 28 * MINUTE_MS,
};
const running: RunView = { ...weekly, run: 17, target: 'x' };

const why = (...chain: RunView[]): Reply => {
  return { type: 'why', id: 'live', chain, target: 'x', nowMs: NOON_MS };
};

/** A client on a terminal that has requested a run, and then why it is waiting. */
async function liveRun(
  args = 'run x --wait',
  options: ConstructorParameters<typeof Terminal>[2] = {},
) {
  const terminal = new Terminal(args.split(' '), daemon.socket, options);
  const { connection } = await daemon.asked();
  connection.send(accepted);
  const question = await connection.request();
  assert.deepEqual(question, { type: 'why', v: 1, id: 'live', of: 17 });
  return { terminal, connection };
}

onTerminal(
  'who waits on a terminal sees for whom and until when, and nothing of it is left',
  async () => {
    const { terminal, connection } = await liveRun();
    connection.send(why(waiting, weekly));
    const line = await terminal.seen('waiting');
    assert.equal(
      line,
      'x: waiting for rsnap-weekly, 1 h 12 min of about 1 h 40 min; starts about 12:28',
    );
    connection.send(started, output('out', 0, 'hello\n'), ended(3));
    assert.equal(await terminal.ended, 3);
    assert.deepEqual(terminal.screen, ['hello']);
  },
);

onTerminal('who looks on while it runs sees how far it is and how much time is left', async () => {
  const { terminal, connection } = await liveRun();
  connection.send(started, why(running));
  const line = await terminal.seen('left');
  assert.equal(line, 'x: ━━━━━━━━━━━━━━────── 72%, 28 min left of about 1 h 40 min');
  connection.send(
    why({ ...running, progressPercent: 90, expectedEndAtMs: NOON_MS + 8 * MINUTE_MS }),
  );
  assert.equal(
    await terminal.seen('90%'),
    'x: ━━━━━━━━━━━━━━━━━━── 90%, 8 min left of about 1 h 20 min',
  );
  connection.send(ended(0));
  assert.equal(await terminal.ended, 0);
  assert.deepEqual(terminal.screen, []);
});

onTerminal(
  'who looks on hears of an attempt that has failed, and of when the next one starts',
  async () => {
    const { terminal, connection } = await liveRun('run x --wait', { columns: 100 });
    const text = 'run 17 exited with 23; attempt 2 of 4 starts in 5 min';
    const reasons = ['waits 5 min for attempt 2 of 4: attempt 1 exited with 23'];
    const next = { ...waiting, behind: [], reasons, expectedStartAtMs: NOON_MS + 5 * MINUTE_MS };
    connection.send(started, { type: 'notice', run: 17, text, isNews: true }, why(next));
    const line = await terminal.seen('waiting');
    assert.equal(
      line,
      'x: waiting 5 min for attempt 2 of 4: attempt 1 exited with 23; starts about 12:05',
    );
    connection.send(started, ended(0));
    assert.equal(await terminal.ended, 0);
    assert.deepEqual(terminal.screen, [`baton: x: ${text}`]);
  },
);

onTerminal('a live line is cut to the width of the terminal', async () => {
  const { terminal, connection } = await liveRun('run x --wait', { columns: 40 });
  connection.send(why(waiting, weekly));
  assert.equal(await terminal.seen('waiting'), 'x: waiting for rsnap-weekly, 1 h 12 mi…');
  connection.send(ended(0));
  await terminal.ended;
});

onTerminal('output in the middle of a line is left alone', async () => {
  const { terminal, connection } = await liveRun();
  connection.send(started, why(running));
  await terminal.seen('left');
  connection.send(output('out', 0, 'half a '));
  await terminal.seen('half a ');
  // Two more requests: in more than a second, a line could have been drawn.
  for (let count = 0; count < 2; count++) {
    await connection.request();
    connection.send(why(running));
  }
  assert.deepEqual(terminal.screen, ['half a ']);
  connection.send(output('out', 7, 'line\n'));
  await terminal.seen('left');
  assert.equal(terminal.screen[0], 'half a line');
  connection.send(ended(0));
  await terminal.ended;
  assert.deepEqual(terminal.screen, ['half a line']);
});

onTerminal(
  'a daemon that does not permit the question is asked once, and the run goes on',
  async () => {
    const { terminal, connection } = await liveRun();
    const message = 'socket /s does not permit "why"';
    connection.send({ type: 'error', id: 'live', code: 'not-permitted', exit: 77, message });
    connection.send(output('out', 0, 'fine\n'), ended(0));
    assert.equal(await terminal.ended, 0);
    assert.deepEqual(terminal.screen, ['fine']);
  },
);

onTerminal('without a terminal on stderr nothing is asked and nothing is shown', async () => {
  const quiet = new Terminal(['run', 'x', '--wait'], daemon.socket, {
    redirect: '2>&-  2>/dev/null',
  });
  const silent = await daemon.asked();
  silent.connection.send(accepted);
  let asked = false;
  void silent.connection.request().then(() => {
    asked = true;
  });
  // Meanwhile a client with a terminal sends two requests.
  const { terminal, connection } = await liveRun();
  connection.send(why(running));
  await connection.request();
  assert.equal(asked, false);
  silent.connection.send(output('out', 0, 'a\n'), ended(0));
  await quiet.ended;
  assert.equal(quiet.text, 'a\r\n');
  connection.send(ended(0));
  await terminal.ended;
});

onTerminal('output that goes elsewhere than to the terminal is complete and pure', async () => {
  const file = `${daemon.directory}/out`;
  const { terminal, connection } = await liveRun('run x --wait', { redirect: `>'${file}'` });
  connection.send(started, why(running), output('out', 0, 'data\n'));
  await terminal.seen('left');
  connection.send(ended(0));
  await terminal.ended;
  assert.deepEqual(terminal.screen, []);
  assert.equal(readFileSync(file, 'utf8'), 'data\n');
});

onTerminal('an interrupted client takes its live line away before it says a word', async () => {
  const terminal = new Terminal(['wait', '17'], daemon.socket);
  const { connection } = await daemon.asked();
  await connection.request();
  connection.send(why(running));
  await terminal.seen('left');
  process.kill(terminal.pid, 'SIGINT');
  assert.equal(await terminal.ended, 130);
  assert.deepEqual(terminal.screen, [
    'baton: run 17: run 17 continues without this client; stop it with "baton cancel 17"',
  ]);
});

const status: StatusReply = {
  type: 'status',
  version: '0.1.0',
  pid: 1,
  startedAtMs: NOON_MS,
  nowMs: NOON_MS,
  requests: 1,
  running: 1,
  queued: 0,
  executing: ['rsnap-weekly'],
  config: '/etc/baton/config.json',
  targets: [
    {
      target: 'rsnap-weekly',
      runner: 'local',
      groups: [],
      paused: false,
      active: [weekly],
      queued: [],
      waiting: 0,
      last: {
        ...base,
        run: 3,
        target: 'rsnap-weekly',
        state: 'ended',
        endedAtMs: NOON_MS - 26 * 60 * MINUTE_MS,
        tookMs: 1_000,
        outcome: { kind: 'exited', code: 1 },
        verdict: 'failed',
        text: 'exited with 1',
      },
    },
  ],
};

const ESCAPE = '\x1b';

async function statusOn(options: ConstructorParameters<typeof Terminal>[2]): Promise<Terminal> {
  const terminal = new Terminal(['status'], daemon.socket, options);
  (await daemon.asked()).connection.send(status);
  assert.equal(await terminal.ended, 0);
  return terminal;
}

onTerminal('status on a terminal has colours and no line that is wider than it', async () => {
  const { text, screen } = await statusOn({ columns: 60 });
  assert.ok(text.includes(`${ESCAPE}[1;31m`), 'the failure is red');
  assert.ok(screen.some((line) => line.endsWith('…')));
  assert.equal(Math.max(...screen.map((line) => [...line].length)), 60);
});

onTerminal('NO_COLOR takes the colours away and leaves the marks', async () => {
  const { text, screen } = await statusOn({ columns: 200, env: { NO_COLOR: '1' } });
  assert.ok(!text.includes(ESCAPE));
  assert.ok(
    screen.includes('✗               failed   Sun 10:00               exited with 1, took 1.0 s'),
  );
});

onTerminal('status --watch shows what changes in place, and gives the terminal back', async () => {
  const terminal = new Terminal(['status', '--watch'], daemon.socket);
  (await daemon.asked()).connection.send(status);
  await terminal.seen('1 h 12 min');
  const targets = status.targets.map((it) => ({
    ...it,
    active: [{ ...weekly, tookMs: 73 * MINUTE_MS }],
  }));
  (await daemon.asked()).connection.send({ ...status, targets });
  await terminal.seen('1 h 13 min');
  assert.equal(terminal.screen.filter((line) => line.includes('rsnap-weekly')).length, 1);
  process.kill(terminal.pid, 'SIGINT');
  assert.equal(await terminal.ended, 0);
  const back = `${ESCAPE}[?7h${ESCAPE}[?25h${ESCAPE}[?1049l`;
  assert.ok(terminal.text.endsWith(back), JSON.stringify(terminal.text.slice(-60)));
});

onTerminal(
  'status --watch gives the terminal back also when the daemon is gone for good',
  async () => {
    const args = ['status', '--watch', '--connect-timeout', '1ms'];
    const terminal = new Terminal(args, daemon.socket);
    (await daemon.asked()).connection.send(status);
    await terminal.seen('running');
    await daemon.die();
    assert.equal(await terminal.ended, 69);
    const [, after = ''] = terminal.text.split(`${ESCAPE}[?1049l`);
    assert.match(after, /^baton: no answer on .*\r\n$/);
  },
);

test('status --watch without a terminal says what to do instead', async (t) => {
  daemon = await FakeDaemon.open();
  t.after(() => daemon.close());
  const line =
    'status: --watch needs a terminal, but standard output is not one; omit --watch, or ' +
    'poll with --json';
  const end = await daemon.baton(['status', '--watch']).ended;
  assertEnd(end, { status: 64, stderr: `baton: ${line}\n` });
});
