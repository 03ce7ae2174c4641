/** Runs as a client of the socket sees them: real daemon, real keeper, real processes. */
import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Reply } from '../../daemon/protocol/request.ts';
import { askBegun } from '../support/askedrun.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

let puppets: Puppets;
let rig: Rig;

before(async () => {
  puppets = await Puppets.open();
  const puppet = (name: string, more: object = {}) => ({
    runner: { type: 'local', args: puppets.args(name), ...more },
  });
  const sh = (script: string) => ({ runner: { type: 'local', args: ['/bin/sh', '-c', script] } });
  rig = await Rig.start({
    targets: {
      free: puppet('free'),
      one: { ...puppet('one'), policies: [{ type: 'cardinality' }] },
      grouped: { ...puppet('grouped'), policies: [{ type: 'cardinality', group: 'shared' }] },
      newest: {
        ...puppet('newest'),
        policies: [{ type: 'cardinality', whenFull: 'replace' }],
      },
      placed: puppet('placed', {
        cwd: tmpdir(),
        env: { GREETING: 'a b', PERL5LIB: '/x' },
        umask: '077',
      }),
      nobody: {
        runner: {
          type: 'local',
          args: ['/bin/sh', '-c', 'id -un; id -Gn; echo $USER $LOGNAME; echo hi >/dev/stderr'],
          user: 'nobody',
          cwd: '/',
        },
      },
      files: { runner: { type: 'local', args: ['/bin/ls', '/proc/self/fd'] } },
      polite: { ...puppet('polite', { nice: 5, ionice: 'idle' }) },
      brief: { ...puppet('brief'), timeout: '1s', killAfter: '200ms' },
      stubborn: { ...puppet('stubborn'), killAfter: '200ms' },
      missing: {
        ...sh(''),
        runner: { type: 'local', args: ['/nonexistent/command'] },
        policies: [{ type: 'cardinality' }],
      },
      unnamed: { runner: { type: 'local', args: ['no-such-command-anywhere'] } },
      unfit: { runner: { type: 'local', args: ['/etc/passwd'] } },
      directory: { runner: { type: 'local', args: ['/tmp'] } },
      misplaced: { runner: { type: 'local', args: ['/bin/true'], cwd: '/nonexistent' } },
      stranger: { runner: { type: 'local', args: ['/bin/true'], user: 'no-such-user' } },
      lowly: { runner: { type: 'local', args: ['no-such-command-anywhere'], nice: 3 } },
      prefixed: { runner: { type: 'local', args: ['/nonexistent/command'], nice: 3 } },
      nap: { runner: { type: 'dummy', time: '1ms' } },
      seven: sh('exit 7'),
      parent: puppet('parent'),
      tidy: { ...puppet('tidy'), leftovers: 'kill', killAfter: '100ms' },
      odd: {
        runner: {
          type: 'local',
          args: ['/usr/bin/printf', '[%s]', '', 'a b', '$HOME', '*', 'é\n'],
        },
      },
    },
  });
});

after(async () => {
  await rig.close();
  puppets.close();
});

async function runOf(target: string) {
  const session = await rig.open();
  const accepted = await session.ask(
    { type: 'run', target, wait: true, merged: false },
    'accepted',
  );
  return { session, run: accepted.run, ended: () => session.reply('ended', accepted.id as string) };
}

function text(replies: readonly Reply[], stream: 'out' | 'err'): Buffer {
  return Buffer.concat(
    replies.flatMap((reply) =>
      reply.type === 'output' && reply.stream === stream
        ? [Buffer.from(reply.data, reply.encoding ?? 'utf8')]
        : [],
    ),
  );
}

test('a run without policies starts at once and its code is relayed', async () => {
  const { session, ended } = await runOf('free');
  const puppet = await puppets.next();
  await session.reply('started');
  puppet.exit(42);
  const end = await ended();
  assert.deepEqual(end.outcome, { kind: 'exited', code: 42 });
  assert.equal(end.exit, 42);
  session.close();
});

test('exit 143 and death by SIGTERM are told apart', async () => {
  const first = await runOf('free');
  (await puppets.next()).exit(143);
  assert.deepEqual((await first.ended()).outcome, { kind: 'exited', code: 143 });
  const second = await runOf('free');
  (await puppets.next()).die('TERM');
  const end = await second.ended();
  assert.deepEqual(end.outcome, { kind: 'signalled', signal: 15, core: false });
  assert.equal(end.exit, 143);
});

