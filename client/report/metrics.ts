/**
 * `baton metrics`: the daemon's data as text that both OpenMetrics 1.0 and Prometheus's older text
 * format accept, for the textfile collector of node_exporter. Pure. Hence
 *
 * - gauges and one counter: the older format has no `info` and no `stateset`. The counter has no
 *   TYPE line, because the two formats disagree on the name it refers to; both accept that.
 * - no timestamps, which the collector refuses; it treats `# UNIT` and `# EOF` as comments.
 *
 * An unknown value has no line.
 */
import type {
  Count,
  RunView,
  StatusReply,
  TargetView,
  Verdict,
} from '../../daemon/protocol/request.ts';

/** The latest run of a target that ended with each verdict, if one is remembered. */
export type Latest = Readonly<Partial<Record<Verdict, RunView>>>;

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels: Labels;
  readonly value: number | undefined;
}

interface Family {
  readonly name: string;
  readonly unit?: 'seconds';
  readonly isCounter?: boolean;
  readonly help: string;
  readonly samples: readonly Sample[];
}

const VERDICTS: readonly Verdict[] = ['ok', 'warning', 'failed'];

export function showMetrics(status: StatusReply, latest: ReadonlyMap<string, Latest>): string {
  // Removed targets would cause alerts for ever; their remaining runs will end.
  const targets = status.targets.filter(({ removed }) => !removed);
  const families = [
    ...ofDaemon({ ...status, targets }),
    ...ofTargets({ ...status, targets }, latest),
  ];
  return `${families.map(showFamily).join('')}# EOF\n`;
}

function ofDaemon({ version, startedAtMs, nowMs, targets }: StatusReply): readonly Family[] {
  const one = (value: number, labels: Labels = {}): readonly Sample[] => [{ labels, value }];
  return [
    { name: 'baton_up', help: '1 if the daemon answered.', samples: one(1) },
    { name: 'baton_build_info', help: 'Version of the daemon.', samples: one(1, { version }) },
    {
      ...{ name: 'baton_start_time_seconds', unit: 'seconds' },
      help: 'Start time of the daemon, in Unix time.',
      samples: one(startedAtMs / 1_000),
    },
    {
      ...{ name: 'baton_scrape_timestamp_seconds', unit: 'seconds' },
      help: 'Time at which these metrics were collected, in Unix time; old values are stale.',
      samples: one(nowMs / 1_000),
    },
    { name: 'baton_targets', help: 'Number of configured targets.', samples: one(targets.length) },
  ];
}

function ofTargets(
  { targets }: StatusReply,
  latest: ReadonlyMap<string, Latest>,
): readonly Family[] {
  const gauge: Gauge = (name, help, value) => ({
    name: `baton_target_${name}`,
    ...(name.endsWith('_seconds') ? { unit: 'seconds' } : {}),
    help,
    samples: targets.map((view) => ({ labels: { target: view.target }, value: value(view) })),
  });
  const success = ({ target }: TargetView): number | undefined => {
    const { ok, warning } = latest.get(target) ?? {};
    const ends = [ok, warning].flatMap((run) => run?.endedAtMs ?? []);
    return ends.length === 0 ? undefined : Math.max(...ends) / 1_000;
  };
  return [
    gauge('running', 'Number of running runs.', (view) => view.active.length),
    gauge('waiting', 'Number of queued runs.', (view) => view.waiting),
    gauge(
      'oldest_waiting_seconds',
      'Time for which the first run in the queue has been queued.',
      (view) => seconds(view.queued[0]?.waitedMs ?? 0),
    ),
    gauge('oldest_running_seconds', 'Duration so far of the longest running run.', (view) =>
      seconds(Math.max(0, ...view.active.map(({ tookMs = 0 }) => tookMs))),
    ),
    gauge('paused', '1 if the target is paused.', (view) => Number(view.paused)),
    gauge('broken', '1 if the target cannot work on this machine.', (view) =>
      Number(view.broken !== undefined),
    ),
    gauge('late', '1 if the target is late: no success for longer than its lateAfter.', (view) =>
      Number(view.late === true),
    ),
    ofRuns(targets),
    ofRetries(targets),
    ...ofLast(targets, gauge),
    gauge(
      'last_success_timestamp_seconds',
      'Time at which a run last succeeded or ended with a warning, in Unix time.',
      success,
    ),
    gauge('usual_duration_seconds', 'Median duration of the last successful runs.', (view) =>
      seconds(view.usual?.medianMs),
    ),
    gauge(
      'last_failure_timestamp_seconds',
      'Time at which a run last failed, in Unix time.',
      (view) => seconds(latest.get(view.target)?.failed?.endedAtMs),
    ),
  ];
}

