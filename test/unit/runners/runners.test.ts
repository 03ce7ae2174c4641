/** The options that the runners accept, and their plans. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import fc from 'fast-check';
import * as v from 'valibot';
import type { Plan, ProcessPlan, Runner } from '../../../daemon/core/plan.ts';
import { dummy } from '../../../runners/dummy.ts';
import { local } from '../../../runners/local.ts';
import { slurm } from '../../../runners/slurm.ts';
import { ssh } from '../../../runners/ssh.ts';
import { skipWithout } from '../../support/tools.ts';

function planAny<O>(runner: Runner<O>, options: Record<string, unknown>): Plan {
  return runner.plan(v.parse(runner.options, { type: runner.type, ...options }));
}

function plan<O>(runner: Runner<O>, options: Record<string, unknown>): ProcessPlan {
  const planned = planAny(runner, options);
  if (planned.keeper !== 'process') throw new Error('not for the process keeper');
  return planned;
}

/** The arguments of ssh(1) before the command, and the command. */
function opensshOf(options: Record<string, unknown>): { args: readonly string[]; command: string } {
  const planned = planAny(ssh, { via: 'openssh', ...options });
  if (planned.keeper !== 'ssh') throw new Error('not for the SSH keeper');
  return { args: planned.session.openssh ?? [], command: planned.session.command };
}

function takes<O>(runner: Runner<O>, options: Record<string, unknown>): boolean {
  return v.safeParse(runner.options, { type: runner.type, ...options }).success;
}

test('local plans its command as it stands', () => {
  assert.deepEqual(plan(local, { args: ['ls', '-l', ''] }), {
    keeper: 'process',
    args: ['ls', '-l', ''],
    env: {},
  });
  const options = { cwd: '/srv', env: { LANG: 'C' }, user: 'backup', group: 100, nice: -5 };
  const all = { args: ['x'], ...options, umask: '027', ionice: 'best-effort:3' };
  assert.deepEqual(plan(local, all), {
    keeper: 'process',
    args: ['x'],
    ...options,
    umask: 0o027,
    ionice: { class: 'best-effort', level: 3 },
  });
});

test('local understands every way to write ionice', () => {
  const cases: readonly (readonly [string, ProcessPlan['ionice']])[] = [
    ['idle', { class: 'idle' }],
    ['best-effort', { class: 'best-effort' }],
    ['best-effort:0', { class: 'best-effort', level: 0 }],
    ['realtime:7', { class: 'realtime', level: 7 }],
  ];
  for (const [ionice, expected] of cases) {
    assert.deepEqual(plan(local, { args: ['x'], ionice }).ionice, expected, ionice);
  }
});

test('local refuses what could not be started', () => {
  const wrong: readonly Record<string, unknown>[] = [
    {},
    { args: [] },
    { args: '' },
    { args: [''] },
    { args: ['x\0'] },
    { args: ['x', 1] },
    ...['srv', ''].map((cwd) => ({ args: ['x'], cwd })),
    ...['1A', 'A-B', ''].map((name) => ({ args: ['x'], env: { [name]: 'a' } })),
    ...['-u', 'a b', 'a:b', '', -1, 1.5, 2 ** 32].map((user) => ({ args: ['x'], user })),
    ...['8', '1777', '', 27].map((umask) => ({ args: ['x'], umask })),
    ...[-21, 20, 0.5, '1'].map((nice) => ({ args: ['x'], nice })),
    ...['idle:1', 'realtime', 'best-effort:8'].map((ionice) => ({ args: ['x'], ionice })),
  ];
  for (const options of wrong) assert.ok(!takes(local, options), JSON.stringify(options));
});

test('a missing binary, directory or user is left to the run', () => {
  assert.equal(local.check, undefined);
  assert.ok(takes(local, { args: ['/no/such'], cwd: '/no/such', user: 'nosuchuser' }));
});

test('dummy sleeps for seconds or for a duration', () => {
  const cases: readonly (readonly [number | string, string])[] = [
    [0, '0'],
    [10, '10'],
    [0.25, '0.25'],
    ['1h30m', '5400'],
    ['250ms', '0.25'],
    [366 * 86_400, '31622400'],
  ];
  for (const [time, seconds] of cases) {
    assert.deepEqual(plan(dummy, { time }).args, ['sleep', seconds], String(time));
  }
  for (const time of [-1, 366 * 86_400 + 1, '5', '', null, '367d', Number.NaN]) {
    assert.ok(!takes(dummy, { time }), String(time));
  }
});

test('ssh always checks the host key and never asks', () => {
  const { args } = opensshOf({ host: 'nas', args: ['id'] });
  assert.deepEqual(args.slice(0, 6), [
    '-o',
    'BatchMode=yes',
    '-o',
    'StrictHostKeyChecking=yes',
    '-o',
    'ConnectTimeout=20',
  ]);
  assert.deepEqual(args.slice(-3), ['-T', '--', 'nas']);
  assert.ok(!args.includes('IdentitiesOnly=yes'));
});

