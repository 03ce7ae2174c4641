/**
 * contrib/baton.sh against the real client: the same words of a daemon must bring about the same
 * status, the same bytes and the same line on stderr, under dash and under bash.
 */
import assert from 'node:assert/strict';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Reply } from '../../daemon/protocol/request.ts';
import { ROOT } from '../support/config.ts';
import { BATON, type BatonOptions, FakeDaemon } from '../support/fake-daemon.ts';
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
import { Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const SCRIPT = join(ROOT, 'contrib/baton.sh');
const NODE: BatonOptions = { program: [process.execPath, BATON] };
const SHELLS = ['dash', 'bash'] as const;

let daemon: FakeDaemon;

/** A test of each shell. */
function each(name: string, check: (client: BatonOptions, t: TestContext) => Promise<void>): void {
  for (const shell of SHELLS) {
    test(`under ${shell}, ${name}`, async (t) => {
      if (skipWithout(t, shell, 'nc')) return;
      daemon = await FakeDaemon.open();
      t.after(() => daemon.close());
      await check({ program: [shell, SCRIPT] }, t);
    });
  }
}

const error = (code: 'unknown-target' | 'version' | 'not-permitted', exit: number): Reply => ({
  type: 'error',
  code,
  exit,
  message: `no "x" here \\ at all\u001b[31m\r\nreally\u009b`,
});
const lost = ended(125, { outcome: { kind: 'lost' }, text: 'is lost', tell: true });
const notFound = ended(127, {
  outcome: { kind: 'not-started', stage: 'command', errno: 'ENOENT', detail: 'was not found' },
  text: 'could not be started: its command "y" was not found',
  tell: true,
});

/** What the daemon says, by a name for it. */
const SAYINGS: Readonly<Record<string, readonly Reply[]>> = {
  'a request that is refused': [{ type: 'refused', exit: 75, reason: 'run 3 is queued' }],
  'a request that is ignored': [{ type: 'ignored', reason: 'run 3 is queued' }],
  'an unknown target': [error('unknown-target', 78)],
  'another version': [error('version', 76)],
  'a socket that does not permit it': [error('not-permitted', 77)],
  'a success': [accepted, started, ended(0)],
  'a success of which something is told before': [
    accepted,
    output('out', 0, 'half'),
    { type: 'notice', run: 7, text: 'run 7: its output file was truncated' },
    ended(0),
  ],
  'a success after an attempt that failed': [
    ...[accepted, started],
    { type: 'notice', run: 7, text: 'run 7 exited with 23; attempt 2 of 4 starts', isNews: true },
    ...[started, ended(0)],
  ],
  'a success that was joined': [joined, started, ended(0)],
  'a failure without a word': [accepted, started, ended(3)],
  'a warning without a word': [accepted, ended(2, { verdict: 'warning' })],
  'a failure with words': [accepted, output('err', 0, 'no\n'), ended(75)],
  'the status 255': [accepted, output('out', 0, 'x'), ended(255)],
  'a timeout': [accepted, output('out', 0, 'a\n'), timedOut],
  'a timeout in the middle of a line': [accepted, output('err', 0, 'half\\n'), timedOut],
  'a cancelled run': [accepted, cancelled],
  'a lost run': [accepted, output('err', 0, Buffer.from('\0\n')), lost],
  'a command that is not there': [accepted, notFound],
};

for (const [what, replies] of Object.entries(SAYINGS)) {
  for (const args of ['run x --wait', 'run x']) {
    each(`"${args}" ends by ${what} as baton does`, async (client) => {
      const expected = await daemon.answering(args, NODE, ...replies);
      const end = await daemon.answering(args, client, ...replies);
      assert.deepEqual(end, expected);
    });
  }
}

each('what it asks is what baton asks, with a token of its own', async (client) => {
  for (const args of ['run x', 'run x --wait', 'run --wait x']) {
    const asked = async (options: BatonOptions) => {
      const baton = daemon.baton(args.split(' '), options);
      const { connection, request } = await daemon.asked();
      connection.send(accepted, ended(0));
      await baton.ended;
      return request;
    };
    const { token, ...request } = await asked(client);
    const { token: _, ...expected } = await asked(NODE);
    assert.deepEqual(request, expected);
    assert.match(String(token), /^\S{30,}$/);
  }
});

each('every byte value is relayed exactly, on its own stream', async (client) => {
  const bytes = Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 7) % 256));
  const ascii = Array.from({ length: 0x17f }, (_, code) => String.fromCodePoint(code + 1)).join('');
  const text = `${ascii}é€😀\u2028\r\n\\u0041\\n\\\\"\\"\\c%s$(id)\`id\` * \\0101`;
  const end = await daemon.answering(
    'run x --wait',
    client,
    accepted,
    output('out', 0, bytes),
    output('err', 0, text),
    output('out', bytes.length, text),
    ended(0),
  );
  assert.deepEqual(end.stdout, Buffer.concat([bytes, Buffer.from(text)]));
  assert.equal(end.stderr, text);
  assert.equal(end.status, 0);
});

