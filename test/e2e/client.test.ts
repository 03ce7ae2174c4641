/** The real client against a daemon that says what the test wants: statuses, bytes, trouble. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import type { Reply } from '../../daemon/protocol.ts';
import { BATON, type BatonEnd, type FakeConnection, FakeDaemon } from '../support/fake-daemon.ts';

type Ended = Extract<Reply, { readonly type: 'ended' }>;

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.open();
});
afterEach(async () => {
  await daemon.close();
});

const accepted: Reply = { type: 'accepted', run: 17, target: 'x' };
const joined: Reply = { type: 'joined', run: 17, target: 'x' };
const started: Reply = { type: 'started', run: 17 };

function output(stream: 'out' | 'err', offset: number, bytes: Buffer | string): Reply {
  const frame = { type: 'output', run: 17, stream, offset } as const;
  if (typeof bytes === 'string') return { ...frame, bytes: Buffer.byteLength(bytes), data: bytes };
  return { ...frame, bytes: bytes.length, data: bytes.toString('base64'), encoding: 'base64' };
}

function ended(code: number, more: Partial<Ended> = {}): Reply {
  return {
    type: 'ended',
    run: 17,
    target: 'x',
    outcome: { kind: 'exited', code },
    verdict: code === 0 ? 'ok' : 'failed',
    exit: code,
    text: `exited with ${code}`,
    tell: false,
    ...more,
  };
}
const timedOut = ended(124, { outcome: { kind: 'timed-out' }, text: 'ran too long', tell: true });
const cancelled = ended(143, {
  outcome: { kind: 'cancelled', signal: 15 },
  text: 'was cancelled (signal 15 (SIGTERM))',
  tell: true,
});

/** Runs a command whose first request is answered with these replies. */
async function answered(args: string, ...replies: readonly Reply[]): Promise<BatonEnd> {
  const baton = daemon.baton(args.split(' '));
  const { connection } = await daemon.asked();
  connection.send(...replies);
  return await baton.ended;
}

const silent = { text: '', stderr: '' };

function assertEnd(end: BatonEnd, expected: Partial<BatonEnd>): void {
  const { status, text, stderr } = end;
  assert.deepEqual({ status, text, stderr }, { ...silent, ...expected });
}

// --- without --wait

for (const reply of [accepted, joined, { type: 'ignored', reason: 'again' }] as const) {
  test(`without --wait, ${reply.type} is a silent success`, async () => {
    assertEnd(await answered('run x', reply), { status: 0 });
  });
}

test('a request carries the version, a token, and where it waits how the output is wanted', async () => {
  const first = daemon.baton(['run', 'x']);
  const { connection, request } = await daemon.asked();
  const { token, ...rest } = request;
  assert.match(String(token), /^\S{10,200}$/);
  assert.deepEqual(rest, { type: 'run', v: 1, target: 'x' });
  connection.send(accepted);
  await first.ended;
  const second = daemon.baton(['run', 'x', '--wait']);
  const waiting = await daemon.asked();
  assert.equal(waiting.request['wait'], true);
  assert.equal(waiting.request['merged'], false);
  assert.notEqual(waiting.request['token'], token);
  waiting.connection.send(accepted, ended(0));
  await second.ended;
});

for (const args of ['run x', 'run x --wait']) {
  test(`"${args}" says why it was refused, in one line, with the status of the refusal`, async () => {
    const end = await answered(args, { type: 'refused', exit: 75, reason: 'run 3 is queued' });
    assertEnd(end, { status: 75, stderr: 'baton: x: run 3 is queued\n' });
  });
  test(`"${args}" of an unknown target exits with 78 and one line`, async () => {
    const message = 'there is no target of this name';
    const end = await answered(args, { type: 'error', code: 'unknown-target', exit: 78, message });
    assertEnd(end, { status: 78, stderr: `baton: x: ${message}\n` });
  });
}

