/** What crontabs are going to request, and how a plan is drawn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { momentOf } from '../../../client/command-line/moment.ts';
import { batonCall } from '../../../client/crontab/baton-call.ts';
import { comingRequests } from '../../../client/crontab/coming-requests.ts';
import { parseCrontab } from '../../../client/crontab/crontab.ts';
import { showChances } from '../../../client/terminal/chances-text.ts';
import { showPlan } from '../../../client/terminal/plan-text.ts';
import { CHANCES, DAY, HOUR_MS, MIDNIGHT_MS, NIGHT, NO_LINES } from '../../support/plans.ts';

const MINUTE_MS = 60_000;

const CRONTAB = `
0 3 * * * root baton run db --wait
0 3 * * * root nice baton run mirror photos --max-wait=2h && echo done
30 */12 * * * root baton run fleet --only web1,web2 # twice
5 3 * * * root /usr/bin/baton -E 3 -t old
6 3 * * * root baton run args -- -v file
@reboot root baton run boot
@hourly root baton status
7 3 * * * root rsnapshot daily
`;

test('every line that runs baton asks at its times, in the order of time and of the lines', () => {
  const lines = parseCrontab('/etc/crontab', CRONTAB, () => true);
  const { requests, atBoot, left, lines: asking } = comingRequests(lines, false, DAY, 100);
  const told = requests.map(({ atMs, ...rest }) => [(atMs - MIDNIGHT_MS) / MINUTE_MS, rest]);
  const fleet = { target: 'fleet', only: ['web1', 'web2'] };
  assert.deepEqual(told, [
    [30, fleet],
    [180, { target: 'db' }],
    [180, { target: 'mirror', maxWaitMs: 2 * HOUR_MS }],
    [180, { target: 'photos', maxWaitMs: 2 * HOUR_MS }],
    [185, { target: 'old' }],
    [186, { target: 'args', args: ['-v', 'file'] }],
    [750, fleet],
  ]);
  assert.deepEqual([atBoot.map(({ line }) => line), left, asking], [[7], [], 6]);
});

test('a file that cron ignores for one line asks for nothing, or for the rest under systemd-cron', () => {
  const text = '0 3 * * * root baton run a\n0 25 * * * root baton run b\n';
  const lines = parseCrontab('/etc/crontab', text, () => true);
  const [whole, single] = [false, true].map((drops) => comingRequests(lines, drops, DAY, 100));
  assert.deepEqual([whole?.requests.length, whole?.left.length], [0, 2]);
  assert.deepEqual([single?.requests.length, single?.left.length], [1, 1]);
});

test('what only the shell knows of a line is named, and no target is made of it', () => {
  const plain = ['baton run a >/dev/null || echo b', 'sh -c "baton run a"', 'baton run a b'];
  const unclear = [
    ...['baton run "$T"', 'for t in a b; do baton run $t; done', 'baton run `cat f`'],
    ...['baton --socket /s run a', 'BATON_SOCKET=/s baton run a', 'baton run f --only $H'],
  ];
  const conditional = [
    ...['baton run a --wait && baton run b', 'sleep 60; baton run a', '[ -d /x ] && baton run a'],
    ...['if true; then baton run a; fi'],
  ];
  for (const command of [...plain, ...unclear, ...conditional]) {
    const lines = parseCrontab('/etc/crontab', `0 3 * * * root ${command}\n`, () => true);
    const coming = comingRequests(lines, false, DAY, 100);
    const isUnclear = unclear.includes(command);
    assert.equal(coming.requests.length === 0, isUnclear, command);
    assert.equal(coming.unclear.length, isUnclear ? 1 : 0, command);
    assert.equal(coming.conditional.length, conditional.includes(command) ? 1 : 0, command);
  }
});

test('a call of baton that runs nothing asks for nothing', () => {
  for (const words of [['status'], ['wait', 'x'], [], ['run'], ['pause', '--for', '2h', 'x']]) {
    assert.equal(batonCall(words), undefined, words.join(' '));
  }
  assert.deepEqual(batonCall(['--socket', '/s', 'run', '--report', 'f', 'x', 'y'])?.targets, [
    ...['x', 'y'],
  ]);
});

test('a moment is the next time of day, a day, or both', () => {
  const at = (text: string): Date | undefined => {
    const ms = momentOf(text, MIDNIGHT_MS + 4 * HOUR_MS);
    return ms === undefined ? undefined : new Date(ms);
  };
  assert.deepEqual(at('03:05'), new Date(2027, 0, 5, 3, 5));
  assert.deepEqual(at('4:30'), new Date(2027, 0, 4, 4, 30));
  assert.deepEqual(at('2026-11-29'), new Date(2026, 10, 29));
  for (const year of ['1969', '0050', '0000']) assert.equal(at(`${year}-12-01`), undefined, year);
  assert.deepEqual(at('2026-11-29 03:00'), new Date(2026, 10, 29, 3));
  assert.deepEqual(at('2026-11-29T23:59'), new Date(2026, 10, 29, 23, 59));
  for (const odd of ['', '3', '25:00', '03:60', '2026-02-30', '2026-11-29 ', 'soon', ' 03:00']) {
    assert.equal(at(odd), undefined, odd);
  }
});

test('a plan is drawn, and below it stands who waits for whom and what goes wrong', () => {
  const screen = { columns: 80, isColoured: false, isUnicode: true };
  const text = showPlan(NIGHT, NO_LINES, screen);
  assert.equal(
    text,
    `Mon 4 Jan 00:00 to Tue 5 Jan 00:00: 3 runs, 1 of them waits, 2 refused or
