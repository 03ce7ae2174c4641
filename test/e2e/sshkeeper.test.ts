/** Special cases of the SSH keeper: keys that an agent holds, and a keeper that is replaced. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { addKey, SSHD_NEEDS, Sshd, startAgent } from '../support/sshd.ts';
import { whyWithout } from '../support/tools.ts';

const KEEPER = join(import.meta.dirname, '../../runners/ssh/keeper.cjs');

test('keys come from an agent, named by the target or by the environment', {
  skip: whyWithout(...SSHD_NEEDS),
}, async (t) => {
  const sshd = await Sshd.start();
  t.after(() => sshd.close());
  const socket = await agentOf(t, sshd, 'agent');
  const { runner } = sshd.target({ args: ['true'] });
  const { key: _, ...keyless } = runner;
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({
    targets: {
      named: { runner: { ...keyless, agent: socket } },
      environment: { runner: { ...keyless, agent: true } },
      wrong: { runner: { ...keyless, agent: `${socket}-of-nobody` } },
    },
  });
  await rig.boot([], { SSH_AUTH_SOCK: socket, HOME: sshd.home });
  assert.equal((await rig.baton('run', 'named', '--wait')).status, 0);
  assert.equal((await rig.baton('run', 'environment', '--wait')).status, 0);
  const seen = (await rig.baton('probe', 'named')).text;
  assert.match(seen, new RegExp(`^authenticated as \\S+ with the agent at ${socket}$`, 'm'));
  const wrong = await rig.baton('run', 'wrong', '--wait');
  assert.equal(wrong.status, 255);
  assert.match(wrong.errors, /could not authenticate: the agent at \S+-of-nobody cannot be used/);
});

/** An agent that holds the key of the server's user; its socket. */
async function agentOf(
  t: { after(done: () => unknown): void },
  { directory, key }: Sshd,
  name: string,
): Promise<string> {
  const socket = await startAgent(t, join(directory, name));
  addKey(socket, key);
  return socket;
}

test('the IdentityAgent of ssh_config is asked for keys, but for a target that names its own', {
  skip: whyWithout(...SSHD_NEEDS),
}, async (t) => {
  const sshd = await Sshd.start();
  t.after(() => sshd.close());
  const [named, usual] = [await agentOf(t, sshd, 'a b'), await agentOf(t, sshd, 'usual')];
  const place = `HostName 127.0.0.1\nPort ${sshd.port}\nUser ${sshd.user}\nIdentityFile /nonexistent\n`;
  const agents = { path: `"${named}"`, variable: '$SSH_AUTH_SOCK', none: 'none', wrong: '/nobody' };
  const hosts = Object.entries({ ...agents, usual: 'SSH_AUTH_SOCK' }).map(
    ([name, agent]) => `Host ${name}\nIdentityAgent ${agent}\n`,
  );
  const file = join(sshd.directory, 'ssh_config');
  const known = `UserKnownHostsFile ${sshd.knownHosts}\n`;
  writeFileSync(file, `${hosts.join('')}Host *\n${place}${known}`);
  // ssh(1) reads the configuration of the home in /etc/passwd, whatever $HOME says.
  const bin = join(sshd.directory, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'ssh'), `#!/bin/sh\nexec /usr/bin/ssh -F '${file}' "$@"\n`, {
    mode: 0o755,
  });
  const at = (host: string) => ({ runner: { type: 'ssh', host, args: ['true'] } });
  const targets = Object.fromEntries([...Object.keys(agents), 'usual'].map((it) => [it, at(it)]));
  const own = { runner: { ...at('wrong').runner, agent: named } };
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure({ targets: { ...targets, own } });
  const env = { SSH_AUTH_SOCK: usual, HOME: sshd.home, PATH: `${bin}:${process.env['PATH']}` };
  await rig.boot([], env);
  const asked = async (target: string): Promise<string | undefined> =>
    / with the agent at (.*)$/m.exec((await rig.baton('probe', target)).text)?.[1];
  assert.equal(await asked('path'), named);
  assert.equal(await asked('variable'), usual);
  assert.equal(await asked('usual'), usual);
  assert.equal(await asked('own'), named);
  assert.equal((await rig.baton('run', 'path', '--wait')).status, 0);
  for (const target of ['none', 'wrong']) {
    const { status, errors } = await rig.baton('run', target, '--wait');
    assert.equal(status, 255, errors);
    assert.match(errors, /could not authenticate: /);
    assert.equal(errors.includes(usual), false, 'no other agent is asked instead');
  }
});

