/**
 * `baton doctor` with real set-ups that are each broken in one way: it reports exactly that, says
 * what to do, and exits with 1.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import {
  assertWrong,
  type Diagnosis,
  diagnose,
  type How,
  type Wrong,
} from '../support/diagnose.ts';
import { type FakeConnection, FakeDaemon } from '../support/fake-daemon.ts';
import { HUNG_NEEDS, hung } from '../support/hung.ts';
import { Rig } from '../support/rig.ts';
import { publish, skipWithout } from '../support/tools.ts';

const HELLO = { targets: { hello: { runner: { type: 'local', args: ['/bin/echo', 'hello'] } } } };
const NOBODY = 65_534;
const DAY_S = 86_400;
const SECRET = 'aec1f00d';

let rig: Rig;
let tab: string;
beforeEach(() => {
  rig = new Rig();
  rig.configure(HELLO);
  tab = join(rig.directory, 'tab');
  writeFileSync(tab, '# none\n');
});
afterEach(() => rig.close());

/** With the socket, the configuration and the state of the rig. */
function ask(how: Partial<How> = {}): Promise<Diagnosis> {
  const places = { BATON_CONFIG: rig.configFile, STATE_DIRECTORY: rig.state };
  const env = { BATON_SOCKET: rig.socket, ...places, ...how.env };
  return diagnose({ ...how, env, words: how.words ?? [tab] });
}

const noSocket = (): Wrong => ['socket', /\/s: there is no such socket$/, /^start batond, or name/];

const STATUS = {
  type: 'status',
  version: '0.0.9',
  ...{ pid: 1, startedAtMs: 0, nowMs: 0, requests: 0, running: 0, queued: 0 },
  ...{ executing: [], targets: [] },
} as const;

/** Answers every connection; a connection without a request gets nothing. */
async function answerAll(
  fake: FakeDaemon,
  answer: (connection: FakeConnection) => void,
): Promise<never> {
  for (;;) {
    const connection = await fake.connection();
    void connection.request().then(() => answer(connection));
  }
}

/** A directory with links to some programs, as a PATH. */
function pathOf(...names: readonly string[]): string {
  const place = join(rig.directory, 'bin');
  mkdirSync(place);
  for (const name of names) {
    const { stdout } = spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name], { encoding: 'utf8' });
    symlinkSync(stdout.trim(), join(place, name));
  }
  return place;
}

/** Runs a command in namespaces of its own after a script. */
function after(script: string, ...flags: readonly string[]): readonly string[] {
  return ['unshare', '--mount', ...flags, 'sh', '-c', `${script}; exec "$@"`, 'sh'];
}

test('a set-up where all is well is told in short lines, with the versions, and the status is 0', async () => {
  await rig.boot();
  const { status, text, findings } = await ask({ isRead: true });
  assertWrong({ status, text, findings });
  const looks = findings.map(({ look }) => look).sort();
  assert.deepEqual(looks, [
    ...['clock', 'config', 'crontabs', 'daemon', 'machine', 'programs', 'socket', 'state', 'units'],
  ]);
  assert.match(text, /^ok {5}programs {2}baton \d.*node \d.*perl 5/m);
  assert.match(text, /^ok {5}socket {4}.*mode 0600; /m);
  assert.match(text, /^ok {5}daemon {4}batond \S+ answers, pid \d+, .*1 target,/m);
  assert.match(text, /^0 wrong, 0 notes, 9 ok$/m);
});

test('no daemon: the socket is not there', async () => {
  const { text, ...rest } = await ask({ isRead: true });
  assertWrong({ text, ...rest }, noSocket());
  assert.match(
    text,
    /^wrong {2}socket .*\n(?: .*\n)* {17}expected: the socket of batond\n {17}do: start/,
  );
});

test('a killed daemon: nobody listens on the socket that it left', async () => {
  await rig.boot();
  await rig.end('SIGKILL');
  assertWrong(await ask(), ['socket', /no process listens there/, /^start batond/]);
});

