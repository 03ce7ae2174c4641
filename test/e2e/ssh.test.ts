/** The SSH runner with a real sshd, as a client of the socket sees it. */
import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { askBegun, askRun } from '../support/askedrun.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { SSHD_NEEDS, Sshd, sessionOf } from '../support/sshd.ts';
import { whyWithout } from '../support/tools.ts';

describe('ssh', { skip: whyWithout(...SSHD_NEEDS) }, () => {
  let sshd: Sshd;
  let puppets: Puppets;
  let rig: Rig;

  before(async () => {
    sshd = await Sshd.start();
    puppets = await Puppets.open();
    const sh = (script: string, more = {}) => sshd.target({ args: ['sh', '-c', script], ...more });
    const forced = sshd.keygen('forced');
    sshd.authorize(forced, `command="${puppets.args('forced').join(' ')}"`);
    const told = sshd.keygen('told');
    sshd.authorize(told, 'command="echo $SSH_ORIGINAL_COMMAND"');
    const locked = sshd.keygen('locked', '-N', 'open sesame');
    sshd.authorize(locked);
    const phrase = join(sshd.directory, 'phrase');
    writeFileSync(phrase, 'open sesame\n', { mode: 0o600 });
    const stranger = sshd.keygen('stranger');
    rig = await Rig.start({
      targets: {
        puppet: { ...sshd.target({ args: puppets.args('puppet') }), killAfter: '200ms' },
        script: {
          ...sshd.target({ cmds: [puppets.args('script').join(' '), 'true'] }),
          killAfter: '200ms',
        },
        guarded: {
          ...sshd.target({ args: puppets.args('guarded'), killOnDisconnect: true }),
          killAfter: '5s',
        },
        forced: { ...sshd.target({ args: ['x'], key: forced }), killAfter: '100ms' },
        deaf: { ...sshd.target({ args: puppets.args('deaf'), verbatim: true }), killAfter: '50ms' },
        plain: sshd.target({ args: ['sh', '-c', 'cat; kill -TERM $$'], verbatim: true }),
        told: sshd.target({ args: ['rsync', '--server', '/srv/a b'], key: told, verbatim: true }),
        brief: { ...sshd.target({ args: puppets.args('brief') }), timeout: '2s' },
        seven: sh('exit 7'),
        term: sh('kill -TERM $$'),
        segv: sh('kill -SEGV $$'),
        missing: sshd.target({ args: ['no-such-command-anywhere'] }),
        stdin: sh('cat; echo read; tty'),
        big: sh('head -c 20000000 /dev/zero; head -c 5000000 /dev/zero >&2'),
        both: sh('printf "a\\000b"; printf "\\377" >&2'),
        orphan: sh('sleep 300 & exit 3'),
        cmds: sshd.target({ cmds: ['cd /', 'pwd', "echo 'a b'", '(exit 7)', 'echo no'] }),
        on: sshd.target({ cmds: ['X=1', 'false', 'echo "X $X"', '(exit 3)'], stopOnError: false }),
        env: sshd.target({ args: ['env'], env: { GREETING: "it's\ntwo", EMPTY: '' } }),
        several: sshd.target({ args: ['true'], key: [stranger, sshd.key] }),
        locked: sshd.target({ args: ['true'], key: locked, passphraseFile: phrase }),
        stranger: sshd.target({ args: ['true'], key: stranger }),
        nobody: sshd.target({ args: ['true'], port: 1, connectTimeout: '5s' }),
        nowhere: sshd.target({ args: ['true'], host: 'nowhere.invalid', knownHosts: '/dev/null' }),
        unknown: sshd.target({ args: ['true'], knownHosts: '/dev/null' }),
        pinned: sshd.target({ args: ['true'], hostKey: `SHA256:${'A'.repeat(43)}` }),
        jump: sshd.target({ args: ['echo', 'over'], jump: `${sshd.user}@127.0.0.1:${sshd.port}` }),
        local: { runner: { type: 'local', args: ['true'] } },
      },
    });
  });

  after(async () => {
    await rig?.close();
    puppets?.close();
    await sshd?.close();
  });

  const runOf = (target: string) => askRun(rig, target);

  const result = async (target: string) => await (await runOf(target)).ended();

  for (const [target, exit] of [
    ['seven', 7],
    ['term', 143],
    ['segv', 139],
    ['missing', 127],
    ['several', 0],
    ['locked', 0],
  ] as const) {
    test(`target ${target} ends with ${exit}`, async () => {
      const end = await result(target);
      assert.equal(end.exit, exit, end.text);
    });
  }

  test('the signal of a verbatim command is no code', async () => {
    assert.deepEqual((await result('plain')).outcome, {
      kind: 'signalled',
      signal: 15,
      core: false,
    });
  });

  test('stdin is empty and there is no terminal', async () => {
    const end = await result('stdin');
    assert.equal(end.out.toString(), 'read\nnot a tty\n');
    assert.equal(end.exit, 1);
  });

  test('both streams are complete and apart, whatever the bytes', async () => {
    const { out, err } = await result('both');
    assert.deepEqual([out, err], [Buffer.from('a\0b'), Buffer.from([255])]);
  });

  test('megabytes on both streams stall nobody', async () => {
    const end = await result('big');
    assert.equal(end.exit, 0);
    assert.deepEqual([end.out.length, end.err.length], [20_000_000, 5_000_000]);
    const { mode } = statSync(join(rig.state, 'runs', String(end.run), 'out'));
    assert.equal(mode & 0o777, 0o600);
  });

  test('cmds stop at the first that fails, with its status', async () => {
    const end = await result('cmds');
    assert.deepEqual([end.out.toString(), end.exit], ['/\na b\n', 7]);
  });

  test('with stopOnError false all cmds run in one shell', async () => {
    const end = await result('on');
    assert.deepEqual([end.out.toString(), end.exit], ['X 1\n', 3]);
  });

  test('variables arrive whole, and by stdin, so that ps shows none of them', async () => {
    const end = await result('env');
    assert.equal(end.exit, 0, end.text);
    assert.match(end.out.toString(), /^GREETING=it's\ntwo$/m);
    assert.match(end.out.toString(), /^EMPTY=$/m);
  });

  test('a forced command finds the very text of args', async () => {
    const end = await result('told');
    assert.equal(end.out.toString(), "rsync --server '/srv/a b'\n");
  });

  test('a jump host is passed through', async () => {
    assert.equal((await result('jump')).out.toString(), 'over\n');
  });

  for (const [target, phase, words] of [
    ['stranger', 'auth', /refused user .*; offered: key .*stranger \(SHA256:/],
    ['nobody', 'connect', /^could not connect: 127\.0\.0\.1 port 1: .*ECONNREFUSED/],
    ['nowhere', 'connect', /nowhere\.invalid/],
    [
      'unknown',
      'hostkey',
      /host key of \[127\.0\.0\.1\]:\d+ \(ssh-ed25519 SHA256:.*ssh-keyscan -p/,
    ],
    ['pinned', 'hostkey', /offered ssh-ed25519 SHA256:\S+, but "hostKey" is SHA256:AAA/],
  ] as const) {
    test(`target ${target} ends with 255 in phase ${phase} and says why in one line`, async () => {
      const end = await result(target);
      assert.equal(end.exit, 255);
      assert.ok(end.outcome.kind === 'unreachable' && end.outcome.phase === phase, end.text);
      assert.match(end.text, words);
      assert.ok(!end.text.includes('\n') && end.tell);
    });
  }

  test('a changed key is refused with file, line and both fingerprints', async () => {
    const line = `[127.0.0.1]:${sshd.port} ${await Promise.resolve(otherKey(sshd))}`;
    sshd.know(`# comment\n${line}`);
    const end = await result('seven');
    sshd.know();
    assert.equal(end.exit, 255);
    assert.match(
      end.text,
      /CHANGED: \S+known_hosts:2 has ssh-ed25519 SHA256:\S+, the server offered/,
    );
    assert.match(end.text, /ssh-keygen -f \S+ -R '\[127\.0\.0\.1\]:\d+'/);
  });

  test('a revoked key is refused though it is known', async () => {
    const known = `[127.0.0.1]:${sshd.port} ${sshd.hostKey()}`;
    sshd.know(`${known}\n@revoked ${known}`);
    const end = await result('seven');
    sshd.know();
    assert.match(end.text, /is revoked by \S+known_hosts:2; ask /);
  });

  test('of several host keys the known type is asked for', async () => {
    for (const type of ['rsa', 'ecdsa']) {
      sshd.know(`[127.0.0.1]:${sshd.port} ${sshd.hostKey(type)}`);
      assert.equal((await result('seven')).exit, 7, type);
    }
    sshd.know();
  });

  test('cancel ends the whole remote group though its stdin is finished', async () => {
    const { session, run, ended } = await runOf('puppet');
    const puppet = await puppets.next();
    await puppet.tell(`sh ${puppets.args('child').join(' ')} >/dev/null 2>&1 &`);
    const child = await puppets.next();
    await session.ask({ type: 'cancel', of: run }, 'done');
    const end = await ended();
    assert.equal(end.exit, 143);
    assert.equal(`${end.err}`, '');
    await Promise.all([puppet.gone(), child.gone()]);
  });

  test('a remote command that ignores TERM is killed after the grace', async () => {
    const { session, run, ended } = await runOf('puppet');
    const puppet = await puppets.next();
    await puppet.tell('trap TERM ignore');
    await session.ask({ type: 'cancel', of: run }, 'done');
    assert.deepEqual((await ended()).outcome, { kind: 'cancelled', signal: 9 });
    await puppet.gone();
  });

  test('a verbatim command is signalled by the protocol though its stdin is finished', async () => {
    const before = sshd.signalsRefused;
    const { session, run, ended } = await runOf('deaf');
    const puppet = await puppets.next();
    await session.ask({ type: 'cancel', of: run }, 'done');
    const end = await ended();
    puppet.exit(0);
    // sshd signals nothing in a session of root's, but logs that it was asked to.
    if (process.getuid?.() !== 0) return assert.equal(end.outcome.kind, 'cancelled');
    assert.equal(end.outcome.kind, 'lost');
    assert.equal(sshd.signalsRefused - before, 2);
  });

  test('what outlives a cancelled script in its group is killed after the grace', async () => {
    const { session, run, ended } = await runOf('script');
    const puppet = await puppets.next();
    await puppet.tell('trap TERM ignore');
    await session.ask({ type: 'cancel', of: run }, 'done');
    assert.equal((await ended()).exit, 143);
    await puppet.gone();
  });

  test('a timeout ends the remote command with 124', async () => {
    const { puppet, ended } = await askBegun(rig, puppets, 'brief');
    assert.equal((await ended).exit, 124);
    await puppet.gone();
  });

  test('a forced command that no signal reaches is reported as lost, not as ended', async () => {
    const { session, run, ended } = await runOf('forced');
    const puppet = await puppets.next();
    await session.ask({ type: 'cancel', of: run }, 'done');
    const end = await ended();
    assert.equal(end.exit, 255);
    assert.match(
      end.text,
      /is lost: .* forced command.*the remote command may still be running; check on that machine/,
    );
    puppet.exit(0);
  });

  test('killOnDisconnect keeps statuses and streams, and ends by a cancel', async () => {
    const first = await runOf('guarded');
    const puppet = await puppets.next();
    await puppet.print('out', 'one');
    await puppet.print('err', 'two');
    puppet.exit(9);
    const end = await first.ended();
    assert.deepEqual([end.exit, `${end.out}`, `${end.err}`], [9, 'one', 'two']);
    const second = await runOf('guarded');
    const other = await puppets.next();
    await second.session.ask({ type: 'cancel', of: second.run }, 'done');
    assert.equal((await second.ended()).exit, 143);
    await other.gone();
  });

  test('a connection that breaks in the middle is lost with 255', async () => {
    const { ended } = await runOf('puppet');
    const puppet = await puppets.next();
    process.kill(sessionOf(puppet.pid), 'SIGKILL');
    const end = await ended();
    assert.equal(end.outcome.kind, 'lost');
    assert.equal(end.exit, 255);
    assert.match(
      end.text,
      /connection to .* broke .*; the remote command may still be running; check on that machine/,
    );
    puppet.exit(0);
  });

  test('killOnDisconnect ends the remote side when the connection breaks', async () => {
    const { ended } = await runOf('guarded');
    const puppet = await puppets.next();
    process.kill(sessionOf(puppet.pid), 'SIGKILL');
    assert.equal((await ended()).exit, 255);
    await puppet.gone();
  });

  test('what a command left behind does not hold up its end', async () => {
    const begin = performance.now();
    assert.equal((await result('orphan')).exit, 3);
    assert.ok(performance.now() - begin < 20_000);
  });

  test('the connection breaks for the daemon only: a killed daemon loses none of 20 runs', async () => {
    const runs = await Promise.all(Array.from({ length: 20 }, () => runOf('puppet')));
    const early = Promise.race(runs.map(({ ended }) => ended())).then(({ text }) =>
      assert.fail(`a run ended before its time: ${text}`),
    );
    early.catch(() => {}); // the connections of runs that did not end so break with the daemon
    const all = await Promise.race([Promise.all(runs.map(() => puppets.next())), early]);
    await Promise.all(all.map((puppet, at) => puppet.print('out', `before ${at}\n`)));
    await rig.end('SIGKILL');
    await Promise.all(all.slice(0, 10).map((puppet) => puppet.print('out', 'alone\n')));
    for (const puppet of all.slice(0, 10)) puppet.exit(5);
    await Promise.all(all.slice(0, 10).map((puppet) => puppet.gone()));
    await rig.boot();
    for (const puppet of all.slice(10)) puppet.exit(6);
    const session = await rig.open();
    const ends = await Promise.all(
      runs.map(({ run }) => session.ask({ type: 'wait', run }, 'ended')),
    );
    assert.deepEqual(ends.map((end) => end.exit).sort(), [
      ...Array(10).fill(5),
      ...Array(10).fill(6),
    ]);
    assert.equal(puppets.unasked, 0);
    session.close();
  });

  test('a restarted daemon can cancel what another one started', async () => {
    const { run } = await runOf('puppet');
    const puppet = await puppets.next();
    await rig.end('SIGKILL');
    await rig.boot();
    const session = await rig.open();
    await session.ask({ type: 'cancel', of: run }, 'done');
    assert.equal((await session.ask({ type: 'wait', run }, 'ended')).exit, 143);
    await puppet.gone();
    session.close();
  });

  test('a killed SSH keeper makes its runs lost, and the next run gets a new one', async () => {
    const { session, run, ended } = await runOf('puppet');
    const puppet = await puppets.next();
    const status = await session.ask({ type: 'status' }, 'status');
    const pid = status.targets.flatMap((it) => it.active).find((it) => it.run === run)?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    assert.deepEqual((await ended()).outcome, { kind: 'lost' });
    puppet.exit(0);
    assert.equal((await result('seven')).exit, 7);
  });

  test('probe says what it saw and runs nothing', async () => {
    const good = await rig.baton('probe', 'puppet');
    assert.equal(good.status, 0, good.errors);
    assert.match(good.text, /^connected to 127\.0\.0\.1 port \d+ \(SSH-2\.0-OpenSSH/);
    assert.match(good.text, /host key ssh-ed25519 SHA256:\S+, known by \S+known_hosts:1\n/);
    assert.match(good.text, /authenticated as \S+ with key \S+ \(SHA256:/);
    const bad = await rig.baton('probe', 'stranger');
    assert.equal(bad.status, 255);
    assert.match(bad.text, /could not authenticate/);
    const none = await rig.baton('probe', 'local');
    assert.equal(none.status, 64);
    assert.equal(puppets.unasked, 0);
  });

  test('no secret reaches journal, log or arguments', async () => {
    await result('locked');
    await result('env');
    const places = [
      readFileSync(join(rig.state, 'journal.ndjson'), 'utf8'),
      readFileSync(join(rig.state, 'ssh.log'), 'utf8'),
      JSON.stringify(rig.log),
      JSON.stringify(await rig.status()),
    ];
    for (const text of places) assert.doesNotMatch(text, /sesame|it's/);
  });
});

/** A valid key of another machine. */
function otherKey(sshd: Sshd): string {
  const other = sshd.keygen(`other${process.hrtime.bigint()}`);
  return readFileSync(`${other}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
}
