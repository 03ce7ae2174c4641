/** Several sockets with separate rights: who may open them, and what they permit. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Puppets } from '../support/puppet.ts';
import { Rig, Session } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const nap = { runner: { type: 'dummy', time: 0 } };
const slow = { runner: { type: 'dummy', time: '1h' }, policies: [{ type: 'cardinality' }] };

/** A rig with targets "web" and "db", and a second socket. */
function stage(t: TestContext, settings: object, name = 'submit') {
  const rig = new Rig();
  t.after(() => rig.close());
  const path = join(rig.directory, name);
  const configure = (more: object): void =>
    rig.configure({ targets: { web: nap, db: nap, slow }, sockets: [{ path, ...more }] });
  configure(settings);
  return { rig, path, configure };
}

test('a socket without rights of its own is like any other, and nothing is left of it', async (t) => {
  const { rig, path } = stage(t, {});
  await rig.boot();
  const session = await Session.open(path);
  const { exit } = await session.ask({ type: 'run', target: 'db', wait: true }, 'ended');
  assert.equal(exit, 0);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(await rig.end(), 0);
  assert.deepEqual([existsSync(path), existsSync(rig.socket)], [false, false]);
});

test('what a socket does not permit is answered with 77 by the client, in one line', async (t) => {
  const { rig, path } = stage(t, { allow: ['run', 'wait', 'status'], targets: ['w*'] });
  await rig.boot();
  const ask = (...args: string[]) => rig.client(args, { BATON_SOCKET: path }).ended;
  const permitted = await ask('run', 'web', '--wait');
  assert.deepEqual([permitted.status, permitted.errors], [0, '']);
  const target = await ask('run', 'db');
  assert.equal(target.status, 77);
  assert.equal(
    target.errors,
    `baton: db: socket ${path} does not permit target "db"; it permits targets w*; use another socket (--socket), or change "targets" of this socket in config.json\n`,
  );
  const verb = await ask('pause', 'web');
  assert.equal(verb.status, 77);
  assert.match(
    verb.errors,
    /^baton: web: socket .* does not permit "pause"; it permits run, wait, status; use another .*\n$/,
  );
  const own = await rig.baton('run', 'db', '--wait');
  assert.equal(own.status, 0);
  const status = await ask('status', '--json');
  assert.match(status.text, /"web"/);
  assert.doesNotMatch(status.text, /"db"/);
});

test('a run of another target cannot be watched, read, explained or cancelled', async (t) => {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  const { rig, path } = stage(t, {});
  rig.configure({
    targets: { web: nap, job: { runner: { type: 'local', args: puppets.args('job') } } },
    sockets: [{ path, targets: ['web'] }],
  });
  await rig.boot();
  const admin = await rig.open();
  const id = admin.send({ type: 'run', target: 'job', wait: true });
  const { run } = await admin.reply('accepted', id);
  const puppet = await puppets.next();
  const session = await Session.open(path);
  for (const request of [
    { type: 'wait', run },
    { type: 'output', of: run },
    { type: 'why', of: run },
    { type: 'cancel', of: run },
    { type: 'cancel', of: 'job' },
    { type: 'history', target: 'job' },
  ] as const) {
    const error = await session.reply('error', session.send(request));
    assert.deepEqual([error.code, error.exit], ['not-permitted', 77]);
  }
  const { running, targets } = await session.ask({ type: 'status' }, 'status');
  assert.equal(running, 0);
  assert.deepEqual(
    targets.map(({ target }) => target),
    ['web'],
  );
  puppet.exit(3);
  assert.equal((await admin.reply('ended', id)).exit, 3);
  assert.deepEqual((await session.ask({ type: 'history' }, 'history')).runs, []);
});