test('a socket that everybody may use', async () => {
  await rig.boot();
  chmodSync(rig.socket, 0o666);
  assertWrong(await ask(), ['socket', /every user may use it \(mode 0666/, /chmod 0600 .*\/s"/]);
});

test('a socket whose mode is another than the configuration says', async () => {
  rig.configure({ ...HELLO, sockets: [{ path: rig.socket, mode: '0660' }] });
  await rig.boot();
  chmodSync(rig.socket, 0o600);
  assertWrong(await ask(), ['socket', /its mode is 0600$/, /^restart the daemon/]);
});

test('a socket that the configuration opens to everybody is as it should be', async () => {
  const other = join(rig.directory, 'all');
  rig.configure({ ...HELLO, sockets: [{ path: other, mode: '0666', allow: ['status'] }] });
  await rig.boot();
  const diagnosis = await ask({ env: { BATON_SOCKET: other } });
  assertWrong(diagnosis);
  const socket = diagnosis.findings.find(({ look }) => look === 'socket');
  assert.match(socket?.found ?? '', /: mode 0666; every user may use it$/);
});

for (const [what, make] of [
  ['a directory', (path: string): void => mkdirSync(path)],
  ['no socket', (path: string): void => writeFileSync(path, '')],
] as const) {
  test(`${what} in the place of the socket`, async () => {
    make(rig.socket);
    assertWrong(await ask(), ['socket', new RegExp(`/s: it is ${what}$`), /^remove it and start/]);
  });
}

test('a socket that this user may not use', async (t) => {
  if (skipWithout(t, 'root')) return;
  await rig.boot();
  chmodSync(rig.directory, 0o755);
  const client = join(publish(rig.directory), 'dist/client/main.cjs');
  assertWrong(await ask({ uid: NOBODY, client }), [
    'socket',
    /not permitted to use .*\(EACCES; it has mode 0600, user root/,
    /^run baton as its owner or as root/,
  ]);
});

test('a daemon that is stopped: it accepts, and says nothing', async () => {
  await rig.boot();
  rig.daemon?.kill('SIGSTOP');
  try {
    const begun = performance.now();
    const diagnosis = await ask({ words: ['--connect-timeout', '2s', tab], isRead: true });
    assertWrong(diagnosis, [
      'daemon',
      /accepted the connection, but does not answer \(2\.0 s\)$/,
      /^check batond/,
    ]);
    assert.ok(performance.now() - begun < 30_000, 'nothing waits for ever');
  } finally {
    rig.daemon?.kill('SIGCONT');
  }
});

test('something else listens on the socket', async (t) => {
  const fake = await FakeDaemon.open();
  t.after(() => fake.close());
  void answerAll(fake, (connection) => connection.raw('SSH-2.0-OpenSSH_9.2\r\n'));
  const words = /is not in the protocol of baton/;
  assertWrong(await ask({ env: { BATON_SOCKET: fake.socket } }), [
    'daemon',
    words,
    /^name the socket of batond/,
  ]);
});

test('a daemon of another version', async (t) => {
  const fake = await FakeDaemon.open();
  t.after(() => fake.close());
  void answerAll(fake, (connection) => connection.send({ ...STATUS, config: rig.configFile }));
  assertWrong(await ask({ env: { BATON_SOCKET: fake.socket } }), [
    'daemon',
    /the running daemon is baton 0\.0\.9$/,
    /^restart the daemon/,
  ]);
});

test('a journal that was removed under a daemon', async () => {
  await rig.boot();
  rmSync(join(rig.state, 'journal.ndjson'));
  assertWrong(await ask(), ['daemon', /journal\.ndjson: was removed/, /restart batond$/]);
});

test('a mistake in the configuration, made while a good one is in use', async () => {
  await rig.boot();
  rig.configure({ targets: { hello: { runner: { type: 'locl' } } } });
  assertWrong(await ask(), [
    'config',
    /config\.json:1:\d+: targets\.hello\.runner.*"locl"/,
    /^did you mean "local"\?/,
  ]);
});

test('a configuration that is no JSON', async () => {
  writeFileSync(rig.configFile, '{"targets": {');
  assertWrong(await ask(), noSocket(), ['config', /config\.json:1:\d+: /, /./]);
});

test('no configuration', async () => {
  rmSync(rig.configFile);
  assertWrong(await ask(), noSocket(), ['config', /config\.json: does not exist/, /^create it/]);
});

test('a configuration that others can write to', async () => {
  chmodSync(rig.configFile, 0o666);
  assertWrong(await ask(), noSocket(), ['config', /config\.json: .*0?666/, /chmod/]);
});

test('a target that cannot work on this machine is named once', async () => {
  const conf = join(rig.directory, 'rsnapshot.conf');
  writeFileSync(conf, 'retain\tnightly\t7\n');
  const runner = { type: 'local', args: ['/usr/bin/rsnapshot', '-c', conf, 'daily'] };
  const policies = [{ type: 'rsnapshot', interval: 'daily' }];
  rig.configure({ targets: { ...HELLO.targets, daily: { runner, policies } } });
  await rig.boot();
  const diagnosis = await ask();
  assertWrong(diagnosis, [
    'daemon',
    /target "daily" is broken: .*"daily" is not a retain line of/,
    /./,
  ]);
});

test('what may be secret is not told', async () => {
  const args = `/usr/bin/mysqldump --password=${SECRET}`;
  const env = { PASSWORD: [SECRET] };
  const target = { runner: { type: 'local', args, env }, description: 7 };
  rig.configure({ targets: { dump: target } });
  const diagnosis = await ask({ env: { PASSWORD: SECRET }, isRead: true });
  const mistakes = diagnosis.findings.filter(({ look }) => look === 'config');
  assert.equal(mistakes.length, 3);
  assert.match(mistakes[0]?.found ?? '', /targets\.dump\.runner\.args: something else$/);
  assert.doesNotMatch(JSON.stringify(diagnosis), new RegExp(SECRET));
});

test('a state directory that others can write to', async () => {
  await rig.boot();
  chmodSync(rig.state, 0o777);
  assertWrong(await ask(), ['state', /is writable by others: its mode is 0777/, /chmod go-w/]);
});

test('a state directory to which its user cannot write', async (t) => {
  if (skipWithout(t, 'root')) return;
  mkdirSync(rig.state, { mode: 0o500 });
  for (const path of [rig.state, rig.configFile]) chownSync(path, NOBODY, NOBODY);
  chmodSync(rig.directory, 0o755);
  const client = join(publish(rig.directory), 'dist/client/main.cjs');
  const no = /: nobody \(uid 65534\) cannot write to it \(EACCES\)$/;
  assertWrong(await ask({ uid: NOBODY, client }), noSocket(), ['state', no, /chown, chmod 0700/]);
});

test('a disk of the state that can only be read', async (t) => {
  if (skipWithout(t, 'root', 'unshare', 'mount', 'a mount namespace')) return;
  mkdirSync(rig.state, { mode: 0o700 });
  const within = after(`mount -t tmpfs -o ro,mode=700 tmpfs ${rig.state}`);
  assertWrong(await ask({ within }), noSocket(), [
    'state',
    /\(EROFS\)$/,
    /remount its file system read-write$/,
  ]);
});

test('a disk of the state that is full', async (t) => {
  if (skipWithout(t, 'root', 'unshare', 'mount', 'a mount namespace')) return;
  mkdirSync(rig.state, { mode: 0o700 });
  const fill = `head -c 2M /dev/zero >${rig.state}/big || :`;
  const within = after(`mount -t tmpfs -o size=2M,mode=700 tmpfs ${rig.state}; ${fill}`);
  assertWrong(await ask({ within }), noSocket(), ['state', /its disk has 0 B left$/, /^free some/]);
});

test('a disk of the state that has no room for more files', async (t) => {
  if (skipWithout(t, 'root', 'unshare', 'mount', 'a mount namespace')) return;
  mkdirSync(rig.state, { mode: 0o700 });
  const fill = `cd ${rig.state} && for n in $(seq 97); do : >$n; done`;
  const within = after(`mount -t tmpfs -o nr_inodes=100,mode=700 tmpfs ${rig.state}; ${fill}`);
  assertWrong(await ask({ within }), noSocket(), [
    'state',
    /room for \d more files$/,
    /^remove small files/,
  ]);
});

const SILENT = /: its file system did not answer within 5\.0 s$/;

test('a file server that hangs under the state, the configuration or the socket', async (t) => {
  if (skipWithout(t, ...HUNG_NEEDS)) return;
  mkdirSync(rig.state, { mode: 0o700 });
  const wrong = (look: string): Wrong => [look, SILENT, /^check the file server or device/];
  const ended: Promise<void>[] = [];
  const place = join(rig.directory, 'hung');
  mkdirSync(place);
  const inPlace = { BATON_CONFIG: join(place, 'c.json'), BATON_SOCKET: join(place, 's') };
  for (const [env, at, ...wrongs] of [
    [{}, rig.state, noSocket(), wrong('state')],
    [{ BATON_CONFIG: inPlace.BATON_CONFIG }, place, noSocket(), wrong('config')],
    [{ BATON_SOCKET: inPlace.BATON_SOCKET }, place, wrong('socket')],
  ] as const) {
    const asked = ask({ within: hung(at), env });
    ended.push(asked.then((diagnosis) => assertWrong(diagnosis, ...wrongs)));
  }
  // The home of a user, where batond would look first.
  chmodSync(rig.directory, 0o755);
  const ids = [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
  const asked = ask({
    within: [...hung(place), 'setpriv', ...ids],
    env: { HOME: place, BATON_CONFIG: '', STATE_DIRECTORY: '' },
    client: join(publish(rig.directory), 'dist/client/main.cjs'),
  });
  ended.push(
    asked.then((found) => assertWrong(found, noSocket(), wrong('config'), wrong('state'))),
  );
  await Promise.all(ended);
});

test('a file in the place of the state directory', async () => {
  writeFileSync(rig.state, '');
  assertWrong(await ask(), noSocket(), [
    'state',
    /\/state: it is not a directory$/,
    /^move it away/,
  ]);
});

test('a journal that is damaged', async () => {
  await rig.boot();
  const { status } = await rig.baton('run', 'hello', '--wait');
  assert.equal(status, 0);
  await rig.end();
  const journal = join(rig.state, 'journal.ndjson');
  writeFileSync(journal, readFileSync(journal, 'utf8').replace('hello', 'hullo'));
  assertWrong(await ask(), noSocket(), [
    'state',
    /journal\.ndjson: line \d+ \(byte \d+\) is damaged/,
    /restore the file from a backup/,
  ]);
});

test('a state that the daemon of another socket holds', async () => {
  await rig.boot();
  const socket = join(rig.directory, 'other');
  assertWrong(
    await ask({ env: { BATON_SOCKET: socket } }),
    ['socket', /\/other: there is no such socket$/, /^start batond, or name/],
    ['state', new RegExp(`locked by process ${rig.daemon?.pid}`), /^see "ps -fp \d+"/],
  );
});

test('a clock that was set back', async () => {
  await rig.boot();
  await rig.end();
  const laterS = Date.now() / 1_000 + 3 * DAY_S;
  utimesSync(join(rig.state, 'journal.ndjson'), laterS, laterS);
  assertWrong(await ask(), noSocket(), [
    'clock',
    /^the clock is behind: .*\/journal\.ndjson/,
    /^set the clock/,
  ]);
});

for (const [missing, use] of [
  ['perl', /^perl is not in PATH, and each run has a keeper/],
  ['flock', /^flock is not in PATH/],
  ['setpriv', /^setpriv is not in PATH/],
] as const) {
  test(`no ${missing} in PATH`, async () => {
    await rig.boot();
    const all = ['perl', 'flock', 'setpriv', 'getent'].filter((name) => name !== missing);
    assertWrong(await ask({ env: { PATH: pathOf(...all) } }), ['programs', use, /^install \w/]);
  });
}

test('a batond of another version in PATH', async () => {
  await rig.boot();
  const place = join(rig.directory, 'old');
  mkdirSync(place);
  writeFileSync(join(place, 'batond'), '#!/bin/sh\necho 0.0.9\n', { mode: 0o755 });
  const env = { PATH: `${place}:${process.env['PATH']}` };
  assertWrong(await ask({ env }), [
    'programs',
    /\/old\/batond is baton 0\.0\.9$/,
    /^remove the old/,
  ]);
});

test('an installation with a part that is missing', async () => {
  await rig.boot();
  const root = publish(rig.directory);
  rmSync(join(root, 'dist/daemon/keeper.pl'));
  const client = join(root, 'dist/client/main.cjs');
  assertWrong(await ask({ client }), [
    'programs',
    /keeper\.pl: cannot be read \(ENOENT\)$/,
    /^reinstall baton$/,
  ]);
});

/** Crontab lines with a PATH that contains a baton. */
function crontab(...lines: readonly string[]): void {
  const place = join(rig.directory, 'bin');
  mkdirSync(place);
  writeFileSync(join(place, 'baton'), '#!/bin/sh\n', { mode: 0o755 });
  writeFileSync(tab, [`PATH=${place}:/usr/bin:/bin`, ...lines, ''].join('\n'));
}

for (const [what, line, found, todo] of [
  [
    'asks for a target that there is not',
    '0 3 * * * root baton run helo --wait',
    /tab:2: calls the target "helo"/,
    /did you mean "hello"\?/,
  ],
  [
    'has a percent sign that cron takes for its own',
    '0 3 * * * root baton run hello --wait -- $(date +%F)',
    /tab:2: cron ends the command at the first "%"/,
    /^write each "%" as "\\%"$/,
  ],
  [
    'is refused by cron',
    '0 25 * * * root baton run hello --wait',
    /tab:2: cron refuses this line \("bad hour"\)/,
    /correct it/,
  ],
  ['never runs', '0 3 31 2 * root baton run hello --wait', /tab:2: never runs/, /./],
  [
    'names a baton that is not there',
    '0 3 * * * root /opt/no/baton run hello --wait',
    /tab:2: runs \/opt\/no\/baton, which is not an executable program/,
    /^write \/|^install it/,
  ],
] as const) {
  test(`a crontab with a line that ${what}`, async () => {
    crontab(line);
    await rig.boot();
    assertWrong(await ask(), ['crontabs', found, todo]);
  });
}

test('a crontab whose PATH does not have baton', async () => {
  writeFileSync(tab, `PATH=${rig.directory}\n0 3 * * * root baton run hello --wait\n`);
  await rig.boot();
  assertWrong(await ask(), [
    'crontabs',
    /tab:2: runs baton, which is not in the PATH that cron sets/,
    /^write \/|^install it/,
  ]);
});

test('a crontab without an end of its last line', async () => {
  crontab();
  writeFileSync(tab, `${readFileSync(tab, 'utf8')}0 3 * * * root baton run hello --wait`);
  await rig.boot();
  assertWrong(await ask(), ['crontabs', /tab:2: cron refuses .*missing newline/, /./]);
});

test('a line that calls baton well is counted, and lines of others are no reason for a bad status', async () => {
  crontab('0 3 * * * root baton run hello --wait', '0 4 * * * root /usr/bin/rsnapshot daily');
  await rig.boot();
  const { findings, ...rest } = await ask();
  assertWrong({ findings, ...rest });
  const [note] = findings.filter(({ look }) => look === 'crontabs');
  assert.equal(note?.level, 'note');
  assert.match(note?.found ?? '', /have lines that should be changed \(\d\)$/);
});

for (const [word, before] of [
  ['/dev/stdin', 'cat tab | "$@"'],
  ['tab', 'exec "$@"'],
] as const) {
  test(`a crontab is read that is named ${word}`, async () => {
    crontab('0 3 * * * root baton run helo --wait');
    await rig.boot();
    const within = ['sh', '-c', `cd ${rig.directory}; ${before}`, 'sh'];
    const found = new RegExp(`${word}:2: calls the target "helo"`);
    assertWrong(await ask({ within, words: [word] }), ['crontabs', found, /"hello"/]);
  });
}

/** The crontabs of an isolated machine, in which nothing else runs. */
function alone(...mounts: readonly string[]): readonly string[] {
  const all = ['mount -t tmpfs tmpfs /etc/cron.d', ...mounts].join(' && ');
  return after(`${all} && mount -t proc proc /proc`, '--pid', '--fork', '--kill-child');
}

test('crontabs that call baton, and no cron that runs them', async (t) => {
  if (skipWithout(t, 'root', 'unshare', 'mount', 'a mount namespace')) return;
  crontab('0 3 * * * root baton run hello --wait');
  await rig.boot();
  const within = alone(`mount --bind ${tab} /etc/crontab`);
  assertWrong(await ask({ within, words: [] }), [
    'crontabs',
    /^cron is not running, but crontabs call baton \(lines: 1\)$/,
    /^start it/,
  ]);
});

test('a crontab that cron ignores, since others can write to it', async (t) => {
  if (skipWithout(t, 'root', 'unshare', 'mount', 'a mount namespace')) return;
  crontab('0 3 * * * root baton run hello --wait');
  chmodSync(tab, 0o666);
  await rig.boot();
  const within = alone(
    'cp /etc/crontab /etc/cron.d/own',
    `cp --preserve=mode ${tab} /etc/cron.d/b`,
  );
  assertWrong(await ask({ within, words: [] }), [
    'crontabs',
    /\/etc\/cron\.d\/b: cron ignores this file: it is writable by others \(mode 666\)$/,
    /^set mode 644 with chmod$/,
  ]);
});
