/** How systemd timers are read for a plan, and what their services request. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { remarks } from '../../../client/report/plan-story.ts';
import { timesIn } from '../../../client/systemd/systemctl.ts';
import { askedBy, comingTimers, parseTimers } from '../../../client/systemd/timers.ts';
import { parseUnitFile } from '../../../client/systemd/unit-file.ts';
import { directory } from '../../support/config.ts';
import { DAY, NIGHT, NO_LINES } from '../../support/plans.ts';

/** As systemd 252 prints it. */
const SHOWN = `Unit=a.service
TimersMonotonic={ OnBootUSec=15min ; next_elapse=8h 11min 7.730787s }
TimersCalendar={ OnCalendar=*-*-* 03:00:00 ; next_elapse=Mon 2026-11-30 03:00:00 UTC }
TimersCalendar={ OnCalendar=Mon *-*-* 04:00:00 Europe/Berlin ; next_elapse=n/a }
AccuracyUSec=1min
RandomizedDelayUSec=1min 30s
Persistent=yes
Id=a.timer
ActiveState=active
SourcePath=

Unit=exact.service
TimersCalendar={ OnCalendar=hourly ; next_elapse=n/a }
AccuracyUSec=1us
RandomizedDelayUSec=0
Persistent=no
Id=exact.timer
ActiveState=active
SourcePath=

Unit=off.service
Id=off.timer
ActiveState=inactive
SourcePath=

Unit=cron-root-0.service
TimersCalendar={ OnCalendar=hourly ; next_elapse=n/a }
Id=cron-root-0.timer
ActiveState=active
SourcePath=/etc/crontab
`;

test('timers that wait are read with all of their times, those of crontabs and idle ones are not', () => {
  assert.deepEqual(parseTimers(SHOWN), [
    {
      ...{ name: 'a.timer', service: 'a.service', isMonotonic: true, isPersistent: true },
      calendars: ['*-*-* 03:00:00', 'Mon *-*-* 04:00:00 Europe/Berlin'],
      delayMs: 150_000,
    },
    {
      ...{ name: 'exact.timer', service: 'exact.service', calendars: ['hourly'] },
      ...{ isMonotonic: false, isPersistent: false, delayMs: 0.001 },
    },
  ]);
  assert.deepEqual(parseTimers(''), []);
});

test('the times of a calendar expression are those in UTC', () => {
  const far = `  Original form: 09:00:00.25
Normalized form: *-*-* 09:00:00.250000
    Next elapse: Fri 2027-01-15 09:00:00 CET
       (in UTC): Fri 2027-01-15 08:00:00 UTC
       From now: 1 month 16 days left
       Iter. #2: Sat 2027-07-17 09:00:00 CEST
       (in UTC): Sat 2027-07-17 07:00:00 UTC
       From now: 7 months left
`;
  const utc = `    Next elapse: Mon 2026-11-30 03:00:00 UTC
       From now: 16h left
`;
  assert.deepEqual(timesIn(far), ['2027-01-15T08:00Z', '2027-07-17T07:00Z'].map(Date.parse));
  assert.deepEqual(timesIn(utc), [Date.parse('2026-11-30T03:00Z')]);
  assert.deepEqual(timesIn('    Next elapse: never\n'), []);
});

test('a service asks for what its commands ask for, also behind wrappers and in a shell', () => {
  const ask = (...lines: readonly string[]) =>
    askedBy(parseUnitFile(['[Service]', ...lines].join('\n')), 'run@a-b.service');
  const targets = (...lines: readonly string[]) => ask(...lines)?.calls.map((it) => it.targets);
  assert.deepEqual(targets('ExecStart=baton run x --wait'), [['x']]);
  assert.deepEqual(targets('ExecStart=-/usr/bin/nice -n 5 /usr/bin/baton run %i y'), [
    ['a-b', 'y'],
  ]);
  assert.deepEqual(targets(`ExecStart=/bin/sh -c 'baton run x >/dev/null'`), [['x']]);
  assert.deepEqual(targets('Environment=T=x', 'ExecStart=baton run $T --max-wait 2h'), [['x']]);
  assert.equal(ask('ExecStart=/usr/bin/rsnapshot daily', 'ExecStart=baton status'), undefined);
  assert.equal(ask('ExecStart=/bin/echo "baton run x"'), undefined);
  for (const lines of [
    ['ExecStart=baton run $T'],
    [`ExecStart=/bin/sh -c 'baton run "$$T"'`],
    ['Environment=BATON_SOCKET=/s', 'ExecStart=baton run x'],
    ['ExecStart=baton --socket /s run x'],
    ['ExecStart=+baton run x'],
  ]) {
    const asked = ask(...lines);
    assert.deepEqual([asked?.isUnclear, asked?.calls], [true, []], lines.join());
  }
});