test('a daemon of another version is status 76', async () => {
  const end = await answered('run x', { type: 'error', code: 'version', exit: 76, message: 'old' });
  assertEnd(end, { status: 76, stderr: 'baton: x: old\n' });
});

test('control characters in a message do not reach the terminal', async () => {
  const reason = 'bad\u001b[31m\r\nline\u009b2J';
  const end = await answered('run x', { type: 'refused', exit: 75, reason });
  assertEnd(end, { status: 75, stderr: 'baton: x: bad [31m line 2J\n' });
});

// --- with --wait

test('a success without output is silent', async () => {
  assertEnd(await answered('run x --wait', accepted, started, ended(0)), { status: 0 });
});

test('ignored is no success for one who waits', async () => {
  const end = await answered('run x --wait', { type: 'ignored', reason: 'run 3 is queued' });
  assertEnd(end, { status: 75, stderr: 'baton: x: run 3 is queued\n' });
});

test("the command's own code is passed on verbatim, also where it looks like baton's", async () => {
  for (const code of [1, 64, 75, 124, 125, 127, 255]) {
    const end = await answered(
      'run x --wait -E 99',
      accepted,
      output('err', 0, 'no\n'),
      ended(code),
    );
    assertEnd(end, { status: code, stderr: 'no\n' });
  }
});

test('a failure that printed nothing is said, for cron mails only what is printed', async () => {
  const end = await answered('run x --wait', accepted, ended(3));
  const stderr = 'baton: x: run 17 exited with 3 and printed nothing\n';
  assertEnd(end, { status: 3, stderr });
});

test('a warning that printed nothing is silent', async () => {
  const end = await answered('run x --wait', accepted, ended(2, { verdict: 'warning' }));
  assertEnd(end, { status: 2 });
});

test('an end that is not an exit is told in one line', async () => {
  const end = await answered('run x --wait', accepted, output('out', 0, 'a\n'), timedOut);
  assertEnd(end, { status: 124, text: 'a\n', stderr: 'baton: x: run 17 ran too long\n' });
});

test("baton's line begins a new line where the output stopped in the middle of one", async () => {
  const end = await answered('run x --wait', accepted, output('err', 0, 'half'), timedOut);
  assertEnd(end, { status: 124, stderr: 'half\nbaton: x: run 17 ran too long\n' });
});

for (const [what, reply, status] of [
  ['a timeout', timedOut, 99],
  ['a lost run', ended(125, { outcome: { kind: 'lost' }, tell: true }), 99],
  ['a cancelled run', cancelled, 143],
  ['a killed run', ended(137, { outcome: { kind: 'signalled', signal: 9, core: false } }), 137],
  ['a refusal', { type: 'refused', exit: 75, reason: 'no' }, 99],
] as const) {
  test(`with -E 99, ${what} exits with ${status}`, async () => {
    const end = await answered('run x --wait -E 99', accepted, output('out', 0, '.'), reply);
    assert.equal(end.status, status);
  });
}

test('every byte value is relayed exactly, on its own stream', async () => {
  const bytes = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 7) % 256));
  const text = 'é€😀\0\u2028\r\n';
  const end = await answered(
    'run x --wait',
    accepted,
    output('out', 0, bytes),
    output('err', 0, text),
    output('out', bytes.length, text),
    ended(0),
  );
  assert.deepEqual(end.stdout, Buffer.concat([bytes, Buffer.from(text)]));
  assert.equal(end.stderr, text);
});

test('a reply may arrive in pieces, cut inside a character', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'warm-up\n'));
  await baton.printed('warm-up');
  const line = Buffer.from(`${JSON.stringify(output('out', 8, 'né€😀\n'))}\n`);
  for (const byte of line) connection.raw(Buffer.from([byte]));
  connection.send(ended(0));
  assertEnd(await baton.ended, { status: 0, text: 'warm-up\nné€😀\n' });
});