type Gauge = (
  name: string,
  help: string,
  value: (target: TargetView) => number | undefined,
) => Family;

/** The most common outcomes are shown from 0 on: a series that starts with 1 shows no increase. */
function ofRuns(targets: readonly TargetView[]): Family {
  const exited = VERDICTS.map((verdict) => ({ outcome: 'exited', verdict, runs: 0 }) as const);
  const samples = targets.flatMap(({ target, counts }) => {
    if (counts === undefined) return [];
    const isIn = (one: Count) => counts.some((it) => keyOf(it) === keyOf(one));
    return [...exited.filter((one) => !isIn(one)), ...counts].map(({ outcome, verdict, runs }) => {
      return { labels: { target, outcome, verdict }, value: runs };
    });
  });
  const help = 'Number of runs that ended with this outcome since the state directory was created.';
  return { name: 'baton_runs_total', help, isCounter: true, samples };
}

function ofRetries(targets: readonly TargetView[]): Family {
  const samples = targets.map(({ target, retries = 0 }) => ({
    labels: { target },
    value: retries,
  }));
  const help = 'Number of attempts that were followed by another attempt of the same run.';
  return { name: 'baton_retries_total', help, isCounter: true, samples };
}

function keyOf({ outcome, verdict }: Count): string {
  return `${outcome} ${verdict}`;
}

/** How the latest ended run ended. */
function ofLast(targets: readonly TargetView[], gauge: Gauge): readonly Family[] {
  const verdicts = targets.flatMap(({ target, last }) =>
    VERDICTS.map((verdict) => {
      const value = last === undefined ? undefined : Number(last.verdict === verdict);
      return { labels: { target, verdict }, value };
    }),
  );
  const outcomes = targets.flatMap(({ target, last }) =>
    last?.outcome === undefined
      ? []
      : [{ labels: { target, outcome: last.outcome.kind }, value: 1 }],
  );
  return [
    gauge(
      'last_start_timestamp_seconds',
      'Start time of the most recent ended run, in Unix time.',
      (view) => seconds(view.last?.startedAtMs),
    ),
    gauge(
      'last_end_timestamp_seconds',
      'End time of the most recent ended run, in Unix time.',
      (view) => seconds(view.last?.endedAtMs),
    ),
    gauge('last_duration_seconds', 'Duration of the most recent ended run.', (view) =>
      seconds(view.last?.tookMs),
    ),
    gauge('last_wait_seconds', 'Time for which the most recent ended run was queued.', (view) =>
      seconds(view.last?.waitedMs),
    ),
    gauge(
      'last_exit_status',
      'Exit status of "baton wait" for the most recent ended run.',
      ({ last }) => last?.exit,
    ),
    {
      name: 'baton_target_last_verdict',
      help: '1 for the verdict of the most recent ended run, otherwise 0.',
      samples: verdicts,
    },
    {
      name: 'baton_target_last_outcome',
      help: 'Outcome of the most recent ended run; always 1.',
      samples: outcomes,
    },
  ];
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}

function showFamily({ name, unit, isCounter = false, help, samples }: Family): string {
  const known = samples.flatMap(({ labels, value }) =>
    value === undefined ? [] : [`${name}${showLabels(labels)} ${value}\n`],
  );
  const about = [
    `# HELP ${name} ${help}\n`,
    ...(isCounter ? [] : [`# TYPE ${name} gauge\n`]),
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}\n`]),
  ];
  return known.length === 0 ? '' : [...about, ...known].join('');
}

function showLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${quote(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** Lone surrogates cannot be encoded in UTF-8. */
function quote(value: string): string {
  return value
    .replace(/\p{Cs}/gu, '\ufffd')
    .replace(/[\\"]/g, '\\$&')
    .replace(/\n/g, '\\n');
}
