/** The manual of the verbs for queries: what is running or queued, why, and what has run. */
import { OUTCOME_WORDS } from '../../../daemon/protocol/request.ts';
import { DESCRIBED_JSON, forTime, JSON_OPTION, OUTPUT, since } from './common-options.ts';
import type { Verb } from './verb.ts';

export const QUESTIONS = [
  {
    name: 'status',
    summary: 'show running and queued runs, and how targets last ended',
    elsewhere: ['ls', 'list', 'ps', 'show', 'jobs', 'queue'],
    overview: ['status [--watch] [--json]', 'running, queued and most recent runs'],
    options: [
      { name: 'watch', short: 'w', text: 'refresh every second until Ctrl-C (on a terminal)' },
      JSON_OPTION,
    ],
    text: [
      'Shows which runs are running and for how long, which are queued and what they wait ' +
        'for, and how the most recent run of each target ended. Targets that wait for each ' +
        'other are shown together. Failures stand out.',
      'Start and end times are estimates. They are based on the policies and on the durations ' +
        'of the last 20 successful runs of each target, or on the progress that a run prints if ' +
        'its target has `progress`. There is no estimate if a duration is unknown.',
      'On a terminal, lines are cut to its width and coloured, unless `NO_COLOR` is set. ' +
        'Otherwise lines are complete and plain.',
    ],
    examples: [
      { line: 'baton status', text: 'show everything' },
      { line: 'baton status --watch', text: 'keep showing it, up to date' },
      {
        line: "baton status --json | jq '.targets[] | select(.paused).target'",
        text: 'list paused targets',
      },
    ],
  },
  {
    name: 'why',
    summary: 'explain why a run is queued',
    overview: ['why RUN|TARGET', 'explain why a run is queued'],
    operands: { show: 'RUN|TARGET', least: 1, most: 1, completes: 'run-or-target' },
    options: [JSON_OPTION],
    text: [
      'Shows the run, why it is queued and its estimated start time. Indented below it is ' +
        'every run it is waiting for, with estimated end times.',
    ],
    examples: [{ line: 'baton why rsnap-daily', text: 'show what keeps it from starting' }],
  },
  {
    name: 'history',
    summary: 'list the runs that have ended',
    overview: ['history [TARGET] [--since TIME]', 'list ended runs: when, how long, outcome'],
    operands: { show: 'TARGET', least: 0, most: 1, completes: 'target' },
    options: [
      {
        name: 'limit',
        value: 'N',
        text:
          'list at most the N most recent runs (1 to 10000; default 50, or no limit with ' +
          '`--since`)',
      },
      since('no limit'),
      {
        name: 'outcome',
        value: 'KIND',
        completes: OUTCOME_WORDS,
        text:
          'list only runs with this outcome: ' +
          `${OUTCOME_WORDS.map((word) => `\`${word}\``).join(', ')}`,
      },
      JSON_OPTION,
    ],
    text: [
      'Lists the runs of TARGET, or of all targets, that have ended: when, how long they were ' +
        "queued and running, how that compares with the median of the target's last successful " +
        'runs, and how they ended. `keep` in the configuration decides how many runs are ' +
        'remembered.',
    ],
    examples: [
      {
        line: 'baton history rsnap-daily --limit 7',
        text: 'list the last seven runs of one target',
      },
      { line: 'baton history --since 24h --outcome failed', text: 'list what failed last night' },
    ],
  },
  {
    name: 'timeline',
    summary: 'draw when targets ran and how they ended',
    overview: ['timeline [--since TIME]', 'draw when targets ran'],
    options: [since('24h')],
    text: [
      'Draws a row for each target that shows when its runs were queued, when they were ' +
        'running, and how they ended. Below it are runs that failed or warned, and targets that ' +
        'are late, broken or paused. The drawing is as wide as the terminal, or 80 columns; if ' +
        'the output is not a terminal, $COLUMNS sets the width. On a terminal there are colours ' +
        'unless $NO_COLOR is set; the symbols carry the same information.',
    ],
    examples: [
      { line: 'baton timeline', text: 'draw the last 24 hours' },
      { line: 'baton timeline --since 12h', text: 'draw only the last 12 hours' },
    ],
  },
  {
    name: 'plan',
    summary: 'predict what crontabs and timers will run',
    overview: ['plan [CRONTAB…] [--for TIME]', 'predict what crontabs will run, and when'],
    operands: { show: 'CRONTAB…', least: 0, most: Number.POSITIVE_INFINITY, completes: 'file' },
    options: [
      {
        name: 'from',
        value: 'TIME',
        text:
          'begin at TIME, such as 03:00, 2026-11-29 or "2026-11-29 03:00", without any runs ' +
          'or pauses; by default the plan begins now, with the present runs and pauses',
      },
      forTime('how long to plan, such as `2h` or `7d` (default 24h)'),
      {
        name: 'assume',
        value: 'TARGET=TIME,…',
        text:
          'assume this duration for each run of TARGET, such as `rsnap-daily=2h`, instead of ' +
          'its usual one; for a fleet, the duration of the run on each host',
      },
      {
        name: 'slow',
        text:
          'assume slow runs: use the 90th percentile of the past durations of each target ' +
          'instead of the median',
      },
      {
        name: 'worst',
        text:
          'simulate the plan 1000 times with random durations, and show how likely each ' +
          'target is to start late, be given up, or still be running at a given time',
      },
      {
        name: 'seed',
        value: 'N',
        text: 'seed of the random durations of `--worst` (1 to 4294967295; default 1)',
      },
      {
        name: 'at',
        value: 'TIME',
        text:
          'time at which `--worst` counts running runs, such as 07:30 (default 08:00, or the ' +
          'end of the plan if it does not include 08:00)',
      },
      {
        name: 'diff',
        value: 'CONFIG',
        completes: 'file',
        text:
          'show what would change with the configuration in CONFIG, before you install and ' +
          'reload it',
      },
      {
        name: 'html',
        text: 'write the plan as one HTML page, in the style of `report`, to standard output',
      },
      OUTPUT,
      DESCRIBED_JSON,
    ],
    text: [
      'Reads the CRONTABs, or, if none is given, all crontabs of the machine that you may ' +
        'read, and the timers of systemd. It simulates the lines that call `baton run`, under ' +
        'the policies of the configuration and by the rules of the installed cron, including ' +
        'daylight saving changes. It shows which run starts when, which runs wait for which ' +
        'others and for how long, what is refused, given up or late, and when the last run ' +
        'ends. Nothing is executed. The chart is that of `timeline`.',
      'Each run is assumed to succeed and to take the median duration of the last successful ' +
        'runs of its target. Its hooks are simulated too. A target of unknown duration counts ' +
        'as 0 s, and the plan says so. Conditions of `require` are assumed to be met and are ' +
        'listed; locks of other processes are assumed to be free. The configuration is read ' +
        "from the daemon's file, so the plan shows what would happen after a `baton reload`. " +
        'The exit status is 66 if a crontab could not be read, 78 if the configuration has ' +
        'errors, and 64 if there are too many requests for one plan or if `--output` names a ' +
        'file that the plan reads.',
      'Each call is planned at the scheduled time of its line, as if it were the first ' +
        'command of the line and unconditional; the plan lists the lines for which that may be ' +
        'wrong. It also lists, but does not plan, calls whose target is a variable and calls of ' +
        'another daemon.',
      'If systemd is running and no CRONTAB is given, the plan also includes the active ' +
        'timers of the system whose service calls `baton run`, at the times of `OnCalendar=`. ' +
        'Timers of users (`systemctl --user`) are not included. If systemd does not answer, the ' +
        'plan names the command that failed, and has no timers. It lists timers that systemd ' +
        'may start later (`AccuracySec=`, `RandomizedDelaySec=`), that catch up on a missed ' +
        'time after a boot (`Persistent=`), or whose times are not known in advance, such as ' +
        '`OnBootSec=`. A timer does not start a service that is still active; the plan does not ' +
        'take this into account.',
      'With `--diff`, CONFIG is read with your permissions and checked as `batond --check` ' +
        'does; if it has errors, the exit status is 78. Both plans have the same requests and ' +
        'the same durations. The result lists starts that move by a second or more; requests ' +
        'that only one of the two configurations refuses, gives up, fails or never starts; ' +
        'targets that become late; and when the last run ends. The exit status is 0 whether ' +
        'anything changes or not. `--json` prints one object: the plans `before` and `after`, ' +
        'each as described below, and `changes`. Each change has its `target`, the time of the ' +
        'request (`askedAtMs`), `what` happens (`earlier`, `later`, `refused`, `ignored`, ' +
        '`given-up`, `fails`, `never-starts`, `runs`, `new` or `gone`), and the result `before` ' +
        'and `after`: its `kind`, `startsAtMs` and a `text`. `late` lists the targets that ' +
        'become `late` or `not-late`.',
      'With `--worst`, each duration is drawn independently from those of the last 20 ' +
        'successful runs of the target; a duration given by `--assume` is always the same. A ' +
        'run that is running now gets a duration longer than it has already run. The table ' +
        'shows in how many simulations a run of the target starts more than a minute after it ' +
        'is requested (LATE), is given up because of `maxWait`, is refused, fails because of ' +
        'its time limit, goes without a success for longer than `lateAfter`, or is running or ' +
        'queued at TIME. It also shows the wait and the end time that nine of ten simulations ' +
        'do not exceed. The same seed always gives the same table. If 1000 simulations would ' +
        'take too long, fewer are made; the first line says how many.',
      'With `--html`, the plan is a self-contained HTML page in the style of `report`: what ' +
        'goes wrong, a chart of all runs, which runs wait for which others, each run, and what ' +
        'the plan assumes; with `--worst` also the probabilities, with `--diff` the changes and ' +
        'both charts.',
      'With `--json`, it prints one object. `runs` lists the runs, each with its `target`, ' +
        'when it is requested (`askedAtMs`), starts (`startedAtMs`) and ends (`endedAtMs`, ' +
        '`verdict`, `text`), and what it `waits` for: since when, the reason, and the targets ' +
        'whose runs are in the way (`behind`). The other keys are `refused` requests; targets ' +
        'that become `late`; when the last run ends (`endsAtMs`); targets of `unknown` ' +
        'duration; and the `assumed` conditions. `durations` gives, for each target that runs, ' +
        'its duration in this plan (`tookMs`) and the median and 90th percentile of its past ' +
        'runs (`medianMs`, `slowMs`). With `--worst`, `chances` gives the `seed`, the number of ' +
        'simulations (`plays`), the time of `--at` (`atMs`), when the last run ends ' +
        '(`endsAtMs`), and a list of `targets`: for each of them, the fraction of simulations ' +
        '(0 to 1) in which it `startsLate`, is `expired`, `refused`, `failed`, `late`, ' +
        '`running` or `waiting`, with its longest wait (`waitMs`) and last end (`endsAtMs`). ' +
        'These times are given as the median, the 90th percentile and the maximum of all ' +
        'simulations (`medianMs`, `slowMs`, `mostMs`). Times are in milliseconds since 1970; ' +
        'unknown values are omitted.',
    ],
    examples: [
      { line: 'baton plan', text: 'plan the next 24 hours of all crontabs and timers (as root)' },
      {
        line: 'crontab -l | baton plan --for 7d /dev/stdin',
        text: 'plan a week of your own crontab',
      },
      {
        line: 'baton plan --from 03:00 --assume rsnap-daily=2h,rsnap-weekly=30m',
        text: 'plan a night in which two targets take longer than usual',
      },
      {
        line: 'baton plan --worst --at 07:30',
        text: 'show how likely each target is to be running at 07:30',
      },
      {
        line: 'baton plan --diff /root/new-config.json',
        text: 'show what a changed configuration would do to the next 24 hours',
      },
    ],
  },
  {
    name: 'report',
    summary: 'write an HTML report of past runs',
    overview: ['report|metrics > FILE', 'write an HTML report, or OpenMetrics'],
    options: [since('7d'), OUTPUT],
    text: [
      'Writes a page that needs no network and no scripts: what failed, with the last lines ' +
        'of its output; when runs were running and how long they took; and a table of all runs. ' +
        'The page has a print style and follows the light or dark theme of the browser. Runs ' +
        'that are no longer remembered (`keep` in the configuration) are not in it.',
    ],
    examples: [
      { line: 'baton report > night.html', text: 'report on the last seven days' },
      {
        line: 'baton report --since 24h --output /var/www/html/night.html',
        text: 'from cron, publish the last 24 hours on a web server',
      },
    ],
  },
  {
    name: 'metrics',
    summary: 'print metrics for monitoring, in OpenMetrics format',
    options: [OUTPUT],
    text: [
      'Prints, for each target, how many runs are running and queued, when and how the most ' +
        'recent run ended, and when one last succeeded. The output is valid both as OpenMetrics ' +
        'and in the older text format of Prometheus. With systemd, baton-metrics.timer writes a ' +
        'file for the textfile collector of node_exporter.',
    ],
    examples: [
      {
        line: 'baton metrics --output /var/lib/prometheus/node-exporter/baton.prom',
        text: 'run this from a timer or cron every five minutes',
      },
    ],
  },
] as const satisfies readonly Verb[];