test('megabytes go through a reader that is slow to begin', async () => {
  const block = Buffer.alloc(65_536, 'baton\n');
  const baton = daemon.baton(['run', 'x', '--wait']);
  baton.child.stdout?.pause();
  const { connection } = await daemon.asked();
  connection.send(accepted, started);
  for (let at = 0; at < 64; at++) connection.send(output('out', at * block.length, block));
  connection.send(ended(0));
  baton.child.stdout?.resume();
  const end = await baton.ended;
  assert.equal(end.stdout.length, 64 * block.length);
  assert.ok(end.stdout.subarray(-65_536).equals(block));
});

test('the order of both streams is kept where they are one file, and the daemon is told', async () => {
  const path = join(daemon.directory, 'mail');
  const file = openSync(path, 'w');
  const baton = daemon.baton(['run', 'x', '--wait'], { file });
  closeSync(file);
  const { connection, request } = await daemon.asked();
  assert.equal(request['merged'], true);
  const lines = [output('out', 0, 'one '), output('err', 0, 'two '), output('out', 4, 'three')];
  connection.send(accepted, ...lines, timedOut);
  assert.equal((await baton.ended).status, 124);
  const expected = 'one two three\nbaton: x: run 17 ran too long\n';
  assert.equal(readFileSync(path, 'utf8'), expected);
});

test('a reader that goes away does not end the waiting', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'first\n'));
  await baton.printed('first');
  baton.child.stdout?.destroy();
  const block = Buffer.alloc(1_048_576);
  connection.send(output('out', 6, block), output('err', 0, 'still here\n'), ended(5));
  const end = await baton.ended;
  assert.equal(end.status, 5);
  assert.equal(end.stderr, 'still here\n');
});

test('a full disk under stdout is said once, and the status is the run’s', async () => {
  const baton = daemon.baton(['run', 'x', '--wait'], { stdout: '/dev/full' });
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'a\n'), output('out', 2, 'b\n'), ended(0));
  const stderr = 'baton: x: cannot write stdout (ENOSPC)\n';
  assertEnd(await baton.ended, { status: 0, stderr });
});

// --- broken connections

/** Breaks the connection after some output, and gives the next one. */
async function resumed(first: FakeConnection, baton: { printed(text: string): Promise<void> }) {
  first.send(accepted, output('out', 0, 'one,'), output('err', 0, 'e1,'), output('out', 4, 'two,'));
  await baton.printed('two,');
  first.cut();
  return await daemon.asked();
}

test('a client whose connection breaks goes on at its byte offsets, by run number', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const first = await daemon.asked();
  const { connection, request } = await resumed(first.connection, baton);
  assert.deepEqual(request, { type: 'wait', v: 1, run: 17, from: { out: 8, err: 3 } });
  connection.send(output('out', 8, 'three'), output('err', 3, 'e2'), ended(4));
  assertEnd(await baton.ended, { status: 4, text: 'one,two,three', stderr: 'e1,e2' });
});

test('bytes that come again after a reconnect are not written again', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const first = await daemon.asked();
  const { connection } = await resumed(first.connection, baton);
  const again = [
    output('out', 0, 'one,two'),
    output('out', 4, 'two,three'),
    output('err', 0, 'e1'),
  ];
  connection.send(...again, output('err', 0, Buffer.from('e1,e2')), ended(0));
  assertEnd(await baton.ended, { status: 0, text: 'one,two,three', stderr: 'e1,e2' });
});

test('half a reply of a killed daemon is forgotten, on the fast path and after it', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const first = await daemon.asked();
  first.connection.send(accepted, output('out', 0, 'one,'));
  first.connection.raw('{"type":"ended","run":17,"exit":0');
  first.connection.cut();
  const second = await daemon.asked();
  assert.deepEqual(second.request['from'], { out: 4, err: 0 });
  second.connection.raw('{"type":"outp');
  second.connection.cut();
  const third = await daemon.asked();
  third.connection.send(output('out', 4, 'two'), ended(0));
  assertEnd(await baton.ended, { status: 0, text: 'one,two' });
});

