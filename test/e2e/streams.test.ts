/**
 * A command's output on the way to its file: the command writes into pipes that its keeper empties.
 * Every byte arrives, whatever it does with /dev/stderr, whichever process is stopped or killed,
 * and no other writer delays its end.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Reply } from '../../daemon/protocol/request.ts';
import { amount } from '../support/amount.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

/** More than a pipe holds. */
const MUCH = 'a line that a command prints\n'.repeat(10_000);

const TRUNCATING = [
  'echo failure, trace line 1 >&2',
  'echo FATAL: the disk is on fire > /dev/stderr',
  'echo 3 | tee /dev/stderr',
  'echo 4 > /dev/stdout',
  'echo 5 | tee /dev/fd/2 >/dev/null',
  'echo 6 >&2',
].join('\n');

let puppets: Puppets;
let rig: Rig;

before(async () => {
  puppets = await Puppets.open();
  const local = (args: readonly string[], more: object = {}) => ({
    runner: { type: 'local', args, ...more },
  });
  const sh = (script: string, more: object = {}) => local(['/bin/sh', '-c', script], more);
  const bytes = amount(200) * 1_000_000;
  rig = await Rig.start({
    targets: {
      truncating: sh(TRUNCATING),
      nobody: sh(TRUNCATING, { user: 'nobody', cwd: '/' }),
      puppet: local(puppets.args('puppet')),
      endless: {
        ...sh('echo begun; yes & sleep .2; echo done; exit 7'),
        leftovers: 'kill',
        killAfter: '50ms',
      },
      // As fast as it can, in pieces of odd sizes.
      large: local([
        '/usr/bin/perl',
        '-e',
        `my $n = ${bytes}; my $i = 0;
         while ($n > 0) { my $l = 1 + ($i++ * 7919) % 100000; $l = $n if $l > $n;
           syswrite STDOUT, chr(33 + $i % 90) x $l; $n -= $l }`,
      ]),
    },
  });
});

after(async () => {
  await rig.close();
  puppets.close();
});

/** Resolves when the run's file contains this; direct writes to it send no notification. */
async function written(run: number, stream: 'out' | 'err', text: string): Promise<void> {
  const file = join(rig.state, 'runs', String(run), stream);
  while (readFileSync(file, 'utf8') !== text) await sleep(10);
}

async function keeperOf(run: number): Promise<number> {
  const { targets } = await rig.status();
  const pid = targets.flatMap(({ active }) => active).find((one) => one.run === run)?.pid;
  assert.ok(pid !== undefined);
  return pid;
}

/** Requests the puppet with its streams in one file. */
async function perform() {
  const session = await rig.open();
  const id = session.send({ type: 'run', target: 'puppet', wait: true, merged: true });
  const puppet = await puppets.next();
  return { session, puppet, ended: () => session.reply('ended', id) };
}

for (const target of ['truncating', 'nobody']) {
  test(`> /dev/stderr and tee /dev/stderr cut nothing off (${target})`, async (t) => {
    if (target === 'nobody' && skipWithout(t, 'root')) return;
    const { status, text, errors } = await rig.baton('run', target, '--wait');
    assert.equal(status, 0);
    assert.equal(text, '3\n4\n');
    assert.equal(errors, 'failure, trace line 1\nFATAL: the disk is on fire\n3\n5\n6\n');
  });
}

test('in one file every byte stands where it was written', async () => {
  const session = await rig.open();
  const request = { type: 'run', target: 'truncating', wait: true, merged: true } as const;
  const { run } = await session.ask(request, 'ended');
  await written(run, 'out', 'failure, trace line 1\nFATAL: the disk is on fire\n3\n3\n4\n5\n6\n');
  session.close();
});