test('both streams are relayed byte by byte, text and binary', async () => {
  const { session, ended } = await runOf('free');
  const puppet = await puppets.next();
  const binary = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  await puppet.print('out', 'héllo\n');
  await puppet.print('err', binary);
  await puppet.print('out', 'no newline €');
  puppet.exit(0);
  await ended();
  assert.equal(text(session.replies, 'out').toString(), 'héllo\nno newline €');
  assert.deepEqual(text(session.replies, 'err'), binary);
});

test('a second run of a cardinality waits, says for whom, and starts when the first has ended', async () => {
  const first = await runOf('one');
  const puppet = await puppets.next();
  const second = await runOf('one');
  const why = await second.session.ask({ type: 'why', of: second.run }, 'why');
  assert.deepEqual(
    why.chain.map((view) => view.run),
    [second.run, first.run],
  );
  assert.match(why.chain[0]?.reasons?.[0] ?? '', new RegExp(`run ${first.run} \\(one\\)`));
  puppet.exit(1);
  await first.ended();
  (await puppets.next()).exit(0);
  assert.equal((await second.ended()).exit, 0);
});

test('a command that is not there ends with 127 and gives its place back', async () => {
  for (let time = 0; time < 2; time++) {
    const { ended } = await runOf('missing');
    const end = await ended();
    assert.equal(end.exit, 127);
    assert.match(end.text, /"\/nonexistent\/command" was not found/);
  }
});

for (const [target, exit, words] of [
  ['unnamed', 127, /"no-such-command-anywhere" was not found in its PATH \(\/usr\/bin:\/bin\)/],
  ['unfit', 126, /not executable/],
  ['directory', 126, /not executable/],
  ['misplaced', 126, /directory "\/nonexistent" cannot be entered \(ENOENT\)/],
  ['stranger', 126, /no user "no-such-user"/],
  ['prefixed', 127, /"\/nonexistent\/command" was not found;/],
  ['lowly', 127, /"no-such-command-anywhere" was not found in its PATH \(\/usr\/bin:\/bin\)/],
] as const) {
  test(`target ${target} ends with ${exit} and says why`, async () => {
    const { ended } = await runOf(target);
    const end = await ended();
    assert.equal(end.outcome.kind, 'not-started');
    assert.equal(end.exit, exit);
    assert.match(end.text, words);
  });
}

test('the environment is built from nothing, as cron does it', async () => {
  const { ended } = await runOf('placed');
  const puppet = await puppets.next();
  const names = (await puppet.tell('env')).split('\t').map((pair) => pair.split('=')[0]);
  assert.deepEqual(
    names.sort(),
    [
      'BATON_RUN',
      'BATON_RUN_DIR',
      'BATON_RUN_ID',
      'BATON_TARGET',
      'GREETING',
      'HOME',
      'LOGNAME',
      'PATH',
      'PERL5LIB',
      'SHELL',
      'USER',
    ].sort(),
  );
  assert.equal(puppet.cwd, tmpdir());
  assert.equal(await puppet.tell('umask'), '0077');
  assert.match(await puppet.tell('limits'), /Max open files\s+1024\s/);
  puppet.exit(0);
  await ended();
});

