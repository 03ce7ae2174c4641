/** contrib/systemd: the units as systemd reads them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from '../../client/cli.ts';
import { parseCrontab } from '../../client/crontab/crontab.ts';
import { showMetrics } from '../../client/report/metrics.ts';
import { accepted, directory, load, ROOT } from '../support/config.ts';
import { past, status, view } from '../support/nights.ts';
import { readMetrics } from '../support/openmetrics.ts';
import { skipWithout } from '../support/tools.ts';

const UNITS = join(ROOT, 'contrib/systemd');
const SERVICE = readFileSync(join(UNITS, 'baton.service'), 'utf8');

/** The units in a directory of their own, with existing commands. */
function copyOf(t: TestContext): readonly string[] {
  const to = directory(t);
  const units = readdirSync(UNITS).filter((name) => /\.(socket|service|timer)$/.test(name));
  for (const name of units) {
    const text = readFileSync(join(UNITS, name), 'utf8');
    writeFileSync(join(to, name), text.replace(/^(Exec\w+)=batond?\b/gm, '$1=/bin/true'));
  }
  return units.map((name) => join(to, name));
}

test('systemd-analyze verify has nothing to say about the units', (t) => {
  if (skipWithout(t, 'systemd-analyze')) return;
  const units = copyOf(t);
  assert.equal(units.length, 5);
  // The manual pages are where the package installs them, not here.
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units]);
  assert.equal(`${stdout}${stderr}`, '');
  assert.equal(status, 0);
});

test('the timer of the metrics leaves nothing out when the clocks go back', (t) => {
  if (skipWithout(t, 'systemd-analyze')) return;
  const timer = readFileSync(join(UNITS, 'baton-metrics.timer'), 'utf8');
  const [, time = ''] = /^OnCalendar=(.+)$/m.exec(timer) ?? [];
  // The second 02:00 of that night in Berlin is 01:00 in UTC.
  const from = ['--base-time=2027-10-31 00:57:00 UTC', '--iterations=2', time];
  const { stdout } = spawnSync('systemd-analyze', ['calendar', ...from], {
    env: { PATH: process.env['PATH'], TZ: 'Europe/Berlin', LC_ALL: 'C' },
    encoding: 'utf8',
  });
  const shown = stdout.match(/[\d-]+ \d\d:\d\d:\d\d UTC/g);
  assert.deepEqual(shown, ['2027-10-31 01:00:00 UTC', '2027-10-31 01:05:00 UTC'], stdout);
});

test('the service keeps runs alive and takes nothing from them', () => {
  for (const line of [
    'Type=notify',
    'KillMode=process',
    'Delegate=yes',
    'OOMPolicy=continue',
    'StateDirectory=baton',
    'Restart=on-failure',
  ]) {
    assert.ok(SERVICE.split('\n').includes(line), line);
  }
  // systemd would remove the sockets with it.
  assert.doesNotMatch(SERVICE, /^RuntimeDirectory=/m);
});

test('the timer and the line for cron write the figures to the same place', () => {
  const service = readFileSync(join(UNITS, 'baton-metrics.service'), 'utf8');
  const [, command = ''] = /^ExecStart=(.*)$/m.exec(service) ?? [];
  assert.match(command, /^baton metrics --output \/.*\.prom$/);
  const parsed = parse(command.split(' ').slice(1));
  assert.ok(parsed.ok && parsed.invocation.command.verb === 'metrics');
  const cron = readFileSync(join(ROOT, 'contrib/examples/cron.d-metrics'), 'utf8');
  const [line] = parseCrontab('cron.d-metrics', cron, (word) => word === 'root');
  assert.equal(line?.command, command);
});

test('contrib/systemd/README.md describes every metric that there is, and no other', () => {
  const readme = readFileSync(join(UNITS, 'README.md'), 'utf8');
  const section = readme.split('\n## ').find((part) => part.startsWith('Metrics')) ?? '';
  const told = [...section.matchAll(/`(baton)?(_[a-z_]+)`/g)].map(([, whole, name = '']) =>
    whole ? `baton${name}` : `baton_target${name}`,
  );
  const last = past(1, 'x', [3, 3, 2]);
  const usual = { medianMs: 1, lowMs: 1, highMs: 1, runs: 1 };
  const latest = new Map([['x', { ok: last, failed: last }]]);
  const text = showMetrics(status([{ ...view({ target: 'x', last }), usual, counts: [] }]), latest);
  const known = readMetrics(text).map(({ name }) => name);
  assert.deepEqual([...new Set(told)].sort(), [...new Set(known)].sort());
});

test('systemd-sysusers makes the group of the submit socket', (t) => {
  if (skipWithout(t, 'systemd-sysusers', 'root')) return;
  const root = directory(t);
  mkdirSync(join(root, 'etc'));
  copyFileSync(join(UNITS, 'baton.sysusers'), join(root, 'baton.conf'));
  const args = [`--root=${root}`, join(root, 'baton.conf')];
  const { status, stderr } = spawnSync('systemd-sysusers', args);
  assert.equal(status, 0, String(stderr));
  assert.match(readFileSync(join(root, 'etc/group'), 'utf8'), /^baton:x:\d+:$/m);
});

test('the sockets of the README of the units are read, and fit the units', () => {
  const readme = readFileSync(join(UNITS, 'README.md'), 'utf8');
  const example = readme.match(/```json\n(.*?)```/s)?.[1];
  const rsnap = { runner: { type: 'dummy', time: 0 } };
  const { sockets = [] } = accepted(
    load({ ...JSON.parse(`{${example}}`), targets: { 'rsnap-daily': rsnap } }),
  );
  assert.equal(sockets.length, 2);
  for (const { name, path, group } of sockets) {
    const unit = readFileSync(join(UNITS, `${name}.socket`), 'utf8');
    assert.match(unit, new RegExp(`^FileDescriptorName=${name}$`, 'm'));
    assert.match(unit, new RegExp(`^ListenStream=${path}$`, 'm'));
    if (group !== undefined) assert.match(unit, new RegExp(`^SocketGroup=${group}$`, 'm'));
  }
});
