/** Sockets that systemd holds: activation, idle exit, and restarts that nobody notices. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../support/ports.ts';
import { Puppets } from '../support/puppet.ts';
import { BATOND, Rig, Session } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const ACTIVATOR = join(import.meta.dirname, '../../../test/support/activator.pl');
const nap = { runner: { type: 'dummy', time: 0 } };
const CONFIG = { targets: { nap } };

function stage(t: TestContext, config: unknown = CONFIG): Rig {
  const rig = new Rig();
  rig.configure(config);
  t.after(async () => {
    await rig.end('SIGTERM');
    await rig.close();
  });
  return rig;
}

function batond(rig: Rig, ...args: readonly string[]): readonly string[] {
  const own = ['--config', rig.configFile, '--state', rig.state];
  return [process.execPath, BATOND, ...own, ...args];
}

/** A stand-in for systemd that restarts a daemon again and again; see activator.pl. */
async function activate(rig: Rig, ...args: readonly string[]): Promise<void> {
  const ended = rig.spawn(['perl', ACTIVATOR, rig.socket, 'baton', ...batond(rig, ...args)]);
  await Promise.race([rig.logged('listening'), ended]);
}

/** The real one: it becomes the daemon when somebody connects. */
async function activateOnce(
  rig: Rig,
  listen: readonly string[],
  names: string,
  ...args: readonly string[]
): Promise<ChildProcess> {
  const sockets = listen.flatMap((socket) => ['-l', socket]);
  const path = `PATH=${process.env['PATH']}`;
  const own = [...sockets, `--fdname=${names}`, '-E', path, ...batond(rig, ...args)];
  rig.spawn(['systemd-socket-activate', ...own]).catch(() => {});
  const { daemon } = rig;
  assert.ok(daemon?.stderr);
  for await (const _ of daemon.stderr.iterator({ destroyOnReturn: false })) {
    if (rig.stderr.split('Listening on').length > listen.length) break;
  }
  return daemon;
}

function exitOf(daemon: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => daemon.once('close', resolve));
}

async function puppetsOf(t: TestContext): Promise<Puppets> {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  return puppets;
}

/** One request on a connection of its own. */
async function once(rig: Rig, target = 'nap'): Promise<number> {
  const session = await rig.open();
  const { run } = await session.ask({ type: 'run', target }, 'accepted');
  session.close();
  return run;
}

test('systemd-socket-activate: sockets are matched by their names', async (t) => {
  if (skipWithout(t, 'systemd-socket-activate')) return;
  const rig = stage(t, {
    targets: {
      nap,
      other: nap,
      files: { runner: { type: 'local', args: ['/bin/ls', '-l', '/proc/self/fd'] } },
    },
    sockets: [{ name: 'submit', allow: ['run'], targets: ['nap'] }, { name: 'admin' }],
  });
  const submit = join(rig.directory, 'submit');
  const daemon = await activateOnce(rig, [rig.socket, submit], 'admin:submit');
  const inode = statSync(submit).ino;
  const session = await Session.open(submit);
  await session.ask({ type: 'run', target: 'nap' }, 'accepted');
  for (const request of [{ type: 'run', target: 'other' }, { type: 'status' }] as const) {
    const { exit, message } = await session.reply('error', session.send(request));
    assert.equal(exit, 77);
    assert.match(message, /^socket submit does not permit/);
  }
  const admin = await rig.open();
  assert.equal((await admin.ask({ type: 'status' }, 'status')).pid, daemon.pid);
  // A command has its three descriptors and the one that ls opens, and no socket.
  const listed = await rig.baton('run', 'files', '--wait');
  assert.doesNotMatch(listed.text, /socket/);
  assert.equal(listed.text.match(/ -> /g)?.length, 4, listed.text);
  const ended = exitOf(daemon);
  daemon.kill('SIGTERM');
  assert.equal(await ended, 0);
  assert.equal(statSync(submit).ino, inode, 'a socket of systemd is left alone');
  assert.ok(existsSync(rig.socket));
  assert.equal(existsSync(`${rig.socket}.lock`), false);
});

test('systemd-socket-activate: a daemon with nothing to do ends with 0 and leaves the socket', async (t) => {
  if (skipWithout(t, 'systemd-socket-activate')) return;
  const rig = stage(t, { ...CONFIG, idleExit: '50ms' });
  const daemon = await activateOnce(rig, [rig.socket], 'baton');
  const ended = exitOf(daemon);
  await once(rig);
  assert.equal(await ended, 0);
  assert.deepEqual(
    rig.log.slice(-2).map(({ msg }) => msg),
    ['nothing to do', 'stopped'],
  );
  assert.ok(statSync(rig.socket).isSocket());
});

