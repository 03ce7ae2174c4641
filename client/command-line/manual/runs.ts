/** The manual of the verbs that are about one run: to ask for it, follow it, read it, end it. */
import { SINCE } from './questions.ts';
import type { Option, Verb } from './verb.ts';

const ERROR_CODE = {
  name: 'errorCode',
  short: 'E',
  value: 'N',
  text:
    "exit with N (1 to 255) instead of any status of baton's own; the command's own status stays " +
    'as it is',
} as const satisfies Option;

const REPORT = {
  name: 'report',
  value: 'FILE',
  completes: 'file',
  text:
    'write how the run ended to FILE, as JSON: `status` is what this client exits with, the rest ' +
    'what `baton why --json` shows of a run; also where nothing ran',
} as const satisfies Option;

export const RUNS = [
  {
    name: 'run',
    summary: 'ask for a run of a target',
    elsewhere: ['start', 'add', 'submit', 'exec', 'trigger', 'enqueue'],
    overview: ['run TARGET… [--wait] [-- ARG…]', 'ask for a run; --wait: relay, exit as it'],
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
        text: 'wait for the end, relay the output, and exit with the status of the command',
      },
      {
        name: 'quietSuccess',
        text: 'with `--wait`: print nothing of a run that ends in `okExit` or `warnExit`',
      },
      {
        name: 'verdict',
        text:
          'with `--wait`: the last line on stderr says how a run failed, also where its ' +
          'output is long; nothing more of a run that ends in `okExit` or `warnExit`, nor of a ' +
          'fleet, which has its table',
      },
      {
        name: 'maxWait',
        value: 'TIME',
        text:
          'give up with status 75 if it has not started after TIME, such as 2h, or after the ' +
          '`maxWait` of the target, whichever is shorter; of several that share a run the ' +
          'longest `--max-wait` counts',
      },
      {
        name: 'only',
        value: 'HOST,…',
        completes: 'host',
        text: 'of a fleet: only on these hosts, with `*` for any characters, such as `web*`',
      },
      {
        name: 'failed',
        text:
          'of a fleet: only where the latest run failed or was cancelled, and no newer one waits ' +
          'or runs; nothing is run, with status 0, where there is none',
      },
      { name: 'printId', text: 'print the number of the run; only without `--wait`' },
      REPORT,
      ERROR_CODE,
    ],
    text: [
      'Asks the daemon to run TARGET, a name of the configuration. Its policies decide when ' +
        'the run starts. Without `--wait` the client says nothing and exits with 0 as soon as ' +
        'the request is safely on the disk: from then on the run is not lost, whatever becomes ' +
        'of this client or of the daemon.',
      'With `--wait` the client relays both streams of the command and exits with its status. ' +
        'If the daemon is restarted meanwhile, the client finds it again and goes on at the same ' +
        'byte. The first INT or TERM cancels the run and waits for its end; a run that another ' +
        'client asked for goes on. A second signal, at least 0.5 s later, ends the client at ' +
        'once. Signals within 0.5 s count as one, because timeout(1) sends its signal twice. HUP ' +
        'and KILL leave the run alone.',
      'Several TARGETs are asked for at once and relayed one after the other, in the order of ' +
        'the command line. The status is that of the first which is not 0.',
      'A TARGET may be a fleet (`hosts` in baton.json(5)): then a run is asked for on each host, ' +
        'on all of them or on none. With `--wait` each line of output stands behind its host ' +
        'where standard output is a terminal; elsewhere the output of each host is a block below ' +
        '`==> HOST <==`, and comes when its run has ended. At last a table is printed on stderr, ' +
        'failures first; where that is no terminal, only if a run failed or warned, and without ' +
        'the rest.',
      'The status of a fleet is that of its worst run. From the worst on: nobody knows how it ' +
        'ended (lost, interrupted), it never ran (unreachable, not executable), it was ended by ' +
        'its `timeout`, killed by a signal, failed, waited too long or was skipped, was ' +
        'cancelled, ended with a warning. Of the same kind the highest status counts.',
      'Each ARG is handed to the command, if the target accepts it by `acceptArgs`.',
    ],
    examples: [
      {
        line: '0 3 * * *  root  baton run rsnap-daily --wait',
        text: 'in /etc/cron.d: mails what the command prints, fails as the command fails',
      },
      {
        line: 'baton run rsnap-daily --wait --quiet-success',
        text: 'prints nothing unless the run fails',
      },
      {
        line: 'baton run rsnap-daily --wait --verdict',
        text: 'in a mail of cron, the last line says how the run failed',
      },
      {
        line: 'baton run update-all --wait --failed',
        text: 'a fleet again, on the hosts where it failed',
      },
      { line: 'baton run restore --wait -- photos', text: 'with an argument for the command' },
      {
        line: 'baton run mirror --wait -E 1',
        text: "1 for every failure of baton's own, such as no daemon (69) or refused (75)",
      },
    ],
  },
  {
    name: 'retry',
    summary: 'ask again for what failed',
    elsewhere: ['restart', 'rerun'],
    overview: ['retry RUN | --failed', 'ask again for what failed'],
    operands: { show: 'RUN', least: 0, most: 1, completes: 'run' },
    options: [
      {
        name: 'failed',
        text:
          'for every target and its arguments whose latest run failed; not where somebody ' +
          'cancelled it, or where a newer one waits or runs, and for no hooks',
      },
      {
        name: 'wait',
        text:
          'wait for the end, relay the output, and exit with the status of the command; of ' +
          'several, with the first status that is not 0',
      },
      SINCE,
      ERROR_CODE,
    ],
    text: [
      'Asks for a new run of the same target with the same arguments, in place of the run with ' +
        'the number RUN, which failed, or with `--failed` for all that failed in the last 24 ' +
        'hours. It prints a line for each. The status is 0 if all of them were accepted.',
      'With `--wait` it does what `baton run --wait` does: all are asked for at once, and ' +
        'relayed one after the other. With `--failed` each run that fails again has a line on ' +
        'stderr.',
      'A target can also retry by itself: see `retry` in baton.json(5).',
    ],
    examples: [
      { line: 'baton retry 17', text: 'asks again for what run 17 was to do' },
      { line: 'baton retry --failed --since 12h', text: 'after a night without a network' },
      { line: 'baton retry --failed --wait', text: 'the same, and says whether all is well now' },
    ],
  },
  {
    name: 'wait',
    summary: 'relay a run from its start and exit as it did',
    overview: ['wait RUN|TARGET… | --all', 'relay a run, exit as it did; or wait for all'],
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
          'until nothing runs or waits any more; prints a line for each run that fails, and ' +
          'exits as the first of them did',
      },
      REPORT,
      ERROR_CODE,
    ],
    text: [
      'Prints the whole output of the run with the number RUN, waits for its end if it has not ' +
        'ended yet, and exits with its status. `baton status` and `baton history` show the ' +
        'numbers. Of a TARGET: its running run, else the next queued one, else the latest; a ' +
        'target that never ran is an error (status 64).',
      'INT or TERM end the client alone: a run that another client has asked for goes on.',
    ],
    examples: [
      { line: 'baton wait 17', text: 'the output of run 17, and its status' },
      { line: 'baton wait rsnap-daily', text: 'the run that cron asked for, whatever its number' },
      { line: 'baton wait --all', text: 'before the machine is shut down' },
    ],
  },
  {
    name: 'logs',
    summary: 'print the output of a run',
    elsewhere: ['tail', 'output', 'cat', 'log'],
    overview: ['logs RUN|TARGET [-f]', 'its output; -f: follow it to the end'],
    operands: { show: 'RUN|TARGET', least: 1, most: 1, completes: 'run-or-target' },
    options: [{ name: 'follow', short: 'f', text: 'go on until the run has ended' }],
    text: [
      'Prints what a run has written so far, both streams where they belong: RUN by its ' +
        'number, or of TARGET the run that runs, else the one that waits, else the last. The ' +
        "status is 0 whatever the run's was.",
    ],
    examples: [
      { line: 'baton logs rsnap-daily', text: 'what the last run said' },
      { line: 'baton logs -f rsnap-daily', text: 'what the present one says, to its end' },
    ],
  },
  {
    name: 'cancel',
    summary: 'end a run, or all runs of a target',
    elsewhere: ['stop', 'kill', 'abort', 'remove', 'delete', 'rm'],
    overview: ['cancel RUN|TARGET', 'end a run, or all runs of a target'],
    operands: { show: 'RUN|TARGET', least: 1, most: 1, completes: 'run-or-target' },
    options: [],
    text: [
      'A run that waits leaves the queue. A run that runs is ended with everything that it has ' +
        'started: `stopSignal` of its target, and KILL after `killAfter`. It prints the ' +
        'numbers of the runs.',
    ],
    examples: [
      { line: 'baton cancel 17', text: 'ends run 17' },
      { line: 'baton cancel rsnap-daily', text: 'ends what waits and runs of this target' },
    ],
  },
] as const satisfies readonly Verb[];