test('a client waits out a daemon that is restarted', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'one,'));
  await baton.printed('one,');
  await daemon.die();
  await daemon.listen();
  const second = await daemon.asked();
  assert.equal(second.request['type'], 'wait');
  second.connection.send(output('out', 4, 'two'), ended(0));
  assertEnd(await baton.ended, { status: 0, text: 'one,two' });
});

for (const args of ['run x', 'run x --wait']) {
  test(`"${args}" asks again with the same token where the answer was lost`, async () => {
    const baton = daemon.baton(args.split(' '));
    const first = await daemon.asked();
    first.connection.cut();
    const second = await daemon.asked();
    assert.deepEqual(second.request, first.request);
    second.connection.send(accepted, ended(0));
    assertEnd(await baton.ended, { status: 0 });
  });
}

test('a run that the restarted daemon does not know is no verdict', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const first = await daemon.asked();
  const { connection } = await resumed(first.connection, baton);
  connection.send({ type: 'error', code: 'unknown-run', exit: 64, message: 'there is no run 17' });
  const end = await baton.ended;
  assert.equal(end.status, 125);
  assert.equal(
    end.stderr,
    'e1,\nbaton: x: the daemon does not know run 17 any more, nor how it ended\n',
  );
});

test('a daemon that does not come back is status 69, and the line names the run', async () => {
  const baton = daemon.baton('run x --wait --connect-timeout 100ms'.split(' '));
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'one\n'));
  await baton.printed('one');
  await daemon.die();
  const end = await baton.ended;
  assert.equal(end.status, 69);
  assert.match(
    end.stderr,
    /^baton: x: no answer on \S+ for 100 ms \(ENOENT\); run 17 .* baton wait 17\n$/,
  );
});

// --- no daemon

test('no daemon is status 69 and one line that names the socket', async () => {
  await daemon.die();
  for (const verb of ['run x', 'run x --wait', 'status']) {
    const end = await daemon.baton(`${verb} --connect-timeout 60ms`.split(' ')).ended;
    assert.equal(end.status, 69);
    assert.match(
      end.stderr,
      /^baton: (x: )?no answer on \S+\/s for 60 ms \(ENOENT\); start batond.*\n$/,
    );
  }
});

test('the fast path waits for a daemon that is just being started', async () => {
  await daemon.die();
  const baton = daemon.baton(['run', 'x']);
  await new Promise((resolve) => baton.child.once('spawn', resolve));
  await daemon.listen();
  const { connection } = await daemon.asked();
  connection.send(accepted);
  assertEnd(await baton.ended, { status: 0 });
});

test('-E replaces the status of a daemon that is away', async () => {
  await daemon.die();
  const end = await daemon.baton('run x -E 7 --connect-timeout 0s'.split(' ')).ended;
  assert.equal(end.status, 7);
});

/** Whom the permissions of a file stop: ourselves, or for root somebody else if he can run it. */
const mortal = process.getuid?.() === 0 ? 65_534 : process.getuid?.();
const isStopped =
  spawnSync(process.execPath, [BATON, '--version'], { uid: mortal ?? 0 }).status === 0;

