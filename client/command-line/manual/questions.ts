/** The manual of the verbs that ask: what runs and waits, why, and what was. */
import { OUTCOME_WORDS } from '../../../daemon/protocol/request.ts';
import type { Option, Verb } from './verb.ts';

const JSON_OPTION = {
  name: 'json',
  text: "print the daemon's answer as JSON, as baton-protocol(7) describes it",
} as const satisfies Option;

export const SINCE = {
  name: 'since',
  value: 'TIME',
  text:
    'how far back to look, such as 12h or 7d (`timeline`, `retry`: 24h, `report`: 7d, ' +
    '`history`: all)',
} as const satisfies Option;

export const FOR = {
  name: 'for',
  value: 'TIME',
  text:
    'how long, such as `2h` or `7d` (`pause`: resume by itself then, TIME goes on while the ' +
    'machine sleeps; `plan`: 24h)',
} as const satisfies Option;

const OUTPUT = {
  name: 'output',
  value: 'FILE',
  completes: 'file',
  text: 'write to FILE: replaced at once, readable for everybody; status 73 if it cannot be',
} as const satisfies Option;

export const QUESTIONS = [
  {
    name: 'status',
    summary: 'show what runs, what waits and why, and how targets last ended',
    elsewhere: ['ls', 'list', 'ps', 'show', 'jobs', 'queue'],
    overview: ['status [--watch] [--json]', 'what runs, what waits and why, the last end'],
    options: [
      { name: 'watch', short: 'w', text: 'show it anew every second, on a terminal, until Ctrl-C' },
      JSON_OPTION,
    ],
    text: [
      'Shows, by groups of targets that wait for each other, what runs and for how long, what ' +
        'waits and for whom, and how each target ended last. What failed stands out.',
      'Starts and ends are foretold from the durations of the last 20 successes of each target ' +
        'and the policies, or from the progress that a run prints where its target says ' +
        '`progress`. Nothing is foretold where one of these durations is not known.',
      'On a terminal lines are cut to its width, and there are colours unless `NO_COLOR` is set. ' +
        'Elsewhere lines are whole and plain.',
    ],
    examples: [
      { line: 'baton status', text: 'everything at one glance' },
      { line: 'baton status --watch', text: 'the same, kept up to date' },
      {
        line: "baton status --json | jq '.targets[] | select(.paused).target'",
        text: 'the names of the paused targets',
      },
    ],
  },
  {
    name: 'why',
    summary: 'tell why a run waits',
    overview: ['why RUN|TARGET', 'who waits for whom'],
    operands: { show: 'RUN|TARGET', least: 1, most: 1, completes: 'run-or-target' },
    options: [JSON_OPTION],
    text: [
      'Shows the run, why it waits and when it is expected to start, and indented below it the ' +
        'runs that it waits for, with when they are expected to end, to the last one.',
    ],
    examples: [{ line: 'baton why rsnap-daily', text: 'what keeps it from starting' }],
  },
  {
    name: 'history',
    summary: 'list the runs that have ended',
    overview: ['history [TARGET] [--since TIME]', 'past runs: when, how long, how they ended'],
    operands: { show: 'TARGET', least: 0, most: 1, completes: 'target' },
    options: [
      {
        name: 'limit',
        value: 'N',
        text:
          'no more than the N latest runs (1 to 10000; without this option 50, or all with ' +
          '`--since`)',
      },
      SINCE,
      {
        name: 'outcome',
        value: 'KIND',
        completes: OUTCOME_WORDS,
        text: `only runs that ended so: ${OUTCOME_WORDS.map((word) => `\`${word}\``).join(', ')}`,
      },
      JSON_OPTION,
    ],
    text: [
      'Lists the runs that have ended, of all targets or of TARGET: when, how long they waited ' +
        'and took, how that compares with the median of the last successes of the target, and ' +
        'how they ended. How many are remembered is said by `keep` in the configuration.',
    ],
    examples: [
      { line: 'baton history rsnap-daily --limit 7', text: 'the last seven runs of one target' },
      { line: 'baton history --since 24h --outcome failed', text: 'what went wrong last night' },
    ],
  },
  {
    name: 'timeline',
    summary: 'draw when what ran and how it ended',
    overview: ['timeline [--since TIME]', 'when what ran, drawn in the terminal'],
    options: [SINCE],
    text: [
      'Draws a row for each target: when its runs waited, ran and ended. Below it are the runs ' +
        'that failed, and whatever stands still. The drawing is as wide as the terminal, or 80 ' +
        'columns; $COLUMNS decides where it is set and the output is no terminal. There are ' +
        'colours on a terminal, unless $NO_COLOR is set; the signs tell as much without them.',
    ],
    examples: [
      { line: 'baton timeline', text: 'the last day' },
      { line: 'baton timeline --since 12h', text: 'only the night' },
    ],
  },
  {
    name: 'plan',
    summary: 'show what crontabs will do before they do it',
    overview: ['plan [CRONTAB…] [--for TIME]', 'what crontabs will run, when, who waits'],
    operands: { show: 'CRONTAB…', least: 0, most: Number.POSITIVE_INFINITY, completes: 'file' },
    options: [
      {
        name: 'from',
        value: 'TIME',
        text:
          'begin at TIME, such as 03:00, 2026-11-29 or "2026-11-29 03:00", with nothing that ' +
          'runs, waits or is paused; without this option the plan begins now, with all of ' +
          'that',
      },
      FOR,
      {
        name: 'assume',
        value: 'TARGET=TIME,…',
        text:
          'how long a run of TARGET takes, such as `rsnap-daily=2h`, instead of its usual ' +
          'time; of a fleet, the run on each host',
      },
      {
        name: 'slow',
        text:
          'let each run take the 90th percentile of its past durations instead of the median: ' +
          'nine of ten took no longer',
      },
      {
        name: 'worst',
        text:
          'play the plan 1000 times with random durations, and show the chance that each target ' +
          'starts late, gives up or still runs at a given time',
      },
      {
        name: 'seed',
        value: 'N',
        text: 'draw the durations of `--worst` by this number (1 to 4294967295; 1)',
      },
      {
        name: 'at',
        value: 'TIME',
        text:
          'the time at which `--worst` counts what still runs, such as 07:30 (08:00, or the end ' +
          'of a plan that does not have it)',
      },
      {
        name: 'diff',
        value: 'CONFIG',
        completes: 'file',
        text:
          'show what becomes different with the configuration in CONFIG, before it is put in ' +
          "the place of the daemon's and reloaded",
      },
      {
        name: 'html',
        text: 'write the plan as one HTML page, made like that of `report`, to standard output',
      },
      OUTPUT,
      JSON_OPTION,
    ],
    text: [
      'Reads the CRONTABs, or without one all crontabs of the machine that this user may ' +
        'read, and the timers of systemd. It plays the lines that call `baton run` through ' +
        'the policies of the configuration, by the rules of the installed cron, also where the ' +
        'clocks change: ' +
        'what starts when, who waits how long for whom, what is refused, given up or late, ' +
        'and when the last run ends. Nothing is run. The drawing is that of `timeline`.',
      'Each run takes the median time of the last successes of its target, and succeeds. ' +
        'Its hooks run, too. A target whose time is not known counts as 0 s, and the plan ' +
        'says so. Conditions of `require` count as met and are named; locks of others count ' +
        "as free. The configuration is read anew from the daemon's file, so the plan shows " +
        'what a `baton reload` would do. The status is 66 if a crontab could not be read, 78 ' +
        'for a mistake in the configuration, and 64 for more requests than a plan may have, or ' +
        'if `--output` names a file that the plan reads.',
      'Each call is planned at the time of its line, as if nothing came before it in the ' +
        'line and no condition stood around it; the plan names the lines where that may be ' +
        'false. It names calls whose target is a variable, and calls of another daemon, and ' +
        'does not plan them.',
      'Where systemd runs and no CRONTAB is named, the plan also has the active timers of the ' +
        'system whose service calls `baton run`, at the times of `OnCalendar=`. Timers of users ' +
        '(`systemctl --user`) are not in it. If systemd does not answer, the plan names the ' +
        'command that failed, and that timers are missing. It names timers that systemd may ' +
        'start later (`AccuracySec=`, `RandomizedDelaySec=`), that make up for a missed time ' +
        'after a boot (`Persistent=`), or whose times are not known in advance, such as ' +
        '`OnBootSec=`. A timer does not start a service that is still active; the plan does not ' +
        'know that.',
      'With `--diff` CONFIG is read with your own rights and checked as `batond --check` checks ' +
        'it; a mistake in it ends with status 78. Both plans have the same requests and the same ' +
        'durations. Shown are starts that move by a second or more, requests that are refused, ' +
        'given up, fail or never start only with CONFIG, or no longer, targets that become late, ' +
        'and when the last run ends. The status is 0 whether anything changes or not. `--json` ' +
        'prints one object: the plans `before` and `after` as above, and `changes`, each with ' +
        'its `target`, when it is asked for (`askedAtMs`), `what` happens (`earlier`, `later`, ' +
        '`refused`, `ignored`, `given-up`, `fails`, `never-starts`, `runs`, `new` or `gone`), ' +
        'and what became of it `before` and `after`: its `kind`, `startsAtMs` and a `text`; ' +
        '`late` has the targets that become `late` or `not-late`.',
      'With `--worst` each duration is drawn by itself from those of the last 20 successes of ' +
        'the target; one that `--assume` gives is always the same. A run that runs now takes ' +
        'longer than it has run already. The table says in how many of the plays a run of the ' +
        'target starts more than a minute after it is asked for (LATE), is given up for its ' +
        '`maxWait`, is refused, fails because its time is over, has no success for longer than ' +
        'its `lateAfter`, or runs or waits at TIME, and which wait and which end nine of ten ' +
        'plays keep to. The same seed always gives the same table. If so many plays are too ' +
        'much to work out, fewer are made, and the first line says how many.',
      'With `--html` the plan is one page that needs nothing else, made like that of `report`: ' +
        'what goes wrong, a chart of when what runs, who waits for whom, each run, and what the ' +
        'plan takes for granted; with `--worst` also the chances, with `--diff` the changes ' +
        'and both charts.',
      'With `--json` it prints one object: `runs`, each with its `target`, when it is asked ' +
        'for (`askedAtMs`), starts (`startedAtMs`) and ends (`endedAtMs`, `verdict`, `text`), ' +
        'and what it `waits` for: since when, the reason, and the targets whose runs are in ' +
        'the way (`behind`); `refused` requests; targets that become `late`; when the last ' +
        'run ends (`endsAtMs`); targets of `unknown` durations, and the `assumed` conditions. ' +
        '`durations` has for each target that runs what it takes in this plan (`tookMs`), the ' +
        'median and the 90th percentile of its past (`medianMs`, `slowMs`). With `--worst`, ' +
        '`chances` has the `seed`, the number of `plays`, the time asked about (`atMs`), when ' +
        'the last run ends (`endsAtMs`), and for each of the `targets` from 0 to 1 in which ' +
        'part of the plays it `startsLate`, is `expired`, `refused`, `failed`, `late`, ' +
        '`running` or `waiting`, with its longest wait (`waitMs`) and last end (`endsAtMs`): ' +
        'the median, the 90th percentile and the most of all plays (`medianMs`, `slowMs`, ' +
        '`mostMs`). ' +
        'Times are milliseconds since 1970; what is not known is left out.',
    ],
    examples: [
      { line: 'baton plan', text: 'the next day, by the crontabs and timers (as root)' },
      { line: 'crontab -l | baton plan --for 7d /dev/stdin', text: 'your own, for a week' },
      {
        line: 'baton plan --from 03:00 --assume rsnap-daily=2h,rsnap-weekly=30m',
        text: 'a night in which these take so long',
      },
      {
        line: 'baton plan --worst --at 07:30',
        text: 'the chance of each target to run at half past seven',
      },
      {
        line: 'baton plan --diff /root/new-config.json',
        text: 'what a changed configuration does to the next day',
      },
    ],
  },
  {
    name: 'report',
    summary: 'write what happened as one HTML page',
    overview: ['report|metrics > FILE', 'what ran, as one HTML page; or for monitoring'],
    options: [SINCE, OUTPUT],
    text: [
      'Writes a page that needs no network and no scripts: what failed and with which last lines ' +
        'of output, when what ran, how long it took, and a table of all runs. It prints well, ' +
        'and follows the reader to light and dark. Runs that are no longer remembered (`keep` in ' +
        'the configuration) are not in it.',
    ],
    examples: [
      { line: 'baton report > night.html', text: 'the last seven days' },
      {
        line: 'baton report --since 24h --output /var/www/html/night.html',
        text: 'from cron, to where a browser finds it',
      },
    ],
  },
  {
    name: 'metrics',
    summary: 'print what monitoring wants to know, as OpenMetrics',
    options: [OUTPUT],
    text: [
      'Prints for each target what runs and waits, when and how its last run ended, and when one ' +
        'last succeeded. OpenMetrics and the older text format of Prometheus both read it. ' +
        'contrib/systemd has a timer that keeps a file for the textfile collector of ' +
        'node_exporter.',
    ],
    examples: [
      {
        line: 'baton metrics --output /var/lib/prometheus/node-exporter/baton.prom',
        text: 'from a timer or from cron, every five minutes',
      },
    ],
  },
] as const satisfies readonly Verb[];