test('a job is in a group of its own in the session of its keeper', async () => {
  const { run, session, ended } = await runOf('free');
  const puppet = await puppets.next();
  const fields = readFileSync(`/proc/${puppet.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const status = await session.ask({ type: 'status' }, 'status');
  const keeper = status.targets.flatMap((t) => t.active).find((view) => view.run === run)?.pid;
  assert.equal(Number(fields[2]), puppet.pid, 'process group');
  assert.equal(Number(fields[3]), keeper, 'session');
  puppet.exit(0);
  await ended();
});

test('a job inherits no open file beside the three', async () => {
  const { session, ended } = await runOf('files');
  await ended();
  // The fourth is the directory that ls itself reads.
  assert.equal(text(session.replies, 'out').toString(), '0\n1\n2\n3\n');
});

test('a job runs as another user, with its groups and its environment', async (t) => {
  if (skipWithout(t, 'root')) return;
  const { session, ended } = await runOf('nobody');
  assert.equal((await ended()).exit, 0);
  assert.equal(text(session.replies, 'out').toString(), 'nobody\nnogroup\nnobody nobody\n');
  assert.equal(text(session.replies, 'err').toString(), 'hi\n');
});

test('nice and ionice are applied and the status stays that of the command', async () => {
  const { ended } = await runOf('polite');
  const puppet = await puppets.next();
  const stat = readFileSync(`/proc/${puppet.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  assert.equal(Number(stat[16]), Math.min(19, getPriority() + 5));
  puppet.exit(9);
  assert.equal((await ended()).exit, 9);
});

test('arguments are passed as they are, through no shell', async () => {
  const { session, ended } = await runOf('odd');
  await ended();
  assert.equal(text(session.replies, 'out').toString(), '[][a b][$HOME][*][é\n]');
});

test('a timeout ends the run with 124', async () => {
  const { puppet, ended } = await askBegun(rig, puppets, 'brief');
  const end = await ended;
  assert.equal(end.outcome.kind, 'timed-out');
  assert.equal(end.exit, 124);
  await puppet.gone();
});

test('cancelling a run that ignores TERM kills it after the grace', async () => {
  const { session, run, ended } = await runOf('stubborn');
  const puppet = await puppets.next();
  await puppet.tell('trap TERM ignore');
  await session.ask({ type: 'cancel', of: run }, 'done');
  const end = await ended();
  assert.deepEqual(end.outcome, { kind: 'cancelled', signal: 9 });
  assert.equal(end.exit, 137);
});

test('cancelling reaches processes that have left the group and the session', async () => {
  const { session, run, ended } = await runOf('stubborn');
  const puppet = await puppets.next();
  await puppet.tell(
    `sh env -i setsid perl ${puppets.args('x')[1]} ${puppets.socket} escaped >/dev/null 2>&1 &`,
  );
  const escaped = await puppets.next();
  assert.equal(escaped.name, 'escaped');
  await escaped.tell('trap TERM ignore');
  await session.ask({ type: 'cancel', of: run }, 'done');
  await ended();
  await escaped.gone();
});

test('a code that a cancelled run chooses itself is not taken for success', async () => {
  const { session, run, ended } = await runOf('free');
  const puppet = await puppets.next();
  await puppet.tell('trap TERM 0');
  await session.ask({ type: 'cancel', of: run }, 'done');
  assert.equal((await ended()).exit, 143);
});

test('cancelling a waiting run ends it with 125 and leaves the running one alone', async () => {
  const first = await runOf('one');
  const puppet = await puppets.next();
  const second = await runOf('one');
  await second.session.ask({ type: 'cancel', of: second.run }, 'done');
  const end = await second.ended();
  assert.equal(end.exit, 125);
  assert.equal(end.text, 'was cancelled before it started');
  puppet.exit(0);
  assert.equal((await first.ended()).exit, 0);
});

test('a run that a newer request replaces tells its client by which, and that starts then', async () => {
  const old = await runOf('newest');
  const first = await puppets.next();
  await first.tell('trap TERM 0');
  const fresh = await runOf('newest');
  const told = await old.ended();
  assert.deepEqual(told.outcome, { kind: 'cancelled', signal: 15, replacedBy: fresh.run });
  assert.equal(told.text, `was replaced by run ${fresh.run} (signal 15 (SIGTERM))`);
  assert.deepEqual([told.exit, told.tell], [143, true]);
  const second = await puppets.next();
  second.exit(0);
  assert.equal((await fresh.ended()).exit, 0);
});

test('a client that leaves does not harm its run', async () => {
  const { session, run } = await runOf('free');
  const puppet = await puppets.next();
  session.close();
  await puppet.print('out', 'still here\n');
  puppet.exit(3);
  const other = await rig.open();
  const end = await other.ask({ type: 'wait', run }, 'ended');
  assert.equal(end.exit, 3);
  assert.equal(text(other.replies, 'out').toString(), 'still here\n');
  other.close();
});

test('asking again with the same token never runs twice', async () => {
  const session = await rig.open();
  const request = { type: 'run', target: 'free', token: 'only once' } as const;
  const first = await session.ask(request, 'accepted');
  const second = await session.ask(request, 'accepted');
  assert.equal(second.run, first.run);
  (await puppets.next()).exit(0);
  await session.ask({ type: 'wait', run: first.run }, 'ended');
  assert.equal(puppets.unasked, 0);
  session.close();
});

test('a paused target takes requests and starts none until it is resumed', async () => {
  const session = await rig.open();
  await session.ask({ type: 'pause', target: 'free' }, 'done');
  const { run } = await session.ask({ type: 'run', target: 'free' }, 'accepted');
  const why = await session.ask({ type: 'why', of: run }, 'why');
  assert.match(why.chain[0]?.reasons?.[0] ?? '', /paused/);
  await session.ask({ type: 'resume', target: 'free' }, 'done');
  (await puppets.next()).exit(0);
  await session.ask({ type: 'wait', run }, 'ended');
  session.close();
});

test('a pause of a group has a time, is told, and outlives the daemon', async () => {
  assert.equal((await rig.baton('pause', '--group', 'shared', '--for', '2h')).status, 0);
  const { status, errors } = await rig.baton('pause', '--group', 'shard');
  assert.equal(status, 78);
  assert.match(
    errors,
    /^baton: group shard: no target in \S+ is in a group "shard".*"shared"\?\n$/,
  );
  const beganMs = Date.now();
  const session = await rig.open();
  const { run } = await session.ask({ type: 'run', target: 'grouped' }, 'accepted');
  session.close();
  await rig.end();
  await rig.boot();
  const [view] = (await rig.status()).pauses ?? [];
  assert.ok(view !== undefined && 'group' in view && view.group === 'shared');
  const leftMs = (view.untilMs ?? 0) - beganMs;
  assert.ok(leftMs > 3_600_000 && leftMs <= 7_200_000, `until ${leftMs} ms later`);
  const why = await rig.baton('why', 'grouped');
  assert.match(why.text, /group shared is paused; "baton resume --group shared" ends the pause/);
  assert.match(why.text, /is paused until .* at the latest\n +starts about/);
  const one = await rig.baton('resume', 'grouped');
  assert.match(one.text, /^grouped stays paused .*; run "baton resume --group shared"\n$/);
  assert.equal((await rig.baton('resume', '--group', 'shared')).status, 0);
  (await puppets.next()).exit(0);
  const last = await rig.open();
  await last.ask({ type: 'wait', run }, 'ended');
  last.close();
});

test('output written before a client asks is there from any offset', async () => {
  const { run, ended } = await runOf('free');
  const puppet = await puppets.next();
  await puppet.print('out', '0123456789');
  puppet.exit(0);
  await ended();
  const session = await rig.open();
  await session.ask({ type: 'wait', run, from: { out: 4, err: 0 } }, 'ended');
  assert.equal(text(session.replies, 'out').toString(), '456789');
  session.close();
});

test('what a run leaves behind is left alone and reported', async () => {
  const { session, run, ended } = await runOf('parent');
  const puppet = await puppets.next();
  const command = puppets.args('left').join(' ');
  await puppet.tell(`sh setsid ${command} >/dev/null 2>&1 &`);
  const left = await puppets.next();
  puppet.exit(0);
  assert.equal((await ended()).exit, 0);
  const { runs } = await session.ask({ type: 'history', target: 'parent' }, 'history');
  assert.deepEqual(runs.find((view) => view.run === run)?.leftovers, [left.pid]);
  left.exit(0);
  await left.gone();
  // Its socket is closed a moment before it is gone; query until it is.
  for (let gone = false; !gone; ) {
    const later = await session.ask({ type: 'history', target: 'parent' }, 'history');
    gone = later.runs.find((view) => view.run === run)?.leftovers === undefined;
  }
});

test('what a run leaves behind is killed where its target says so', async () => {
  const { run, session, ended } = await runOf('tidy');
  const puppet = await puppets.next();
  await puppet.tell(`sh setsid ${puppets.args('left').join(' ')} >/dev/null 2>&1 &`);
  const left = await puppets.next();
  await left.tell('trap TERM ignore');
  puppet.exit(5);
  assert.equal((await ended()).exit, 5);
  await left.gone();
  const { runs } = await session.ask({ type: 'history', target: 'tidy' }, 'history');
  assert.equal(runs.find((view) => view.run === run)?.leftovers, undefined);
});

test('the size of the output is known afterwards', async () => {
  const { session, run, ended } = await runOf('odd');
  await ended();
  const { runs } = await session.ask({ type: 'history', target: 'odd' }, 'history');
  assert.equal(
    runs.find((view) => view.run === run)?.bytes,
    Buffer.byteLength('[][a b][$HOME][*][é\n]'),
  );
});

test('files of the state directory are for the daemon alone', async () => {
  assert.equal(statSync(join(rig.state, 'journal.ndjson')).mode & 0o777, 0o600);
  assert.equal(statSync(join(rig.state, 'runs')).mode & 0o777, 0o700);
  assert.equal(statSync(rig.socket).mode & 0o777, 0o600);
});
