/** Crontabs as baton check-crontab understands them, without files. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CronRules,
  parseCrontab,
  parseSchedule,
  runsOn,
} from '../../../client/crontab/crontab.ts';
import { COMMAND_CHARS_MAX, DEBIAN, DEBIAN_13 } from '../../../client/crontab/debian-cron.ts';
import { findAll, type KnownTarget } from '../../../client/crontab/findings.ts';
import { flocksOf } from '../../../client/crontab/flocks.ts';
import { readCommand } from '../../../client/crontab/percent.ts';
import { systemdCron } from '../../../client/crontab/systemd-cron.ts';
import { suggest } from '../../../daemon/protocol/request.ts';
import { readRsnapshotConf } from '../../../policies/rsnapshot-conf.ts';

const CONF = [
  'retain\tdaily\t7',
  'retain\tweekly\t4',
  'retain\tmonthly\t3',
  'lockfile\t/run/rsnapshot.pid',
].join('\n');
const ORDER = ['daily', 'weekly', 'monthly'];
const TARGETS: readonly KnownTarget[] = ORDER.map((name) => ({
  target: `backup-${name}`,
  groups: ['rsnapshot:/etc/rsnapshot.conf'],
  level: { name, order: ORDER },
}));

/** Each finding as "line: text", with what to write instead. */
function check(text: string, targets: readonly KnownTarget[] | 'no daemon' = TARGETS): string[] {
  const lines = parseCrontab('tab', `${text}\n`, (word) => word === 'root');
  const files: Record<string, string> = {
    '/etc/rsnapshot.conf': CONF,
    '/etc/b.conf': CONF,
    '/etc/blanks.conf': 'retain\tdaily\t7\nretain weekly 4\n',
  };
  const conf = (path: string) => {
    const read = readRsnapshotConf(path, (wanted) =>
      files[wanted] === undefined
        ? { ok: false, error: 'ENOENT' }
        : { ok: true, text: files[wanted], realPath: wanted },
    );
    return read.ok ? read.conf : undefined;
  };
  const found = findAll(lines, {
    targets: targets === 'no daemon' ? undefined : targets,
    conf,
    suggest,
  });
  return found.map(({ line, text: what, instead }) =>
    [`${line.line}: ${what}`, ...(instead === undefined ? [] : [instead])].join(' | '),
  );
}

test('a line has five fields or a nickname, a user where there is one, and a command', () => {
  const text = [
    '# a comment',
    'PATH=/bin',
    '',
    '0 3 * * * root  cd / && true',
    '@daily x',
    '1,2\t3-4 */5 jan-mar sun date +\\%F % input',
    '* 4 * * *',
    'not a line',
    '',
  ].join('\n');
  const lines = parseCrontab('tab', text, (word) => word === 'root');
  assert.deepEqual(
    lines.map(({ line, when, user, command }) => [line, when, user, command]),
    [
      [4, '0 3 * * *', 'root', 'cd / && true'],
      [5, '@daily', undefined, 'x'],
      [6, '1,2 3-4 */5 jan-mar sun', undefined, 'date +%F '],
      [7, '* 4 * * *', undefined, ''],
      [8, 'not a line', undefined, ''],
    ],
  );
  assert.deepEqual(
    lines.map(({ fault }) => fault),
    [undefined, undefined, undefined, 'bad command', 'bad minute'],
  );
});

test('a percent sign ends a command unless one backslash stands before it', () => {
  const line = String.raw`date +\%F \\% in%put`;
  const { text, place, hasInput } = readCommand(line, 0);
  assert.deepEqual([text, hasInput], [String.raw`date +%F \\ `.trimEnd(), true]);
  assert.equal(line.slice(place(6), place(7)), '\\%');
  assert.equal(line[place(text.length)], '%');
});

test('settings count for the lines below them, with or without quotes', () => {
  const text = 'A=1\n0 3 * * * x\n "B" = " b "\nA= two words \n0 4 * * * y\nC="x" y\n';
  const [first, second] = parseCrontab('tab', text, () => false);
  const settings = (line: typeof first) =>
    line?.settings.all.slice(0, line.settings.count).map(({ name, value }) => `${name}=${value}`);
  assert.deepEqual(settings(first), ['A=1']);
  assert.deepEqual(settings(second), ['A=1', 'B= b ', 'A=two words']);
});

