/** The daemon as a process: its flags, its paths, its signals, its configuration and its log. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Journal } from '../../daemon/journal/journal.ts';
import { removed } from '../../daemon/protocol/outcome-text.ts';
import type { Reply } from '../../daemon/protocol/request.ts';
import { HUNG_NEEDS, hung } from '../support/hung.ts';
import { Puppets } from '../support/puppet.ts';
import { BATOND, Rig, type Session } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const CONFIG = { targets: { nap: { runner: { type: 'dummy', time: 0 } } } };

interface Exit {
  readonly status: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a batond that is expected to end by itself. */
function batond(...args: readonly string[]): Promise<Exit> {
  const child = spawn(process.execPath, [BATOND, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve({ status: code ?? signal, stdout, stderr }));
  });
}

/** A rig whose daemon is not started yet. */
function rigOf(t: TestContext, config: unknown = CONFIG): Rig {
  const rig = new Rig();
  t.after(() => rig.close());
  rig.configure(config);
  return rig;
}

async function puppetsOf(t: TestContext): Promise<Puppets> {
  const puppets = await Puppets.open();
  t.after(() => puppets.close());
  return puppets;
}

function outputOf(replies: readonly Reply[]): string {
  return replies
    .map((reply) =>
      reply.type === 'output' ? Buffer.from(reply.data, reply.encoding ?? 'utf8') : '',
    )
    .join('');
}

test('a second daemon on one state directory ends with 69 and names the holder; the first goes on', async (t) => {
  const rig = rigOf(t);
  await rig.boot();
  const other = join(rig.directory, 'other');
  const second = await batond(
    ...['--config', rig.configFile, '--socket', other, '--state', rig.state],
  );
  assert.equal(second.status, 69);
  assert.equal(
    second.stderr,
    `batond: ${rig.state}/lock: is locked by the daemon with pid ${rig.daemon?.pid}; stop that daemon first, or name another path with --state DIR\n`,
  );
  assert.equal(existsSync(other), false);
  const { exit } = await (await rig.open()).ask(
    { type: 'run', target: 'nap', wait: true },
    'ended',
  );
  assert.equal(exit, 0);
});

test('a second daemon on one socket ends with 69, names the holder and starts nothing', async (t) => {
  const puppets = await puppetsOf(t);
  const rig = rigOf(t, {
    targets: { puppet: { runner: { type: 'local', args: puppets.args('p') } } },
  });
  await rig.boot();
  const state = join(rig.directory, 'other');
  mkdirSync(state);
  const opened = Journal.open(state, () => {});
  assert.ok(opened.ok);
  const at = { steadyMs: 1, wallMs: 1 };
  opened.value.journal.append([
    { type: 'accepted', run: 1, target: 'puppet', at, token: 'x', merged: true },
  ]);
  opened.value.journal.close();
  const second = await batond(
    ...['--config', rig.configFile, '--socket', rig.socket, '--state', state],
  );
  assert.equal(second.status, 69);
  assert.equal(
    second.stderr,
    `batond: ${rig.socket}.lock: is locked by the daemon with pid ${rig.daemon?.pid}; stop that daemon first, or name another path with --socket PATH\n`,
  );
  const journal = readFileSync(join(state, 'journal.ndjson'), 'utf8');
  assert.doesNotMatch(journal, /starting/);
  assert.equal((await rig.status()).pid, rig.daemon?.pid);
  assert.equal(puppets.unasked, 0);
});

test('the socket that a killed daemon left is replaced', async (t) => {
  const rig = rigOf(t);
  await rig.boot();
  assert.equal(await rig.end('SIGKILL'), 'SIGKILL');
  assert.ok(statSync(rig.socket).isSocket());
  await rig.boot();
  assert.equal((await rig.status()).pid, rig.daemon?.pid);
});

