/** import crontab with pings after a command: they become hooks of its target. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCrontab } from '../../../client/crontab/crontab.ts';
import { findAll, type Knowledge } from '../../../client/crontab/findings.ts';
import { importAll } from '../../../client/crontab/import-crontab.ts';
import { accepted, load } from '../../support/config.ts';

const KNOWN: Knowledge = { targets: undefined, conf: () => undefined, suggest: () => undefined };
const FILE = '/etc/cron.d/x';
const URL = 'https://example.com/ping';

const linesOf = (text: string) => parseCrontab(FILE, text, () => true);

function importOf(command: string) {
  const text = `0 3 * * * root ${command}\n`;
  const all = { texts: new Map([[FILE, text]]), lines: linesOf(text), unread: [] };
  const { targets, changed, notes } = importAll(all, KNOWN, true);
  accepted(load({ targets }, {}));
  return { targets, line: changed[0]?.after.slice('0 3 * * * root '.length, -1), notes };
}

const argsOf = (targets: ReturnType<typeof importOf>['targets'], name: string) =>
  targets[name]?.runner.args;

test('a ping after success is a hook of the target, and goes from the line', () => {
  const { targets, line, notes } = importOf(
    `/root/dump >>/x 2>&1 && curl -fsS ${URL} >/dev/null # y`,
  );
  assert.equal(line, 'baton run dump --wait >>/x 2>&1 # y');
  assert.equal(targets['dump']?.onSuccess, 'ping-dump-success');
  assert.equal(targets['dump']?.onFailure, undefined);
  assert.deepEqual(argsOf(targets, 'dump'), ['/root/dump']);
  assert.deepEqual(argsOf(targets, 'ping-dump-success'), ['curl', '-fsS', URL]);
  assert.match(notes[0] ?? '', /becomes the hook ping-dump-success/);
});

test('pings after failure, after both, and after any end are hooks for these', () => {
  const failed = importOf(`dump || wget -q -O- ${URL}`).targets;
  assert.deepEqual(
    [failed['dump']?.onSuccess, failed['dump']?.onFailure],
    [undefined, 'ping-dump-failure'],
  );
  const both = importOf(`dump && curl ${URL} || curl ${URL}/fail`).targets;
  assert.deepEqual(argsOf(both, both['dump']?.onFailure ?? ''), ['curl', `${URL}/fail`]);
  assert.deepEqual(argsOf(both, both['dump']?.onSuccess ?? ''), ['curl', URL]);
  const any = importOf(`dump; curl ${URL}`).targets['dump'];
  assert.deepEqual([any?.onSuccess, any?.onFailure], ['ping-dump', 'ping-dump']);
});

test('a ping that tells the status has that of the run', () => {
  const { targets, line } = importOf(`dump; curl -fsS -m 10 "${URL}/$?" > /dev/null`);
  assert.equal(line, 'baton run dump --wait');
  assert.deepEqual(argsOf(targets, 'ping-dump'), [
    ...['/bin/sh', '-c'],
    `curl -fsS -m 10 "${URL}/$BATON_EVENT_EXIT" > /dev/null`,
  ]);
});

test('what is more than a ping behind a command stays with its shell', () => {
  for (const command of [
    `dump && curl -T /x ${URL}`,
    `dump && curl -o /x ${URL}`,
    `dump && curl ${URL} >/x`,
    `dump && curl ${URL}/$USER`,
    `dump && curl ${URL}/$?`,
    `dump; curl "${URL}/$(id)/$?"`,
    `dump && mail -s x root`,
    `dump && curl ${URL}; other`,
    `dump || curl ${URL} && curl ${URL}/2`,
    `curl ${URL}/start; dump && curl ${URL}`,
    `dump | gzip && curl ${URL}`,
    `dump & curl ${URL}`,
    `! dump && curl ${URL}`,
    `{ dump; } && curl ${URL}`,
    `cd /x && curl ${URL}`,
  ]) {
    const { targets } = importOf(command);
    assert.deepEqual(Object.values(targets)[0]?.runner.args, ['/bin/sh', '-c', command], command);
    assert.equal(Object.keys(targets).length, 1);
  }
});

test('behind a call of rsnapshot a ping stays, and the hook is told', () => {
  const [found] = findAll(linesOf(`0 3 * * * root rsnapshot daily && curl ${URL}\n`), KNOWN);
  assert.equal(found?.instead, `0 3 * * * root baton run rsnap-daily --wait && curl ${URL}`);
  assert.match(found?.notes?.[0] ?? '', /stays in this line; as a hook \("onSuccess"\)/);
});