test('a keeper that is told to retire gives its name back and serves its runs to the end', {
  skip: whyWithout(...SSHD_NEEDS),
}, async (t) => {
  const sshd = await Sshd.start();
  t.after(() => sshd.close());
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const rig = await Rig.start({
    targets: {
      puppet: sshd.target({ args: puppets.args('puppet') }),
      seven: sshd.target({ args: ['sh', '-c', 'exit 7'] }),
    },
  });
  t.after(() => rig.close());
  const old = rig.client(['run', 'puppet', '--wait']);
  const puppet = await puppets.next();
  await rig.end('SIGKILL');
  const daemon = net.connect(join(rig.state, 'ssh.sock'));
  daemon.write('{"type":"retire"}\n');
  await once(
    daemon.resume().on('error', () => {}),
    'data',
  );
  await vanished(join(rig.state, 'ssh.sock'));
  daemon.destroy();
  await rig.boot();
  assert.equal((await rig.baton('run', 'seven', '--wait')).status, 7);
  puppet.exit(5);
  assert.equal((await old.ended).status, 5);
});

test('a keeper that nobody asks for anything leaves, and takes its socket along', async (t) => {
  const { state, daemon, ended } = await startKeeper(t);
  await once(daemon, 'data');
  daemon.destroy();
  assert.deepEqual((await ended).status, [0, null]);
  assert.equal(existsSync(join(state, 'ssh.sock')), false);
});

test('a keeper that probes many hosts for one daemon at once warns of nothing', async (t) => {
  const { daemon, ended } = await startKeeper(t);
  const session = {
    ...{ host: '127.0.0.1', port: 1, keys: [], sshConfig: 'no', hostKey: 'strict' },
    ...{ connectTimeoutMs: 30_000, keepaliveMs: 0, killOnDisconnect: false, retries: 0 },
    ...{ verbatim: false, command: '', shell: 'exec', env: {} },
  };
  const ids = Array.from({ length: 20 }, (_, at) => String(at));
  daemon.write(ids.map((id) => `${JSON.stringify({ type: 'probe', id, session })}\n`).join(''));
  const answered = new Set<string>();
  for await (const line of createInterface(daemon)) {
    const message = JSON.parse(line);
    if (message.type !== 'probed') continue;
    assert.match(message.failure.message, /ECONNREFUSED/);
    answered.add(message.id);
    if (answered.size === ids.length) break;
  }
  assert.deepEqual([...answered].sort(), ids.sort());
  daemon.destroy();
  assert.deepEqual(await ended, { status: [0, null], errors: '' });
});

/** A keeper that no daemon of baton has started, and a connection to it. */
async function startKeeper(t: TestContext) {
  const state = mkdtempSync(join(tmpdir(), 'keeper-'));
  t.after(() => rmSync(state, { recursive: true }));
  const keeper = spawn(process.execPath, [KEEPER, state], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  keeper.stderr?.on('data', (chunk: Buffer) => {
    errors += String(chunk);
  });
  const ended = once(keeper, 'close').then((status) => ({ status, errors }));
  const ready = keeper.stdio[3];
  assert.ok(ready instanceof net.Socket);
  await once(ready.resume(), 'close');
  return { state, ended, daemon: net.connect(join(state, 'ssh.sock')) };
}

async function vanished(path: string): Promise<void> {
  while (existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 10));
}
