/** One handshake in this same process: its limits, and what it reports about whom. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { SshSession } from '../../daemon/core/plan.ts';
import { connect, type SharedParts } from '../../runners/ssh/connect.ts';
import { HandshakeLimiter } from '../../runners/ssh/handshake-limiter.ts';
import { KeyRing } from '../../runners/ssh/private-key.ts';
import { Router } from '../../runners/ssh/route.ts';
import { withFew } from '../support/descriptors.ts';
import { addKey, SSHD_NEEDS, Sshd, startAgent } from '../support/sshd.ts';
import { skipWithout, whyWithout } from '../support/tools.ts';

const NEVER = new AbortController().signal;

test('a silent server is given up after connectTimeout, though garbage is collected', async (t) => {
  const port = await listen(t, createServer());
  const session = sessionTo(port, { connectTimeoutMs: 300 });
  const tried = connect(session, shared(), NEVER);
  const linked = await Promise.race([tried, collectForSeconds(10)]);
  assert.ok(linked !== undefined, 'the limit was collected with the garbage');
  assert.ok(!linked.ok && linked.isPassing);
  assert.match(linked.failure.message, /^no answer from 127\.0\.0\.1 port \d+ within 300 ms; /);
});

describe('what a key can do', { skip: whyWithout(...SSHD_NEEDS) }, () => {
  let sshd: Sshd;

  before(async () => {
    sshd = await Sshd.start(['PubkeyAcceptedAlgorithms rsa-sha2-512,ssh-ed25519']);
  });

  after(() => sshd?.close());

  const at = (keys: readonly string[], more: Partial<SshSession> = {}) =>
    connectOnce({ ...sessionTo(sshd.port, more), ...place(), keys });
  const place = () => ({ user: sshd.user, knownHosts: sshd.knownHosts });

  function keyFile(name: string, ...options: readonly string[]): string {
    const path = join(sshd.directory, name);
    execFileSync('ssh-keygen', ['-q', '-f', path, ...options]);
    sshd.authorize(path);
    return path;
  }

  test('an RSA key is let in where only rsa-sha2-512 is accepted', async () => {
    assert.equal(await at([keyFile('rsa', '-t', 'rsa', '-N', '')]), 'connected');
  });

  test('an RSA key of an agent is let in there too, beside others', async (t) => {
    const agent = await startAgent(t, join(sshd.directory, 'rsa-agent'));
    const other = join(sshd.directory, 'unknown');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', other]);
    for (const key of [other, keyFile('held', '-t', 'rsa', '-N', '')]) addKey(agent, key);
    assert.equal(await at([], { agent }), 'connected');
    const unknown = join(sshd.directory, 'unknown-rsa');
    execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-N', '', '-f', unknown]);
    execFileSync('ssh-add', ['-q', '-D'], { env: { SSH_AUTH_SOCK: agent }, stdio: 'ignore' });
    addKey(agent, unknown);
    assert.match(await at([], { agent }), / refused user \S+; offered: the agent at \S+rsa-agent$/);
  });

  test('an Ed25519 key in PKCS#8 is as good as one in the format of OpenSSH', async () => {
    const path = join(sshd.directory, 'pkcs8');
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const text = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(path, text, { mode: 0o600 });
    const { x = '' } = publicKey.export({ format: 'jwk' });
    const head = Buffer.from('0000000b7373682d6564323535313900000020', 'hex');
    const blob = Buffer.concat([head, Buffer.from(x, 'base64url')]).toString('base64');
    writeFileSync(`${path}.pub`, `ssh-ed25519 ${blob}\n`);
    sshd.authorize(path);
    assert.equal(await at([path]), 'connected');
  });

  test('a cipher that ssh2 cannot open is named, and the passphrase is not blamed', () => {
    const cipher = ['-Z', 'chacha20-poly1305@openssh.com'];
    const path = keyFile('chacha', '-t', 'ed25519', '-N', 'sesame', ...cipher);
    const found = new KeyRing().read(path, join(sshd.directory, 'none'));
    assert.match(
      String(found),
      /encrypted with chacha20-poly1305, .*run ssh-keygen -p -Z aes256-ctr/,
    );
    execFileSync('ssh-keygen', [
      '-q',
      '-p',
      '-Z',
      'aes256-ctr',
      '-P',
      'sesame',
      '-N',
      '',
      '-f',
      path,
    ]);
    assert.notEqual(typeof new KeyRing().read(path), 'string', 'the advice works');
  });

  test('a dead agent is blamed, not the server', async () => {
    const agent = join(sshd.directory, 'no-agent');
    assert.match(
      await at([], { agent }),
      /^the agent at \S+no-agent cannot be used \(cannot connect to it: ENOENT\)/,
    );
    assert.equal(await at([sshd.key], { agent }), 'connected');
  });

  test('a lack of descriptors is none of key, known_hosts, agent or server', async (t) => {
    if (skipWithout(t, 'prlimit')) return;
    const agent = await startAgent(t, join(sshd.directory, 'scarce-agent'));
    addKey(agent, sshd.key);
    for (const session of [{ keys: [sshd.key] }, { keys: [], agent }]) {
      const seen = await withFew(12, async () => {
        const linked = await connect(
          { ...sessionTo(sshd.port, place()), ...session },
          shared(),
          NEVER,
        );
        if (!linked.ok) return linked.shortage ?? linked.failure.message;
        linked.link.close();
        await once(linked.link.client, 'close');
        return 'connected';
      });
      assert.deepEqual([...new Set(seen)], ['EMFILE', 'connected'], JSON.stringify(session));
    }
  });

  test('an agent that never answers is blamed, not the server', async (t) => {
    const agent = join(sshd.directory, 'mute-agent');
    const server = createServer((socket) => t.after(() => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(agent, resolve));
    t.after(() => server.close());
    const said = await at([], { agent, connectTimeoutMs: 2_000 });
    assert.match(said, /^the agent at \S+mute-agent did not answer within 2\.0 s; /);
  });

  test('a pinned key of another kind is said to be possible', async () => {
    const said = await at([sshd.key], { hostKey: `SHA256:${'A'.repeat(43)}` });
    assert.match(said, /"hostKey" is SHA256:A+, which may be its key of another type; compare/);
  });
});

async function connectOnce(session: SshSession): Promise<string> {
  const linked = await connect(session, shared(), NEVER);
  if (!linked.ok) return linked.failure.message;
  linked.link.close();
  return 'connected';
}

/** Like the garbage collector of a busy process: again and again. */
async function collectForSeconds(seconds: number): Promise<undefined> {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let times = 0; times < seconds * 50; times++) {
    collect();
    await delay(20, undefined, { ref: false });
  }
  return undefined;
}

function shared(): SharedParts {
  return { limiter: new HandshakeLimiter(), router: new Router(), keys: new KeyRing() };
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