test('a file that is no socket is never removed for one', async (t) => {
  const rig = rigOf(t);
  writeFileSync(rig.socket, 'precious');
  const ended = await batond(
    ...['--config', rig.configFile, '--socket', rig.socket, '--state', rig.state],
  );
  assert.equal(ended.status, 69);
  assert.match(ended.stderr, /^batond: socket .*\/s: the file exists and is not a socket; .*\n$/);
  assert.equal(readFileSync(rig.socket, 'utf8'), 'precious');
});

test('a link in the place of the socket is left alone', async (t) => {
  const rig = rigOf(t);
  symlinkSync('/nonexistent/socket', rig.socket);
  const ended = await batond(
    ...['--config', rig.configFile, '--socket', rig.socket, '--state', rig.state],
  );
  assert.equal(ended.status, 69);
  assert.match(ended.stderr, /the file exists and is not a socket/);
});

test('a socket path of 107 bytes is listened on, one of 108 is refused with 78', async (t) => {
  const rig = rigOf(t);
  const longest = join(rig.directory, 'x'.repeat(107 - rig.directory.length - 1));
  const refused = await batond(
    ...['--config', rig.configFile, '--socket', `${longest}y`, '--state', rig.state],
  );
  assert.equal(refused.status, 78);
  assert.match(refused.stderr, /^batond: .*: its path has 108 bytes, .* 107; name a shorter/);
  Object.assign(rig, { socket: longest });
  await rig.boot();
  assert.equal((await rig.status()).pid, rig.daemon?.pid);
});

test('the socket is for its owner alone from the moment it is there', async (t) => {
  const rig = rigOf(t);
  const modes: number[] = [];
  const watcher = watch(rig.directory, (_, name) => {
    if (name === 's' && existsSync(rig.socket)) modes.push(statSync(rig.socket).mode & 0o777);
  });
  const before = process.umask(0);
  const booted = rig.boot();
  process.umask(before);
  await booted;
  watcher.close();
  modes.push(statSync(rig.socket).mode & 0o777);
  assert.deepEqual([...new Set(modes)], [0o600]);
});

test('a configuration that others can write is refused with 78', async (t) => {
  const rig = rigOf(t);
  chmodSync(rig.configFile, 0o666);
  const ended = await batond(
    ...['--config', rig.configFile, '--socket', rig.socket, '--state', rig.state],
  );
  assert.equal(ended.status, 78);
  assert.match(ended.stderr, /is writable by others \(mode 0666\)/);
  assert.match(ended.stderr, /chmod go-w/);
  assert.equal(existsSync(rig.state), false);
});

test('--check prints every mistake at once and exits with 78', async (t) => {
  const rig = rigOf(t, {
    targets: {
      a: { runner: { type: 'locla', args: ['/bin/true'] } },
      b: { runner: { type: 'dummy', time: 0 }, timeuot: '3s' },
      c: { runner: { type: 'dummy', time: 'soon' } },
    },
  });
  const ended = await batond('--check', rig.configFile);
  assert.equal(ended.status, 78);
  assert.equal(ended.stdout, '');
  const lines = ended.stderr.trimEnd().split('\n');
  assert.equal(lines.length, 3, ended.stderr);
  for (const [line, words] of [
    [lines[0], /targets\.a\.runner\.type: unknown type "locla"; did you mean "local"\?/],
    [lines[1], /targets\.b\.timeuot: unknown key; did you mean "timeout"\?/],
    [lines[2], /targets\.c\.runner\.time: expected .*; found "soon"/],
  ] as const) {
    assert.ok(line?.startsWith(`batond: ${rig.configFile}:1:`), line);
    assert.match(line ?? '', words);
  }
});

