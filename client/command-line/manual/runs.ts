/** The manual of the verbs for a single run: request it, follow it, read it, end it. */
import { since } from './common-options.ts';
import type { Option, Verb } from './verb.ts';

const ERROR_CODE = {
  name: 'errorCode',
  short: 'E',
  value: 'N',
  text:
    'exit with N (1 to 255) instead of any status that baton sets itself; the exit status of ' +
    'the command is passed through unchanged',
} as const satisfies Option;

const REPORT = {
  name: 'report',
  value: 'FILE',
  completes: 'file',
  text:
    'write the outcome to FILE as JSON, even if nothing ran: `status` is the exit status of ' +
    'this client, the other fields are those of a run in `baton why --json`',
} as const satisfies Option;

export const RUNS = [
  {
    name: 'run',
    summary: 'queue a run of a target',
    elsewhere: ['start', 'add', 'submit', 'exec', 'trigger', 'enqueue'],
    overview: ['run TARGET… [--wait] [-- ARG…]', 'queue a run; --wait: exit with its status'],
    operands: {
      show: 'TARGET…',
      least: 1,
      most: Number.POSITIVE_INFINITY,
      completes: 'target',
    },
    rest: 'ARG…',
    options: [
      {
        name: 'wait',
        text: 'wait for the run to end, stream its output, and exit with its status',
      },
      {
        name: 'quietSuccess',
        text:
          'with `--wait`: print nothing if the run succeeds or ends with a warning (`okExit`, ' +
          '`warnExit`)',
      },
      {
        name: 'verdict',
        text:
          'with `--wait`: if the run fails, say how as the last line on stderr, even if its ' +
          'output is long; print nothing extra for a run that succeeds or ends with a ' +
          'warning, or for a fleet, which prints its table',
      },
      {
        name: 'maxWait',
        value: 'TIME',
        text:
          'give up with status 75 if the run has not started within TIME, such as 2h, or ' +
          'within the `maxWait` of the target, whichever is shorter; if several requests ' +
          'share a run, the longest `--max-wait` applies',
      },
      {
        name: 'only',
        value: 'HOST,…',
        completes: 'host',
        text: 'run only on these hosts of a fleet; `*` matches any characters, as in `web*`',
      },
      {
        name: 'failed',
        text:
          'run only on those hosts of a fleet where the most recent run failed or was ' +
          'cancelled, and no newer run is queued or running; if there are none, run nothing ' +
          'and exit with 0',
      },
      { name: 'printId', text: 'print the number of the run; cannot be combined with `--wait`' },
      REPORT,
      ERROR_CODE,
    ],
    text: [
      'Asks the daemon to run TARGET, a target of its configuration. The policies of the ' +
        'target decide when the run starts. Without `--wait` the client prints nothing and ' +
        'exits with 0 as soon as the request is stored on disk: from then on the run is not ' +
        'lost, whatever happens to the client or the daemon.',
      'With `--wait` the client streams the stdout and stderr of the command and exits with ' +
        'its status. If the daemon restarts meanwhile, the client reconnects and continues at ' +
        'the same byte. The first INT or TERM cancels the run and waits for it to end; if ' +
        'another client requested the run, it continues. A second signal, at least 0.5 s later, ' +
        'ends the client immediately. Signals less than 0.5 s apart count as one, because ' +
        'timeout(1) sends its signal twice. HUP and KILL do not affect the run.',
      'Several TARGETs are queued at once. Their output is shown one after the other, in the ' +
        'order of the command line. The exit status is the first one that is not 0.',
      'TARGET may be a fleet (`hosts` in baton.json(5)): a run is then queued for every host, ' +
        'or, if one of them is refused, for none. With `--wait`, if standard output is a ' +
        'terminal, each line of output is prefixed with its host. Otherwise the output of each ' +
        'host is printed when its run has ended, as one block below `==> HOST <==`. Finally a ' +
        'table is printed on stderr, failures first. If stderr is not a terminal, the table ' +
        'lists only runs that failed or ended with a warning, and there is no table if there ' +
        'are none.',
      'The exit status of a fleet is that of its worst run. From worst to best: outcome ' +
        'unknown (lost, interrupted); never ran (unreachable, not executable); stopped by its ' +
        '`timeout`; killed by a signal; failed; waited too long or was skipped; cancelled; ' +
        'ended with a warning. Of several equally bad runs, the highest status counts.',
      'Each ARG is passed to the command if the `acceptArgs` of the target allow it.',
    ],
    examples: [
      {
        line: '0 3 * * *  root  baton run rsnap-daily --wait',
        text:
          'in /etc/cron.d: cron mails what the command prints, and the exit status is that of ' +
          'the command',
      },
      {
        line: 'baton run rsnap-daily --wait --quiet-success',
        text: 'print nothing unless the run fails',
      },
      {
        line: 'baton run rsnap-daily --wait --verdict',
        text: 'end the mail from cron with a line that says how the run failed',
      },
      {
        line: 'baton run update-all --wait --failed',
        text: 'run a fleet again on the hosts where it failed',
      },
      { line: 'baton run restore --wait -- photos', text: 'pass an argument to the command' },
      {
        line: 'baton run mirror --wait -E 1',
        text: 'exit with 1 whenever baton itself fails, as without a daemon (69) or if refused (75)',
      },
    ],
  },
  {
    name: 'retry',
    summary: 'queue failed runs again',
    elsewhere: ['restart', 'rerun'],
    overview: ['retry RUN | --failed', 'queue failed runs again'],
    operands: { show: 'RUN', least: 0, most: 1, completes: 'run' },
    options: [
      {
        name: 'failed',
        text:
          'retry every target (with its arguments) whose most recent run failed, except ' +
          'hooks, cancelled runs, and targets with a newer run queued or running',
      },
      {
        name: 'wait',
        text:
          'wait for the runs to end, stream their output, and exit with the first status that ' +
          'is not 0',
      },
      since('24h'),
      ERROR_CODE,
    ],
    text: [
      'Queues a new run with the target and the arguments of run number RUN, which failed. ' +
        'With `--failed`, does this for everything that failed in the last 24 hours. Prints ' +
        'one line for each run. The exit status is 0 if all requests were accepted.',
      'With `--wait`, works like `baton run --wait`: all runs are queued at once, and their ' +
        'output is shown one after the other. With `--failed`, each run that fails again is ' +
        'named in a line on stderr.',
      'A target can also be retried automatically: see `retry` in baton.json(5).',
    ],
    examples: [
      { line: 'baton retry 17', text: 'queue the target of run 17 again, with the same arguments' },
      {
        line: 'baton retry --failed --since 12h',
        text: 'retry what failed in a night without a network',
      },
      {
        line: 'baton retry --failed --wait',
        text: 'retry, wait, and exit with 0 only if everything succeeds now',
      },
    ],
  },
  {
    name: 'wait',
    summary: 'stream a run from its start and exit with its status',
    overview: ['wait RUN|TARGET… | --all', 'stream a run, exit with its status; or all'],
    operands: {
      show: 'RUN|TARGET…',
      least: 0,
      most: Number.POSITIVE_INFINITY,
      completes: 'run-or-target',
    },
    options: [
      {
        name: 'all',
        text:
          'wait until nothing is running or queued; print a line for each run that fails, and ' +
          'exit with the status of the first of them',
      },
      REPORT,
      ERROR_CODE,
    ],
    text: [
      'Prints the whole output of run number RUN, waits for the run to end if it has not ' +
        'ended yet, and exits with its status. `baton status` and `baton history` show the ' +
        'numbers. For a TARGET: its running run, else the next queued, else the most recent ' +
        'one. A target that has never run is an error (status 64).',
      'INT or TERM ends only the client; the run continues.',
    ],
    examples: [
      { line: 'baton wait 17', text: 'print the output of run 17, and exit with its status' },
      {
        line: 'baton wait rsnap-daily',
        text: 'wait for the run that cron requested, without knowing its number',
      },
      { line: 'baton wait --all', text: 'wait for everything before a shutdown' },
    ],
  },
  {
    name: 'logs',
    summary: 'print the output of a run',
    elsewhere: ['tail', 'output', 'cat', 'log'],
    overview: ['logs RUN|TARGET [-f]', 'print its output; -f: follow to the end'],
    operands: { show: 'RUN|TARGET', least: 1, most: 1, completes: 'run-or-target' },
    options: [{ name: 'follow', short: 'f', text: 'keep printing until the run ends' }],
    text: [
      'Prints what a run has written so far, stdout to stdout and stderr to stderr. For a ' +
        'TARGET: its running run, else the next queued, else the most recent one. The exit ' +
        'status does not depend on how the run ended.',
    ],
    examples: [
      { line: 'baton logs rsnap-daily', text: 'print the output of the most recent run' },
      { line: 'baton logs -f rsnap-daily', text: 'follow the current run to its end' },
    ],
  },
  {
    name: 'cancel',
    summary: 'stop a run, or all runs of a target',
    elsewhere: ['stop', 'kill', 'abort', 'remove', 'delete', 'rm'],
    overview: ['cancel RUN|TARGET', 'stop a run, or all runs of a target'],
    operands: { show: 'RUN|TARGET', least: 1, most: 1, completes: 'run-or-target' },
    options: [],
    text: [
      'Cancels run number RUN, or all runs of TARGET. A queued run is removed from the queue. A ' +
        'running one is stopped with every process that it started: with the `stopSignal` of ' +
        'its target, and with KILL after `killAfter`. Prints the numbers of the runs.',
    ],
    examples: [
      { line: 'baton cancel 17', text: 'stop run 17' },
      {
        line: 'baton cancel rsnap-daily',
        text: 'stop every run of this target, queued or running',
      },
    ],
  },
] as const satisfies readonly Verb[];