each('the order of both streams is kept where they are one file', async (client) => {
  const path = join(daemon.directory, 'mail');
  const file = openSync(path, 'w');
  const baton = daemon.baton(['run', 'x', '--wait'], { ...client, file });
  closeSync(file);
  const { connection, request } = await daemon.asked();
  assert.equal(request['merged'], true);
  const lines = [output('out', 0, 'one '), output('err', 0, 'two '), output('out', 4, 'three')];
  connection.send(accepted, ...lines, timedOut);
  assert.equal((await baton.ended).status, 124);
  const expected = 'one two three\nbaton: x: run 17 ran too long\n';
  assert.equal(readFileSync(path, 'utf8'), expected);
});

each('a broken connection is taken up at the byte where it broke', async (client) => {
  const baton = daemon.baton(['run', 'x', '--wait'], client);
  const first = await daemon.asked();
  first.connection.send(accepted, output('out', 0, 'one,'), output('err', 0, 'e1,'));
  first.connection.raw('{"type":"ended","run":17,"exit":0');
  await baton.printed('one,');
  first.connection.cut();
  const second = await daemon.asked();
  assert.deepEqual(second.request, { type: 'wait', v: 1, run: 17, from: { out: 4, err: 3 } });
  const again = [output('out', 0, 'one,two'), output('err', 0, Buffer.from('e1,e2\0'))];
  second.connection.send(...again, ended(4));
  assertEnd(await baton.ended, { status: 4, text: 'one,two', stderr: 'e1,e2\0' });
});

each('a lost answer is asked for again with the same token', async (client) => {
  const baton = daemon.baton(['run', 'x'], client);
  const first = await daemon.asked();
  first.connection.cut();
  const second = await daemon.asked();
  assert.deepEqual(second.request, first.request);
  second.connection.send(accepted);
  assertEnd(await baton.ended, { status: 0 });
});

each('a run that the restarted daemon does not know is no verdict', async (client) => {
  const baton = daemon.baton(['run', 'x', '--wait'], client);
  const first = await daemon.asked();
  first.connection.send(accepted);
  first.connection.cut();
  const { connection } = await daemon.asked();
  connection.send({ type: 'error', code: 'unknown-run', exit: 64, message: 'no run 17' });
  const stderr =
    'baton: x: the daemon does not know run 17 any more, nor how it ended; see the log of the daemon\n';
  assertEnd(await baton.ended, { status: 125, stderr });
});

each('the first TERM cancels the run and waits for its end', async (client) => {
  const baton = daemon.baton(['run', 'x', '--wait'], client);
  const first = await daemon.asked();
  first.connection.send(accepted, output('out', 0, 'going\n'));
  await baton.printed('going');
  baton.child.kill('SIGTERM');
  const cancel = await daemon.asked();
  assert.deepEqual(cancel.request, { type: 'cancel', v: 1, of: 17 });
  cancel.connection.send({ type: 'done', runs: [17] });
  cancel.connection.cut();
  // Some shells lose what they were reading when a signal comes: they ask anew.
  const rest = [output('out', 6, 'bye\n'), cancelled];
  first.connection.send(...rest);
  void daemon.asked().then(({ connection }) => connection.send(...rest));
  const stderr = 'baton: x: run 17 was cancelled (signal 15 (SIGTERM))\n';
  assertEnd(await baton.ended, { status: 143, text: 'going\nbye\n', stderr });
});

each('a second TERM leaves at once', async (client) => {
  const baton = daemon.baton(['run', 'x', '--wait'], client);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'going\n'));
  await baton.printed('going');
  baton.child.kill('SIGTERM');
  const cancel = await daemon.asked();
  baton.child.kill('SIGTERM');
  const end = await new Promise((resolve) => baton.child.once('exit', resolve));
  assert.equal(end, 143);
  cancel.connection.cut();
  connection.cut();
});

each('a signal leaves a run alone that was joined', async (client) => {
  const baton = daemon.baton(['run', 'x', '--wait'], client);
  const { connection } = await daemon.asked();
  connection.send(joined, output('out', 0, 'going\n'));
  await baton.printed('going');
  baton.child.kill('SIGTERM');
  const exit = await new Promise((resolve) => baton.child.once('exit', resolve));
  assert.equal(exit, 143);
  connection.cut();
  assert.match(
    (await baton.ended).stderr,
    /^baton: x: run 17 goes on without this client; end it with "baton cancel 17"\n$/,
  );
});

each('a reader that goes away does not end the waiting', async (client) => {
  const baton = daemon.baton(['run', 'x', '--wait'], client);
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'first\n'));
  await baton.printed('first');
  baton.child.stdout?.destroy();
  const block = 'x\n'.repeat(100_000);
  connection.send(output('out', 6, block), output('err', 0, 'still here\n'), ended(5));
  const end = await baton.ended;
  assert.equal(end.status, 5);
  assert.equal(end.stderr, 'still here\n');
});