test('a reload changes what a socket permits, also for who is connected', async (t) => {
  const { rig, path, configure } = stage(t, { allow: ['status'] });
  await rig.boot();
  const admin = await rig.open();
  const session = await Session.open(path);
  const refused = await session.reply('error', session.send({ type: 'run', target: 'web' }));
  assert.equal(refused.code, 'not-permitted');
  configure({ allow: ['run'] });
  await admin.ask({ type: 'reload' }, 'done');
  await session.ask({ type: 'run', target: 'web' }, 'accepted');
  const since = rig.log.length;
  configure({ allow: ['status'], mode: '0666' });
  await admin.ask({ type: 'reload' }, 'done');
  await rig.logged('sockets have changed; restart the daemon to apply this', since);
  const again = await session.reply('error', session.send({ type: 'run', target: 'web' }));
  assert.equal(again.code, 'not-permitted');
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('a reload that takes a right away ends what is being relayed by it', async (t) => {
  const { rig, path, configure } = stage(t, { allow: ['run', 'wait', 'output'] });
  await rig.boot();
  const [admin, session] = [await rig.open(), await Session.open(path)];
  const { run } = await admin.ask({ type: 'run', target: 'slow' }, 'accepted');
  const relays = [
    session.send({ type: 'wait', run }),
    session.send({ type: 'output', of: run, follow: true }),
    session.send({ type: 'run', target: 'slow', wait: true }),
  ];
  await session.reply('accepted', relays[2]);
  await session.reply('started', relays[0]);
  configure({ allow: ['status'] });
  await admin.ask({ type: 'reload' }, 'done');
  await admin.ask({ type: 'cancel', of: 'slow' }, 'done');
  for (const id of relays) {
    assert.equal((await session.reply('error', id)).code, 'not-permitted');
    assert.ok(!session.replies.some((reply) => reply.type === 'ended' && reply.id === id));
  }
});

test('members of the group may use a socket of mode 0660, and nobody else', async (t) => {
  if (skipWithout(t, 'root', 'setpriv', 'nc')) return;
  const { rig, path } = stage(t, { mode: '0660', group: 65_534 });
  chmodSync(rig.directory, 0o755);
  await rig.boot();
  const stats = statSync(path);
  assert.deepEqual([stats.mode & 0o777, stats.uid, stats.gid], [0o660, 0, 65_534]);
  const ask = (gid: number, socket: string): string => {
    const user = ['--reuid=65534', `--regid=${gid}`, '--clear-groups'];
    const input = '{"type":"run","target":"web"}\n';
    const { stdout } = spawnSync('setpriv', [...user, 'nc', '-N', '-U', socket], { input });
    return String(stdout);
  };
  assert.match(ask(65_534, path), /accepted/);
  assert.equal(ask(65_533, path), '');
  assert.equal(ask(65_534, rig.socket), '');
});

test('a directory made for a socket can be entered by those who may use the socket', async (t) => {
  const { rig, path } = stage(t, { mode: '0660' }, 'run/deep/submit');
  await rig.boot();
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o755);
  assert.equal(statSync(path).mode & 0o777, 0o660);
});

test('a group that is not there ends the daemon with 69 before anybody is served', async (t) => {
  const { rig, path } = stage(t, { group: 'no-such-group' });
  await assert.rejects(
    rig.boot(),
    /batond ended with 69: .*there is no group "no-such-group" on this machine; create it/,
  );
  assert.deepEqual([existsSync(path), existsSync(rig.socket)], [false, false]);
});

test('where one socket cannot be had, none stays open', async (t) => {
  const { rig, path } = stage(t, {});
  const other = new Rig();
  t.after(() => other.close());
  Object.assign(other, { socket: path });
  other.configure({ targets: { web: nap } });
  await other.boot();
  await assert.rejects(rig.boot(), /batond ended with 69: .*submit\.lock: is locked by the daemon/);
  assert.equal(existsSync(rig.socket), false);
  assert.equal((await other.status()).pid, other.daemon?.pid);
});

test('a socket that somebody listens on is not replaced, and who it is is said', async (t) => {
  const { rig, path } = stage(t, {});
  const other = net.createServer((client) => client.destroy()).listen(path);
  t.after(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  const { ino } = statSync(path);
  const words = new RegExp(
    `batond ended with 69: .*${path}: \\S+ \\(pid ${process.pid}\\) listens there`,
  );
  await assert.rejects(rig.boot(), words);
  assert.equal(statSync(path).ino, ino);
});

test('a socket that a killed process left is replaced', async (t) => {
  const { rig, path } = stage(t, {});
  const script = `require('node:net').createServer().listen(process.argv[1], () => process.exit())`;
  assert.equal(spawnSync(process.execPath, ['-e', script, path]).status, 0);
  assert.ok(statSync(path).isSocket());
  await rig.boot();
  await (await Session.open(path)).ask({ type: 'status' }, 'status');
});

test('a daemon removes no socket but its own: one that was put in its place stays', async (t) => {
  const { rig, path } = stage(t, {});
  await rig.boot();
  rmSync(path);
  const other = net.createServer().listen(path);
  t.after(() => other.close());
  await new Promise((resolve) => other.once('listening', resolve));
  assert.equal(await rig.end(), 0);
  assert.ok(statSync(path).isSocket());
});

test('a target takes the arguments that it describes, and a restarted daemon runs the same', async (t) => {
  const rig = new Rig();
  t.after(() => rig.close());
  const echo = { type: 'local', args: ['/usr/bin/printf', '[%s]'] };
  rig.configure({
    targets: {
      echo: { runner: echo, acceptArgs: ['[a-z $*]+', '-*\\d?'] },
      plain: { runner: echo },
    },
  });
  await rig.boot();
  const printed = await rig.baton('run', 'echo', '--wait', '--', 'a $b *', '--');
  assert.deepEqual([printed.status, printed.text], [0, '[a $b *][--]']);
  for (const [args, words] of [
    [
      ['echo', '--', 'A', '1'],
      /^baton: echo: does not accept argument 1: expected .*, found "A"\n$/,
    ],
    [['echo', '--', 'a'], /^baton: echo: takes 2 arguments, found 1; give 2 after "--"\n$/],
    [['echo'], /^baton: echo: takes 2 arguments, found 0; give 2 after "--"\n$/],
    [['plain', '--', 'a'], /^baton: plain: takes no arguments, found 1; to allow arguments, .*\n$/],
  ] as const) {
    const refused = await rig.baton('run', ...args);
    assert.equal(refused.status, 77);
    assert.match(refused.errors, words);
  }
  const session = await rig.open();
  await session.ask({ type: 'pause', target: 'echo' }, 'done');
  const args = ['secret', '7'];
  const { run } = await session.ask({ type: 'run', target: 'echo', args }, 'accepted');
  await rig.end('SIGKILL');
  await rig.boot();
  const next = await rig.open();
  const id = next.send({ type: 'wait', run });
  await next.ask({ type: 'resume', target: 'echo' }, 'done');
  const output = await next.reply('output', id);
  assert.equal(output.data, '[secret][7]');
  assert.doesNotMatch(JSON.stringify(rig.log), /secret/);
});
