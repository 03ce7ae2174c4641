/** batond(8), from daemon/options.ts. */
import { FLAG_TEXTS } from '../../daemon/options.ts';
import { EXIT } from '../../daemon/protocol/request.ts';
import { example, heading, item, page, paragraph, synopsis } from './roff.ts';

const DESCRIPTION = [
  'batond listens on a Unix socket, never on the network, for requests from baton(1). It ' +
    'decides by the policies of its configuration when a target may run, runs it, and records ' +
    'the result. It stays in the foreground, under the control of the init system, and logs one ' +
    'event per line to standard output.',
  'Each run is supervised by a keeper, a small process that outlives the daemon and records ' +
    'how the run ended. You can therefore stop, kill, upgrade or restart the daemon at any ' +
    'time: runs continue, and the next daemon picks up their output and their exit status.',
  'Accepted requests are recorded in a journal, which is written to disk before the client is ' +
    'answered. When the disk is full, batond refuses new requests; running runs continue.',
] as const;

const SIGNALS = [
  ['TERM`, `INT', 'Stop listening, leave runs to their keepers, and exit with 0.'],
  [
    'HUP',
    'Reload the configuration. If it has errors, the previous configuration is kept and every ' +
      'error is logged. `baton reload` does the same and prints the errors.',
  ],
] as const;

const STATUSES = [
  [
    '0',
    'Stopped by a signal, or idle for the time of `--idle-exit`. While a file server that hangs ' +
      'holds a check, batond ends by SIGTERM instead (and instead of 70 by SIGKILL). systemd ' +
      'counts SIGTERM as success.',
  ],
  [`${EXIT.usage}`, 'Usage error.'],
  [
    `${EXIT.unavailable}`,
    'Cannot start: another daemon uses the state directory, a socket cannot be opened, or the ' +
      'journal is damaged.',
  ],
  ['70', 'Internal error, or the journal can no longer be trusted. Running runs are not affected.'],
  [`${EXIT.config}`, 'The configuration is missing or has errors.'],
] as const;

const ENVIRONMENT = [
  ['BATON_CONFIG', 'Configuration file, unless `--config` is given.'],
  ['BATON_SOCKET', 'Socket, unless `--socket` is given.'],
  ['STATE_DIRECTORY', 'State directory, unless `--state` is given. Set by systemd.'],
  ['LISTEN_FDS`, `LISTEN_FDNAMES', 'Sockets that systemd opened and passes to the daemon.'],
  [
    'NOTIFY_SOCKET',
    'Socket on which systemd is told, with systemd-notify(1), that the daemon is ready.',
  ],
  ['SSH_AUTH_SOCK', 'SSH agent for `ssh` targets with `"agent": true`.'],
] as const;

const FILES = [
  [
    '/etc/baton/config.json',
    'Configuration; see baton.json(5). It must be writable only by its owner and root.',
  ],
  ['/run/baton/baton.sock', 'Socket of the system daemon.'],
  [
    '/var/lib/baton/journal.ndjson',
    'Journal: every event, one per line. The whole state is read from this file.',
  ],
  [
    '/var/lib/baton/runs/',
    'One directory for each remembered run, with its output in the files `out` and `err`.',
  ],
  [
    '/var/lib/baton/aside/',
    'Directories of runs that the journal does not contain, because it was restored from a ' +
      'backup or started from scratch. They move back if a restored journal contains their runs ' +
      'again. Remove them when you no longer need them.',
  ],
] as const;

const SYSTEMD =
  'The units `baton.socket` and `baton.service` start the daemon at boot and when it is ' +
  'needed. `systemctl stop` stops only the daemon; to stop runs, use `baton cancel`. If ' +
  'systemd passes the sockets and the daemon cannot start, it still answers waiting clients: ' +
  'with the errors of its configuration and status 78, or with another reason and status 69. ' +
  'It serves them as soon as the configuration is correct. Do not use `systemctl kill baton`, ' +
  'which sends the signal to the runs as well; to send a signal only to the daemon, add ' +
  '`--kill-whom=main`. To reload, use `baton reload`: `systemctl reload baton` fails if the ' +
  'daemon has exited because it was idle.';

export function daemonPage(version: string): string {
  const items = (rows: readonly (readonly [string, string])[]): readonly string[] =>
    rows.flatMap(([term, text]) => item(`\`${term}\``, text));
  const { check, replay, only, ...options } = FLAG_TEXTS;
  const usages = Object.values(options).map(({ usage }) => `[${usage}]`);
  return page('batond', 8, { brief: 'the daemon of baton', version }, [
    ...heading('SYNOPSIS'),
    ...synopsis('batond', usages.join(' ')),
    ...synopsis('batond', check.usage),
    ...synopsis('batond', `[${options.config.usage}] ${replay.usage} [${only.usage}]`),
    ...heading('DESCRIPTION'),
    ...DESCRIPTION.flatMap(paragraph),
    ...heading('OPTIONS'),
    ...Object.values(FLAG_TEXTS).flatMap(({ usage, text }) => item(`\`${usage}\``, text)),
    ...item('`--help`', 'Show a short help and exit.'),
    ...item('`--version`', 'Show the version and exit.'),
    ...heading('SIGNALS'),
    ...items(SIGNALS),
    ...heading('EXIT STATUS'),
    ...items(STATUSES),
    ...heading('ENVIRONMENT'),
    ...items(ENVIRONMENT),
    ...heading('FILES'),
    ...items(FILES),
    ...heading('SYSTEMD'),
    ...paragraph(SYSTEMD),
    ...heading('EXAMPLES'),
    ...paragraph('Check a configuration before you reload it:'),
    ...example('batond --check /etc/baton/config.json && baton reload'),
    ...paragraph('Run your own daemon, with a human-readable log:'),
    ...example('batond --config ~/baton.json --state ~/baton --log-format text'),
    ...paragraph('Find out why the target daily waited so long last night:'),
    ...example('batond --replay /var/lib/baton/journal.ndjson --only daily'),
    ...heading('SEE ALSO'),
    ...paragraph('baton(1), baton.json(5), baton-plugin(7), baton-protocol(7), systemd.socket(5)'),
  ]);
}
