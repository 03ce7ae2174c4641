/** `baton timeline`, `report` and `metrics`: for a real daemon with real runs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { readMetrics } from '../support/openmetrics.ts';
import { BATON, Rig } from '../support/rig.ts';
import { skipWithout } from '../support/tools.ts';

const local = (script: string, more: object = {}): object => {
  return { runner: { type: 'local', args: ['/bin/sh', '-c', script] }, ...more };
};
/** Debian's own, which finds Debian's packages. */
const PYTHON = '/usr/bin/python3';
const HOSTILE = '<b>"a\' & b';
const CONFIG = {
  targets: {
    fine: local('echo all is well'),
    warns: local('echo some files vanished; exit 2', { warnExit: [2] }),
    // Both streams, control characters, and more than a report shows.
    fails: local(
      'seq 1 5000; printf "the \\033[31mend\\033[0m <script>\\0\\377\\n"; printf "err 1\\nerr 2\\n" >&2; exit 3',
    ),
    // Two big streams, in separate files.
    noisy: local('seq 10000 19999; seq 30000 39999 >&2; exit 4'),
    [HOSTILE]: local('exit 1'),
    waits: local('echo never'),
    runs: local('sleep 60'),
    idle: { ...local('true'), description: 'did not run' },
  },
};

let rig: Rig;
before(async () => {
  rig = await Rig.start(CONFIG);
  await Promise.all(
    ['fine', 'warns', 'fails', 'noisy', HOSTILE].map((name) => rig.baton('run', name, '--wait')),
  );
  await rig.baton('pause', 'waits');
  await rig.baton('run', 'waits');
  const session = await rig.open();
  session.send({ type: 'run', target: 'runs', wait: true });
  await session.reply('started');
  session.close();
});
after(() => rig.close());

test('timeline draws every target in 80 columns of ASCII where nothing says otherwise', async () => {
  const { status, text, errors } = await rig.baton('timeline');
  assert.deepEqual([status, errors], [0, '']);
  assert.match(text, /3 failed, 1 with a warning, 1 ended well,\s1 running, 1 waiting\n/);
  const counts = Object.entries({ fine: '1', fails: '1    1', waits: '1', runs: '1', idle: '0' });
  for (const [target, count] of counts) {
    assert.match(text, new RegExp(`^${target} .* ${count}$`, 'm'), target);
  }
  assert.match(text, /^fails .*X {2}/m);
  assert.match(text, /^runs .*> {2}/m);
  assert.match(text, /^X .* fails: run \d+ exited with 3 after /m);
  assert.match(text, /^\. waits is paused; "baton resume waits"/m);
  assert.match(text, /^[\x20-\x7e\n]*$/);
  for (const line of text.split('\n')) assert.ok(line.length <= 80, line);
});

test('timeline shows a shorter time by --since, and refuses what is none', async () => {
  const { text } = await rig.baton('timeline', '--since', '1h');
  assert.match(text, /^ +.*\b\d\d:\d0\b.* runs +X$/m);
  const short = await rig.baton('timeline', '--since', '5s');
  assert.deepEqual(
    [short.status, short.errors],
    [64, 'baton: --since: expected at least 1min, found "5s"; see baton help timeline\n'],
  );
  assert.equal((await rig.baton('timeline', '--since', 'yesterday')).status, 64);
});

test('timeline is coloured and as wide as its terminal', (t) => {
  if (skipWithout(t, 'script')) return;
  const env = {
    PATH: process.env['PATH'],
    BATON_SOCKET: rig.socket,
    TERM: 'xterm',
    LANG: 'C.UTF-8',
  };
  const draw = (more: object): string => {
    const line = `stty cols 120; '${process.execPath}' '${BATON}' timeline`;
    const args = ['-qec', line, '/dev/null'];
    return spawnSync('script', args, { env: { ...env, ...more }, encoding: 'utf8' }).stdout;
  };
  const text = draw({});
  assert.ok(text.includes('\u001b[1;31m✗\u001b[0m'));
  const rule = stripVTControlCharacters(text).match(/^ +[─┴]+/m);
  assert.equal(rule?.[0].length, 120 - 11);
  assert.ok(!draw({ NO_COLOR: '1' }).includes('\u001b'));
});