test('what comes before a call, or decides about it, is seen', () => {
  const isConditional = (text: string) => askedBy(parseUnitFile(text), 'a.service')?.isConditional;
  const call = '[Service]\nExecStart=baton run x\n';
  assert.equal(isConditional(call), false);
  assert.equal(isConditional(`${call}ExecStartPre=/bin/true\n`), true);
  assert.equal(isConditional(`[Unit]\nConditionACPower=true\n${call}`), true);
  assert.equal(isConditional(`[Unit]\nConditionACPower=\n${call}`), false);
  assert.equal(isConditional(`${call}ExecStart=baton run y\n`), true);
});

test('what a timer leaves open is told with the plan', () => {
  const timers = {
    ...{ timeless: ['boot.timer'], persistent: ['a.timer'], failed: [] },
    delayed: [{ name: 'a.timer', ms: 150_000 }],
  };
  const told = remarks(NIGHT, { ...NO_LINES, timers });
  assert.deepEqual(told.slice(-3), [
    'not planned, because their times are not known in advance: boot.timer',
    'systemd may start these later than planned: a.timer (up to 2 min 30 s)',
    'if missed while the machine is off, these start after the next boot, which is not planned: a.timer',
  ]);
});

/** A plan's remarks about timers if systemd's programs behave like this. */
function planWith(t: TestContext, scripts: Readonly<Record<string, string>>, isBooted = true) {
  const place = directory(t);
  const booted = join(place, 'booted');
  if (isBooted) mkdirSync(booted);
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(place, name), `#!/bin/sh\n${script}`);
    chmodSync(join(place, name), 0o755);
  }
  const { PATH } = process.env;
  Object.assign(process.env, { PATH: place });
  try {
    const timers = comingTimers(DAY, 100, booted);
    const quiet = { ...NIGHT, unknown: [], assumed: [] };
    const read = { ...NO_LINES, atBoot: [], lines: timers.asking, timers };
    return { timers, told: remarks(quiet, read) };
  } finally {
    Object.assign(process.env, { PATH });
  }
}

/** Answers like a systemd with one timer, up to a command that fails. */
const systemctlUpTo = (failing: string): string => `case "$*" in
  ${failing}) echo 'Failed: Connection timed out' >&2; exit 1;;
  *TimersCalendar*) echo 'Id=a.timer'; echo 'Unit=a.service'; echo 'ActiveState=active'
    echo 'TimersCalendar={ OnCalendar=03:00 ; next_elapse=n/a }';;
  *ExecStart*) echo 'Id=a.service'; echo 'ExecStart={ path=baton ; argv[]=baton run x ; }';;
  cat*) echo '[Service]'; echo 'ExecStart=baton run x';;
esac
`;

test('a plan whose systemd does not answer says which command failed, and claims no more', (t) => {
  const dies = 'echo "Failed: Connection timed out" >&2; exit 1\n';
  const cases = [
    ['*TimersCalendar*', 'systemctl show *.timer'],
    ['*ExecStart*', 'systemctl show -p ExecStart SERVICE...'],
    ['cat*', 'systemctl cat a.service'],
  ] as const;
  for (const [failing, command] of cases) {
    const { told } = planWith(t, { systemctl: systemctlUpTo(failing) });
    assert.deepEqual(told, [
      'no line of the crontabs runs baton',
      `systemd timers are missing from the plan, because "${command}" failed ` +
        '(Failed: Connection timed out); run it by hand to see more',
    ]);
  }
  const timeless = planWith(t, { systemctl: systemctlUpTo('none'), 'systemd-analyze': dies });
  assert.deepEqual(timeless.told, [
    'systemd timers are missing from the plan, because "systemd-analyze calendar \'03:00\'" ' +
      'failed (Failed: Connection timed out); run it by hand to see more',
  ]);
  const { told } = planWith(t, { systemctl: 'exit 4\n' });
  assert.match(
    `${told}`,
    /"systemctl show \*\.timer" failed \(it printed nothing, and exited with 4\)/,
  );
});

test('where no systemd runs there are no timers, and nothing is missing', (t) => {
  const none = ['no line of the crontabs and no timer runs baton'];
  assert.deepEqual(planWith(t, {}).told, none);
  assert.deepEqual(planWith(t, { systemctl: 'exit 1\n' }, false).told, none);
  // Timers were not requested.
  const named = remarks(NIGHT, { ...NO_LINES, lines: 0 });
  assert.ok(named.includes('no line of the crontabs runs baton'), `${named}`);
});
