/** Commands of the administrator and hosts, as conditions of a run. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { keyOf, type SlowCondition } from '../../../daemon/core/world.ts';
import { machine } from '../../../daemon/system/machine.ts';
import { skipWithout } from '../../support/tools.ts';

const timeoutMs = 10_000;

function check(condition: SlowCondition) {
  return new Promise<{ readonly holds: boolean; readonly text: string }>((resolve) => {
    machine.check(condition, resolve);
  });
}

function command(...args: [string, ...string[]]): SlowCondition {
  return { kind: 'command', args, timeoutMs };
}

test('a command holds if it exits with 0; otherwise its status is told', async () => {
  const sh = (script: string) => check(command('/bin/sh', '-c', script));
  assert.deepEqual(await sh('exit 0'), { holds: true, text: 'the command /bin/sh exited with 0' });
  assert.deepEqual(await sh('exit 3'), { holds: false, text: 'the command /bin/sh exited with 3' });
  assert.equal(
    (await check(command('/no/such/program'))).text,
    'the command /no/such/program exited with 127',
  );
  assert.equal((await sh('kill -9 $$')).holds, false);
});

test('no shell reads its words, and nothing of the daemon is in its environment', async () => {
  const words = ['/usr/bin/test', '$HOME;*', '=', '$HOME;*'] as const;
  assert.equal((await check(command(...words))).holds, true);
  process.env['BATON_SECRET'] = 'x';
  const script = 'test -z "$BATON_SECRET" && test "$PWD" = / && test -n "$HOME"';
  assert.equal((await check(command('/bin/sh', '-c', script))).holds, true);
  delete process.env['BATON_SECRET'];
});

test('a command runs as the user that is named; one that is not there is told', async (t) => {
  const unknown = { ...command('/bin/true'), user: 'no-such-user-here' } as SlowCondition;
  assert.deepEqual(await check(unknown), {
    holds: false,
    text: 'the command /bin/true cannot be checked (no user no-such-user-here)',
  });
  if (skipWithout(t, 'root', 'setpriv')) return;
  const script = 'test "$(id -un)" = nobody && test "$USER" = nobody';
  const asNobody = { ...command('/bin/sh', '-c', script), user: 'nobody' } as SlowCondition;
  assert.equal((await check(asNobody)).holds, true);
});

test('a command that is ended takes all with it, and is heard of', async () => {
  const answer = await new Promise<{ readonly holds: boolean }>((resolve) => {
    const end = machine.check(command('/bin/sh', '-c', 'sleep 1000 & wait'), resolve);
    setImmediate(end);
  });
  assert.equal(answer.holds, false);
});

const hostAt = (host: string, port: number) => check({ kind: 'host', host, port, timeoutMs });

test('a host answers on a port or not', async () => {
  const { port, close } = await listening();
  const text = `127.0.0.1 answers on port ${port}`;
  assert.deepEqual(await hostAt('127.0.0.1', port), { holds: true, text });
  await close();
  assert.deepEqual(await hostAt('127.0.0.1', port), {
    holds: false,
    text: `127.0.0.1 does not answer on port ${port} (ECONNREFUSED)`,
  });
});

test('a host is found by its name; one without an address is told', async (t) => {
  const unknown = await hostAt('a b', 1);
  assert.deepEqual(unknown, { holds: false, text: 'host a b cannot be resolved' });
  if (skipWithout(t, 'localhost')) return;
  const { port, close } = await listening();
  const text = `localhost answers on port ${port}`;
  assert.deepEqual(await hostAt('localhost', port), { holds: true, text });
  await close();
});

async function listening() {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, close: () => new Promise((resolve) => server.close(resolve)) };
}

test('load and pressure are read from the kernel', () => {
  const look = (below: number) => {
    const load = { kind: 'load', below } as const;
    const io = { kind: 'pressure', of: 'io', below } as const;
    const found = machine.look([load, io]);
    return [found.get(keyOf(load)), found.get(keyOf(io))];
  };
  const [load, io] = look(1e9);
  assert.ok(load !== undefined && io !== undefined);
  assert.match(load.text, /^the load is \d+\.\d\d$/);
  assert.equal(load.holds, true);
  assert.match(io.text, /^the io pressure (is \d+\.\d\d%$|of the machine cannot be checked)/);
  const [high] = look(-1);
  assert.match(high?.text ?? '', /^the load is \d+\.\d\d, not below -1$/);
});