test('--check says what a good configuration means and exits with 0', async (t) => {
  const rig = rigOf(t);
  const named = await batond('--check', rig.configFile);
  assert.deepEqual(named, {
    status: 0,
    stdout: `${rig.configFile}: 1 target\n  nap  dummy\n`,
    stderr: '',
  });
  assert.deepEqual(await batond('--config', rig.configFile, '--check'), named);
  const missing = await batond('--check', join(rig.directory, 'nowhere.json'));
  assert.equal(missing.status, 78);
  assert.match(missing.stderr, /^batond: .*nowhere\.json: does not exist; .*\n$/);
});

for (const [what, args, words] of [
  ['an unknown flag', ['--confg', 'x'], /--confg/],
  ['an unknown log level', ['--log-level', 'loud'], /logLevel|log-level/],
  ['an argument too many', ['here'], /unexpected argument "here"/],
  ['a second file to check', ['--check', 'a', 'b'], /unexpected argument "b"/],
  ['a flag without its value', ['--state'], /state/],
  ['a flag in place of a value', ['--state', '--check'], /--state: expected a value/],
  ['a switch with a value', ['--check=no'], /--check: expected no value, found "no"/],
  ['a flag given twice', ['--state', 'a', '--state', 'b'], /--state: given twice/],
  [
    'a flag of two words given twice',
    ['--idle-exit', '1s', '--idle-exit', '2s'],
    /--idle-exit: given twice/,
  ],
] as const) {
  test(`${what} ends with 64 and one line`, async () => {
    const ended = await batond(...args);
    assert.equal(ended.status, 64);
    assert.equal(ended.stdout, '');
    assert.match(ended.stderr, /^batond: [^\n]*; see batond --help\n$/);
    assert.match(ended.stderr, words);
  });
}

test('--help and --version print to stdout and end with 0', async () => {
  const help = await batond('--help');
  assert.equal(help.status, 0);
  assert.match(help.stdout, /--log-level LEVEL {2}trace, debug, info/);
  const version = await batond('--version');
  assert.equal(version.status, 0);
  assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
});

test('the level of the log comes from the configuration, and --log-level overrides it', async (t) => {
  const rig = rigOf(t, { ...CONFIG, log: { level: 'debug' } });
  const reject = async (): Promise<void> => {
    const session = await rig.open();
    session.socket.write('nonsense\n');
    await session.closed();
  };
  await rig.boot();
  await reject();
  await rig.logged('request rejected');
  await rig.end();
  const since = rig.log.length;
  await rig.boot(['--log-level', 'info']);
  await reject();
  await rig.end();
  assert.equal(
    rig.log.slice(since).some((line) => line['msg'] === 'request rejected'),
    false,
  );
});

test('SIGTERM ends the daemon with 0 and leaves its runs to the next one', async (t) => {
  const puppets = await puppetsOf(t);
  const rig = rigOf(t, {
    targets: { long: { runner: { type: 'local', args: puppets.args('long') } } },
  });
  await rig.boot();
  const first = await rig.open();
  const { run } = await first.ask({ type: 'run', target: 'long', wait: true }, 'accepted');
  const puppet = await puppets.next();
  await puppet.print('out', 'before\n');
  await first.reply('output');
  assert.equal(await rig.end('SIGTERM'), 0);
  await first.closed();
  assert.equal(existsSync(rig.socket), false, 'nobody connects to a dead socket');
  await puppet.print('out', 'meanwhile\n');
  await rig.boot();
  const second = await rig.open();
  const id = second.send({ type: 'wait', run, from: { out: 7, err: 0 } });
  await second.reply('output', id);
  await puppet.print('out', 'after\n');
  puppet.exit(41);
  assert.equal((await second.reply('ended', id)).exit, 41);
  assert.equal(outputOf(first.replies), 'before\n');
  assert.equal(outputOf(second.replies), 'meanwhile\nafter\n');
});

test('SIGINT ends the daemon with 0 as well', async (t) => {
  const rig = rigOf(t);
  await rig.boot();
  assert.equal(await rig.end('SIGINT'), 0);
});