test('ssh names keys, port, user and known hosts', () => {
  const { args } = opensshOf({
    host: 'nas',
    user: 'backup',
    key: ['/a', '~/b'],
    port: '2222',
    connectTimeout: '1500ms',
    knownHosts: '/etc/my hosts',
    args: ['id'],
  });
  assert.deepEqual(args.slice(args.indexOf('IdentitiesOnly=yes') - 1, -2), [
    ...['-o', 'IdentitiesOnly=yes'],
    ...['-o', 'UserKnownHostsFile="/etc/my hosts"'],
    ...['-i', '/a', '-i', '~/b', '-p', '2222', '-l', 'backup', '-T'],
  ]);
  assert.ok(args.includes('ConnectTimeout=2'));
});

test('ssh believes that its command line is well-formed', (t) => {
  if (skipWithout(t, 'ssh')) return;
  // ssh ignores a key that does not exist.
  const key = process.execPath;
  const { args } = opensshOf({
    ...{ host: 'nas.example', user: 'backup', port: 2222, key, knownHosts: '/my hosts' },
    args: ['id'],
  });
  const seen = execFileSync('ssh', ['-G', '-F', '/dev/null', ...args], {
    encoding: 'utf8',
  });
  for (const line of ['hostname nas.example', 'user backup', 'port 2222', `identityfile ${key}`]) {
    assert.ok(seen.split('\n').includes(line), line);
  }
  assert.match(seen, /^userknownhostsfile \/my hosts$/m);
  assert.match(seen, /^stricthostkeychecking (true|yes)$/m);
  assert.match(seen, /^batchmode yes$/m);
});

test('the commands of ssh stop at the first that fails, with its status', () => {
  const script = ['cd /', 'pwd', "echo 'a b'", '(exit 7)', 'echo no'];
  const remote = opensshOf({ host: 'nas', cmds: script }).command;
  for (const shell of ['sh', 'bash']) {
    assert.deepEqual(run(shell, remote), { output: '/\na b\n', status: 7 });
  }
});

test('with stopOnError false the remote shell itself reads the commands and goes on', () => {
  const cmds = ['X=1', 'false', 'echo "X is $X"', '(exit 3)'];
  const remote = opensshOf({ host: 'nas', cmds, stopOnError: false }).command;
  assert.equal(remote, cmds.join('\n'));
  assert.deepEqual(run('sh', remote), { output: 'X is 1\n', status: 3 });
});

test('the arguments of ssh arrive as they are, whatever they hold', () => {
  const word = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      const args = ['printf', '%s\\0', ...words];
      const remote = opensshOf({ host: 'nas', args }).command;
      const { output } = run('sh', remote);
      assert.equal(output, words.length === 0 ? '\0' : words.map((it) => `${it}\0`).join(''));
    }),
    { numRuns: 60 },
  );
});

test('harmless words are not quoted, so that forced commands recognise them', () => {
  const args = ['rsync', '--server', '-vlogDtpre.iLsfxC', '.', '/srv/a b'];
  const remote = opensshOf({ host: 'nas', args }).command;
  assert.equal(remote, "rsync --server -vlogDtpre.iLsfxC . '/srv/a b'");
});

test('ssh refuses what could be taken for an option, and all that is no host', () => {
  const wrong: readonly Record<string, unknown>[] = [
    ...['-oProxyCommand=x', 'a b', 'a\n', '', 'ada@nas', 'ssh://nas', 5].map((host) => ({ host })),
    ...['-l', 'a b', '', 'a@b'].map((user) => ({ user })),
    ...[0, 65_536, '0', '70000', 'ssh', 1.5, ''].map((port) => ({ port })),
    ...['id_rsa', '', [], ['a']].map((key) => ({ key })),
    { cmds: ['id'] },
    { args: undefined },
    { args: [] },
    { connectTimeout: 20 },
    { knownHosts: 'known' },
  ];
  for (const options of wrong) {
    assert.ok(!takes(ssh, { host: 'nas', args: ['id'], ...options }), JSON.stringify(options));
  }
  assert.ok(!takes(ssh, { host: 'nas', cmds: [''] }));
  assert.ok(takes(ssh, { host: '2001:db8::1', port: 22, cmds: ['id'] }));
});

test('ssh plans a session of plain data, strict and with patience, where nothing else is said', () => {
  const planned = planAny(ssh, { host: 'nas', args: ['id', '-u'] });
  assert.deepEqual(planned, {
    keeper: 'ssh',
    session: {
      host: 'nas',
      keys: [],
      sshConfig: 'auto',
      hostKey: 'strict',
      connectTimeoutMs: 20_000,
      keepaliveMs: 15_000,
      killOnDisconnect: false,
      verbatim: false,
      retries: 2,
      command: 'id -u',
      shell: 'exec',
      env: {},
    },
  });
  assert.deepEqual(JSON.parse(JSON.stringify(planned)), planned);
});