each('a full disk under stdout is said once, and is no success', async (client) => {
  const baton = daemon.baton(['run', 'x', '--wait'], { ...client, stdout: '/dev/full' });
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'a\n'), output('out', 2, 'b\n'), ended(0));
  assertEnd(await baton.ended, { status: 74, stderr: 'baton: x: cannot write stdout\n' });
});

each('bad usage and a path that the kernel would cut are status 64', async (client) => {
  for (const args of [[], ['run'], ['status'], ['run', 'x', 'y'], ['run', 'a"b'], ['run', '-E']]) {
    const end = await daemon.baton(args, client).ended;
    assert.equal(end.status, 64, args.join(' '));
    assert.match(end.stderr, /^baton: usage: .*\n$/);
  }
  const deep = join(daemon.directory, 'd'.repeat(100));
  mkdirSync(deep);
  const env = { BATON_SOCKET: join(deep, 's') };
  assert.equal((await daemon.baton(['run', 'x'], { ...client, env }).ended).status, 64);
});

each('something else on the socket is status 76', async (client) => {
  const baton = daemon.baton(['run', 'x'], client);
  (await daemon.asked()).connection.raw('SSH-2.0-OpenSSH\r\n');
  const end = await baton.ended;
  assert.equal(end.status, 76);
  assert.match(
    end.stderr,
    /^baton: x: what answers on .* does not speak baton's protocol; name batond's with BATON_SOCKET\n$/,
  );
});

each('a daemon that does not come back is status 69, after ten looks or sixty', async (client) => {
  // What it does between two looks need not take a second here.
  const bin = join(daemon.directory, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'sleep'), '#!/bin/sh\necho >>"$0.count"\n', { mode: 0o755 });
  const env = { PATH: `${bin}:${process.env['PATH']}` };
  const looks = () => readFileSync(join(bin, 'sleep.count')).length;
  const baton = daemon.baton(['run', 'x', '--wait'], { ...client, env });
  const { connection } = await daemon.asked();
  connection.send(accepted);
  await daemon.die();
  const gone = await baton.ended;
  assert.equal(gone.status, 69);
  assert.match(
    gone.stderr,
    /^baton: x: no answer on \S+ .*; run 17 may go on, .* baton wait 17\n$/,
  );
  assert.equal(looks(), 60);
  const end = await daemon.baton(['run', 'x'], { ...client, env }).ended;
  assert.equal(end.status, 69);
  assert.match(
    end.stderr,
    /^baton: x: no answer on \S+\/s \(No such file .*\); start batond, .*\n$/,
  );
  assert.equal(looks(), 70);
});

each('a socket that may not be used is status 77 at once', async ({ program }) => {
  // Modes stop nobody who is root: then it is somebody else who asks.
  const uid = process.getuid?.() === 0 ? 65_534 : (process.getuid?.() ?? 0);
  chmodSync(daemon.directory, 0o755);
  chmodSync(daemon.socket, 0o000);
  const copy = join(daemon.directory, 'baton.sh');
  copyFileSync(SCRIPT, copy);
  const [shell = 'sh'] = program ?? [];
  const end = await daemon.baton(['run', 'x'], { program: [shell, copy], uid }).ended;
  assert.equal(end.status, 77);
  assert.match(end.stderr, /^baton: x: not permitted to use \S+; ask as its owner or as root\n$/);
});

each('with a real daemon, statuses and output are those of the command', async (client, t) => {
  const sh = (script: string) => ({ runner: { type: 'local', args: ['/bin/sh', '-c', script] } });
  const bytes = `i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %o $i)"; i=$((i+1)); done`;
  const rig = await Rig.start({
    targets: {
      ok: sh('echo out; echo err >&2'),
      three: sh('exit 3'),
      killed: sh('kill -KILL $$'),
      bytes: sh(bytes),
      none: { runner: { type: 'local', args: ['/does/not/exist'] } },
      slow: { ...sh('sleep 60'), timeout: '100ms' },
    },
  });
  t.after(() => rig.close());
  for (const name of ['ok', 'three', 'killed', 'bytes', 'none', 'slow', 'unknown']) {
    const asked = (options: BatonOptions) => {
      const env = { BATON_SOCKET: rig.socket };
      return daemon.baton(['run', name, '--wait'], { ...options, env }).ended;
    };
    const plain = (text: string) => text.replaceAll(/(run|logs) \d+/g, '$1 N');
    const [expected, end] = [await asked(NODE), await asked(client)];
    assert.equal(end.status, expected.status, name);
    assert.deepEqual(end.stdout, expected.stdout, name);
    assert.equal(plain(end.stderr), plain(expected.stderr), name);
  }
});