test('a daemon whose log nobody reads any more goes on', async (t) => {
  const rig = rigOf(t);
  await rig.boot();
  rig.daemon?.stdout?.destroy();
  const session = await rig.open();
  for (let time = 0; time < 3; time++) {
    const { exit } = await session.ask({ type: 'run', target: 'nap', wait: true }, 'ended');
    assert.equal(exit, 0);
  }
  assert.equal((await rig.status()).pid, rig.daemon?.pid);
});

test('a daemon whose log cannot be written goes on', async (t) => {
  const rig = rigOf(t);
  const full = openSync('/dev/full', 'w');
  const daemon = spawn(
    process.execPath,
    [BATOND, '--config', rig.configFile, '--socket', rig.socket, '--state', rig.state],
    { stdio: ['ignore', full, 'inherit'] },
  );
  closeSync(full);
  rig.daemon = daemon;
  const session = await new Promise<Session>((resolve, reject) => {
    daemon.once('exit', (code) => reject(new Error(`batond ended with ${code}`)));
    const ask = (): void => {
      rig.open().then(resolve, () => setImmediate(ask));
    };
    ask();
  });
  for (let time = 0; time < 3; time++) {
    const { exit } = await session.ask({ type: 'run', target: 'nap', wait: true }, 'ended');
    assert.equal(exit, 0);
  }
  assert.equal((await rig.status()).pid, daemon.pid);
});

test('a bad configuration leaves the old one in force, and every mistake is told', async (t) => {
  const rig = rigOf(t);
  await rig.boot();
  rig.configure({
    targets: {
      ...CONFIG.targets,
      bad: { runner: { type: 'dumy', time: 0 } },
      worse: { runner: { type: 'dummy', time: -1 } },
    },
  });
  const session = await rig.open();
  const error = await session.reply('error', session.send({ type: 'reload' }));
  assert.deepEqual([error.code, error.exit], ['bad-config', 78]);
  const told = [
    /keeping the previous configuration/,
    /targets\.bad\.runner\.type: .*did you mean "dummy"/,
    /targets\.worse\.runner\.time: expected .*; found -1/,
  ];
  for (const words of told) assert.match(error.message, words);
  const since = rig.log.length;
  rig.daemon?.kill('SIGHUP');
  const line = await rig.logged('reload refused', since);
  assert.equal((line['mistakes'] as unknown[]).length, 2);
  const { targets } = await rig.status();
  assert.deepEqual(
    targets.map(({ target }) => target),
    ['nap'],
  );
  const ended = await session.ask({ type: 'run', target: 'nap', wait: true }, 'ended');
  assert.equal(ended.exit, 0);
});

for (const how of ['SIGHUP', 'a reload request'] as const) {
  test(`${how} adds a target and removes one, whose waiting runs are skipped while its running one goes on`, async (t) => {
    const puppets = await puppetsOf(t);
    const target = (name: string) => ({
      runner: { type: 'local', args: puppets.args(name) },
      policies: [{ type: 'cardinality' }],
    });
    const rig = rigOf(t, { targets: { stays: target('stays'), goes: target('goes') } });
    await rig.boot();
    const session = await rig.open();
    const running = session.send({ type: 'run', target: 'goes', wait: true });
    await session.reply('accepted', running);
    const waiting = [1, 2].map(() => session.send({ type: 'run', target: 'goes', wait: true }));
    for (const id of waiting) await session.reply('accepted', id);
    const puppet = await puppets.next();
    rig.configure({ targets: { stays: target('stays'), comes: target('comes') } });
    const since = rig.log.length;
    if (how === 'SIGHUP') rig.daemon?.kill('SIGHUP');
    else {
      const { text } = await session.ask({ type: 'reload' }, 'done');
      assert.equal(text, `${rig.configFile}: 2 targets`);
    }
    assert.equal((await rig.logged('reloaded', since))['targets'], 2);
    for (const id of waiting) {
      const { exit, text } = await session.reply('ended', id);
      assert.equal(exit, 75);
      assert.equal(text, `was skipped: ${removed()}`);
    }
    const gone = await session.reply('error', session.send({ type: 'run', target: 'goes' }));
    assert.equal(gone.exit, 78);
    puppet.exit(5);
    assert.equal((await session.reply('ended', running)).exit, 5);
    const fresh = session.send({ type: 'run', target: 'comes', wait: true });
    (await puppets.next()).exit(6);
    assert.equal((await session.reply('ended', fresh)).exit, 6);
    assert.deepEqual(puppets.order, ['goes', 'comes']);
  });
}