test('systemd-socket-activate: a network socket is refused', async (t) => {
  if (skipWithout(t, 'systemd-socket-activate')) return;
  const rig = stage(t);
  const port = await freePort();
  const daemon = await activateOnce(rig, [`127.0.0.1:${port}`], 'baton');
  const ended = exitOf(daemon);
  const client = net.connect(port, '127.0.0.1').on('error', () => {});
  assert.equal(await ended, 69);
  assert.match(rig.stderr, /socket "baton" \(descriptor 3\): is a network socket, expected a Unix/);
  client.destroy();
});

test('an idle daemon ends, and the next request is served by another, however close they are', async (t) => {
  const rig = stage(t);
  await activate(rig, '--idle-exit', '1ms');
  const pids = new Set<unknown>();
  for (let run = 1; run <= 4; run++) {
    const since = rig.log.length;
    assert.equal(await once(rig), run);
    // Half of the requests arrive while the daemon is exiting, half when it is gone.
    pids.add((await rig.logged('nothing to do', since)) && (await rig.status()).pid);
    if (run % 2 === 0) await rig.logged('gone', since);
  }
  assert.ok(pids.size >= 2, `${pids.size} daemons`);
  const gone = rig.log.filter(({ msg }) => msg === 'gone');
  assert.ok(gone.every(({ status }) => status === 0));
});

test('a daemon stays as long as a run waits for its time, or runs', async (t) => {
  const puppets = await puppetsOf(t);
  const rig = stage(t, {
    targets: {
      job: {
        runner: { type: 'local', args: puppets.args('job') },
        policies: [{ type: 'cardinality' }],
        maxWait: '4s',
      },
    },
  });
  await activate(rig, '--idle-exit', '200ms');
  const running = await once(rig, 'job');
  const puppet = await puppets.next();
  const waiting = await once(rig, 'job');
  await rig.logged('ended', 0, ({ run }) => run === waiting);
  const told = (): unknown[] => rig.log.map(({ msg }) => msg);
  assert.equal(told().includes('nothing to do'), false);
  puppet.exit(0);
  await rig.logged('ended', 0, ({ run }) => run === running);
  await rig.logged('gone');
  assert.equal(told().filter((msg) => msg === 'nothing to do').length, 1);
});

test('a client that is connected keeps the daemon, and is the last to see it', async (t) => {
  const rig = stage(t);
  await activate(rig, '--idle-exit', '200ms');
  const session = await rig.open();
  await session.ask({ type: 'run', target: 'nap', wait: true }, 'ended');
  // Longer than the daemon would wait, timed by another daemon.
  const other = await Rig.start({
    targets: { slow: { runner: { type: 'dummy', time: '400ms' } } },
  });
  t.after(() => other.close());
  await (await other.open()).ask({ type: 'run', target: 'slow', wait: true }, 'ended');
  assert.equal(
    rig.log.some(({ msg }) => msg === 'nothing to do'),
    false,
  );
  session.close();
  await rig.logged('gone');
});

test('a run that outlives its daemon is taken over by the one that the next request starts', async (t) => {
  const puppets = await puppetsOf(t);
  const rig = stage(t, {
    targets: { job: { runner: { type: 'local', args: puppets.args('job') } } },
  });
  await activate(rig, '--idle-exit', '1h');
  const run = await once(rig, 'job');
  const puppet = await puppets.next();
  const { pid } = await rig.logged('ready');
  process.kill(Number(pid), 'SIGTERM');
  await rig.logged('gone');
  const session = await rig.open();
  const id = session.send({ type: 'wait', run });
  await session.reply('started', id);
  puppet.exit(5);
  assert.equal((await session.reply('ended', id)).exit, 5);
});

test('without socket activation an idle exit is obeyed, with a warning', async (t) => {
  const rig = stage(t);
  await rig.boot(['--idle-exit', '50ms']);
  assert.ok(rig.daemon);
  const ended = exitOf(rig.daemon);
  await rig.logged('idle exit without socket activation: nothing starts the daemon again');
  assert.equal(await ended, 0);
});

test('a client that wakes a daemon with a bad configuration is told every mistake, and a mended file is used', async (t) => {
  const rig = stage(t, { targets: { nap: { runner: { type: 'dumy' } } }, log: { level: 'lout' } });
  await activate(rig);
  for (const words of [['run', 'nap', '--wait'], ['run', 'nap'], ['status'], ['reload']]) {
    const { status, errors } = await rig.baton(...words);
    assert.equal(status, 78);
    assert.match(
      errors,
      /^baton: [^\n]*config.json: \(1\) line 1: targets.nap.runner[^\n]*\(2\) line 1: log.level[^\n]*\n$/,
    );
  }
  rig.configure(CONFIG);
  assert.equal((await rig.baton('run', 'nap', '--wait')).status, 0);
  assert.equal(rig.log.filter(({ msg }) => msg === 'gone').length, 1, 'one start has failed');
  rig.configure({ targets: 7 });
  assert.equal((await rig.baton('run', 'nap', '--wait')).status, 0, 'a good one stays in force');
});