test('a report holds the last lines of both streams of what failed, and no others', async () => {
  const { status, stdout, errors } = await rig.baton('report');
  assert.deepEqual([status, errors], [0, '']);
  const page = stdout.toString('utf8');
  assert.match(page, /^<!DOCTYPE html>\n/);
  assert.match(page, /3 of 5 runs failed, 1 with a warning\./);
  const outputs = [...page.matchAll(/<pre [^>]*>([^<]*)<\/pre>/g)].map(([, text]) => text ?? '');
  const fails = outputs.find((text) => text.includes('&lt;script&gt;')) ?? '';
  // 4 KiB, starting with a whole line.
  assert.match(fails, /^4\d\d\d\n4\d\d\d\n/);
  assert.match(fails, /\n5000\nthe end &lt;script&gt;␀\ufffd$/);
  assert.ok(outputs.includes('err 1\nerr 2'), 'the short stream is whole');
  for (const [first, last] of [
    [19318, 19999],
    [39318, 39999],
  ]) {
    const lines = Array.from({ length: 682 }, (_, at) => (first ?? 0) + at);
    assert.equal(lines.at(-1), last);
    assert.ok(outputs.includes(lines.join('\n')), `the last 4096 bytes, up to ${last}`);
  }
  assert.ok(outputs.includes('some files vanished'));
  assert.match(page, /<th scope="row">&lt;b&gt;&quot;a&#39; &amp; b<\/th>/);
  assert.match(page, /<th scope="row">idle<\/th>/);
});

test('a report is valid HTML', async (t) => {
  if (skipWithout(t, 'tidy')) return;
  const { stdout } = await rig.baton('report');
  const { stderr, status } = spawnSync('tidy', ['-quiet', '-errors', '-utf8'], { input: stdout });
  assert.deepEqual([`${stderr}`, status], ['', 0]);
});

test('metrics prints figures that a strict reader takes', async () => {
  const { status, text, errors } = await rig.baton('metrics');
  assert.deepEqual([status, errors], [0, '']);
  const read = readMetrics(text);
  const value = (name: string, target: string, verdict?: string): number | undefined =>
    read.find(
      ({ name: it, labels }) =>
        it === `baton_target_${name}` &&
        labels['target'] === target &&
        labels['verdict'] === verdict,
    )?.value;
  assert.equal(value('last_exit_status', 'fails'), 3);
  assert.equal(value('last_verdict', 'fails', 'failed'), 1);
  assert.equal(value('last_verdict', 'warns', 'warning'), 1);
  assert.equal(value('last_verdict', HOSTILE, 'failed'), 1);
  assert.equal(value('running', 'runs'), 1);
  assert.deepEqual([value('waiting', 'waits'), value('paused', 'waits')], [1, 1]);
  assert.equal(value('last_end_timestamp_seconds', 'idle'), undefined);
  const success = value('last_success_timestamp_seconds', 'fine') ?? 0;
  assert.ok(Math.abs(success - Date.now() / 1_000) < 120);
  assert.equal(value('last_success_timestamp_seconds', 'fails'), undefined);
});

test('the last success is told of a target that has failed since', async (t) => {
  const flag = join(rig.directory, 'flag');
  const own = await Rig.start({ targets: { x: local(`test ! -e ${flag}`) } });
  t.after(() => own.close());
  await own.baton('run', 'x', '--wait');
  writeFileSync(flag, '');
  await own.baton('run', 'x', '--wait');
  const read = readMetrics((await own.baton('metrics')).text);
  const value = (name: string): number =>
    read.find((metric) => metric.name === `baton_target_${name}_timestamp_seconds`)?.value ?? 0;
  assert.ok(value('last_success') > 0);
  assert.ok(value('last_success') < value('last_failure'));
  assert.equal(value('last_failure'), value('last_end'));
});

test("the reference readers of Python's prometheus_client take it, of either format", async (t) => {
  if (skipWithout(t, 'python3-prometheus-client')) return;
  const script = `
import sys
from prometheus_client.parser import text_string_to_metric_families as old
from prometheus_client.openmetrics.parser import text_string_to_metric_families as new
text = sys.stdin.read()
for read in old, new:
    families = {family.name: family for family in read(text)}
    ends = families["baton_target_last_exit_status"].samples
    print({s.labels["target"]: int(s.value) for s in ends}["fails"], families["baton_up"].type)
    runs = [s for s in families["baton_runs_total"].samples if s.labels["target"] == "fails"]
    print(*[int(s.value) for s in runs if s.labels["verdict"] == "failed"], runs[0].name)
`;
  const { stdout: input } = await rig.baton('metrics');
  const { stdout, stderr } = spawnSync(PYTHON, ['-c', script], { input });
  assert.deepEqual([`${stdout}`, `${stderr}`], ['3 gauge\n1 baton_runs_total\n'.repeat(2), '']);
});

test('--output replaces a file at once, readable for everybody whatever the umask is', async () => {
  const directory = join(rig.directory, 'out');
  mkdirSync(directory);
  const file = join(directory, 'baton.prom');
  writeFileSync(file, 'old', { mode: 0o600 });
  const { ino } = statSync(file);
  symlinkSync(file, join(directory, 'link'));
  const env = { ...process.env, BATON_SOCKET: rig.socket };
  const line = `umask 077; exec '${process.execPath}' '${BATON}' metrics --output '${directory}/link'`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', line], { env });
  assert.deepEqual([status, `${stdout}`, `${stderr}`], [0, '', '']);
  assert.equal(statSync(file).mode & 0o777, 0o644);
  assert.notEqual(statSync(file).ino, ino);
  assert.ok(readMetrics(readFileSync(file, 'utf8')).length > 20);
  assert.deepEqual(readdirSync(directory).sort(), ['baton.prom', 'link']);
});

test('--output says why it cannot, leaves nothing behind and no device harmed', async () => {
  const missing = join(rig.directory, 'missing/night.html');
  const none = await rig.baton('report', '--output', missing);
  assert.equal(none.status, 73);
  assert.match(none.errors, /^baton: .*night\.html: cannot be written \(ENOENT; [^\n]+\n$/);
  const device = await rig.baton('metrics', '--output', '/dev/null');
  assert.equal(device.status, 73);
  assert.match(device.errors, /\(not a regular file/);
  assert.ok(statSync('/dev/null').isCharacterDevice());
});

test('a target that is late is told of by all three', async (t) => {
  const own = await Rig.start({ targets: { x: local('false', { lateAfter: '1s' }) } });
  t.after(() => own.close());
  await own.logged('late');
  assert.match((await own.baton('timeline')).text, /^X x is late: no success since \S+ /m);
  const page = (await own.baton('report')).text;
  assert.match(page, /No run has ended\. 1 target is late\./);
  assert.match(page, /<b>x<\/b> has had no success since \S+ /);
  assert.match((await own.baton('metrics')).text, /^baton_target_late\{target="x"\} 1$/m);
});

test('what a socket does not permit is missing, and said', async (t) => {
  const own = new Rig();
  t.after(() => own.close());
  const [some, few] = [join(own.directory, 'some'), join(own.directory, 'few')];
  own.configure({
    targets: { x: local('echo secret; exit 1') },
    sockets: [
      { path: some, allow: ['status', 'history'] },
      { path: few, allow: ['status'] },
    ],
  });
  await own.boot();
  await own.baton('run', 'x', '--wait');
  const page = await own.baton('report', '--socket', some);
  assert.deepEqual([page.status, page.errors], [0, '']);
  assert.match(page.text, /Its output is no longer kept, or this socket does not permit/);
  assert.doesNotMatch(page.text, /secret/);
  const { status, errors, text } = await own.baton('timeline', '--socket', few);
  assert.deepEqual([status, text], [77, '']);
  assert.match(errors, /^baton: [^\n]+\n$/);
});

test('without a daemon they say so, and the old file stays', async () => {
  const file = join(rig.directory, 'stays.prom');
  writeFileSync(file, 'old');
  for (const verb of [['timeline'], ['report', '--output', file], ['metrics', '--output', file]]) {
    const end = await rig.baton(...verb, '--socket', '/nowhere/s', '--connect-timeout', '10ms');
    assert.equal(end.status, 69);
    assert.match(end.errors, /^baton: no answer on \/nowhere\/s [^\n]+\n$/);
    assert.equal(end.text, '');
  }
  assert.equal(readFileSync(file, 'utf8'), 'old');
});
