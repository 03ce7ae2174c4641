/**
 * A test file that never ends, for leftovers.test.ts: with a daemon, a run, and a daemon that holds
 * the runner's stderr. It sends its pid, its temporary directory and what it has started to
 * $STUCK_SOCKET.
 */
import { spawn } from 'node:child_process';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { BATOND, Rig } from './rig.ts';

test('this never ends', async () => {
  const long = { runner: { type: 'local', args: ['/bin/sh', '-c', 'echo $$; exec sleep 1000'] } };
  const rig = await Rig.start({ targets: { long } });
  const session = await rig.open();
  const id = session.send({ type: 'run', target: 'long', wait: true });
  const { data } = await session.reply('output', id);
  const other = new Rig();
  other.configure({ targets: {} });
  const places = ['--config', other.configFile, '--socket', other.socket, '--state', other.state];
  const daemon = spawn(process.execPath, [BATOND, ...places], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => daemon.stdout.once('data', resolve));
  const started = [rig.daemon?.pid, daemon.pid, Number(data)];
  const line = JSON.stringify({ pid: process.pid, directory: tmpdir(), started });
  net.connect(process.env['STUCK_SOCKET'] ?? '').write(`${line}\n`);
  await new Promise(() => {});
});
