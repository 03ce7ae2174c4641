/** The SSH keeper beside the usual way: keys that an agent holds, and a keeper that is replaced. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { NO_SSHD, Sshd } from '../support/sshd.ts';

const KEEPER = join(import.meta.dirname, '../../runners/ssh/keeper.js');

test('keys come from an agent, named by the target or by the environment', {
  skip: NO_SSHD,
}, async (t) => {
  const sshd = await Sshd.start();
  t.after(() => sshd.close());
  const socket = join(sshd.directory, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => agent.kill());
  await once(createInterface(agent.stdout), 'line');
  execFileSync('ssh-add', ['-q', sshd.key], { env: { SSH_AUTH_SOCK: socket } });
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
  assert.match(wrong.errors, /could not authenticate: .*offered: the agent at \S+-of-nobody/);
});

test('a keeper that is told to retire gives its name back and serves its runs to the end', {
  skip: NO_SSHD,
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
  const state = mkdtempSync(join(tmpdir(), 'keeper-'));
  t.after(() => rmSync(state, { recursive: true }));
  const keeper = spawn(process.execPath, [KEEPER, state], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const ended = once(keeper, 'exit');
  const ready = keeper.stdio[3];
  assert.ok(ready instanceof net.Socket);
  await once(ready.resume(), 'close');
  const daemon = net.connect(join(state, 'ssh.sock'));
  await once(daemon, 'data');
  daemon.destroy();
  assert.deepEqual(await ended, [0, null]);
  assert.equal(existsSync(join(state, 'ssh.sock')), false);
});

async function vanished(path: string): Promise<void> {
  while (existsSync(path)) await new Promise((resolve) => setTimeout(resolve, 10));
}
