/** Several runs with one command line, and the results for programs. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { past, writePile } from '../bench/pile.ts';
import { FakeDaemon } from '../support/fake-daemon.ts';
import { Puppets } from '../support/puppet.ts';
import { accepted, ended } from '../support/replies.ts';
import { Rig } from '../support/rig.ts';

const sh = (script: string) => ({ runner: { type: 'local', args: ['/bin/sh', '-c', script] } });

async function open(t: { after(done: () => unknown): void }) {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const disk = { policies: [{ type: 'cardinality', group: 'disk' }] };
  const rig = await Rig.start({
    targets: {
      a: sh('echo a; exit 3'),
      b: sh('echo b'),
      c: sh('echo c; exit 4'),
      held: { runner: { type: 'local', args: puppets.args('held') }, killAfter: '1s', ...disk },
      later: { ...sh('echo later'), ...disk },
    },
  });
  t.after(() => rig.close());
  return { rig, puppets };
}

test('several targets are relayed in the order of the command line; the first failure counts', async (t) => {
  const { rig } = await open(t);
  const { status, text, errors } = await rig.baton('run', 'b', 'a', 'nosuch', 'c', '--wait');
  assert.equal(text, 'b\na\nc\n');
  assert.equal(status, 78);
  assert.match(errors, /^baton: nosuch: there is no target of this name/);
  const quiet = await rig.baton('run', 'b', 'c', '--wait', '--quiet-success');
  assert.deepEqual([quiet.status, quiet.text], [4, 'c\n']);
});

test('several targets run side by side, whoever is relayed first', async (t) => {
  const { rig, puppets } = await open(t);
  const client = rig.client(['run', 'held', 'b', 'later', '--wait']);
  const held = await puppets.next();
  const session = await rig.open();
  assert.equal((await session.ask({ type: 'wait', run: held.run + 1 }, 'ended')).exit, 0);
  await held.print('out', 'first\n');
  held.exit(0);
  const { status, text } = await client.ended;
  assert.deepEqual([status, text], [0, 'first\nb\nlater\n']);
  session.close();
});

test('a signal ends all that several asked for, also what still waits', async (t) => {
  const { rig, puppets } = await open(t);
  const client = rig.client(['run', 'held', 'later', '--wait']);
  const held = await puppets.next();
  await rig.logged('accepted', 0, (line) => line['run'] === held.run + 1);
  const relayed = rig.journal();
  assert.ok(relayed.length > 0);
  client.child.kill('SIGTERM');
  const { status, text, errors } = await client.ended;
  assert.deepEqual([status, text], [143, '']);
  assert.match(
    errors,
    /held: run 1 was cancelled .*\n.*later: run 2 was cancelled before it started/,
  );
});

test('a target is waited for by its name: its running run, else the next, else the latest', async (t) => {
  const { rig, puppets } = await open(t);
  const never = await rig.baton('wait', 'later');
  assert.deepEqual([never.status, never.text], [64, '']);
  assert.match(never.errors, /^baton: later: target later has no run yet; queue one: baton run/);
  assert.equal((await rig.baton('wait', 'nosuch')).status, 78);

  assert.equal((await rig.baton('run', 'held')).status, 0);
  const held = await puppets.next();
  assert.equal((await rig.baton('run', 'later')).status, 0);
  const clients = ['later', 'held'].map((name) => rig.client(['wait', name]));
  await held.print('out', 'held\n');
  held.exit(5);
  const [later, running] = await Promise.all(clients.map(({ ended: end }) => end));
  assert.deepEqual([running?.status, running?.text], [5, 'held\n']);
  assert.deepEqual([later?.status, later?.text], [0, 'later\n']);
  const both = await rig.baton('wait', 'later', 'held');
  assert.deepEqual([both.status, both.text], [5, 'later\nheld\n']);
});

test('--print-id prints the number, for a later wait', async (t) => {
  const { rig } = await open(t);
  const { status, text } = await rig.baton('run', 'a', '--print-id');
  assert.deepEqual([status, text], [0, '1\n']);
  assert.equal((await rig.baton('wait', '1')).status, 3);
  assert.equal((await rig.baton('run', 'a', 'b', '--print-id')).text, '2\n3\n');
  const both = await rig.baton('wait', '3', '2');
  assert.deepEqual([both.status, both.text], [3, 'b\na\n']);
});

test('a run that is forgotten by the time it is waited for has no verdict, one that never was is a mistake', async (t) => {
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: { a: sh('true') } });
  writePile(rig.state, past(['a'], 3, 1));
  await rig.boot();
  const forgotten = await rig.baton('wait', '3', '1');
  assert.deepEqual([forgotten.status, forgotten.text], [125, '']);
  assert.equal(
    forgotten.errors,
    'baton: run 1: run 1 and its outcome are no longer kept; increase "keep" of its target\n',
  );
  assert.equal((await rig.baton('wait', '1', '-E', '9')).status, 9);
  const never = await rig.baton('wait', '4', '3');
  assert.equal(never.status, 64);
  assert.match(never.errors, /there is no run 4/);
});

test('--max-wait gives up a run that has not started by then', async (t) => {
  const { rig, puppets } = await open(t);
  const client = rig.client(['run', 'held', '--wait']);
  const held = await puppets.next();
  const late = await rig.baton('run', 'later', '--wait', '--max-wait', '100ms');
  assert.equal(late.status, 75);
  assert.match(late.errors, /^baton: later: run 2 was queued for .* longer than its maxWait/);
  held.exit(0);
  assert.equal((await client.ended).status, 0);
});

test('--report tells a program how it ended, also where nothing ran', async (t) => {
  const { rig } = await open(t);
  const file = join(rig.directory, 'report.json');
  const read = (): Record<string, unknown> => JSON.parse(readFileSync(file, 'utf8'));
  assert.equal((await rig.baton('run', 'a', '--wait', '--report', file)).status, 3);
  const { outcome, verdict, status, run, target, tookMs, waitedMs, text } = read();
  assert.deepEqual(
    { outcome, verdict, status, run, target, text },
    {
      outcome: { kind: 'exited', code: 3 },
      verdict: 'failed',
      status: 3,
      run: 1,
      target: 'a',
      text: 'exited with 3',
    },
  );
  assert.ok(Number(tookMs) >= 0 && Number(waitedMs) >= 0);
  assert.equal((await rig.baton('run', 'nosuch', '--wait', '--report', file)).status, 78);
  const none = read();
  assert.deepEqual([none['status'], none['target'], none['run']], [78, 'nosuch', undefined]);
  assert.match(String(none['text']), /there is no target of this name/);
  const away = await rig.baton('run', 'a', '--wait', '--report', join(rig.directory, 'no/file'));
  assert.equal(away.status, 3);
  assert.match(
    away.errors,
    /no\/file: cannot be written \(ENOENT; create its directory if it is missing/,
  );
  assert.equal((await rig.baton('wait', '1', '--report', file)).status, 3);
  assert.equal(read()['run'], 1);
});

test('wait --all waits until nothing runs or waits, and tells of failures', async (t) => {
  const { rig, puppets } = await open(t);
  assert.deepEqual((await rig.baton('wait', '--all')).status, 0);
  assert.equal((await rig.baton('run', 'held', 'later')).status, 0);
  const held = await puppets.next();
  const before = (await rig.status()).requests;
  const client = rig.client(['wait', '--all']);
  // The history, the query, and the wait for the first run; our own requests count as well.
  for (let own = 1; (await rig.status()).requests < before + own + 3; own++);
  await held.print('out', 'not to be seen\n');
  held.exit(5);
  const { status, text, errors } = await client.ended;
  assert.deepEqual([status, text], [5, '']);
  assert.equal(errors, 'baton: held: run 1 exited with 5\n');
  const { running, queued } = await rig.status();
  assert.deepEqual([running, queued], [0, 0]);
});

test('a signal while several are asked for ends what was asked for, and asks for no more', async (t) => {
  const daemon = await FakeDaemon.open();
  t.after(() => daemon.close());
  const client = daemon.baton(['run', 'a', 'b', 'c', '--wait']);
  (await daemon.asked()).connection.send(accepted);
  const second = await daemon.asked();
  assert.equal(second.request['target'], 'b');
  client.child.kill('SIGTERM');
  const first = await daemon.asked();
  assert.deepEqual([first.request['type'], first.request['of']], ['cancel', 17]);
  first.connection.send({ type: 'done', runs: [17] });
  second.connection.send({ type: 'accepted', run: 18, target: 'b' });
  const seen: unknown[] = [];
  while (seen.length < 3) {
    const { connection, request } = await daemon.asked();
    const { type, of, run = of, target } = request;
    seen.push(target ?? [type, run]);
    if (type === 'wait') connection.send(ended(143, { run: Number(run) }));
    // Both are cancelled on one connection, the younger first.
    else connection.send({ type: 'done', runs: [Number(of)] }, { type: 'done', runs: [] });
  }
  const { status } = await client.ended;
  assert.equal(status, 143);
  assert.deepEqual(
    seen.toSorted(),
    [
      ['cancel', 18],
      ['wait', 17],
      ['wait', 18],
    ].toSorted(),
  );
});

test('a signal before a daemon has heard of any run ends the client at once', async (t) => {
  const daemon = await FakeDaemon.open();
  t.after(() => daemon.close());
  await daemon.die();
  const client = daemon.baton(['run', 'a', 'b', '--wait', '--connect-timeout', '1h']);
  await caught(client.child.pid);
  client.child.kill('SIGINT');
  assert.equal((await client.ended).status, 130);
});

/** Resolves once the process catches SIGHUP, the last one: Node handles INT from its start. */
async function caught(pid = 0): Promise<void> {
  const SIGHUP_BIT = 1n;
  for (;;) {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8');
    const mask = BigInt(`0x${/^SigCgt:\s*(\w+)$/m.exec(text)?.[1] ?? '0'}`);
    if ((mask & SIGHUP_BIT) !== 0n) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('wait --all tells of every failure, also of what started and ended while it did not look', async (t) => {
  const { rig, puppets } = await open(t);
  assert.equal((await rig.baton('run', 'a', '--wait')).status, 3);
  const session = await rig.open();
  await session.ask({ type: 'run', target: 'held' }, 'accepted');
  const held = await puppets.next();
  const before = (await rig.status()).requests;
  const client = rig.client(['wait', '--all']);
  // The history, the query, and the wait for the first run; our own requests count as well.
  for (let own = 1; (await rig.status()).requests < before + own + 3; own++);
  const failed = await session.ask({ type: 'run', target: 'c', wait: true }, 'ended');
  held.exit(0);
  const { status, errors } = await client.ended;
  assert.deepEqual([status, errors], [4, `baton: c: run ${failed.run} exited with 4\n`]);
  session.close();
});

test('--report tells the status that the client exits with, also by -E', async (t) => {
  const { rig } = await open(t);
  const file = join(rig.directory, 'report.json');
  const { status } = await rig.baton('run', 'nosuch', '--wait', '-E', '9', '--report', file);
  assert.deepEqual([status, JSON.parse(readFileSync(file, 'utf8')).status], [9, 9]);
});

test('a command that exits with 0 where that is no success never looks like one', async (t) => {
  const rig = await Rig.start({ targets: { odd: { ...sh('echo out'), okExit: [3] } } });
  t.after(() => rig.close());
  const { status, text, errors } = await rig.baton('run', 'odd', '--wait');
  const line =
    'baton: odd: run 1 exited with 0, which its okExit does not count as success; add 0 to "okExit" if it should\n';
  assert.deepEqual([status, text, errors], [125, 'out\n', line]);
  assert.equal((await rig.baton('run', 'odd', '--wait', '-E', '9')).status, 9);
  const { targets } = await rig.status();
  assert.deepEqual(
    targets.map(({ last }) => [last?.verdict, last?.exit]),
    [['failed', 125]],
  );
});