ignored, the last one ends Mon 4 Jan 06:00

        Mon 4          06:00          12:00          18:00      Tue 5  runs    ✗
        ┴──────────────┴──────────────┴──────────────┴──────────────┴
daily          ···!·━━━✓                                                  3
weekly         ━━━━━✗                                                     1    1
closed  ····························································!     1

· waits  ━ runs  ✓ ends  ! does not run  ✗ given up, too long

· Mon 4 Jan 03:00 daily: waits 2 h and starts Mon 4 Jan 05:00: 1 h 59 min for
  weekly

! Mon 4 Jan 00:00 closed: never starts: waits for its window
! Mon 4 Jan 04:00 daily: is refused: it waits already, twice from then on
! Mon 4 Jan 05:00 weekly: timed out
! Mon 4 Jan 09:00 weekly: is late: no success for longer than its lateAfter

unknown durations, counted as 0 s: daily; give them with --assume daily=10m
assumed to be met: the mount point /mnt/a (daily)
at boot, not planned: /etc/crontab:7
`,
  );
});

test('the chances of random nights are a table, without columns that say nothing', () => {
  const screen = { columns: 80, isColoured: false, isUnicode: true };
  assert.equal(
    showChances(CHANCES, screen),
    `simulated 1000 times with random durations, seed 7: the last run ends by Mon 4
Jan 06:00 in half of the simulations, by Mon 4 Jan 07:30 in 9 of 10, by Mon 4
Jan 09:00 in all

TARGET  LATE  WAIT        GIVEN UP  WAITS 08:00  RUNS 08:00  ENDS (9 OF 10)
daily   50%   1 h 30 min  <1%       -            >99%        Mon 4 Jan 07:30
closed  100%  -           -         100%         -           -
`,
  );
  assert.ok(showPlan({ ...NIGHT, chances: CHANCES }, NO_LINES, screen).includes('>99%'));
  const few = showChances({ ...CHANCES, plays: 12 }, screen);
  assert.match(few, /^simulated 12 times .*\(the plan\s+is\s+too\s+large\s+for\s+1000\)/);
  assert.doesNotMatch(showChances({ ...CHANCES, plays: 0 }, screen), /TARGET/);
});

test('no line of a plan is wider than the screen, and on plain terminals all is ASCII', () => {
  for (const columns of [20, 40, 80, 200]) {
    const night = { ...NIGHT, chances: CHANCES };
    const text = showPlan(night, NO_LINES, { columns, isColoured: false, isUnicode: false });
    for (const line of text.split('\n')) assert.ok(line.length <= columns, `${columns}: ${line}`);
    assert.match(text, /^[\n\x20-\x7e]*$/);
  }
});
