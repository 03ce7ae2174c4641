/** `baton import crontab`: its output and files for existing crontabs, as a user sees them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { directory } from '../support/config.ts';
import { BATON, BATOND, Rig } from '../support/rig.ts';

const TAB = [
  'MAILTO=admin@example.com',
  'PATH=/opt/tools:/usr/bin:/bin',
  '',
  '# the nightly ones',
  '0 1 * * *\troot  nice -n 19 /root/dump --all >/var/log/dump 2>&1',
  '5 1 * * * daemon flock -n /run/x.lock sync-it "a b" # as daemon',
  '6 1 * * * root flock -n /run/x.lock prune-it; date +\\%F',
  '7 1 * * * root cat%input',
  '',
].join('\n');

function baton(t: { after(done: () => void): void }, ...args: readonly string[]) {
  const env = { PATH: process.env['PATH'], BATON_SOCKET: join(directory(t), 'nobody') };
  const done = spawnSync(process.execPath, [BATON, ...args], { env, encoding: 'utf8' });
  return { status: done.status, text: done.stdout, errors: done.stderr };
}

test('import crontab prints the new lines as a diff, says what it leaves, and changes nothing', (t) => {
  const tab = join(directory(t), 'tab');
  writeFileSync(tab, TAB);
  const { status, text, errors } = baton(t, 'import', 'crontab', tab);
  assert.equal(status, 0, errors);
  assert.equal(readFileSync(tab, 'utf8'), TAB);
  assert.deepEqual(text.slice(text.indexOf(`--- ${tab}`)).split('\n'), [
    `--- ${tab}`,
    `+++ ${tab}`,
    '@@ -2,7 +2,7 @@',
    ' PATH=/opt/tools:/usr/bin:/bin',
    ' ',
    ' # the nightly ones',
    '-0 1 * * *\troot  nice -n 19 /root/dump --all >/var/log/dump 2>&1',
    '-5 1 * * * daemon flock -n /run/x.lock sync-it "a b" # as daemon',
    '-6 1 * * * root flock -n /run/x.lock prune-it; date +\\%F',
    '+0 1 * * *\troot  baton run dump --wait >/var/log/dump 2>&1',
    '+5 1 * * * root baton run sync-it --wait # as daemon',
    '+6 1 * * * root baton run prune-it --wait',
    ' 7 1 * * * root cat%input',
    '',
  ]);
  assert.match(errors, /tab:8: left as it is: .* it has a %, after which cron passes input\n/);
});

test('with --write the new files lie beside the old ones, and the daemon runs their targets', async (t) => {
  const place = directory(t);
  const [tab, out] = [join(place, 'tab'), join(place, 'out')];
  writeFileSync(tab, TAB);
  const first = baton(t, 'import', 'crontab', tab, '--write', out);
  assert.equal(first.status, 0, first.errors);
  assert.equal(readFileSync(tab, 'utf8'), TAB);
  assert.match(
    readFileSync(join(out, tab), 'utf8'),
    /^MAILTO=.*\n5 1 \* \* \* root baton run sync-it/s,
  );
  const config = join(out, 'config.json');
  assert.equal(statSync(config).mode & 0o777, 0o600);
  const { targets } = JSON.parse(readFileSync(config, 'utf8'));
  const PATH = '/opt/tools:/usr/bin:/bin';
  const env = { PATH };
  assert.deepEqual(targets, {
    dump: {
      runner: { type: 'local', args: ['/root/dump', '--all'], env, nice: 19 },
      policies: [{ type: 'cardinality' }],
    },
    // Another line still takes the lock itself, so this one has to take it, too.
    'sync-it': {
      runner: {
        ...{ type: 'local', args: ['flock', '-n', '/run/x.lock', 'sync-it', 'a b'] },
        ...{ env, user: 'daemon' },
      },
      policies: [{ type: 'cardinality' }],
    },
    'prune-it': {
      runner: {
        ...{ type: 'local', args: ['/bin/sh', '-c', 'flock -n /run/x.lock prune-it; date +%F'] },
        env,
      },
      policies: [{ type: 'cardinality' }],
    },
  });
  const checked = spawnSync(process.execPath, [BATOND, '--check', config], { encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stderr);
  const rig = await Rig.start({ targets: { day: targets['prune-it'] } });
  t.after(() => rig.close());
  const ran = await rig.baton('run', 'day', '--wait');
  assert.match(ran.text, /^\d{4}-\d\d-\d\d\n$/m, ran.errors);
  const again = baton(t, 'import', 'crontab', tab, '--write', out);
  assert.equal(again.status, 73);
  assert.match(again.errors, /config\.json: already exists, so nothing was written/);
});

test('a lock that only one command of each line takes becomes a group', (t) => {
  const tab = join(directory(t), 'tab');
  const lines = [
    'flock -n /run/x.lock a',
    'flock -w 60 /run/x.lock b',
    'flock -n -E 0 /run/y.lock c',
  ];
  writeFileSync(tab, lines.map((line) => `0 1 * * * root ${line}\n`).join(''));
  const out = join(directory(t), 'out');
  assert.equal(baton(t, 'import', 'crontab', tab, '--write', out).status, 0);
  const { targets } = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  const group = '/run/x.lock';
  assert.deepEqual(targets, {
    a: {
      runner: { type: 'local', args: ['a'] },
      policies: [{ type: 'cardinality', group, whenFull: 'refuse' }],
    },
    b: {
      runner: { type: 'local', args: ['b'] },
      policies: [{ type: 'cardinality', group }],
      maxWait: '60s',
    },
    c: {
      runner: { type: 'local', args: ['c'] },
      policies: [{ type: 'cardinality', whenFull: 'ignore' }],
    },
  });
});

test('a lock that another line takes by a descriptor stays a lock', (t) => {
  const tab = join(directory(t), 'tab');
  const lines = ['flock -n /run/x.lock a', '( flock 9; b | c ) 9>/run/x.lock'];
  writeFileSync(tab, lines.map((line) => `0 1 * * * root ${line}\n`).join(''));
  const out = join(directory(t), 'out');
  assert.equal(baton(t, 'import', 'crontab', tab, '--write', out).status, 0);
  const { targets } = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'));
  assert.deepEqual(targets['a'].runner.args, ['flock', '-n', '/run/x.lock', 'a']);
});

test('two lines that need different targets of one name do not share one', (t) => {
  const tab = join(directory(t), 'tab');
  writeFileSync(
    tab,
    '0 1 * * * root rsnapshot -c /x/b.conf a\n0 2 * * * daemon rsnapshot -c /x/b.conf a\n',
  );
  const { text, errors } = baton(t, 'import', 'crontab', tab);
  assert.match(text, /^\+0 1 \* \* \* root baton run rsnap-b-a --wait\n 0 2/m);
  assert.match(
    errors,
    /tab:2: left as it is: its target would be rsnap-b-a, which another line defines/,
  );
});

test('import crontab prints nothing for a crontab where it cannot go on', (t) => {
  const place = directory(t);
  const missing = baton(t, 'import', 'crontab', join(place, 'x'));
  assert.deepEqual([missing.status, missing.text], [66, '']);
  writeFileSync(join(place, 'empty'), '# nothing\n');
  const empty = baton(t, 'import', 'crontab', join(place, 'empty'));
  assert.deepEqual([empty.status, empty.text], [1, '']);
  writeFileSync(join(place, 'tab'), '0 1 * * * root true\n');
  mkdirSync(join(place, 'out'));
  writeFileSync(join(place, 'out/config.json'), '{}');
  const refused = baton(t, 'import', 'crontab', join(place, 'tab'), '--write', join(place, 'out'));
  assert.equal(refused.status, 73);
  assert.equal(readFileSync(join(place, 'out/config.json'), 'utf8'), '{}');
  assert.equal(baton(t, 'import', 'rsnapshot', '--write', place).status, 64);
});

test('import rsnapshot takes many confs, and names no two targets alike', (t) => {
  const place = directory(t);
  for (const name of ['web1', 'db2']) {
    mkdirSync(join(place, name));
    writeFileSync(join(place, name, 'rsnapshot.conf'), 'retain\tdaily\t7\n');
  }
  const confs = ['web1', 'db2'].map((name) => join(place, name, 'rsnapshot.conf'));
  const { status, text, errors } = baton(t, 'import', 'rsnapshot', ...confs);
  assert.equal(status, 0, errors);
  assert.deepEqual(Object.keys(JSON.parse(text).targets), ['rsnap-web1-daily', 'rsnap-db2-daily']);
  assert.match(errors, /root baton run rsnap-db2-daily --wait\n/);
});