test('fields are read as cron reads them', () => {
  const minutes = (when: string) => parseSchedule(when)?.minutes;
  assert.deepEqual(minutes('30 23 * * *'), [1_410]);
  assert.deepEqual(minutes('0 */8 * * *'), [0, 480, 960]);
  assert.deepEqual(minutes('5-7,9 1 * * *'), [65, 66, 67, 69]);
  assert.deepEqual(minutes('0 22-2 * * *'), []);
  assert.deepEqual(minutes('*/40,007 1 * * *'), [60, 67, 100]);
  assert.equal(minutes('*5 * * * *')?.length, 1_440);
  assert.equal(minutes('@hourly')?.length, 24);
  for (const bad of [
    '60 * * * *',
    '* 24 * * *',
    '* * 0 * *',
    '* * * 13 *',
    '0 20/2 * * *',
    '@Daily',
    '* * * * sunday',
    '*/0 * * * *',
    '* * * * x',
    '@reboot',
  ]) {
    assert.equal(parseSchedule(bad), undefined, bad);
  }
});

test('of a day of the month and a weekday one is enough, unless one of them is a star', () => {
  const on = (when: string, day: string) => {
    const schedule = parseSchedule(when);
    return schedule !== undefined && runsOn(schedule, new Date(`${day}T00:00:00Z`));
  };
  assert.ok(on('0 3 1 * 5', '2027-01-08'), 'a Friday');
  assert.ok(on('0 3 1 * 5', '2027-02-01'), 'a first');
  assert.ok(!on('0 3 1 * 5', '2027-01-07'));
  assert.ok(!on('0 3 1 * *', '2027-01-08'));
  assert.ok(on('0 3 * * 7', '2027-01-03'), 'Sunday is 0 and 7');
  assert.ok(!on('0 3 1 2 *', '2027-01-01'));
});

test('a direct call of rsnapshot is told, with the line to write instead', () => {
  assert.deepEqual(check('30 3 * * * root /usr/bin/rsnapshot daily\n'), [
    '1: runs rsnapshot daily directly, which fails while another interval holds the lock | 30 3 * * * root baton run backup-daily --wait',
  ]);
  assert.match(
    check('@weekly rsnapshot -q weekly')[0] ?? '',
    /\| @weekly baton run backup-weekly --wait$/,
  );
});

test('what is around the call stays, guards of the call go', () => {
  const instead = (command: string) => check(`0 3 * * * ${command}`)[0]?.split(' | ')[1];
  const lines: readonly (readonly [string, string])[] = [
    ['nice -n 19 ionice -c3 rsnapshot daily', 'baton run backup-daily --wait'],
    ['flock -w 5 /run/x rsnapshot daily', 'baton run backup-daily --wait'],
    [
      'mount /b && rsnapshot daily; umount /b',
      'mount /b && baton run backup-daily --wait; umount /b',
    ],
    ['rsnapshot daily >/dev/null 2>&1', 'baton run backup-daily --wait >/dev/null 2>&1'],
    [
      'rsnapshot weekly && rsnapshot daily',
      'baton run backup-weekly --wait && baton run backup-daily --wait',
    ],
    ['echo \\%; rsnapshot daily', 'echo \\%; baton run backup-daily --wait'],
  ];
  for (const [command, wanted] of lines) assert.equal(instead(command), `0 3 * * * ${wanted}`);
});

test('where there is no target for a call, the command that prints one is told', () => {
  const [found = ''] = check('0 3 * * * rsnapshot -c /etc/b.conf daily');
  assert.match(
    found,
    /"baton import rsnapshot \/etc\/b\.conf" prints its target \| .* rsnap-b-daily/,
  );
  assert.match(check('0 3 * * * rsnapshot daily', 'no daemon')[0] ?? '', /baton run rsnap-daily/);
});

test('what starts no run of rsnapshot is left alone', () => {
  const lines = [
    'rsnapshot configtest',
    'rsnapshot du',
    'tail /var/log/rsnapshot.log',
    'cat /etc/rsnapshot.conf x',
    '# rsnapshot daily',
    'backup rsnapshotter',
  ];
  assert.deepEqual(check(lines.map((line) => `0 3 * * * ${line}`).join('\n')), []);
});

test('a target that the daemon does not know is told, with the one that was meant', () => {
  assert.deepEqual(check('0 3 * * * baton run backup-dayly --wait\n0 4 * * * baton -t nothing'), [
    '1: calls the target "backup-dayly", which is not configured; did you mean "backup-daily"?',
    '2: calls the target "nothing", which is not configured; add it to config.json',
  ]);
  assert.deepEqual(check('0 3 * * * baton run --wait -E 1 "backup-daily"'), []);
  assert.deepEqual(check('0 3 * * * baton run anything', 'no daemon'), [], 'without a daemon');
});

