/** Machines that misbehave: silent, cut off, lying. And many at once, with sshd's own limits. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import { Puppets } from '../support/puppet.ts';
import { Rig } from '../support/rig.ts';
import { SSHD_NEEDS, Sshd } from '../support/sshd.ts';
import { whyWithout } from '../support/tools.ts';

const FIFTY = 50;
/** Twice the budget of the benchmark. */
const FIFTY_PSS_MB_MAX = 120;

describe('ssh peers', { skip: whyWithout(...SSHD_NEEDS) }, () => {
  let sshd: Sshd;
  let puppets: Puppets;
  let rig: Rig;
  let line: Line;
  let peer: Peer;

  before(async () => {
    sshd = await Sshd.start();
    puppets = await Puppets.open();
    line = await Line.to(sshd.port);
    peer = await Peer.open(readFileSync(join(sshd.directory, 'host_ed25519')));
    const { user } = sshd;
    const names = [sshd.port, line.port, peer.port].map((port) => `[127.0.0.1]:${port}`).join(',');
    sshd.know(`${names} ${sshd.hostKey()}`);
    const known = join(sshd.directory, 'known', 'hosts');
    const { key, knownHosts } = sshd;
    const place = `HostName 127.0.0.1\nPort ${sshd.port}\nUser ${user}\n`;
    const files = `IdentityFile ${key}\nUserKnownHostsFile ${knownHosts}\n`;
    writeFileSync(
      join(sshd.home, '.ssh/config'),
      `Host nas far\n${place}${files}Host far\nProxyJump nas\nHost pc\nProxyCommand nc %h %p\n`,
    );
    // ssh(1) reads the configuration of the home in /etc/passwd, whatever $HOME says.
    const bin = join(sshd.directory, 'bin');
    mkdirSync(bin);
    const wrapper = `#!/bin/sh\nexec /usr/bin/ssh -F ${sshd.home}/.ssh/config "$@"\n`;
    writeFileSync(join(bin, 'ssh'), wrapper, { mode: 0o755 });
    const at = (port: number, more: object) => sshd.target({ port, ...more });
    rig = new Rig();
    rig.configure({
      targets: {
        quiet: at(line.port, { args: puppets.args('quiet'), keepalive: '1s' }),
        held: sshd.target({ args: puppets.args('held') }),
        mute: at(line.port, { args: ['true'], connectTimeout: '300ms' }),
        again: at(line.port, { args: ['true'], connectTimeout: '5s', retry: 2 }),
        peer: { ...at(peer.port, { args: ['x'], verbatim: true }), killAfter: '100ms' },
        nap: sshd.target({ args: ['sleep', '.5'], retry: 2 }),
        fresh: sshd.target({ args: ['true'], knownHosts: known, hostKey: 'accept-new' }),
        strict: sshd.target({ args: ['true'], knownHosts: known }),
        alias: { runner: { type: 'ssh', host: 'nas', args: ['true'] } },
        far: { runner: { type: 'ssh', host: 'far', args: ['true'] } },
        pc: { runner: { type: 'ssh', host: 'pc', args: ['true'] } },
      },
    });
    await rig.boot([], { PATH: `${bin}:${process.env['PATH']}` });
  });

  after(async () => {
    await rig?.close();
    line?.close();
    peer?.close();
    puppets?.close();
    await sshd?.close();
  });

  async function runOf(target: string) {
    const session = await rig.open();
    const { run, id } = await session.ask({ type: 'run', target, wait: true }, 'accepted');
    const ended = async () => {
      const end = await session.reply('ended', id as string);
      session.close();
      return end;
    };
    return { session, run, ended };
  }

  test('a link that goes dead is noticed by its silence, and the place is free', async () => {
    const { ended } = await runOf('quiet');
    const puppet = await puppets.next();
    const begin = performance.now();
    line.freeze();
    const end = await ended();
    line.thaw();
    assert.equal(end.exit, 255);
    assert.match(
      end.text,
      /no reply to keepalive messages .*; the remote command may still be running; check on that machine/,
    );
    assert.ok(performance.now() - begin < 20_000);
    puppet.exit(0);
  });

  test('a server that says nothing is given up after connectTimeout', async () => {
    line.freeze();
    const end = await (await runOf('mute')).ended();
    line.thaw();
    assert.equal(end.exit, 255);
    assert.match(
      end.text,
      /could not connect: no answer from 127\.0\.0\.1 port \d+ within 300 ?ms/,
    );
  });

  test('a connection that is cut in the handshake is tried again', async () => {
    line.cut(1);
    const end = await (await runOf('again')).ended();
    assert.equal(end.exit, 0, end.text);
    line.cut(9);
    const bad = await (await runOf('again')).ended();
    line.cut(0);
    assert.match(bad.text, /could not connect: after 3 tries: /);
  });

  test('cancelling while it connects ends it as never started', async () => {
    line.freeze();
    const { session, run, ended } = await runOf('again');
    await line.next();
    await session.ask({ type: 'cancel', of: run }, 'done');
    const end = await ended();
    line.thaw();
    assert.deepEqual(end.outcome, { kind: 'cancelled' });
    assert.equal(end.exit, 125);
  });

  test('a channel that closes without a status is lost, never 0', async () => {
    peer.behave((channel) => channel.close());
    const end = await (await runOf('peer')).ended();
    assert.equal(end.exit, 255);
    assert.match(end.text, /is lost: .*without an exit status/);
  });

  test('a status that comes before the output still waits for it', async () => {
    peer.behave((channel) => {
      channel.exit(4);
      channel.write('late');
      channel.stderr.write('later');
      channel.end();
    });
    const { session, run, ended } = await runOf('peer');
    assert.equal((await ended()).exit, 4);
    const directory = join(rig.state, 'runs', String(run));
    assert.equal(readFileSync(join(directory, 'out'), 'utf8'), 'latelater');
    session.close();
  });

  test('accept-new writes an unknown key down once, and strict then knows it', async () => {
    assert.equal((await (await runOf('fresh')).ended()).exit, 0);
    assert.equal((await (await runOf('fresh')).ended()).exit, 0);
    assert.equal((await rig.baton('reload')).status, 0);
    assert.equal((await (await runOf('strict')).ended()).exit, 0);
    const text = readFileSync(join(sshd.directory, 'known', 'hosts'), 'utf8');
    assert.equal(text, `[127.0.0.1]:${sshd.port} ${sshd.hostKey().trim()}\n`);
  });

  test('an alias, its key, its known hosts and its jump host come from ssh_config', async () => {
    assert.equal((await (await runOf('alias')).ended()).exit, 0);
    const probed = await rig.baton('probe', 'far');
    assert.equal(probed.text.match(/^authenticated as/gm)?.length, 2, probed.text);
    const end = await (await runOf('pc')).ended();
    assert.match(end.text, /sets a ProxyCommand for pc, .* set "via": "openssh"; /);
  });

  test('fifty at once all end with 0, in one small process', async () => {
    const before = await runOf('held');
    const puppet = await puppets.next();
    const status = await before.session.ask({ type: 'status' }, 'status');
    const pid = status.targets.flatMap((it) => it.active)[0]?.pid ?? 0;
    const runs = await Promise.all(Array.from({ length: FIFTY }, () => runOf('nap')));
    let pssMb = 0;
    const ends = await Promise.all(
      runs.map(async ({ ended }) => {
        const end = await ended();
        pssMb = Math.max(pssMb, pssOf(pid));
        return end;
      }),
    );
    for (const end of ends) assert.equal(end.exit, 0, end.text);
    assert.ok(pssMb > 0 && pssMb <= FIFTY_PSS_MB_MAX, `${pssMb} MB`);
    puppet.exit(0);
    assert.equal((await before.ended()).exit, 0);
  });
});

