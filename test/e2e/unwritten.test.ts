/**
 * Output that is wanted but cannot be written, simulated with /dev/full: one line, and a status
 * other than 0. A missing reader is different.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BATON, BATOND, Rig } from '../support/rig.ts';

const FULL = '/dev/full';
const PY9TOR = '{"x":{"class":"py9tor.worker.LocalExecutor","attrs":{"cmd":"/bin/true"}}}';
const CONF = 'config_version\t1.2\nsnapshot_root\t/srv/x/\nretain\tdaily\t7\n';

let rig: Rig;
before(async () => {
  rig = await Rig.start({
    targets: {
      talks: { runner: { type: 'local', args: ['/bin/sh', '-c', 'echo out; echo err >&2'] } },
      fails: { runner: { type: 'local', args: ['/bin/sh', '-c', 'echo out; exit 3'] } },
    },
  });
  writeFileSync(join(rig.directory, 'py9tor.json'), PY9TOR);
  writeFileSync(join(rig.directory, 'rsnapshot.conf'), CONF);
  writeFileSync(join(rig.directory, 'crontab'), '0 3 * * * baton run nobody\n');
  assert.equal((await rig.baton('run', 'talks', '--wait')).status, 0);
  assert.equal((await rig.baton('run', 'fails', '--wait')).status, 3);
});
after(() => rig.close());

/** Runs one of the programs with its stdout, or another descriptor, on a full disk. */
function full(program: string, args: readonly string[], fd: 1 | 2 = 1): Promise<Ended> {
  const file = openSync(FULL, 'w');
  const child = spawn(process.execPath, [program, ...args], {
    cwd: rig.directory,
    env: { ...process.env, BATON_SOCKET: rig.socket },
    stdio: ['ignore', fd === 1 ? file : 'ignore', fd === 2 ? file : 'pipe'],
  });
  closeSync(file);
  let stderr = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.once('close', (status: number | null) => resolve({ status, stderr }));
  });
}

interface Ended {
  readonly status: number | null;
  readonly stderr: string;
}

for (const line of [
  'status',
  'status --json',
  'why talks',
  'history',
  'timeline',
  'report',
  'metrics',
  'names targets',
  'cancel talks',
  'help',
  'help run',
  '--version',
  'run talks --print-id',
  'run talks fails --print-id',
  'import py9tor py9tor.json',
  'import rsnapshot rsnapshot.conf',
  'check-crontab crontab',
]) {
  test(`"baton ${line}" that cannot write its answer says so and exits with 74`, async () => {
    const { status, stderr } = await full(BATON, line.split(' '));
    assert.equal(status, 74, stderr);
    assert.match(stderr, /^baton: cannot write to stdout \(ENOSPC\); .*\n$/m);
  });
}

for (const line of ['--check', '--help', '--version', '--replay state/journal.ndjson']) {
  test(`"batond ${line}" that cannot write its answer says so and exits with 74`, async () => {
    const { status, stderr } = await full(BATOND, [...line.split(' '), '--config', 'config.json']);
    assert.match(stderr, /^batond: cannot write to stdout \(ENOSPC\); .*\n$/);
    assert.equal(status, 74);
  });
}

test('output that cannot be written is no success, for a run that succeeded and for logs', async () => {
  for (const line of ['run talks --wait', 'logs talks', 'wait 1']) {
    const { status, stderr } = await full(BATON, line.split(' '));
    assert.match(stderr, /^baton: .*: cannot write to stdout \(ENOSPC\); .* "baton logs \d+"$/m);
    assert.equal(status, 74, line);
  }
});

test('a failed run keeps its own status where its output cannot be written', async () => {
  for (const more of [[], ['--quiet-success']]) {
    const { status, stderr } = await full(BATON, ['run', 'fails', '--wait', ...more]);
    assert.match(stderr, /^baton: fails: cannot write to stdout \(ENOSPC\); .*$/m);
    assert.equal(status, 3);
  }
});

test('a stderr that is full is no success either, though there is no place to say why', async () => {
  assert.equal((await full(BATON, ['run', 'talks', '--wait'], 2)).status, 74);
  assert.equal((await full(BATON, ['import', 'rsnapshot', 'rsnapshot.conf'], 2)).status, 74);
});

test('a report file that cannot be written is no success, and leaves a failure its status', async () => {
  const report = join(rig.directory, 'nowhere', 'report.json');
  for (const [target, status] of [
    ['talks', 73],
    ['fails', 3],
  ] as const) {
    const end = await rig.baton('run', target, '--wait', '--report', report);
    assert.equal(end.status, status);
    assert.match(end.stderr.toString(), /^baton: .*report\.json: cannot be written \(ENOENT; .*$/m);
  }
});

test('nobody reading is no error', async () => {
  const shell = (line: string): Promise<number | null> => {
    const env = { ...process.env, BATON_SOCKET: rig.socket };
    const child = spawn('/bin/sh', ['-c', line], { cwd: rig.directory, env, stdio: 'ignore' });
    return new Promise((resolve) => child.once('close', resolve));
  };
  // The reader is gone before the first byte: the client waits for the file that says so.
  const gone = (command: string): string =>
    `rm -f gone; mkfifo gone; { cat gone; ${command}; echo $? >status; } | { exec <&-; : >gone; }`;
  for (const command of [`${BATON} status`, `${BATON} run talks --wait`, `${BATON} logs talks`]) {
    assert.equal(await shell(gone(`${process.execPath} ${command}`)), 0);
    assert.equal(readFileSync(join(rig.directory, 'status'), 'utf8'), '0\n', command);
  }
});