test('a lower level that starts before a higher one on the same day is told, with such a day', () => {
  const staggered = '0 3 * * * baton run backup-daily\n30 3 * * 1 baton run backup-weekly';
  assert.deepEqual(check(staggered), [
    '1: starts daily at 03:00, before weekly at 03:30 (tab:2) on the same day, such as 2027-01-04; weekly must run first; with baton, both may have the same minute',
  ]);
  assert.deepEqual(
    check('30 3 * * * baton run backup-daily\n0 3 * * 1 baton run backup-weekly'),
    [],
  );
  assert.deepEqual(
    check('0 3 * * * baton run backup-daily\n0 3 * * 1 baton run backup-weekly'),
    [],
  );
});

test('days that never meet, and levels of several times a day, are no disorder', () => {
  assert.deepEqual(
    check('0 3 2 * * baton run backup-daily\n30 3 1 * * baton run backup-weekly'),
    [],
  );
  assert.deepEqual(
    check('0 */4 * * * baton run backup-daily\n50 23 * * * baton run backup-weekly'),
    [],
  );
});

test('two direct lines of one minute and one lock collide, and so do a direct and a baton line', () => {
  const collisions = (text: string) => check(text).filter((it) => it.includes('collides'));
  assert.deepEqual(collisions('0 3 1 * * rsnapshot monthly\n0 3 * * 1 rsnapshot weekly'), [
    '2: collides with tab:1 at 03:00, such as on 2027-02-01: both need /run/rsnapshot.pid; start both through baton',
  ]);
  assert.equal(
    collisions('0 3 * * * baton run backup-daily\n0 3 * * * rsnapshot weekly').length,
    1,
  );
  assert.equal(
    collisions('0 3 * * * rsnapshot -c /etc/b.conf daily\n0 3 * * * rsnapshot weekly').length,
    1,
  );
  assert.deepEqual(collisions('0 3 * * * rsnapshot daily\n5 3 * * * rsnapshot weekly'), []);
  assert.deepEqual(
    collisions('0 3 * * * baton run backup-daily\n0 3 * * * baton run backup-weekly'),
    [],
  );
});

test('two lines that take one lock by flock collide', () => {
  const [found = ''] = check(
    '0 3 * * * flock -n /run/x.lock a\n*/5 * * * * flock -w 5 /run/x.lock b',
  );
  assert.match(
    found,
    /^2: collides with tab:1 at 03:00, .*: both need \/run\/x\.lock; start both through baton$/,
  );
});

test('what cron does with a line that it takes otherwise than one would think is told', () => {
  assert.deepEqual(check('0 22-2 * * * x\n0 3 30 2 * x\n0 3 * * sat-sun x\n0 3 * * mon-sun/2 x'), [
    '1: never runs: the hour "22-2" has the range 22-2, which counts down, so cron treats it as empty; write 22-23,0-2',
    '2: never runs: no such day exists in the calendar; correct the day or the month',
    '3: never runs: the day-of-week "sat-sun" has the range sat-sun, which counts down, so cron treats it as empty; write 6-7',
    '4: never runs: the day-of-week "mon-sun/2" has the range mon-sun/2, which counts down, so cron treats it as empty; list the values one by one',
  ]);
  assert.deepEqual(check('*5 3 * * * x\n0 3 * * 1#2 x'), [
    '1: cron reads "*" of "*5" and ignores the rest; write the intended values',
    '2: cron reads "1" of "1#2" and ignores the rest; write the intended values',
  ]);
  assert.match(check('0 3 * * * x\r')[0] ?? '', /carriage return/);
});

test('a line that cron refuses costs the whole file, and is told once', () => {
  assert.deepEqual(check('0 3 * * * x\n61 3 * * * x\n'), [
    '2: cron refuses this line ("bad minute"), and with it all other lines of the file (1); correct it',
  ]);
  const unended = (text: string) => parseCrontab('tab', text, () => false).map((it) => it.fault);
  assert.deepEqual(unended('0 3 * * * x'), ['missing newline before EOF']);
  assert.deepEqual(unended('0 3 * * * x\n# no newline'), [undefined], 'a comment needs none');
  assert.deepEqual(unended('0 3 * * * x\nA=b'), [undefined, 'missing newline before EOF']);
  const settings: readonly (readonly [string, boolean])[] = [
    ['MAILTO=', false],
    ['MAILTO=""', true],
    ['PATH="/a":/b', false],
    ['PATH=/a:"/b"', true],
    ['A="b" # c', false],
    ["'A B' = c", true],
    ['A B = c', false],
    ['A==b', true],
  ];
  for (const [line, isTaken] of settings) {
    assert.equal(check(`${line}\n0 3 * * * x\n`).length === 0, isTaken, line);
  }
  const empty = (rules: CronRules) => parseCrontab('tab', 'MAILTO=\n', () => false, rules).length;
  assert.deepEqual([empty(DEBIAN), empty(DEBIAN_13)], [1, 0]);
  const long = check(`0 3 * * * ${'x'.repeat(COMMAND_CHARS_MAX + 1)}\n`);
  assert.match(long[0] ?? '', /"command too long"/);
  assert.deepEqual(check(`0 3 * * * ${'x'.repeat(COMMAND_CHARS_MAX)}\n`), []);
});

