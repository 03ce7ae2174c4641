/**
 * `via: "openssh"`: the system's own ssh, whose remote command is ended there and not only here.
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { askBegun, askRun } from '../support/askedrun.ts';
import { leaveFree } from '../support/descriptors.ts';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { SSHD_NEEDS, Sshd, sessionOf } from '../support/sshd.ts';
import { skipWithout, whyWithout } from '../support/tools.ts';

describe('via openssh', { skip: whyWithout(...SSHD_NEEDS, 'ssh') }, () => {
  let sshd: Sshd;
  let puppets: Puppets;
  let rig: Rig;
  const silent = createServer(() => {});
  const deaf = createServer((socket) => socket.unref());

  before(async () => {
    sshd = await Sshd.start();
    puppets = await Puppets.open();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const mute = typeof address === 'object' && address !== null ? address.port : 0;
    const forced = sshd.keygen('forced');
    sshd.authorize(forced, `command="${puppets.args('forced').join(' ')}"`);
    const config = configure(sshd);
    const deafAgent = join(sshd.directory, 'deaf-agent');
    await new Promise<void>((resolve) => deaf.listen(deafAgent, resolve));
    const nothing = join(sshd.directory, 'nothing');
    writeFileSync(nothing, '');
    const at = (more: object) => {
      const { retry: _, ...runner } = sshd.target({ via: 'openssh', ...more }).runner;
      return { runner };
    };
    const alias = (host: string) => ({ runner: { type: 'ssh', via: 'openssh', host } });
    const args = puppets.args('puppet');
    const one = { policies: [{ type: 'cardinality', instances: 1 }], killAfter: '30s' };
    rig = new Rig();
    rig.configure({
      targets: {
        puppet: { ...at({ args }), ...one },
        short: { ...at({ args }), killAfter: '200ms' },
        brief: { ...at({ args }), timeout: '2s' },
        shared: { runner: { ...alias('shared').runner, args }, ...one },
        forced: { ...at({ args: ['x'], key: forced }), killAfter: '100ms' },
        verbatim: { ...at({ args: ['x'], key: forced, verbatim: true }), killAfter: '100ms' },
        odd: { runner: { ...alias('odd').runner, args: ['echo', 'said'] } },
        guarded: at({ args, killOnDisconnect: true }),
        env: at({ args: ['env'], env: { GREETING: "it's\ntwo" } }),
        nine: at({ args: ['sh', '-c', 'echo out; echo err >&2; exit 9'] }),
        own: at({ args: ['sh', '-c', 'exit 255'] }),
        term: at({ args: ['sh', '-c', 'kill -TERM $$'] }),
        big: at({ args: ['sh', '-c', 'head -c 9000000 /dev/zero | tee /dev/stderr'] }),
        stranger: at({ args: ['true'], key: sshd.keygen('stranger') }),
        unknown: at({ args: ['true'], knownHosts: nothing }),
        nobody: at({ args: ['true'], port: 1 }),
        deaf: at({ args: ['true'], agent: deafAgent, connectTimeout: '500ms' }),
        deafer: at({ args: ['true'], agent: deafAgent, connectTimeout: '10m' }),
        mute: at({ args: ['true'], port: mute, connectTimeout: '2s' }),
      },
    });
    await rig.boot([], { PATH: `${config}:${process.env['PATH']}` });
  });

  after(async () => {
    await rig?.close();
    puppets?.close();
    silent.close();
    deaf.close();
    await sshd?.close();
  });

  const runOf = (target: string) => askRun(rig, target);

  const result = async (target: string) => await (await runOf(target)).ended();

  for (const target of ['puppet', 'shared']) {
    test(`${target}: cancel ends the remote group, and only then is its place free`, async () => {
      const first = await runOf(target);
      const puppet = await puppets.next();
      const child = await puppets.childOf(puppet);
      const second = await runOf(target);
      await first.cancel();
      const end = await first.ended();
      assert.deepEqual([end.exit, `${end.err}`], [143, '']);
      await Promise.all([puppet.gone(), child.gone()]);
      (await puppets.next()).exit(0);
      assert.equal((await second.ended()).exit, 0);
    });
  }

  test('what ignores TERM there is killed there after the grace', async () => {
    const { cancel, ended } = await runOf('short');
    const puppet = await puppets.next();
    await puppet.tell('trap TERM ignore');
    await cancel();
    assert.equal((await ended()).exit, 137);
    await puppet.gone();
  });

  test('a timeout ends the remote command with 124', async () => {
    const { puppet, ended } = await askBegun(rig, puppets, 'brief');
    assert.equal((await ended).exit, 124);
    await puppet.gone();
  });

  for (const target of ['forced', 'verbatim']) {
    test(`${target}: a command that no signal reaches is lost, not ended`, async () => {
      const { cancel, ended } = await runOf(target);
      const puppet = await puppets.next();
      await cancel();
      const end = await ended();
      assert.equal(end.outcome.kind, 'lost');
      assert.match(
        end.text,
        /forced command.*the remote command may still be running; check on that machine/,
      );
      puppet.exit(0);
    });
  }

  test('a forced command has its own status', async () => {
    const { ended } = await runOf('verbatim');
    (await puppets.next()).exit(4);
    assert.equal((await ended()).exit, 4);
  });

  test('a connection that breaks is lost, and its command ends where the target says so', async () => {
    for (const [target, ends] of [
      ['short', false],
      ['guarded', true],
    ] as const) {
      const { ended } = await runOf(target);
      const puppet = await puppets.next();
      process.kill(sessionOf(puppet.pid), 'SIGKILL');
      const end = await ended();
      assert.equal(end.outcome.kind, 'lost', end.text);
      assert.match(
        end.text,
        /broke \(.*\); the remote command may still be running; check on that machine/,
      );
      if (!ends) puppet.exit(0);
      await puppet.gone();
    }
  });

  for (const [target, exit] of [
    ['nine', 9],
    ['own', 255],
    ['term', 143],
  ] as const) {
    test(`target ${target} ends with its own ${exit}, and the mark is in no output`, async () => {
      const end = await result(target);
      const expected = target === 'nine' ? ['out\n', 'err\n'] : ['', ''];
      assert.deepEqual(end.outcome, { kind: 'exited', code: exit });
      assert.deepEqual([`${end.out}`, `${end.err}`], expected);
    });
  }

  test('megabytes on both streams are complete', async () => {
    const end = await result('big');
    assert.deepEqual([end.out.length, end.err.length], [9_000_000, 9_000_000]);
  });

  test('variables arrive whole', async () => {
    assert.match(`${(await result('env')).out}`, /^GREETING=it's\ntwo$/m);
  });

  test('what ~/.ssh/config has for people at a terminal does not count', async () => {
    const end = await result('odd');
    assert.deepEqual([end.exit, `${end.out}`], [0, 'said\n'], end.text);
  });

  for (const [target, phase, words] of [
    ['stranger', 'auth', /Permission denied \(publickey/],
    ['unknown', 'hostkey', /Host key verification failed/],
    ['nobody', 'connect', /port 1: Connection refused/],
    ['mute', 'connect', /timed out/],
  ] as const) {
    test(`target ${target} ends in phase ${phase} with the words of ssh`, async () => {
      const end = await result(target);
      assert.ok(end.outcome.kind === 'unreachable' && end.outcome.phase === phase, end.text);
      assert.match(end.text, words);
      assert.equal(end.exit, 255);
    });
  }

  for (const target of ['puppet', 'forced', 'shared']) {
    test(`a probe of ${target} says with the words of ssh that it is in, and runs nothing`, async () => {
      const { status, text, errors } = await rig.baton('probe', target);
      assert.equal(status, 0, `${text}${errors}`);
      assert.match(text, /^Connecting to 127\.0\.0\.1 /m);
      assert.match(text, /^Server host key: ssh-ed25519 SHA256:/m);
      assert.match(text, /^Authenticated to 127\.0\.0\.1 .* using "publickey"\.$/m);
      assert.doesNotMatch(text, /debug1|# baton/);
      assert.equal(puppets.unasked, 0);
    });
  }

  for (const [target, words] of [
    ['stranger', /^could not authenticate: ssh to 127\.0\.0\.1 reports: .*Permission denied/m],
    ['unknown', /host key.*: ssh to 127\.0\.0\.1 reports: Host key verification failed/m],
    ['nobody', /: ssh to 127\.0\.0\.1 reports: .*port 1: Connection refused/m],
    ['mute', /: ssh to 127\.0\.0\.1 .*timed out/m],
  ] as const) {
    test(`a probe of ${target} ends with 255 and says why`, async () => {
      const { status, text } = await rig.baton('probe', target);
      assert.equal(status, 255, text);
      assert.match(text, words);
    });
  }

  test('a lack of descriptors is waited out, and the run ends with its own status', async (t) => {
    if (skipWithout(t, 'prlimit')) return;
    const first = await runOf('short');
    const puppet = await puppets.next();
    const { targets } = await first.session.ask({ type: 'status' }, 'status');
    const pid = targets.flatMap((it) => it.active).find((it) => it.run === first.run)?.pid ?? 0;
    const relax = leaveFree(pid, 4); // two for the output, too few for ssh
    const second = await runOf('nine');
    const line = await rig.logged('start is retried');
    assert.deepEqual([line['run'], line['errno']], [second.run, 'EMFILE']);
    relax();
    assert.equal((await second.ended()).exit, 9);
    puppet.exit(0);
    assert.equal((await first.ended()).exit, 0);
  });

  test('an agent that never answers is given up after connectTimeout, and nothing has run', async () => {
    const { ended } = await runOf('deaf');
    const { exit, outcome, text } = await ended();
    assert.deepEqual([exit, outcome.kind], [255, 'unreachable']);
    assert.match(text, /agent at \S+deaf-agent did not answer within 500 ms; restart it/);
    const waiting = await runOf('deafer');
    await rig.logged('started', 0, (line) => line['run'] === waiting.run);
    await waiting.cancel();
    assert.equal((await waiting.ended()).outcome.kind, 'cancelled');
  });

  test('cancelled while it connects it was never started', async () => {
    const { cancel, ended } = await runOf('mute');
    await cancel();
    assert.deepEqual((await ended()).outcome, { kind: 'cancelled' });
  });
});

/**
 * A directory with an ssh that has its own configuration: ssh reads /etc/passwd's home, not $HOME.
 */
function configure(sshd: Sshd): string {
  const { home, port, user, key, knownHosts, directory } = sshd;
  const place = `HostName 127.0.0.1\nPort ${port}\nUser ${user}\nIdentityFile ${key}\n`;
  const known = `UserKnownHostsFile ${knownHosts}\n`;
  const shared = `ControlMaster auto\nControlPath ${directory}/mux\nControlPersist 20s\n`;
  const odd = 'RemoteCommand id\nStdinNull yes\nForkAfterAuthentication yes\nSessionType none\n';
  writeFileSync(
    join(home, '.ssh/config'),
    `Host shared\n${shared}Host odd\n${odd}Host odd shared\n${place}${known}`,
  );
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F ${home}/.ssh/config "$@"\n`, {
    mode: 0o755,
  });
  return bin;
}