test('a server that admits eight strangers at a time never turns one away', {
  skip: whyWithout(...SSHD_NEEDS),
}, async (t) => {
  const sshd = await Sshd.start(['MaxStartups 8:100:8', 'LogLevel VERBOSE']);
  t.after(() => sshd.close());
  const rig = await Rig.start({ targets: { one: sshd.target({ args: ['true'] }) } });
  t.after(() => rig.close());
  const session = await rig.open();
  const asked = Array.from({ length: FIFTY }, () =>
    session.send({ type: 'run', target: 'one', wait: true }),
  );
  const ends = await Promise.all(asked.map((id) => session.reply('ended', id)));
  for (const end of ends) assert.equal(end.exit, 0, end.text);
  session.close();
  assert.doesNotMatch(sshd.log, /MaxStartups|drop connection/);
});

function pssOf(pid: number): number {
  const found = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'));
  return Number(found?.[1] ?? 0) / 1_024;
}

/** A wire between a client and a server that can be frozen and cut. */
class Line {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #waiting: (() => void)[] = [];
  #isFrozen = false;
  #cuts = 0;
  port = 0;

  private constructor(to: number) {
    this.#server = createServer((near) => {
      near.on('error', () => {});
      for (const resolve of this.#waiting.splice(0)) resolve();
      if (this.#cuts > 0) {
        this.#cuts--;
        near.destroy();
        return;
      }
      const far = createConnection(to, '127.0.0.1');
      far.on('error', () => {});
      const pair = [near, far] as const;
      this.#pairs.add(pair);
      near.on('data', (chunk: Buffer) => this.#isFrozen || far.write(chunk));
      far.on('data', (chunk: Buffer) => this.#isFrozen || near.write(chunk));
      for (const [from, other] of [pair, [far, near] as const]) {
        from.on('close', () => {
          if (!this.#isFrozen) other.destroy();
        });
      }
    });
  }

  static async to(port: number): Promise<Line> {
    const line = new Line(port);
    line.port = await listen(line.#server);
    return line;
  }

  /** Nothing passes any more, and neither side is told. */
  freeze(): void {
    this.#isFrozen = true;
  }

  /** For new connections; earlier ones stay dead. */
  thaw(): void {
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
    this.#pairs.clear();
    this.#isFrozen = false;
  }

  /** Cuts the next few connections. */
  cut(times: number): void {
    this.#cuts = times;
  }

  /** The next connection. */
  next(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.thaw();
    this.#server.close();
  }
}

type Behaviour = (channel: ServerChannel) => void;

/** A server that accepts everybody and does what it is told. */
class Peer {
  readonly #server: ssh2.Server;
  readonly #connections = new Set<Connection>();
  #behaviour: Behaviour = (channel) => channel.close();
  port = 0;

  private constructor(hostKey: Buffer) {
    this.#server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
      this.#connections.add(connection);
      connection.on('error', () => {});
      connection.on('authentication', (context) => context.accept());
      connection.on('session', (accept) => {
        const session = accept();
        session.on('exec', (accepted) => this.#behaviour(accepted()));
      });
    });
  }

  static async open(hostKey: Buffer): Promise<Peer> {
    const peer = new Peer(hostKey);
    await new Promise<void>((resolve) => peer.#server.listen(0, '127.0.0.1', resolve));
    const address = peer.#server.address();
    peer.port = typeof address === 'object' && address !== null ? address.port : 0;
    return peer;
  }

  behave(behaviour: Behaviour): void {
    this.#behaviour = behaviour;
  }

  close(): void {
    for (const connection of this.#connections) connection.end();
    this.#server.close();
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