test('in /etc a line needs a user that exists', () => {
  const column = { isThere: () => true, exists: (word: string) => word === 'root' };
  const faults = (text: string) => parseCrontab('tab', text, column).map(({ fault }) => fault);
  assert.deepEqual(
    faults('* * * * * root x\n* * * * * nobody2 x\n* * * * * root\n* * * * * x y\n'),
    [undefined, 'bad username', 'bad command', 'bad username'],
  );
});

/** What the generators of both versions made from these lines; `undefined`: no timer. */
test('systemd-cron drops lines, wants both days, and has its own weekdays and months', () => {
  const read = (when: string, version: '1' | '2') => {
    const time = systemdCron(version).readTime(when);
    if (!time.ok) return undefined;
    const { schedule } = time;
    const days = [...(schedule?.weekdays ?? [])].sort().join('');
    return { days, months: [...(schedule?.months ?? [])].join(), minutes: schedule?.minutes ?? [] };
  };
  const days = (word: string) =>
    (['1', '2'] as const).map((version) => read(`0 3 * * ${word}`, version)?.days);
  const cases: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['5-7', '0123456', '056'],
    ['fri-sun', '0123456', '056'],
    ['0-7', '0', '0123456'],
    ['6,7', '06', '06'],
    ['8', '1', undefined],
    ['sun', '0', '0123456'],
    ['sun-tue', '012', '012'],
    ['7-2', '012', undefined],
    ['1-5,x', '0123456', undefined],
    ['Tues-THU', '234', '234'],
    ['*/3', '036', '036'],
  ];
  for (const [word, one, two] of cases) assert.deepEqual(days(word), [one, two], word);
  const months = (word: string) =>
    (['1', '2'] as const).map((version) => read(`0 3 1 ${word} *`, version)?.months);
  assert.deepEqual(months('nov'), ['10', undefined]);
  assert.deepEqual(months('dec'), ['11', undefined]);
  assert.deepEqual(months('oct'), [undefined, undefined]);
  assert.deepEqual(months('jan'), ['1', undefined]);
  assert.deepEqual(months('11-13'), ['11,12', '11,12']);
  assert.equal(read('0 22-2 * * *', '1'), undefined);
  assert.deepEqual(read('0 20/2 * * *', '1')?.minutes, [1_200]);
  assert.deepEqual(read('5,61 3 * * *', '1')?.minutes, [185]);
  assert.equal(read('5,61 3 * * *', '2'), undefined);
  assert.equal(read('@Weekly', '2')?.days, '1');
  const both = systemdCron('2').readTime('0 3 1 * 1');
  assert.ok(both.ok && both.schedule?.needsBoth && both.notes.length === 1);
});

test('a configuration that rsnapshot refuses is told at the line that uses it', () => {
  const found = check('0 3 * * * rsnapshot -c /etc/blanks.conf daily');
  assert.match(found[1] ?? '', /rsnapshot refuses \/etc\/blanks\.conf for line 2: .*missing tabs/);
});

test('a higher level belongs into the gap before the next start of the lower one, not behind its last', () => {
  const found = (daily: string, weekly: string) =>
    check(`${daily} baton run backup-daily\n${weekly} baton run backup-weekly`);
  assert.deepEqual(found('0 0 * * *', '30 23 * * 7'), [], 'half an hour before');
  assert.deepEqual(found('0 3 * * *', '30 2 * * 1'), []);
  assert.match(
    found('0 3 * * *', '0 4 * * 1')[0] ?? '',
    /^1: starts daily at 03:00, before weekly at 04:00/,
  );
  assert.deepEqual(found('50 23 * * *', '10 0 * * 1'), [
    '1: starts daily at 23:50, before weekly at 00:10 (tab:2) on the day before, such as 2027-01-03; weekly must run first; with baton, both may have the same minute',
  ]);
  assert.deepEqual(found('0 0 1 * *', '0 3 1 2 *').length, 1, 'a lower one that is not daily');
});

