/**
 * Nights under the real cron, whose clock is accelerated, compared start by start with the plan of
 * the same crontab. The daemon and its runs use real time, so each hour of cron is four seconds,
 * and an hour of the plan is as short. BATON_TEST_AMOUNT=7 makes it a week.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { comingRequests } from '../../client/crontab/coming-requests.ts';
import { parseCrontab } from '../../client/crontab/crontab.ts';
import type { PlanInput, Planned } from '../../daemon/protocol/planned.ts';
import { amount } from '../support/amount.ts';
import { CRON_NEEDS, Cron } from '../support/cron.ts';
import { BATOND, Rig } from '../support/rig.ts';
import { install } from '../support/stampede.ts';
import { skipWithout } from '../support/tools.ts';

const HOUR_MS = 3_600_000;
const SPEED = 900;
/** A Sunday: Monday is the first of a month, so that all levels are requested at once. */
const FROM = '2027-01-31 23:30:00';
const NIGHTS = amount(1);
const SPAN_MS = (24 * NIGHTS - 15.5) * HOUR_MS;
/** In real time: half an hour of cron's. */
const SETTLE_MS = 2_000;

/**
 * When they are requested, and how many hours a run takes. Targets that share a disk are requested
 * half an hour apart: within a minute, the first client would be random.
 */
const TARGETS = {
  daily: { when: '0 3 * * *', hours: 1, level: true },
  weekly: { when: '0 3 * * 1', hours: 1.5, level: true },
  monthly: { when: '0 3 1 * *', hours: 0.5, level: true },
  dump: { when: '15 1,5,9,13,17,21 * * *', hours: 1, level: false },
  photos: { when: '45 5 * * *', hours: 2, level: false },
  mirror: { when: '15 6 * * 0-5', hours: 1, level: false },
} as const;
const ORDER = ['daily', 'weekly', 'monthly'];

interface Start {
  readonly target: string;
  /** In real time. */
  readonly atMs: number;
}

function config(): object {
  const targets = Object.entries(TARGETS).map(([target, { hours, level }]) => {
    const runner = { type: 'local', args: ['sleep', String((hours * HOUR_MS) / SPEED / 1_000)] };
    const settle = `${SETTLE_MS}ms`;
    const levels = { type: 'rsnapshot', group: 'tree', order: ORDER, interval: target, settle };
    const disk = { type: 'cardinality', group: 'disk' };
    return [target, { runner, policies: [level ? levels : disk] }] as const;
  });
  return { targets: Object.fromEntries(targets) };
}

test('nights under the real cron go as the plan of its crontab says, start by start', async (t) => {
  if (skipWithout(t, ...CRON_NEEDS)) return;
  const cron = new Cron();
  const rig = await Rig.start(config());
  t.after(() => Promise.all([cron.close(), rig.close()]));
  install(cron, rig);
  const lines = Object.entries(TARGETS).map(
    ([name, { when }]) => `${when} root baton run ${name}\n`,
  );
  cron.write('crontab', lines.join(''));
  const fromMs = new Date(FROM).getTime();
  const span = { fromMs, untilMs: fromMs + SPAN_MS };
  const read = parseCrontab('/etc/crontab', lines.join(''), () => true);
  const { requests } = comingRequests(read, false, span, 10_000);

  cron.start(`${FROM} x${SPEED}`);
  await cron.ended(requests.length);
  await cron.close();
  assert.equal((await rig.baton('wait', '--all')).status, 0);
  const realMs = (cronMs: number): number => cron.startedAtMs + (cronMs - fromMs) / SPEED;
  const planned = plan(rig, {
    ...{ fromMs: realMs(fromMs), untilMs: realMs(span.untilMs), past: {} },
    requests: requests.map((request) => ({ ...request, atMs: realMs(request.atMs) })),
    assumedMs: Object.fromEntries(
      Object.entries(TARGETS).map(([name, { hours }]) => [name, (hours * HOUR_MS) / SPEED]),
    ),
  });
  // Until it was ended, cron may have requested more.
  const started = startsOf(rig, realMs(span.untilMs));
  assert.equal(started.length, requests.length);
  const offs = Object.keys(TARGETS).flatMap((target) => {
    const [real, expected] = [started, planned].map((all) =>
      all.filter((it) => it.target === target),
    );
    assert.equal(real?.length, expected?.length, target);
    return (real ?? []).map(({ atMs }, at) => {
      const offMs = atMs - (expected?.[at]?.atMs ?? 0);
      const when = new Date(fromMs + (atMs - cron.startedAtMs) * SPEED).toISOString();
      assert.ok(Math.abs(offMs) <= SETTLE_MS, `${target} at ${when} of cron: ${offMs} ms off`);
      return offMs;
    });
  });
  const sorted = offs.toSorted((a, b) => a - b);
  const [least, median, most] = [0, sorted.length >> 1, -1].map((at) =>
    Math.round(sorted.at(at) ?? 0),
  );
  t.diagnostic(`${offs.length} starts: ${least} to ${most} ms after the plan, median ${median} ms`);
});

function plan(rig: Rig, input: PlanInput): readonly Start[] {
  const args = [BATOND, '--plan', '--config', rig.configFile];
  const { stdout, stderr } = spawnSync(process.execPath, args, {
    input: JSON.stringify(input),
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  const { runs } = JSON.parse(stdout) as Planned;
  const starts = runs.map(({ target, startedAtMs = Number.POSITIVE_INFINITY }) => {
    return { target, atMs: startedAtMs };
  });
  return starts.sort((a, b) => a.atMs - b.atMs);
}

/** Those of the journal that were requested in time, in their order. */
function startsOf(rig: Rig, untilMs: number): readonly Start[] {
  const journal = rig.journal();
  const wallMs = (at: unknown): number => (at as { wallMs: number }).wallMs;
  const names = new Map(
    journal.flatMap(({ type, run, target, at }) =>
      type === 'accepted' && wallMs(at) < untilMs ? [[run, String(target)]] : [],
    ),
  );
  return journal.flatMap(({ type, run, at }) => {
    const target = type === 'started' ? names.get(run) : undefined;
    return target === undefined ? [] : [{ target, atMs: wallMs(at) }];
  });
}
