/** Anacrontabs, as Debian's anacron 2.3 was observed to read them, and their targets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAnacrontab } from '../../../client/anacron/anacrontab.ts';
import { parseCrontab } from '../../../client/crontab/crontab.ts';
import { importAll } from '../../../client/crontab/import-crontab.ts';
import { suggest } from '../../../daemon/protocol/request.ts';

const FILE = '/etc/anacrontab';
const PATH = 'PATH=/usr/bin:/bin';

function read(...lines: readonly string[]) {
  return parseAnacrontab(FILE, `${lines.join('\n')}\n`);
}

function imported(...lines: readonly string[]) {
  const texts = new Map([[FILE, `${lines.join('\n')}\n`]]);
  const known = { targets: undefined, suggest, conf: () => undefined };
  const { targets, changed, notes } = importAll(
    { texts, lines: read(...lines), unread: [] },
    known,
    true,
  );
  return { targets, after: changed[0]?.after.split('\n').slice(0, -1), notes };
}

test('the lines of an anacrontab are those that anacron sees', () => {
  const jobs = read(
    '# a comment \\',
    '1 0 swallowed by the comment',
    ' 7\t10  weekly.x   run "$A" 100% # x ',
    'A = b "c"',
    '  @monthly 15 m run',
    '1 5 a/b run',
    '1 5 id',
    '99999999999 5 id run',
    '',
  );
  assert.deepEqual(
    jobs.map(({ line, when, name, command, fault }) => [line, when, name, command, fault]),
    [
      [3, '7', 'weekly.x', 'run "$A" 100% # x ', undefined],
      [5, '@monthly', 'm', 'run', undefined],
      [6, '', 'job', '1 5 a/b run', 'Invalid syntax'],
      [7, '', 'job', '1 5 id', 'Invalid syntax'],
      [8, '99999999999', 'id', 'run', 'number out of range'],
    ],
  );
  const { all, count } = jobs[1]?.settings ?? { all: [], count: 0 };
  assert.deepEqual(all.slice(0, count), [{ name: 'A', value: ' b "c"' }]);
  assert.equal(jobs[0]?.settings.count, 0);
});

test('period, delay, identifier and all blanks stay; the command becomes a target of the same name', () => {
  const { targets, after } = imported(
    ...[PATH, 'MAILTO=admin@example.com', 'SHELL=/bin/bash', 'HOME=/root', 'LOGNAME=root'],
    '@monthly 15\t db.dump   nice -n 5 /root/dump --at %F >/var/log/dump 2>&1',
    '7 10 two/half date +%F',
    '1 5 12 test -e /x && date +%F',
  );
  assert.deepEqual(after?.slice(5), [
    '@monthly 15\t db.dump   baton run db.dump --wait >/var/log/dump 2>&1',
    '7 10 two/half date +%F',
    '1 5 12 baton run job12 --wait',
  ]);
  const env = { SHELL: '/bin/bash', HOME: '/root', LOGNAME: 'root' };
  const policies = [{ type: 'cardinality' }];
  assert.deepEqual(targets, {
    'db.dump': {
      runner: { type: 'local', args: ['/root/dump', '--at', '%F'], cwd: '/', env, nice: 5 },
      policies,
    },
    job12: {
      runner: {
        ...{ type: 'local', args: ['/bin/sh', '-c', 'test -e /x && date +%F'] },
        ...{ cwd: '/', env },
      },
      policies,
    },
  });
});

test('a command that goes to another directory begins there, and rsnapshot gets its policy', () => {
  const { targets, after } = imported(
    PATH,
    '1 5 here cd /srv && ./sync',
    '1 5 there rsnapshot daily',
    '1 5 done baton run x --wait',
  );
  assert.deepEqual(after?.slice(1), [
    '1 5 here baton run here --wait',
    '1 5 there baton run rsnap-daily --wait',
    '1 5 done baton run x --wait',
  ]);
  assert.equal(targets['rsnap-daily']?.policies[0]?.['type'], 'rsnapshot');
  assert.equal(targets['rsnap-daily']?.runner['cwd'], '/');
});

test('what anacron makes of a line otherwise than it looks is a reason to leave it', () => {
  const jobs = read('1 5 a find / \\( -name x \\)', '1 5 b one \\', ' two', '1 5 c run\r');
  assert.deepEqual(
    jobs.map(({ line, why = '' }) => [line, why.slice(0, 30)]),
    [
      [1, 'anacron removes every backslas'],
      [2, 'it continues on the next line;'],
      [4, 'it ends with a carriage return'],
    ],
  );
});

test('a variable that is set below a line is named where anacron may give it to that line', () => {
  const notes = (...lines: readonly string[]) => read(PATH, ...lines).map((job) => job.notes);
  assert.deepEqual(notes('1 5 a run', 'X=1', 'X=2', '1 10 b run'), [[], []]);
  const [[note = ''] = []] = notes('1 10 a run', 'X=1', 'X=2', '1 5 b run', 'Y=1');
  assert.match(note, /^anacron may also set X, defined further below/);
  assert.deepEqual(notes('X=0', '1 10 a run', 'X=1', '1 5 b run'), [[], []]);
  assert.match(`${read('1 5 a run')[0]?.notes}`, /^the anacrontab sets no PATH/);
});

test('a command keeps all its variables but those that only tell cron or anacron what to do', () => {
  const kept = ['MAILDIR', 'MAIL', 'CRONITOR_KEY', 'CRON', 'CONTENT_DIR', 'RANDOM_DELAYS'];
  const owned = ['MAILTO', 'MAILFROM', 'CRON_TZ', 'CONTENT_TYPE', 'CONTENT_TRANSFER_ENCODING'];
  const anacrons = ['NO_MAIL_OUTPUT', 'PREFERRED_HOUR', 'RANDOM_DELAY', 'START_HOURS_RANGE'];
  const settings = [...kept, ...owned, ...anacrons].map((name) => `${name}=x`);
  const byAnacron = imported(PATH, ...settings, '1 5 job /bin/a').targets['job'];
  const text = `${settings.join('\n')}\n1 2 * * * root /bin/job\n`;
  const lines = parseCrontab('/etc/cron.d/x', text, () => true);
  const all = { texts: new Map([['/etc/cron.d/x', text]]), lines, unread: [] };
  const known = { targets: undefined, suggest, conf: () => undefined };
  const byCron = importAll(all, known, true).targets['job'];
  for (const target of [byAnacron, byCron]) {
    const env = target?.runner['env'];
    assert.deepEqual(env, Object.fromEntries(kept.map((name) => [name, 'x'])));
  }
});
