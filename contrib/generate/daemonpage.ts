/** batond(8), from daemon/options.ts. */
import { FLAG_TEXTS } from '../../daemon/options.ts';
import { EXIT } from '../../daemon/protocol/request.ts';
import { example, heading, item, page, paragraph, synopsis } from './roff.ts';

const DESCRIPTION = [
  'batond listens on a Unix socket, never on the network, for the requests of baton(1). It ' +
    'decides by the policies of its configuration when a target may run, runs it, and records ' +
    'it. It stays in the foreground and logs one event a line to its standard output; the init ' +
    'system keeps it.',
  'Each run has a keeper, a small process that outlives the daemon and records how the run ' +
    'ended. So the daemon may be stopped, killed, upgraded or restarted at any time: runs go on, ' +
    'and the next daemon takes them over with their output and their exit status.',
  'What was accepted stands in a journal, which is on the disk before a client hears of it. A ' +
    'full disk refuses new work and keeps what runs.',
] as const;

const SIGNALS = [
  ['TERM`, `INT', 'Stops listening, leaves runs to their keepers, and exits with 0.'],
  [
    'HUP',
    'Reads the configuration again. A bad one leaves the old one in force, and the log names ' +
      'every mistake. `baton reload` does the same and prints them.',
  ],
] as const;

const STATUSES = [
  ['0', 'It was asked to end, or had nothing to do for `--idle-exit`.'],
  [`${EXIT.usage}`, 'Wrong usage.'],
  [
    `${EXIT.unavailable}`,
    'It could not start: another daemon has the state directory, a socket cannot be opened, or ' +
      'the journal is damaged.',
  ],
  ['70', 'A bug, or a journal that cannot be trusted any more. What runs is left alone.'],
  [`${EXIT.config}`, 'No configuration, or one with mistakes.'],
] as const;

const ENVIRONMENT = [
  ['BATON_CONFIG', 'The configuration, unless `--config` names one.'],
  ['BATON_SOCKET', 'The socket, unless `--socket` names one.'],
  ['STATE_DIRECTORY', 'The state directory, unless `--state` names one. systemd sets it.'],
  ['LISTEN_FDS`, `LISTEN_FDNAMES', 'Sockets that systemd has opened and passes.'],
  ['NOTIFY_SOCKET', 'Where systemd hears, by systemd-notify(1), that the daemon is ready.'],
  ['SSH_AUTH_SOCK', 'The agent of `ssh` targets with `"agent": true`.'],
] as const;

const FILES = [
  [
    '/etc/baton/config.json',
    'The configuration, see baton.json(5). Nobody but its owner and root may be able to write it.',
  ],
  ['/run/baton/baton.sock', "The socket of the machine's own daemon."],
  ['/var/lib/baton/journal.ndjson', 'Every event, one a line; the only source of truth.'],
  [
    '/var/lib/baton/runs/',
    'A directory for each run that is remembered, with its output in `out` and `err`.',
  ],
  [
    '/var/lib/baton/aside/',
    'Directories of runs that the journal does not know, because it was restored from a backup ' +
      'or begun anew. Remove them when you no longer need them.',
  ],
] as const;

const SYSTEMD =
  'The units `baton.socket` and `baton.service` start the daemon at boot and when it is needed. ' +
  '`systemctl stop` ends the daemon alone: to end runs, use `baton cancel`. With sockets of ' +
  'systemd a daemon that cannot start answers the clients who wait in them: with the mistakes of ' +
  'its configuration and 78, or with another reason and 69. It serves them as soon as the ' +
  'configuration is correct. Do not use `systemctl kill baton`, which sends the signal to the ' +
  'runs as well: reload with `systemctl reload baton`, or add `--kill-whom=main`.';

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
    ...item('`--help`', 'Prints a short help.'),
    ...item('`--version`', 'Prints the version.'),
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
    ...paragraph('Say what a configuration means before it is taken into use:'),
    ...example('batond --check /etc/baton/config.json && baton reload'),
    ...paragraph('A daemon of your own, with a log for people:'),
    ...example('batond --config ~/baton.json --state ~/baton --log-format text'),
    ...paragraph('Why did it wait so long last night?'),
    ...example('batond --replay /var/lib/baton/journal.ndjson --only daily'),
    ...heading('SEE ALSO'),
    ...paragraph('baton(1), baton.json(5), baton-plugin(7), baton-protocol(7), systemd.socket(5)'),
  ]);
}