test('who waits for a run while its daemon cannot start again hears how it ended, once that can', async (t) => {
  const puppets = await puppetsOf(t);
  const good = { targets: { job: { runner: { type: 'local', args: puppets.args('job') } } } };
  const rig = stage(t, good);
  await activate(rig);
  const client = rig.client(['run', 'job', '--wait']);
  const puppet = await puppets.next();
  rig.configure({ targets: 7 });
  const { pid } = await rig.logged('ready');
  process.kill(Number(pid), 'SIGTERM');
  await rig.logged('clients are refused');
  puppet.exit(5);
  rig.configure(good);
  assert.equal((await client.ended).status, 5);
});

test('a start with a bad configuration that no client has asked for has failed for all to see', async (t) => {
  if (skipWithout(t, 'perl')) return;
  const rig = stage(t, { targets: 7 });
  await activate(rig);
  assert.equal((await rig.baton('status')).status, 78);
  // As systemd starts it at boot or for an administrator: with sockets in which nobody waits.
  const [file = '', ...args] = batond(rig);
  const script = `socket S,1,1,0; bind S,pack("Sa108",1,"$ARGV[0]"); listen S,9; $^F=3; open F,">&=3";
    @ENV{qw(LISTEN_PID LISTEN_FDS)}=($$,1); shift; exec @ARGV`;
  const path = join(rig.directory, 'other');
  const { status, stderr } = spawnSync('perl', [
    '-e',
    `$^F=3;close STDIN;open STDIN,"</dev/null";${script}`,
    path,
    file,
    ...args,
  ]);
  assert.equal(status, 78);
  assert.match(String(stderr), /config.json:1:2: targets: expected /);
});

test('a daemon that finds another one in its place tells the clients, and then gives way', async (t) => {
  const rig = stage(t);
  const other = new Rig();
  t.after(() => other.close());
  Object.assign(other, { state: rig.state });
  other.configure(CONFIG);
  await other.boot();
  await activate(rig);
  const { status, errors } = await rig.baton('run', 'nap');
  assert.equal(status, 69);
  assert.match(
    errors,
    /^baton: nap: the daemon cannot start: .*lock: is locked by the daemon with pid /,
  );
});

test('ten restarts under the load of fifty clients: no connection is lost, no request runs twice', async (t) => {
  const rig = stage(t, { targets: { nap, slow: { runner: { type: 'dummy', time: '200ms' } } } });
  await activate(rig);
  let isOver = false;
  const runs: number[] = [];
  const clients = Array.from({ length: 50 }, async () => {
    while (!isOver) runs.push(await once(rig));
  });
  const waiting: Promise<unknown>[] = [];
  const load = Promise.all(clients);
  for (let restart = 0; restart < 10; restart++) {
    const since = rig.log.length;
    waiting.push(rig.client(['run', 'slow', '--wait']).ended.then(({ status }) => status));
    const { pid } = await Promise.race([
      rig.logged('ready', restart === 0 ? 0 : rig.log.findLastIndex(({ msg }) => msg === 'gone')),
      load.then(() => ({ pid: 0 })),
    ]);
    await Promise.race([rig.logged('accepted', since), load]);
    process.kill(Number(pid), 'SIGTERM');
    await Promise.race([rig.logged('gone', since), load]);
  }
  isOver = true;
  await load;
  assert.deepEqual(await Promise.all(waiting), Array(10).fill(0));
  assert.equal(new Set(runs).size, runs.length);
  const accepted = rig.journal().filter(({ type }) => type === 'accepted');
  assert.equal(accepted.length, runs.length + 10);
  t.diagnostic(`${runs.length} requests answered in 10 restarts`);
});

test('--log-format text writes lines for people, and --idle-exit wants a duration', async (t) => {
  const rig = stage(t);
  const run = async (...args: string[]) => {
    const [file = '', ...rest] = batond(rig, '--socket', rig.socket, ...args);
    const child = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (!text.includes(' ready ') && `${text}${chunk}`.includes(' ready ')) child.kill('SIGTERM');
      text += chunk;
    });
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk));
    return { status: await exitOf(child), text, errors };
  };
  const { status, text } = await run('--log-format', 'text');
  assert.equal(status, 0);
  assert.match(text, /^\d{4}-\d\d-\d\dT[\d:.]+Z info ready sockets=\S+ pid=\d+ version=\S+$/m);
  for (const line of text.trimEnd().split('\n')) assert.match(line, /^\d{4}-\S+Z info \S/);
  for (const args of [
    ['--idle-exit', 'soon'],
    ['--idle-exit', '0s'],
    ['--log-format', 'xml'],
  ]) {
    const wrong = await run(...args);
    assert.equal(wrong.status, 64);
    assert.match(
      wrong.errors,
      /^batond: [^\n]*(idle-exit|logFormat|log-format)[^\n]*; see batond --help\n$/,
    );
  }
});