test('a socket that may not be used is status 77 at once', { skip: !isStopped }, async () => {
  chmodSync(daemon.directory, 0o755);
  chmodSync(daemon.socket, 0o000);
  const end = await daemon.baton(['run', 'x'], { uid: mortal ?? 0 }).ended;
  assert.equal(end.status, 77);
  assert.match(
    end.stderr,
    /^baton: x: not permitted to use \S+ \(EACCES; it has mode 0000, user .*\n$/,
  );
});

test('a socket path that the kernel would cut is bad usage', async () => {
  const deep = join(daemon.directory, 'd'.repeat(100));
  mkdirSync(deep);
  const end = await daemon.baton(['run', 'x'], { env: { BATON_SOCKET: join(deep, 's') } }).ended;
  assert.equal(end.status, 64);
  assert.match(end.stderr, /^baton: socket path .* at most 107 are possible.*\n$/);
});

test('something else on the socket is status 76', async () => {
  for (const raw of ['SSH-2.0-OpenSSH\r\n', 'null\n', '17\n']) {
    const baton = daemon.baton(['run', 'x']);
    for (let at = 0; at < 2; at++) (await daemon.asked()).connection.raw(raw);
    const end = await baton.ended;
    assert.equal(end.status, 76);
    assert.match(end.stderr, /^baton: x: what answers on .* does not speak baton's protocol.*\n$/);
  }
});

// --- signals

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`the first ${signal} cancels the run and waits for its end`, async () => {
    const baton = daemon.baton(['run', 'x', '--wait']);
    const { connection } = await daemon.asked();
    connection.send(accepted, output('out', 0, 'going\n'));
    await baton.printed('going');
    baton.child.kill(signal);
    const { id, ...request } = await connection.request();
    assert.deepEqual(request, { type: 'cancel', v: 1, of: 17 });
    connection.send(
      { type: 'done', id: String(id), runs: [17] },
      output('out', 6, 'bye\n'),
      cancelled,
    );
    const stderr = 'baton: x: run 17 was cancelled (signal 15 (SIGTERM))\n';
    assertEnd(await baton.ended, { status: 143, text: 'going\nbye\n', stderr });
  });

  test(`a second ${signal} leaves at once`, async () => {
    const baton = daemon.baton(['run', 'x', '--wait']);
    const { connection } = await daemon.asked();
    connection.send(accepted, output('out', 0, 'going\n'));
    await baton.printed('going');
    baton.child.kill(signal);
    await connection.request();
    baton.child.kill(signal);
    assertEnd(await baton.ended, { status: signal === 'SIGINT' ? 130 : 143, text: 'going\n' });
  });
}

test('a signal before the answer cancels the run as soon as its number is known', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const { connection } = await daemon.asked();
  baton.child.kill('SIGTERM');
  connection.cut();
  const second = await daemon.asked();
  assert.equal(second.request['type'], 'run');
  second.connection.send(accepted);
  assert.equal((await second.connection.request())['type'], 'cancel');
  second.connection.send(cancelled);
  assert.equal((await baton.ended).status, 143);
});

test('a cancel that was asked of a daemon that died is asked of the next one', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'going\n'));
  await baton.printed('going');
  baton.child.kill('SIGTERM');
  assert.equal((await connection.request())['type'], 'cancel');
  connection.cut();
  const second = await daemon.asked();
  assert.equal(second.request['type'], 'wait');
  assert.equal((await second.connection.request())['type'], 'cancel');
  second.connection.send(cancelled);
  assert.equal((await baton.ended).status, 143);
});

test('a run that cannot be cancelled is said and waited for', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'going\n'));
  await baton.printed('going');
  baton.child.kill('SIGTERM');
  const { id } = await connection.request();
  const failed = { type: 'error', code: 'disk-full', exit: 75, message: 'disk full' } as const;
  connection.send({ ...failed, id: String(id) }, ended(0));
  const stderr = 'baton: x: cannot cancel run 17: disk full\n';
  assertEnd(await baton.ended, { status: 0, text: 'going\n', stderr });
});

for (const [args, hello] of [
  ['run x --wait', joined],
  ['wait 17', started],
] as const) {
  test(`a signal leaves a run alone that "${args}" did not begin`, async () => {
    const baton = daemon.baton(args.split(' '));
    const { connection } = await daemon.asked();
    connection.send(hello, output('out', 0, 'going\n'));
    await baton.printed('going');
    baton.child.kill('SIGINT');
    const end = await baton.ended;
    assert.equal(end.status, 130);
    assert.match(end.stderr, /^baton: (x|run 17): run 17 goes on without this client\n$/);
  });
}

