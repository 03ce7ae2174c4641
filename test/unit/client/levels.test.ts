/** check-crontab and import crontab with levels that the conf has, lacks, or may have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCrontab } from '../../../client/crontab/crontab.ts';
import { findAll, type Knowledge } from '../../../client/crontab/findings.ts';
import { importAll } from '../../../client/crontab/import-crontab.ts';
import { readRsnapshotConf } from '../../../policies/rsnapshot-conf.ts';

function known(conf: string, more: Partial<Knowledge> = {}): Knowledge {
  return {
    targets: undefined,
    suggest: () => undefined,
    conf: (path) => {
      const read = readRsnapshotConf(path, () => ({ ok: true, text: conf, realPath: path }));
      return read.ok ? read.conf : undefined;
    },
    ...more,
  };
}

const linesOf = (text: string) => parseCrontab('/etc/cron.d/x', text, () => true);

test('levels that an include may print are accepted, in the order of the classic names where they are', () => {
  const conf = known('include_conf\t`/root/levels`\n');
  const text = '0 3 * * * root rsnapshot daily\n0 3 * * 1 root rsnapshot weekly\n';
  const found = findAll(linesOf(text), conf);
  assert.deepEqual(
    found.map(({ instead }) => instead),
    ['0 3 * * * root baton run rsnap-daily --wait', '0 3 * * 1 root baton run rsnap-weekly --wait'],
  );
  assert.deepEqual(found[0]?.notes, [
    'include_conf `/root/levels` in /etc/rsnapshot.conf is a command, which baton never executes: ' +
      'it may define levels, which cannot be checked; complete "order" (lowest first)',
  ]);
  const all = { texts: new Map([['/etc/cron.d/x', text]]), lines: linesOf(text), unread: [] };
  const { targets } = importAll(all, conf, false);
  assert.deepEqual(
    Object.values(targets).map(({ policies }) => policies[0]?.['order']),
    [
      ['daily', 'weekly'],
      ['daily', 'weekly'],
    ],
  );
});

test('levels of other names that an include may print follow those that the conf has', () => {
  const conf = known('retain\tnightly\t7\ninclude_conf\t`/root/levels`\n');
  const [found] = findAll(linesOf('0 3 * * 1 root rsnapshot epoch\n'), conf);
  assert.match(found?.targets?.[0] ?? '', /"order":\["nightly","epoch"\]/);
});

test('sync where sync_first is not set is refused by rsnapshot', () => {
  const line = linesOf('0 3 * * * root rsnapshot sync\n');
  const [found] = findAll(line, known('retain\tdaily\t7\n'));
  assert.match(found?.text ?? '', /refuses sync, because "sync_first" is not 1 in \/etc\/rsnap/);
  const [right] = findAll(line, known('retain\tdaily\t7\nsync_first\t1\n'));
  assert.match(right?.instead ?? '', /rsnap-sync/);
});

test('a target names the path that the shell would find in the PATH of its line', () => {
  const program = (name: string, path: string) =>
    path === '/opt/x' ? `/opt/x/${name}` : undefined;
  const conf = known('retain\tdaily\t7\n', { program });
  const argsIn = (text: string) => findAll(linesOf(text), conf)[0]?.targets?.[0] ?? '';
  const call = '0 3 * * * root rsnapshot daily\n';
  assert.match(argsIn(call), /"args":\["rsnapshot","daily"\]/);
  assert.match(argsIn(`PATH=/opt/x\n${call}`), /"args":\["\/opt\/x\/rsnapshot","daily"\]/);
  assert.match(argsIn('0 3 * * * root PATH=/opt/x rsnapshot daily\n'), /"\/opt\/x\/rsnapshot"/);
  assert.match(argsIn('PATH=/opt/x\n0 3 * * * root /usr/bin/rsnapshot daily\n'), /"\/usr\/bin\/rs/);
});
