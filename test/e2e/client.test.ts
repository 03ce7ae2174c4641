/** The real client against a daemon that sends what the test wants: statuses and bytes. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { FakeDaemon } from '../support/fake-daemon.ts';
import {
  accepted,
  assertEnd,
  cancelled,
  ended,
  joined,
  output,
  started,
  timedOut,
} from '../support/replies.ts';

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.open();
});
afterEach(async () => {
  await daemon.close();
});

// --- without --wait

for (const reply of [accepted, joined, { type: 'ignored', reason: 'again' }] as const) {
  test(`without --wait, ${reply.type} is a silent success`, async () => {
    assertEnd(await daemon.answered('run x', reply), { status: 0 });
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
    const end = await daemon.answered(args, {
      type: 'refused',
      exit: 75,
      reason: 'run 3 is queued',
    });
    assertEnd(end, { status: 75, stderr: 'baton: x: run 3 is queued\n' });
  });
  test(`"${args}" of an unknown target exits with 78 and one line`, async () => {
    const message = 'there is no target of this name';
    const end = await daemon.answered(args, {
      type: 'error',
      code: 'unknown-target',
      exit: 78,
      message,
    });
    assertEnd(end, { status: 78, stderr: `baton: x: ${message}\n` });
  });
}

test('a daemon of another version is status 76', async () => {
  const end = await daemon.answered('run x', {
    type: 'error',
    code: 'version',
    exit: 76,
    message: 'old',
  });
  assertEnd(end, { status: 76, stderr: 'baton: x: old\n' });
});

test('control characters in a message do not reach the terminal', async () => {
  const reason = 'bad\u001b[31m\r\nline\u009b2J';
  const end = await daemon.answered('run x', { type: 'refused', exit: 75, reason });
  assertEnd(end, { status: 75, stderr: 'baton: x: bad [31m line 2J\n' });
});

// --- with --wait

test('a success without output is silent', async () => {
  assertEnd(await daemon.answered('run x --wait', accepted, started, ended(0)), { status: 0 });
});

test('a request that its target ignores is silent and no failure', async () => {
  const end = await daemon.answered('run x --wait', { type: 'ignored', reason: 'run 3 is queued' });
  assertEnd(end, { status: 0 });
});

test("the command's own code is passed on verbatim, also where it looks like baton's", async () => {
  for (const code of [1, 64, 75, 124, 125, 127, 255]) {
    const end = await daemon.answered(
      'run x --wait -E 99',
      accepted,
      output('err', 0, 'no\n'),
      ended(code),
    );
    assertEnd(end, { status: code, stderr: 'no\n' });
  }
});

test('a failure that printed nothing is said, for cron mails only what is printed', async () => {
  const end = await daemon.answered('run x --wait', accepted, ended(3));
  const stderr =
    'baton: x: run 17 exited with 3, with no output; see the documentation of its command for that status\n';
  assertEnd(end, { status: 3, stderr });
});

test('a warning that printed nothing is silent', async () => {
  const end = await daemon.answered('run x --wait', accepted, ended(2, { verdict: 'warning' }));
  assertEnd(end, { status: 2 });
});

test('an end that is not an exit is told in one line', async () => {
  const end = await daemon.answered('run x --wait', accepted, output('out', 0, 'a\n'), timedOut);
  assertEnd(end, { status: 124, text: 'a\n', stderr: 'baton: x: run 17 ran too long\n' });
});

test("baton's line begins a new line where the output stopped in the middle of one", async () => {
  const end = await daemon.answered('run x --wait', accepted, output('err', 0, 'half'), timedOut);
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
    const end = await daemon.answered('run x --wait -E 99', accepted, output('out', 0, '.'), reply);
    assert.equal(end.status, status);
  });
}

test('every byte value is relayed exactly, on its own stream', async () => {
  const bytes = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 7) % 256));
  const text = 'é€😀\0\u2028\r\n';
  const end = await daemon.answered(
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

test('a full disk under stdout is said once, and is no success', async () => {
  const baton = daemon.baton(['run', 'x', '--wait'], { stdout: '/dev/full' });
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'a\n'), output('out', 2, 'b\n'), ended(0));
  const stderr =
    'baton: x: cannot write to stdout (ENOSPC); read the whole output with "baton logs 17"\n';
  assertEnd(await baton.ended, { status: 74, stderr });
});
