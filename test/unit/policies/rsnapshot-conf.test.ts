/** Reading rsnapshot.conf and command lines of rsnapshot, without files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ReadFile } from '../../../daemon/core/policy.ts';
import {
  confOfCommand,
  FILES_MAX,
  INCLUDES_MAX,
  type RsnapshotConf,
  readRsnapshotConf,
  verbOfCommand,
} from '../../../policies/rsnapshot-conf.ts';

function reader(files: Readonly<Record<string, string>>): ReadFile {
  return (path) => {
    const text = files[path];
    return text === undefined ? { ok: false, error: 'ENOENT' } : { ok: true, text, realPath: path };
  };
}

function parse(lines: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const read = readRsnapshotConf('/c', reader({ '/c': lines.join('\n'), ...more }));
  assert.ok(read.ok);
  return read.conf;
}

const levels = (...lines: readonly string[]): RsnapshotConf['levels'] => parse(lines).levels;

test('the levels are those of the retain and interval lines, lowest first', () => {
  const conf = [
    '#retain\tno\t1',
    'retain\tnightly\t6',
    '',
    'interval\t\tfortnight\t2',
    'retain\t6h\t1',
  ];
  assert.deepEqual(levels(...conf), ['nightly', 'fortnight', '6h']);
});

test('slashes at the end of a path mean nothing, and a long row of them takes no long time', () => {
  const lockfile = (path: string) => parse([`lockfile\t${path}`, 'retain\ta\t1']).lockfile;
  assert.equal(lockfile('/run/x//'), '/run/x');
  assert.equal(lockfile('/'), '/');
  const row = '/'.repeat(500_000);
  assert.equal(lockfile(`${row}x`), `${row}x`);
});

test('what rsnapshot does not take for a level is none', () => {
  assert.deepEqual(
    levels('retain a 1', 'retain\ta-b\t1', 'retain\tc\t0', 'retain\td', 'x\te\t1'),
    [],
  );
  assert.deepEqual(levels('retain\ta\t1', 'retain\ta\t2'), ['a']);
});

test('an indented line continues the one before, a comment or a blank line ends it', () => {
  assert.deepEqual(levels('retain', '  daily', '\t7', 'retain\tweekly', '   4'), [
    'daily',
    'weekly',
  ]);
  assert.deepEqual(levels('retain\tdaily', '', '  7'), []);
  assert.deepEqual(levels('# retain', '\tretain\tdaily\t7'), []);
});

test('what rsnapshot refuses the whole file for is told, with the line and in its words', () => {
  const refused = (...lines: readonly string[]) =>
    parse(['retain\tdaily\t7', ...lines]).refused.map(({ line, text }) => `${line}: ${text}`);
  assert.deepEqual(refused('retain weekly 4'), [
    '2: retain weekly 4 - missing tabs to separate words - change spaces to tabs.',
  ]);
  assert.deepEqual(refused('', 'retain\tweekly', '\t4 '), [], 'trimmed where it is continued');
  assert.deepEqual(refused('retain\tweekly\t4 '), [
    '2: retain\tweekly\t4  - "4 " is not a legal value for a retention count',
  ]);
  assert.deepEqual(refused('sync_first\t1 '), [
    '2: sync_first\t1  - sync_first must be set to either 1 or 0',
  ]);
  assert.deepEqual(refused('retian\tx\t1', 'other\tx'), ['2: retian\tx\t1'], 'the first only');
  assert.equal(refused('retain\tweekly\t4\r').length, 1, 'CRLF');
  assert.deepEqual(refused('include_conf\t/nowhere'), [
    "2: include_conf\t/nowhere - can't find or read file '/nowhere'",
  ]);
});

test('a count may begin with 0, and of two levels of one name the first is used', () => {
  const { levels: names, counts, refused } = parse(['retain\ta\t04', 'retain\ta\t5']);
  assert.deepEqual([names, counts, refused], [['a'], [4], []]);
});

test('where every line is right, what the whole lacks is told', () => {
  const whole = ['config_version\t1.2', 'cmd_rsync\t/r', 'snapshot_root\t/s', 'retain\ta\t2'];
  const { omission } = parse(whole);
  assert.equal(omission, 'At least one backup point must be set. rsnapshot can not continue.');
  assert.equal(parse([...whole, 'backup\t/etc/\thost/']).omission, undefined);
  assert.equal(parse([...whole, 'include_conf\t`/bin/x`']).omission, undefined, 'not known');
});

test('include_conf is followed in its place, and from there on', () => {
  const conf = parse(['retain\ta\t1', 'include_conf\t/i', 'retain\td\t1'], {
    '/i': 'retain\tb\t1\ninclude_conf\t/j\nlockfile\t/run/i.pid',
    '/j': 'retain\tc\t1',
  });
  assert.deepEqual(conf.levels, ['a', 'b', 'c', 'd']);
  assert.equal(conf.lockfile, '/run/i.pid');
  assert.deepEqual(conf.unread, []);
});

test('include_conf with backticks is never executed, only named', () => {
  const conf = parse(['retain\ta\t1', 'include_conf\t`/usr/bin/touch /tmp/x`']);
  assert.deepEqual(conf.levels, ['a']);
  assert.deepEqual(conf.unread, [
    'include_conf `/usr/bin/touch /tmp/x` in /c is a command, which baton never executes',
  ]);
});

test('an include of a command that is no program with a whole path is refused', () => {
  const [refused] = parse(['retain\ta\t1', 'include_conf\t`cat /x`']).refused;
  assert.match(refused?.text ?? '', /- not a valid script: 'cat \/x'$/);
});

test('an include that is missing, or that includes itself, is named, and the rest is read', () => {
  assert.deepEqual(parse(['include_conf\t/nowhere', 'retain\ta\t1']).unread, [
    'include_conf /nowhere in /c cannot be read (ENOENT)',
  ]);
  const endless = parse(['retain\ta\t1', 'include_conf\t/c']);
  assert.deepEqual(endless.levels, ['a']);
  assert.equal(endless.unread.length, 1);
  assert.match(endless.unread[0] ?? '', /nested too deeply/);
  const wide = parse(
    Array.from({ length: FILES_MAX + 5 }, () => 'include_conf\t/empty'),
    {
      '/empty': '',
    },
  );
  assert.equal(wide.unread.length, 6, `${FILES_MAX} files and ${INCLUDES_MAX} levels are enough`);
});

test('lockfile, snapshot_root, sync_first and stop_on_stale_lockfile: the last one counts', () => {
  const conf = parse([
    'lockfile\t/run/a.pid',
    'lockfile\t/run/b.pid',
    'snapshot_root\t/backup//',
    'sync_first\t1',
    'stop_on_stale_lockfile\t1',
  ]);
  assert.deepEqual(
    [conf.lockfile, conf.snapshotRoot, conf.syncFirst, conf.stopOnStaleLockfile],
    ['/run/b.pid', '/backup', true, true],
  );
  const none = parse(['lockfile\trun/a.pid', 'sync_first\t0']);
  assert.deepEqual(
    [none.lockfile, none.snapshotRoot, none.syncFirst, none.stopOnStaleLockfile],
    [undefined, undefined, false, false],
  );
});

test('the conf that a command line names is found as rsnapshot finds it', () => {
  const cases: readonly [string, string | undefined][] = [
    ['/usr/bin/rsnapshot daily', undefined],
    ['/usr/bin/rsnapshot -c /a daily', '/a'],
    ['rsnapshot -c/a daily', '/a'],
    ['nice -n 5 rsnapshot -q -vc /a daily', '/a'],
    ['rsnapshot daily -c /a', undefined],
    ['rsnapshot -v daily', undefined],
    ['/usr/local/bin/wrapper -c /etc/rsnapshot.conf daily', '/etc/rsnapshot.conf'],
    ['ionice -c 3 /usr/local/bin/wrapper', undefined],
    ['ionice -c 3 rsnapshot -c /a daily', '/a'],
    ['/bin/sh -c /usr/local/bin/backup', undefined],
  ];
  for (const [line, conf] of cases) assert.equal(confOfCommand(line.split(' ')), conf, line);
});

test('what a command line tells rsnapshot to do is found behind its options', () => {
  const cases: readonly [string, string | undefined][] = [
    ['/usr/bin/rsnapshot daily', 'daily'],
    ['rsnapshot -q -c /etc/b.conf sync', 'sync'],
    ['rsnapshot -c/etc/b.conf 6h', '6h'],
    ['rsnapshot', undefined],
    ['/bin/true daily', undefined],
  ];
  for (const [line, verb] of cases) assert.equal(verbOfCommand(line.split(' ')), verb, line);
});