test('log lines are events, and no secret of an environment is in the log, the journal or a reply', async (t) => {
  const puppets = await puppetsOf(t);
  const secret = 's3cr3t-of-the-target';
  const target = (more: object) => ({
    runner: { type: 'local', args: puppets.args('p'), env: { PASSWORD: secret }, ...more },
  });
  const rig = rigOf(t, {
    targets: {
      job: target({}),
      misplaced: target({ cwd: '/nonexistent' }),
      missing: target({ args: ['no-such-command'] }),
    },
  });
  await rig.boot(['--log-level', 'trace']);
  const session = await rig.open();
  const id = session.send({ type: 'run', target: 'job', wait: true });
  const puppet = await puppets.next();
  assert.match(await puppet.tell('env'), new RegExp(`PASSWORD=${secret}`));
  const { run } = await session.reply('accepted', id);
  await session.ask({ type: 'why', of: run }, 'why');
  puppet.exit(1);
  await session.reply('ended', id);
  for (const name of ['misplaced', 'missing']) {
    await session.ask({ type: 'run', target: name, wait: true }, 'ended');
  }
  const ofRun = rig.log.filter((line) => line['run'] === run);
  const told = ofRun.map(({ level, msg, target: name }) => [level, msg, name]);
  assert.deepEqual(told, [
    ['info', 'accepted', 'job'],
    ['info', 'starting', 'job'],
    ['info', 'started', 'job'],
    ['warn', 'ended', 'job'],
  ]);
  assert.deepEqual(ofRun.at(-1)?.['outcome'], { kind: 'exited', code: 1 });
  // Messages about a bad configuration go into the log, too.
  rig.configure({
    targets: { job: target({ env: { PASSWORD: [secret], OTHER: secret.length } }) },
  });
  rig.daemon?.kill('SIGHUP');
  await rig.logged('reload refused');
  await session.reply('error', session.send({ type: 'reload' }));
  await session.ask({ type: 'status' }, 'status');
  await session.ask({ type: 'history' }, 'history');
  const everything = [
    JSON.stringify(rig.log),
    rig.stderr,
    readFileSync(join(rig.state, 'journal.ndjson'), 'utf8'),
    JSON.stringify(session.replies),
  ];
  for (const text of everything) assert.equal(text.includes(secret), false, text);
});

test('a daemon stops although a file server that hangs has the command of a run', async (t) => {
  if (skipWithout(t, ...HUNG_NEEDS)) return;
  const rig = rigOf(t);
  const place = join(rig.directory, 'hung');
  mkdirSync(place);
  // Behind nice(1) the command is looked at first.
  const runner = { type: 'local', args: [join(place, 'command')], nice: 1 };
  rig.configure({ targets: { job: { runner } } });
  const own = ['--config', rig.configFile, '--socket', rig.socket, '--state', rig.state];
  const ended = rig.spawn([...hung(place), process.execPath, BATOND, ...own]);
  await Promise.race([rig.logged('ready'), ended]);
  assert.equal((await rig.baton('run', 'job')).status, 0);
  await Promise.race([rig.logged('started'), ended]);
  // systemd takes this for a good end.
  assert.equal(await rig.end(), 'SIGTERM');
  assert.deepEqual(rig.log.at(-1)?.['msg'], 'stopped');
});