test('SIGHUP leaves the run alone', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'going\n'));
  await baton.printed('going');
  baton.child.kill('SIGHUP');
  assertEnd(await baton.ended, { status: 129, text: 'going\n' });
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
  const end = await answered('why 9', { type: 'error', code: 'unknown-run', exit: 64, message });
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
        },
      ],
      queued: [
        {
          run: 18,
          target: 'daily',
          state: 'queued',
          acceptedAtMs: midnight,
          waitedMs: 300_000,
          reasons: ['run 17 of daily is running'],
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
  const text = `batond 0.1.0, pid 4711, up 3 h; 1 running, 4 waiting; /etc/baton/config.json

TARGET  STATE
daily   paused: nothing starts until "baton resume daily"
        run 17 has been running for 1 h 12 min, since 2025-11-23 00:01, pid 99
        run 18 has waited 5 min: run 17 of daily is running
        and 3 more waiting
        last: run 12 exited with 2 (a warning) at 2025-11-23 00:02, took 2 min
new     idle
        has not run yet
`;
  assertEnd(await answered('status', status), { status: 0, text });
});

test('status without a target says so', async () => {
  const end = await answered('status', { ...status, targets: [] });
  assert.match(end.text, /\nno targets are configured\n$/);
});

for (const args of ['status --json', '-s']) {
  test(`"${args}" prints the daemon's answer as JSON`, async () => {
    const end = await answered(args, status);
    assert.deepEqual(JSON.parse(end.text), status);
  });
}

test('why shows the run and, indented, those in its way', async () => {
  const [daily] = status.targets;
  const chain = [...(daily?.queued ?? []), ...(daily?.active ?? [])];
  const end = await answered('why daily', { type: 'why', target: 'daily', chain });
  const text = `run 18 of daily has waited 5 min: run 17 of daily is running
  run 17 of daily has been running for 1 h 12 min, since 2025-11-23 00:01, pid 99
`;
  assertEnd(end, { status: 0, text });
  const none = await answered('why new', { type: 'why', target: 'new', chain: [] });
  assertEnd(none, { status: 0, text: 'new has not run yet; nothing waits\n' });
});

test('history lists the runs that have ended, in columns', async () => {
  const baton = daemon.baton(['history', 'daily', '--limit', '2']);
  const { connection, request } = await daemon.asked();
  assert.deepEqual(request, { type: 'history', v: 1, target: 'daily', limit: 2 });
  const last = status.targets[0]?.last;
  connection.send({ type: 'history', runs: last === undefined ? [] : [last] });
  const text = `RUN  TARGET  ENDED             WAITED  TOOK   HOW
12   daily   2025-11-23 00:02  0 ms    2 min  exited with 2 (a warning)
`;
  assertEnd(await baton.ended, { status: 0, text });
  const none = await answered('history', { type: 'history', runs: [] });
  assertEnd(none, { status: 0, text: 'no run has ended yet\n' });
});

test('help fits a terminal of 24 lines and 80 columns', async () => {
  const end = await daemon.baton(['--help']).ended;
  assert.equal(end.status, 0);
  const lines = end.text.trimEnd().split('\n');
  assert.ok(lines.length <= 24, `${lines.length} lines`);
  assert.ok(Math.max(...lines.map((line) => line.length)) <= 80);
});

test('bad usage is one line with a hint, and status 64', async () => {
  for (const args of [
    [],
    ['run'],
    ['run', 'x', '--frob'],
    ['run', 'x', '--socket', 'a', '--socket', 'b'],
  ]) {
    const end = await daemon.baton(args).ended;
    assert.equal(end.status, 64);
    assert.equal(end.text, '');
    assert.match(end.stderr, /^baton: .*; see baton --help\n$/);
  }
});
