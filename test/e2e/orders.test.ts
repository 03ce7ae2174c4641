/** Every order of arrival, with the real daemon: 120 confs at once, each with five intervals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { amount } from '../support/amount.ts';
import { permutations } from '../support/core.ts';
import { Rig } from '../support/rig.ts';

const LOWEST_FIRST = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'];
/** The time between the lines of one minute, as measured with the real cron. */
const APART_MS = 20;
/**
 * 120 groups at once are more than any machine has at 03:00, so requests wait for each other. On a
 * busy machine, where 600 runs are started as well, those of one conf were accepted within 4 s, a
 * dozen confs at a time or all at once.
 */
const SETTLE = '30s';

/** If they are fewer, then evenly spread: neighbours begin alike. */
function someOrders(): readonly (readonly string[])[] {
  const all = permutations(LOWEST_FIRST);
  const count = Math.min(all.length, amount(all.length));
  return Array.from({ length: count }, (_, at) => all[Math.floor((at * all.length) / count)] ?? []);
}

const orders = someOrders();

test(`${orders.length} of 120 orders of five intervals 20 ms apart run yearly, monthly, weekly, daily, hourly`, async (t) => {
  const targets = orders.flatMap((_, group) =>
    LOWEST_FIRST.map((interval) => {
      const policies = [{ type: 'rsnapshot', interval, group: `conf ${group}`, settle: SETTLE }];
      const runner = { type: 'local', args: ['/bin/true'] };
      return [`${group} ${interval}`, { runner, policies }];
    }),
  );
  const rig = await Rig.start({ targets: Object.fromEntries(targets) });
  t.after(() => rig.close());
  const sessions = await Promise.all(orders.map(() => rig.open()));
  const asked: (() => Promise<{ readonly exit: number }>)[] = [];
  for (let turn = 0; turn < LOWEST_FIRST.length; turn++) {
    for (const [group, order] of orders.entries()) {
      const session = sessions[group];
      const target = `${group} ${order[turn]}`;
      const id = session?.send({ type: 'run', target, wait: true });
      asked.push(() => session?.reply('ended', id) ?? Promise.reject(new Error(target)));
    }
    // Part of the test, not a way to wait for something.
    await pause(APART_MS);
  }
  for (const end of asked) assert.equal((await end()).exit, 0);
  for (const session of sessions) session.close();
  const began = rig
    .journal()
    .flatMap((event) => (event['type'] === 'started' ? [event['run']] : []));
  const names = new Map(
    rig
      .journal()
      .flatMap((event) =>
        event['type'] === 'accepted' ? [[event['run'], String(event['target'])]] : [],
      ),
  );
  const ran = began.map((run) => names.get(run) ?? '');
  for (const [group, order] of orders.entries()) {
    const own = ran
      .filter((name) => name.startsWith(`${group} `))
      .map((name) => name.split(' ')[1]);
    assert.deepEqual(own, LOWEST_FIRST.toReversed(), `arrived as ${order.join(', ')}`);
  }
});
