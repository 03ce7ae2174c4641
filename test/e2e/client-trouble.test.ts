/** The real client with problems: broken connections, no daemon, signals. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { BATON, type FakeConnection, FakeDaemon } from '../support/fake-daemon.ts';
import {
  accepted,
  assertEnd,
  cancelled,
  ended,
  joined,
  output,
  started,
} from '../support/replies.ts';
import { publish } from '../support/tools.ts';

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.open();
});
afterEach(async () => {
  await daemon.close();
});

// --- broken connections

/** Breaks the connection after some output, and returns the next one. */
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
  const { token } = first.request;
  assert.equal(typeof token, 'string');
  assert.deepEqual(request, { type: 'wait', v: 1, run: 17, from: { out: 8, err: 3 }, token });
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
    'e1,\nbaton: x: the daemon no longer knows run 17 or how it ended; check the log of the daemon\n',
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
    /^baton: x: no answer on \S+ for 100 ms: there is no such socket \(ENOENT\); run 17 .* baton wait 17\n$/,
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
      /^baton: (x: )?no answer on \S+\/s for 60 ms: there is no such socket \(ENOENT\); start batond.*\n$/,
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

test('a socket that may not be used is status 77 at once', async () => {
  // Modes do not restrict root: then another user makes the request.
  const uid = process.getuid?.() === 0 ? 65_534 : process.getuid?.();
  chmodSync(daemon.directory, 0o755);
  chmodSync(daemon.socket, 0o000);
  const client = join(publish(daemon.directory), 'dist/client/main.cjs');
  const end = await daemon.baton(['run', 'x'], { uid: uid ?? 0, client }).ended;
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
  assert.match(end.stderr, /^baton: socket path .* expected at most 107.*\n$/);
});

test('something else on the socket is status 76', async () => {
  for (const raw of ['SSH-2.0-OpenSSH\r\n', 'null\n', '17\n']) {
    const baton = daemon.baton(['run', 'x']);
    for (let at = 0; at < 2; at++) (await daemon.asked()).connection.raw(raw);
    const end = await baton.ended;
    assert.equal(end.status, 76);
    assert.match(end.stderr, /^baton: x: the reply on .* is not in the protocol of baton.*\n$/);
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
    const status = signal === 'SIGINT' ? 130 : 143;
    assertEnd(await baton.killAgain(signal), { status, text: 'going\n' });
  });

  test(`a ${signal} that timeout(1) passes on, which it does twice, is one`, async () => {
    const program = ['timeout', '1h', process.execPath, BATON] as const;
    const baton = daemon.baton(['run', 'x', '--wait'], { program: [...program] });
    const { connection } = await daemon.asked();
    connection.send(accepted, output('out', 0, 'going\n'));
    await baton.printed('going');
    baton.child.kill(signal);
    await connection.request();
    connection.send(output('out', 6, 'bye\n'), ended(5));
    assertEnd(await baton.ended, { status: 5, text: 'going\nbye\n' });
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
    assert.match(
      end.stderr,
      /^baton: (x|run 17): run 17 continues without this client; stop it with "baton cancel 17"\n$/,
    );
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