test('ssh refuses host keys unchecked, and options that would not be heeded', () => {
  const wrong: readonly Record<string, unknown>[] = [
    ...['no', 'off', 'ask', '', 'SHA256:short', false].map((hostKey) => ({ hostKey })),
    ...[-1, 21, 1.5, '1'].map((retry) => ({ retry })),
    ...['-J', 'a b', [], ['a', '']].map((jump) => ({ jump })),
    ...['0s', '', 15].map((keepalive) => ({ keepalive })),
    { agent: false },
    { agent: 'relative' },
    { env: { 'A-B': 'x' } },
    { verbatim: true, env: { A: 'x' } },
    { verbatim: true, killOnDisconnect: true },
    { via: 'telnet' },
    { via: 'openssh', passphraseFile: '/x' },
    { via: 'openssh', retry: 1 },
    { via: 'openssh', hostKey: `SHA256:${'A'.repeat(43)}` },
  ];
  for (const options of wrong) {
    assert.ok(!takes(ssh, { host: 'nas', args: ['id'], ...options }), JSON.stringify(options));
  }
  assert.ok(takes(ssh, { host: 'nas', args: ['id'], jump: ['a', 'b@c:22'], agent: true }));
});

test('via openssh, agent, jump, config file and accept-new are options of ssh', () => {
  const more = { jump: ['a', 'b@c:22'], agent: '/run/agent', sshConfig: false };
  const { args } = opensshOf({ host: 'nas', args: ['id'], hostKey: 'accept-new', ...more });
  const text = args.join(' ');
  assert.match(
    text,
    /StrictHostKeyChecking=accept-new .*IdentityAgent=\/run\/agent -F none -J a,b@c:22 /,
  );
});

/** What a remote shell would do with the command from sshd. */
function run(shell: string, command: string): { output: string; status: number } {
  try {
    const output = execFileSync(shell, ['-c', command], { encoding: 'utf8', stdio: 'pipe' });
    return { output, status: 0 };
  } catch (error) {
    const { stdout, status } = error as { stdout: string; status: number };
    return { output: stdout, status };
  }
}

const JOB = { directory: '/shared/baton', args: ['make', 'all'] };

test('slurm plans what sbatch is told, and keeps the command out of it', () => {
  assert.deepEqual(planAny(slurm, JOB), {
    ...{ keeper: 'slurm', directory: '/shared/baton', args: ['make', 'all'], env: {}, options: [] },
  });
  const needs = { partition: 'long', time: '90m30s', cpus: 8, mem: '4G', gres: 'gpu:1' };
  const more = { licenses: 'disk:1', constraint: 'fast&big', nodelist: 'n[1-2]', account: 'a' };
  const rest = {
    qos: 'q',
    cwd: '/w',
    env: { A: '1' },
    conf: '/etc/s.conf',
    extra: ['--exclusive'],
  };
  assert.deepEqual(planAny(slurm, { ...JOB, ...needs, ...more, ...rest }), {
    ...{ keeper: 'slurm', directory: '/shared/baton', args: ['make', 'all'] },
    ...{ cwd: '/w', env: { A: '1' }, conf: '/etc/s.conf' },
    options: [
      ...['--partition=long', '--mem=4G', '--gres=gpu:1', '--licenses=disk:1'],
      ...['--constraint=fast&big', '--nodelist=n[1-2]', '--account=a', '--qos=q'],
      ...['--cpus-per-task=8', '--time=91', '--exclusive'],
    ],
  });
});

test('slurm takes no option that would change which job it is, where it goes, or how often it runs', () => {
  for (const extra of ['--gpus=2', '--reservation=night', '--contiguous']) {
    assert.ok(takes(slurm, { ...JOB, extra: [extra] }), extra);
  }
  const refused = [
    '-J',
    'x',
    '--job-name=x',
    '--output=/x',
    '--requeue',
    '--array=1-2',
    '--wrap=x',
  ];
  const more = [
    '--export=ALL',
    '--uid=0',
    '--chdir=/',
    '--hold',
    '--gpus=1 --array=2',
    '--gpus=',
    '',
  ];
  for (const extra of [
    ...refused,
    ...more,
    '--input=/x',
    '--clusters=all',
    '--wait',
    '--parsable=',
  ]) {
    assert.ok(!takes(slurm, { ...JOB, extra: [extra] }), extra);
  }
  for (const directory of ['shared', '/has%j', '/new\nline', '']) {
    assert.ok(!takes(slurm, { ...JOB, directory }), directory);
  }
  for (const wrong of [
    { mem: '4 G' },
    { mem: '-1' },
    { partition: '' },
    { qos: 'a b' },
    { cpus: 0 },
  ]) {
    assert.ok(!takes(slurm, { ...JOB, ...wrong }), JSON.stringify(wrong));
  }
  assert.ok(!takes(slurm, { directory: '/x' }) && !takes(slurm, { ...JOB, cmds: [['x']] }));
});
