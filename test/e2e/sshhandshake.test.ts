/** One handshake in this very process: its limits, and what it says of whom. */
import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SshSession } from '../../runners/runner.ts';
import { Gates } from '../../runners/ssh/gate.ts';
import { connect, type Desk } from '../../runners/ssh/link.ts';
import { KeyRing } from '../../runners/ssh/privatekey.ts';
import { Router } from '../../runners/ssh/route.ts';

const NEVER = new AbortController().signal;

test('a silent server is given up after connectTimeout, though garbage is collected', async (t) => {
  const port = await listen(t, createServer());
  const session = sessionTo(port, { connectTimeoutMs: 300 });
  const tried = connect(session, desk(), NEVER);
  const linked = await Promise.race([tried, collectForSeconds(10)]);
  assert.ok(linked !== undefined, 'the limit was collected with the garbage');
  assert.ok(!linked.ok && linked.isPassing);
  assert.match(linked.failure.message, /^no answer from 127\.0\.0\.1 port \d+ within 300 ms; /);
});

/** As the garbage collector of a busy process does: again and again. */
async function collectForSeconds(seconds: number): Promise<undefined> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let times = 0; times < seconds * 50; times++) {
    collect();
    await delay(20, undefined, { ref: false });
  }
  return undefined;
}

function desk(): Desk {
  return { gates: new Gates(), router: new Router(), keys: new KeyRing() };
}

function sessionTo(port: number, more: Partial<SshSession>): SshSession {
  return {
    ...{ host: '127.0.0.1', port, user: 'nobody', keys: [], sshConfig: 'no', hostKey: 'strict' },
    ...{ connectTimeoutMs: 20_000, keepaliveMs: 15_000, killOnDisconnect: false, retries: 0 },
    ...{ verbatim: false, command: 'true', shell: 'exec', env: {} },
    ...more,
  };
}

async function listen(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.on('connection', (socket) => t.after(() => socket.destroy()));
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
