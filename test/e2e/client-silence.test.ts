/** The real client with a daemon that accepts its connection but does not answer. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { directory } from '../support/config.ts';
import { BATON, FakeDaemon } from '../support/fake-daemon.ts';
import { accepted, assertEnd, ended, output } from '../support/replies.ts';
import { Rig } from '../support/rig.ts';
import { Terminal } from '../support/terminal.ts';
import { skipWithout } from '../support/tools.ts';

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await FakeDaemon.open();
});
afterEach(async () => {
  await daemon.close();
});

const SILENT = String.raw`the process that listens on \S+ accepted the connection, but does not answer \(2\.0 s\)`;
const DOUBT =
  'the request may have been carried out; check with "baton status" before you repeat it';

for (const [line, rest] of [
  ['run x', `x: ${SILENT}; ${DOUBT}`],
  ['run x --wait', `x: ${SILENT}; ${DOUBT}`],
  ['run x y', `x: ${SILENT}; ${DOUBT}`],
  ['wait 17', `run 17: ${SILENT}; run 17 may continue; wait for it later: baton wait 17`],
  ['cancel 17', `run 17: ${SILENT}; ${DOUBT}`],
  ['status', `${SILENT}; check batond .*`],
  ['metrics', `${SILENT}; check batond .*`],
  ['why x', `x: ${SILENT}; check batond .*`],
] as const) {
  test(`"${line}" asks a silent daemon if it is there, and ends with 69`, async () => {
    const baton = daemon.baton([...line.split(' '), '--connect-timeout', '2s']);
    const { connection } = await daemon.asked();
    assert.deepEqual(await connection.request(), { type: 'ping', v: 1 });
    if (line === 'run x y') (await daemon.asked()).connection.send(accepted);
    const end = await baton.ended;
    assert.match(end.stderr, new RegExp(`^baton: ${rest}\n`));
    assert.equal(end.status, 69);
  });
}

test('a daemon that is busy with something else is waited for as long as it answers', async () => {
  const baton = daemon.baton('run x --wait --connect-timeout 2s'.split(' '));
  const { connection } = await daemon.asked();
  for (let round = 0; round < 3; round++) {
    assert.equal((await connection.request())['type'], 'ping');
    connection.send({ type: 'pong' });
    if (round === 0) connection.send(accepted, output('out', 0, 'going\n'));
  }
  connection.send(ended(4));
  assertEnd(await baton.ended, { status: 4, text: 'going\n' });
});

test('a run whose daemon falls silent is status 69, and the line names it', async () => {
  const baton = daemon.baton('run x --wait --connect-timeout 2s'.split(' '));
  const { connection } = await daemon.asked();
  connection.send(accepted, output('out', 0, 'going\n'));
  const end = await baton.ended;
  assert.equal(end.status, 69);
  const line = `baton: x: ${SILENT}; run 17 may continue; wait for it later: baton wait 17\n`;
  assert.match(end.stderr, new RegExp(`^${line}$`));
});

test('a signal ends a client that nobody answers', async () => {
  const baton = daemon.baton(['run', 'x', '--wait']);
  await daemon.asked();
  baton.child.kill('SIGTERM');
  const end = await baton.ended;
  assert.equal(end.status, 143);
  assert.match(end.stderr, /^baton: x: cannot cancel the run: .* for 10\.0 s, and may have .*\n$/);
});

test('the fast path gives up a silent daemon, too', async (t) => {
  if (skipWithout(t, 'faketime')) return;
  // A minute of the client's clock takes some seconds.
  const child = spawn('faketime', ['-f', '+0 x20', process.execPath, BATON, 'run', 'x'], {
    env: { PATH: process.env['PATH'] ?? '', BATON_SOCKET: daemon.socket },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const { connection } = await daemon.asked();
  assert.deepEqual(await connection.request(), { type: 'ping', v: 1 });
  assert.equal(await closed, 69);
  assert.match(
    stderr,
    /^baton: x: the process that listens on \S+ accepted .* \(1 min\); the request may have been .*\n$/,
  );
});

test('the real daemon answers at once, also on a connection that waits for a run', async (t) => {
  const rig = await Rig.start({ targets: { long: { runner: { type: 'dummy', time: '1h' } } } });
  t.after(() => rig.close());
  const session = await rig.open();
  t.after(() => session.close());
  const wait = session.send({ type: 'run', target: 'long', wait: true });
  await session.reply('started', wait);
  await session.ask({ type: 'ping' }, 'pong');
});

test('a client that has nothing left to wait for and no end is no success', async (t) => {
  const patch = join(directory(t), 'unref.cjs');
  // No real case is known: it simulates a bug, or a half-installed client.
  const text = "const net = require('node:net'); const { connect } = net;";
  writeFileSync(patch, `${text} net.connect = (...of) => connect(...of).unref();`);
  const env = { NODE_OPTIONS: `--require ${patch}` };
  for (const line of ['run x --wait', 'run x y', 'status']) {
    const end = await daemon.baton(line.split(' '), { env }).ended;
    assert.equal(end.status, 125, line);
    assert.equal(
      end.stderr,
      'baton: internal error (a bug in baton); please report it with this trace: it stopped waiting\n',
    );
  }
});

test('a person is told after a second for whom the client waits, and cron is not', async (t) => {
  if (skipWithout(t, 'script')) return;
  const { socket } = daemon;
  await daemon.die();
  const words = 'status --connect-timeout 5s';
  const terminal = new Terminal(words.split(' '), socket);
  const silent = daemon.baton(words.split(' ')).ended;
  assert.equal(await terminal.ended, 69);
  const [told, failed] = terminal.text.split('\r\n');
  assert.match(
    String(told),
    /^baton: no answer on \S+ yet: there is no such socket \(ENOENT\); wait up to \S+ m?s more, or start batond$/,
  );
  assert.match(String(failed), /^baton: no answer on \S+ for 5\.0 s: /);
  assert.match((await silent).stderr, /^baton: no answer on \S+ for 5\.0 s: [^\n]+\n$/);
});
