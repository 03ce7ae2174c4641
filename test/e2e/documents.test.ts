/** The instructions in contrib/ are followed here, on a machine that overlays this one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { callsOf } from '../../client/crontab/calls.ts';
import { parseCrontab } from '../../client/crontab/crontab.ts';
import { directory, load, ROOT } from '../support/config.ts';
import { CRON_NEEDS } from '../support/cron.ts';
import { commandsOf } from '../support/guide.ts';
import { makeRsnapshot } from '../support/rsnapshot.ts';
import { whyWithout } from '../support/tools.ts';

/** In layers above /etc, /usr/bin and /var, and with a /run of its own. */
const OVERLAY = `
set -eu
mount -t tmpfs tmpfs "$1/layers"
for path in /etc /usr/bin /var; do
  layer=$1/layers/$(echo $path | tr / -)
  mkdir -p "$layer/upper" "$layer/work"
  mount -t overlay -o "lowerdir=$path,upperdir=$layer/upper,workdir=$layer/work" overlay $path
done
mount -t tmpfs tmpfs /run
rm -rf /etc/baton /etc/cron.d/* /etc/crontab /var/spool/cron/crontabs/*
cp "$1/rsnapshot.conf" /etc/rsnapshot.conf
cp "$1/old" /etc/cron.d/rsnapshot
mkdir /etc/baton
install -m 644 "$2/config.json" /etc/baton/config.json
node "$2/contrib/launchers.mjs"
batond >"$1/log" &
trap 'kill $!' EXIT
`;

const skip = whyWithout(...CRON_NEEDS, 'rsnapshot', 'rsync');

test('every command of FROM-RSNAPSHOT.md works, also where batond was started by hand', {
  skip,
}, (t) => {
  const place = directory(t);
  mkdirSync(join(place, 'layers'));
  const it = makeRsnapshot(place, ['alpha', 'beta', 'gamma']);
  writeFileSync(
    join(place, 'old'),
    '0 */4 * * * root /usr/bin/rsnapshot alpha\n30 3 * * * root /usr/bin/rsnapshot beta\n',
  );
  const commands = commandsOf('contrib/FROM-RSNAPSHOT.md');
  const script = `${OVERLAY}set -x\n${commands.join('\n')}`;
  const args = ['--mount', '--propagation', 'private', '/bin/sh', '-c', script, 'sh', place, ROOT];
  const env = { PATH: process.env['PATH'], HOME: place };
  const { status, stdout, stderr } = spawnSync('unshare', args, { env, encoding: 'utf8' });
  assert.equal(status, 0, `${stdout}\n${stderr}`);
  assert.deepEqual(it.completed(), ['alpha']);
  assert.match(stdout, /rsnapshot:1: runs rsnapshot alpha directly/);
  assert.match(stdout, /instead: 30 3 \* \* \* root baton run rsnap-beta --wait/);
  assert.match(stdout, /^\+0 \*\/4 \* \* \* root baton run rsnap-alpha --wait$/m);
  assert.match(stdout, /nothing to change in 2 lines of 1 crontab/);
});

test('the examples for cron name targets that the examples configure', () => {
  const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
  const pairs = [
    ['contrib/examples/cron.d-rsnapshot', 'contrib/examples/rsnapshot.json'],
    ['contrib/examples/crontab', 'config.json'],
  ] as const;
  for (const [tab, file] of pairs) {
    const config = load(JSON.parse(read(file)), {
      '/etc/rsnapshot.conf':
        'retain\tdaily\t7\nretain\tweekly\t4\nretain\tmonthly\t3\nsync_first\t1\n',
    });
    assert.ok(config.ok, JSON.stringify(config));
    const { targets } = config.value.catalog;
    assert.ok([...targets.values()].every(({ broken }) => broken === undefined));
    const lines = parseCrontab(tab, read(tab), (word) => word === 'root');
    const asked = lines.flatMap((line) => callsOf(line));
    assert.ok(asked.length >= 4);
    for (const call of asked) {
      assert.ok(call.kind === 'baton' && call.targets.every((it) => targets.has(it)), tab);
    }
  }
});
