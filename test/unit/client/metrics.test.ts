/** `baton metrics`: figures that both kinds of readers understand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Latest, showMetrics } from '../../../client/report/metrics.ts';
import { HOUR_MS, NOW_MS, past, sampleNight, status, told, view } from '../../support/nights.ts';
import { readMetrics } from '../../support/openmetrics.ts';

const nothing: ReadonlyMap<string, Latest> = new Map();
const key = ({
  name,
  labels,
}: {
  name: string;
  labels: Readonly<Record<string, string>>;
}): string => `${name} ${Object.values(labels).join(' ')}`.trim();

test('a target tells what runs and waits, how and when it last ended', () => {
  const failed = past(3, 'x', [4, 3, 2], {
    ...{ outcome: { kind: 'signalled', signal: 9, core: false }, verdict: 'failed', exit: 137 },
  });
  const ok = past(2, 'x', [9, 9, 8]);
  const warning = past(1, 'x', [19, 19, 18], { verdict: 'warning' });
  const { timespan } = sampleNight();
  const { active = [], queued = [] } = timespan.rows.at(-1)?.view ?? {};
  const counts = [
    { outcome: 'exited', verdict: 'ok', runs: 40 },
    { outcome: 'signalled', verdict: 'failed', runs: 2 },
  ] as const;
  const targets = [
    view({
      target: 'x',
      counts,
      last: failed,
      active,
      queued,
      waiting: 7,
      paused: true,
      retries: 3,
    }),
  ];
  const latest = new Map([['x', { ok, warning, failed }]]);
  const read = readMetrics(showMetrics(status(targets), latest));
  const values = Object.fromEntries(read.map((metric) => [key(metric), metric.value]));
  const at = (hours: number): number => (NOW_MS - hours * HOUR_MS) / 1_000;
  assert.deepEqual(values, {
    baton_up: 1,
    'baton_build_info 0.1.0': 1,
    baton_start_time_seconds: at(9),
    baton_scrape_timestamp_seconds: at(0),
    baton_targets: 1,
    'baton_target_running x': 1,
    'baton_target_waiting x': 7,
    'baton_target_oldest_waiting_seconds x': 3_600,
    'baton_target_oldest_running_seconds x': 7_200,
    'baton_target_paused x': 1,
    'baton_target_broken x': 0,
    'baton_target_late x': 0,
    'baton_target_last_start_timestamp_seconds x': at(3),
    'baton_target_last_end_timestamp_seconds x': at(2),
    'baton_target_last_duration_seconds x': 3_600,
    'baton_target_last_wait_seconds x': 3_600,
    'baton_target_last_exit_status x': 137,
    'baton_runs_total x exited ok': 40,
    'baton_runs_total x exited warning': 0,
    'baton_runs_total x exited failed': 0,
    'baton_runs_total x signalled failed': 2,
    'baton_retries_total x': 3,
    'baton_target_last_verdict x ok': 0,
    'baton_target_last_verdict x warning': 0,
    'baton_target_last_verdict x failed': 1,
    'baton_target_last_outcome x signalled': 1,
    'baton_target_last_success_timestamp_seconds x': at(8),
    'baton_target_last_failure_timestamp_seconds x': at(2),
  });
});

test('a target that is no longer configured has no figures: they would be an alert for ever', () => {
  const failed = past(3, 'gone', [4, 3, 2], { verdict: 'failed' });
  const gone = view({ target: 'gone', last: failed, removed: true, counts: [] });
  const text = showMetrics(status([gone]), new Map([['gone', { failed }]]));
  assert.doesNotMatch(text, /gone/);
  assert.match(text, /^baton_targets 0$/m);
});

test('a target whose runs have not ended yet has counters at 0: what appears with 1 has not risen', () => {
  const read = readMetrics(showMetrics(status([view({ target: 'x', counts: [] })]), nothing));
  const counters = read.filter(({ name }) => name === 'baton_runs_total');
  assert.deepEqual(
    counters.map(({ labels, value }) => [labels['outcome'], labels['verdict'], value]),
    [
      ['exited', 'ok', 0],
      ['exited', 'warning', 0],
      ['exited', 'failed', 0],
    ],
  );
});

test('what is not known has no line: a target that has not run is neither good nor bad', () => {
  const read = readMetrics(showMetrics(status([view({ target: 'x' })]), nothing));
  const lasts = read.filter(({ name }) => name.includes('_last_') || name.includes('_usual_'));
  assert.deepEqual(lasts, []);
  assert.equal(read.filter(({ labels }) => labels['target'] === 'x').length, 8);
});

test('a daemon without targets has figures, too', () => {
  assert.equal(readMetrics(showMetrics(status([]), nothing)).length, 5);
});

test('any names are read as they are, and the text keeps to the specification', () => {
  fc.assert(
    fc.property(told(), ({ status: said, history }) => {
      const latest = new Map(history.map((run) => [run.target, { [run.verdict ?? 'ok']: run }]));
      const names = said.targets.map(({ target }) => target.replace(/\p{Cs}/gu, '\ufffd'));
      fc.pre(new Set(names).size === names.length);
      const read = readMetrics(showMetrics(said, latest));
      const running = read.filter(({ name }) => name === 'baton_target_running');
      assert.deepEqual(
        running.map(({ labels }) => labels['target']),
        names,
      );
    }),
  );
});