test('what flock takes is known by its path or its descriptor, and by what it does when it is held', () => {
  const cases: readonly (readonly [string, string | undefined, boolean, boolean])[] = [
    ['flock -n /run/a.lock rsync x', '/run/a.lock', false, true],
    ['flock -w 5 /run/a.lock rsync x', '/run/a.lock', false, false],
    ['flock -w5 /run/a.lock rsync x', '/run/a.lock', false, false],
    ['/usr/bin/flock -xnE 0 "/run/a b.lock" -c "x"', '/run/a b.lock', false, true],
    ['flock --timeout 5 --shared /run/a.lock x', '/run/a.lock', true, false],
    ['flock --nonblock -s /run/a.lock x', '/run/a.lock', true, true],
    ['( flock -n 9 || exit 1; a ) 9>/run/a.lock', '/run/a.lock', false, true],
    ["( flock -s 200; a ) 200>>'/run/a.lock'", '/run/a.lock', true, false],
    ['( flock -n 9 || exit 1; a )', undefined, false, false],
    ['flock -u 9', undefined, false, false],
    ['flock -w 0 /run/a.lock x', '/run/a.lock', false, true],
    ["nice sh -c 'flock -n /run/a.lock x; y'", '/run/a.lock', false, true],
    ['exec 9>/run/a.lock; flock -n 9 || exit 1; x', '/run/a.lock', false, true],
    ['{ flock 9; a; } 9<>"/run/a.lock"', '/run/a.lock', false, false],
    ['flock -n /run/a.lock xargs -a list x', '/run/a.lock', false, true],
    ["logger 'flock -n /run/a.lock'", undefined, false, false],
    ['flock -n "$LOCK" x', undefined, false, false],
    ['L=/run/a.lock; flock -n "$L" x', '/run/a.lock', false, true],
    ['echo flock', undefined, false, false],
  ];
  for (const [command, path, isShared, givesUp] of cases) {
    const wanted = path === undefined ? [] : [{ path, isShared, givesUp }];
    assert.deepEqual(flocksOf({ command, settings: { all: [], count: 0 } }), wanted, command);
  }
});

test('two lines collide where one of them gives up for the other', () => {
  const collides = (one: string, other: string) =>
    check(`0 3 * * * ${one}\n0 3 * * * ${other}`).some((it) => it.includes('collides'));
  assert.ok(collides('flock -n /run/x a', 'flock -w 5 /run/x b'));
  assert.ok(!collides('flock /run/x a', 'flock -w 5 /run/x b'), 'both wait');
  assert.ok(!collides('flock -ns /run/x a', 'flock -ns /run/x b'), 'both share');
  const subshell = (lock: string) => `( flock -n 9 || exit 1; a ) 9>${lock}`;
  assert.ok(collides(subshell('/run/a.lock'), subshell('/run/a.lock')));
  assert.ok(!collides(subshell('/run/a.lock'), subshell('/run/b.lock')));
});

test('a level that runs only if sync succeeds is told, since a sync with warnings would stop it', () => {
  const chain = (command: string) => check(`0 3 * * * ${command}`).join();
  for (const command of [
    'rsnapshot sync && rsnapshot daily',
    'nice rsnapshot sync && sleep 1 && rsnapshot daily',
    'if rsnapshot sync; then rsnapshot daily; fi',
    'if ! rsnapshot sync; then echo no; else rsnapshot daily; fi',
    'rsnapshot sync || exit 1; rsnapshot daily',
    'rsnapshot sync || { echo no; exit 1; }; rsnapshot daily',
    'set -e; rsnapshot sync; rsnapshot daily',
    "sh -c 'rsnapshot sync && rsnapshot daily'",
    'cd / && ( rsnapshot sync && rsnapshot daily )',
    "rsnapshot sync && sh -c 'sleep 1; rsnapshot daily'",
  ]) {
    assert.match(chain(command), /exits with 2 .* skips daily; .*continueOn/, command);
  }
  for (const command of [
    'rsnapshot sync; rsnapshot daily',
    'rsnapshot sync || rsnapshot daily',
    'rsnapshot sync || true && rsnapshot daily',
    'rsnapshot sync || mail root; rsnapshot daily',
    'if ! rsnapshot sync; then rsnapshot daily; fi',
    'set -e; rsnapshot sync || true; rsnapshot daily',
    'rsnapshot daily && rsnapshot sync',
  ]) {
    assert.doesNotMatch(chain(command), /exits with 2/, command);
  }
});