test('an output file that is truncated meanwhile is told once, and read anew', async () => {
  const { session, puppet, ended } = await perform();
  const heard = async (text: string): Promise<void> => {
    await puppet.print('out', text);
    const isIt = (reply: Reply): boolean => reply.type === 'output' && reply.data === text;
    while (!session.replies.some(isIt)) await sleep(10);
  };
  const file = join(rig.state, 'runs', String(puppet.run), 'out');
  const cut = async (): Promise<void> => assert.equal(await puppet.tell(`sh : >${file}`), '');
  await heard('a long line before\n');
  await cut();
  await heard('after\n');
  await cut();
  await heard('end\n');
  puppet.exit(0);
  const { text, tell } = await ended();
  assert.deepEqual([text, tell], ['exited with 0', false]);
  const notices = session.replies.filter((reply) => reply.type === 'notice');
  assert.equal(notices.length, 1);
  const [notice] = notices;
  assert.ok(
    notice?.text.startsWith(`run ${puppet.run}: its output file ${file} was truncated to `),
  );
  session.close();
});

test('all bytes of a command that prints as fast as it can arrive, in order', async () => {
  const { status, stdout } = await rig.baton('run', 'large', '--wait');
  assert.equal(status, 0);
  const hash = createHash('sha256');
  let left = amount(200) * 1_000_000;
  for (let i = 0; left > 0; ) {
    const length = Math.min(left, 1 + ((i++ * 7_919) % 100_000));
    hash.update(Buffer.alloc(length, 33 + (i % 90)));
    left -= length;
  }
  assert.equal(stdout.length, amount(200) * 1_000_000);
  assert.equal(createHash('sha256').update(stdout).digest('hex'), hash.digest('hex'));
});

test('what a command leaves behind holds up no end, and what it prints later arrives', async () => {
  const { session, puppet, ended } = await perform();
  const [perl, ...args] = puppets.args('late');
  const late = puppets.next();
  await puppet.tell(`spawn exec ${perl} ${args.join(' ')}`);
  const background = await late;
  await puppet.print('out', 'said before its end\n');
  puppet.exit(0);
  const { run } = await ended();
  await written(run, 'out', 'said before its end\n');
  await background.print('err', 'said behind its back\n');
  await written(run, 'out', 'said before its end\nsaid behind its back\n');
  background.exit(0);
  session.close();
});

test('what a command leaves behind that prints without end holds up no end', async () => {
  const { status, stdout } = await rig.baton('run', 'endless', '--wait');
  assert.equal(status, 7);
  const text = stdout.toString().replaceAll('y\n', '');
  assert.equal(text, 'begun\ndone\n');
});

test('a stopped keeper holds its command up, and no byte is lost when it goes on', async () => {
  const { session, puppet, ended } = await perform();
  const keeper = await keeperOf(puppet.run);
  process.kill(keeper, 'SIGSTOP');
  const printed = puppet.print('out', MUCH);
  process.kill(keeper, 'SIGCONT');
  await printed;
  puppet.exit(0);
  await ended();
  await written(puppet.run, 'out', MUCH);
  session.close();
});

test('a command whose keeper is killed gets no SIGPIPE, and its output goes on into the file', async () => {
  const { session, puppet, ended } = await perform();
  await puppet.print('out', 'first\n');
  // What a keeper has read but not written yet dies with it.
  await written(puppet.run, 'out', 'first\n');
  process.kill(await keeperOf(puppet.run), 'SIGKILL');
  assert.equal((await ended()).outcome.kind, 'lost');
  await puppet.print('err', MUCH);
  await puppet.print('out', 'last\n');
  await written(puppet.run, 'out', `first\n${MUCH}last\n`);
  puppet.exit(0);
  await puppet.gone();
  session.close();
});

test('so it does when keeper and daemon are killed: it waits for the next daemon', async () => {
  const { session, puppet } = await perform();
  const keeper = await keeperOf(puppet.run);
  await rig.end('SIGKILL');
  process.kill(keeper, 'SIGKILL');
  const printed = puppet.print('out', MUCH);
  await rig.boot();
  await printed;
  await rig.end('SIGKILL');
  await rig.boot();
  await puppet.print('err', MUCH);
  await written(puppet.run, 'out', MUCH + MUCH);
  puppet.exit(0);
  await puppet.gone();
  session.close();
});
