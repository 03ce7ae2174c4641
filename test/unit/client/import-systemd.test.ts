/** systemd units, compared with how real ones started their commands (systemd 252). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importService } from '../../../client/systemd/service-import.ts';
import { allOf, lastOf, parseUnitFile } from '../../../client/systemd/unit-file.ts';
import { secondsOf, splitCommands, unitNameOf } from '../../../client/systemd/unit-words.ts';

const BASE = { PATH: '/usr/bin', LANG: 'C.UTF-8' };

function read(lines: string, name = 'backup.service') {
  return importService(parseUnitFile(`[Service]\n${lines}`), unitNameOf(name), 'backup', BASE);
}

function imported(lines: string, name?: string) {
  const result = read(lines, name);
  assert.ok(result.ok, result.ok ? '' : result.why);
  return result.value;
}

function refused(lines: string): string {
  const result = read(lines);
  assert.ok(!result.ok);
  return result.why;
}

const runnerOf = (lines: string, name?: string): object =>
  (imported(lines, name).target as { runner: object }).runner;

test('a unit: sections, comments, lines that go on, drop-ins that take back', () => {
  const unit = parseUnitFile(
    [
      ...['# of baton', '[Unit]', 'Description = A backup', '; more', '[Service]'],
      ...['ExecStart=/bin/echo one \\', '# within', '  two', 'ExecStart=/bin/echo three'],
      ...['User=backup', '# /etc/systemd/system/backup.service.d/x.conf', '[Service]'],
      ...['ExecStart=', 'ExecStart=/bin/echo four', 'User='],
    ].join('\n'),
  );
  assert.equal(lastOf(unit, 'Unit', 'Description'), 'A backup');
  assert.deepEqual(allOf(unit, 'Service', 'ExecStart'), ['/bin/echo four']);
  assert.equal(lastOf(unit, 'Service', 'User'), undefined);
  const [first] = unit.get('Service') ?? [];
  assert.match(first?.value ?? '', /^\/bin\/echo one +two$/);
});

test('words of a command line are those that systemd makes of it', () => {
  const words = (line: string) => {
    const split = splitCommands(line);
    return split.ok ? split.value : split.why;
  };
  const odd = `/bin/show foo"bar baz"qux a\\x41b 'q "r" s' "t'u" \\; "" end ; /bin/show second`;
  assert.deepEqual(words(odd), [
    ['/bin/show', 'foobar bazqux', 'aAb', 'q "r" s', "t'u", ';', '', 'end'],
    ['/bin/show', 'second'],
  ]);
  assert.match(String(words('/bin/show "open')), /ends inside quotes/);
  assert.match(String(words('/bin/show end\\')), /or with a backslash/);
  assert.match(String(words('/bin/show \\q')), /does not support the escape in \\q/);
});

test('variables and specifiers stand for what they do in the unit', () => {
  const lines = [
    ...['Type=oneshot', 'User=daemon', `Environment=FOO="a b" 'BAZ=e  f' "EMPTY="`],
    'ExecStart=/bin/show $FOO x$(FOO)y $EMPTY z$(EMPTY)z $$ %% %i %I %p %N $(BAZ)'.replace(
      /\((\w+)\)/g,
      '{$1}',
    ),
  ].join('\n');
  assert.deepEqual(runnerOf(lines, 'c@home-my\\x2ddir.service'), {
    type: 'local',
    args: [
      ...['/bin/show', 'a', 'b', 'xa by', 'zz', '$', '%', 'home-my\\x2ddir', 'home/my-dir'],
      ...['c', 'c@home-my\\x2ddir', 'e  f'],
    ],
    cwd: '/',
    env: { ...BASE, FOO: 'a b', BAZ: 'e  f', EMPTY: '' },
    user: 'daemon',
  });
  assert.match(refused('ExecStart=/bin/show $OTHER'), /the variable OTHER, which/);
  assert.match(refused('ExecStart=/bin/show %H'), /only systemd can expand %H/);
  assert.deepEqual(runnerOf('ExecStart=:/bin/show $OTHER'), {
    ...{ type: 'local', args: ['/bin/show', '$OTHER'], cwd: '/', env: BASE },
  });
});

test('settings of the service become keys of the target', () => {
  const { target, dropIn, notes } = imported(
    [
      ...['Type=oneshot', 'ExecStart=-/usr/bin/restic backup /srv', 'User=backup', 'Group=disk'],
      ...['WorkingDirectory=/srv', 'UMask=0077', 'Nice=10', 'IOSchedulingClass=idle'],
      ...['TimeoutStartSec=1h 30min', 'TimeoutStopSec=2min', 'KillSignal=SIGINT'],
      ...['KillMode=mixed', 'SuccessExitStatus=3 11', 'MemoryDenyWriteExecute=yes'],
    ].join('\n'),
  );
  assert.deepEqual(target, {
    runner: {
      type: 'local',
      args: ['/usr/bin/restic', 'backup', '/srv'],
      cwd: '/srv',
      env: BASE,
      ...{ user: 'backup', group: 'disk', umask: '0077', nice: 10, ionice: 'idle' },
    },
    policies: [{ type: 'cardinality' }],
    okExit: [0, 3, 11],
    ...{ timeout: '90m', killAfter: '2m', stopSignal: 'INT', stopTo: 'main' },
  });
  assert.deepEqual(dropIn.split('\n'), [
    ...['# The command is target backup of baton.', '[Service]', 'ExecStart='],
    ...['ExecStart=-baton run backup --wait', 'User=', 'Group=', 'TimeoutStartSec=infinity'],
    ...['TimeoutStopSec=150', 'KillSignal=SIGTERM', 'MemoryDenyWriteExecute=no', ''],
  ]);
  assert.deepEqual(notes.length, 1);
  assert.match(notes[0] ?? '', /not subject to MemoryDenyWriteExecute=;/);
});

test('several commands of a oneshot are one sequence', () => {
  const lines = 'Type=oneshot\nExecStart=/bin/a\nExecStart=/bin/b c\nSuccessExitStatus=2';
  assert.deepEqual(runnerOf(lines), {
    ...{
      type: 'local',
      cmds: [['/bin/a'], ['/bin/b', 'c']],
      continueOn: [0, 2],
      cwd: '/',
      env: BASE,
    },
  });
  assert.match(refused('ExecStart=/bin/a\nExecStart=/bin/b'), /only with Type=oneshot/);
  const mixed = refused('Type=oneshot\nExecStart=-/bin/a\nExecStart=/bin/b');
  assert.match(mixed, /it has "-" before some commands/);
});

test('what only systemd can do is not imported', () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['Type=notify', /its Type= is notify/],
    ['Type=forking', /commands that end/],
    ['EnvironmentFile=/etc/restic/env', /only systemd supports EnvironmentFile=;/],
    ['DynamicUser=yes\nCacheDirectory=x', /supports DynamicUser= and CacheDirectory=;/],
    ['KillMode=process', /baton has no equivalent of KillMode=process/],
    ['SendSIGKILL=no', /SendSIGKILL=no/],
    ['KillSignal=SIGSEGV', /KillSignal=SIGSEGV/],
    ['Nice=high', /Nice=high/],
    ['UMask=rwx', /UMask=rwx/],
    ['IOSchedulingClass=fast', /IOSchedulingClass=fast/],
    ['TimeoutStopSec=soon', /TimeoutStopSec=soon/],
    ['Environment=1A=b', /Environment=1A=b/],
  ];
  for (const [line, why] of wrong) assert.match(refused(`ExecStart=/bin/a\n${line}`), why);
  assert.match(refused('ExecStart=+/bin/a'), /not support the prefix of \+\/bin\/a/);
  assert.match(refused('ExecStart=/usr/bin/baton run x --wait'), /already calls baton/);
  assert.match(refused('Restart=no'), /has no ExecStart=/);
});

test('what does not hold any more is said', () => {
  const said = (line: string): string => imported(`ExecStart=/bin/a\n${line}`).notes.join('\n');
  assert.match(
    said('ProtectSystem=strict\nMemoryMax=2G'),
    /not subject to ProtectSystem= and MemoryMax=;/,
  );
  assert.match(said('ExecStartPre=/bin/b'), /^the commands of ExecStartPre= stay in the unit/);
  assert.match(said('Restart=on-failure'), /^the setting Restart=on-failure stays/);
  assert.match(said('SuccessExitStatus=SIGTERM'), /counts as failed after SIGTERM/);
  assert.match(said('TimeoutStopSec=infinity'), /becomes a "killAfter" of one year/);
  assert.match(said('WorkingDirectory=-/srv'), /^baton needs the directory \/srv/);
  assert.equal(said('Restart=no\nStandardOutput=append:/var/log/a'), '');
});

test('time spans of systemd', () => {
  const spans = {
    '90': 90,
    '1h 30min': 5_400,
    '2hours5m': 7_500,
    '250ms': 0.25,
    infinity: Infinity,
  };
  for (const [text, seconds] of Object.entries(spans)) assert.equal(secondsOf(text), seconds);
  for (const text of ['', 'soon', '1month', '-5', '5 parsecs'])
    assert.equal(secondsOf(text), undefined);
});

test('commands around that of a service never get the rights that its drop-in gives the client', () => {
  const around = 'Type=oneshot\nExecStart=/bin/a\nExecStartPre=/home/backup/prepare';
  assert.match(
    refused(`${around}\nUser=backup`),
    /^the commands of ExecStartPre= would run as root/,
  );
  assert.match(refused(`${around}\nGroup=disk`), /would run as root/);
  assert.ok(read(`${around}\nUser=root`).ok);
});

test('specifiers stand for what they do in the user, the group and the directory, too', () => {
  const lines = 'ExecStart=/bin/a\nUser=%i\nGroup=%i\nWorkingDirectory=/srv/%i';
  const { user, group, cwd } = runnerOf(lines, 'backup@home.service') as Record<string, unknown>;
  assert.deepEqual([user, group, cwd], ['home', 'home', '/srv/home']);
});

test('the commands behind one that may fail run whatever its status is', () => {
  const lines = 'Type=oneshot\nExecStart=-/bin/a\nExecStart=-/bin/b';
  const { continueOn } = runnerOf(lines) as { continueOn: readonly number[] };
  assert.deepEqual([continueOn.length, continueOn[0], continueOn.at(-1)], [256, 0, 255]);
  assert.ok(!('stopTo' in imported(`${lines}\nKillMode=mixed`).target));
});

test('resticprofile ends though it is of Type=notify, and the client that takes its place tells nothing', () => {
  const { target, dropIn } = imported(
    'Type=notify\nExecStart=/usr/local/bin/resticprofile --config p.yaml run-schedule backup@web',
  );
  assert.deepEqual(target['policies'], [{ type: 'cardinality' }]);
  assert.match(dropIn, /^\[Service\]\nType=exec\nExecStart=\nExecStart=baton run backup --wait$/m);
});
