/** When cron starts a line, across a change of the clocks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timesOf } from '../../../client/crontab/cron-times.ts';
import { parseSchedule, type Schedule } from '../../../client/crontab/crontab.ts';
import { systemdCron } from '../../../client/crontab/systemd-cron.ts';

/** The starts of a line within two days from this one, in UTC: "28 00:30". */
function times(schedule: Schedule | undefined, from: string, days = 2): readonly string[] {
  assert.ok(schedule);
  const fromMs = new Date(`${from}T00:00:00`).getTime();
  const until = new Date(fromMs);
  until.setDate(until.getDate() + days);
  until.setHours(0, 0, 0, 0);
  return timesOf(schedule, fromMs, until.getTime(), 1_000).map((ms) =>
    new Date(ms).toISOString().slice(8, 16).replace('T', ' '),
  );
}

/** Node reads TZ again whenever it is set. */
function within(zone: string, look: () => void): void {
  const before = process.env['TZ'];
  process.env['TZ'] = zone;
  try {
    look();
  } finally {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  }
}

const cron = (when: string): Schedule | undefined => parseSchedule(when);

function timer(when: string): Schedule | undefined {
  const read = systemdCron('2').readTime(when);
  return read.ok ? read.schedule : undefined;
}

test('a line runs at its minutes and on its days only', () => {
  within('UTC', () => {
    assert.deepEqual(times(cron('15,45 3 * * *'), '2027-01-01'), [
      ...['01 03:15', '01 03:45', '02 03:15', '02 03:45'],
    ]);
    assert.deepEqual(times(cron('0 0 1 * 1'), '2027-02-01', 28), [
      ...['01 00:00', '08 00:00', '15 00:00', '22 00:00'],
    ]);
    assert.equal(times(cron('* * * * *'), '2027-01-01', 1).length, 24 * 60);
    assert.ok(times(cron('* * * * *'), '2027-01-01', 400).length < 3_000, 'bounded');
  });
});

test('a time that clocks skip is caught up at once, but not by * and not by a timer', () => {
  within('Europe/Berlin', () => {
    const sunday = '2027-03-28';
    assert.deepEqual(times(cron('30 2 * * *'), sunday), ['28 01:00', '29 00:30']);
    assert.deepEqual(times(cron('10,30 2,3 28 3 *'), sunday), ['28 01:00', '28 01:10', '28 01:30']);
    assert.deepEqual(times(cron('30 1-4 28 3 *'), sunday), [
      ...['28 00:30', '28 01:00', '28 01:30', '28 02:30'],
    ]);
    assert.deepEqual(times(cron('30 * 28 3 *'), sunday).slice(0, 4), [
      ...['27 23:30', '28 00:30', '28 01:30', '28 02:30'],
    ]);
    assert.deepEqual(times(timer('30 2 * * *'), sunday), ['29 00:30']);
  });
});

test('a time that clocks show twice is one time, but for *', () => {
  within('Europe/Berlin', () => {
    const sunday = '2026-10-25';
    assert.deepEqual(times(cron('30 2 * * *'), sunday), ['25 00:30', '26 01:30']);
    assert.deepEqual(times(cron('30 * 25 10 *'), sunday).slice(2, 5), [
      ...['25 00:30', '25 01:30', '25 02:30'],
    ]);
    assert.deepEqual(times(cron('0 3 * * *'), sunday), ['25 02:00', '26 02:00']);
    assert.deepEqual(times(timer('30 * 25 10 *'), sunday).slice(2, 4), ['25 00:30', '25 02:30']);
  });
});

test('a midnight that clocks skip is caught up an hour later', () => {
  within('Africa/Cairo', () => {
    assert.deepEqual(times(cron('0,30 0,1 * * *'), '2026-04-24', 1), [...['23 22:00', '23 22:30']]);
    assert.deepEqual(times(cron('0 6 * * *'), '2026-04-24', 1), ['24 03:00']);
  });
});
