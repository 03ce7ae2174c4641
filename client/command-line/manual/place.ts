/** The part of the manual that applies to every command: options and exit statuses. */
import { EXIT, RUN_SOCKET, SUBMIT_SOCKET } from '../../../daemon/protocol/request.ts';
import type { Option } from './verb.ts';

export const GLOBAL_OPTIONS = [
  {
    name: 'connectTimeout',
    value: 'TIME',
    text:
      'give up if the daemon cannot be reached for TIME, such as 90s or 5min (default 10s, or ' +
      '60s once the number of the run is known), or leaves a connection unanswered for TIME ' +
      '(default 60s)',
    brief: 'wait this long for the daemon (10s, then 60s)',
  },
  {
    name: 'socket',
    value: 'PATH',
    completes: 'file',
    text: `socket of the daemon; default $BATON_SOCKET, else ${RUN_SOCKET}; see ENVIRONMENT`,
    brief: `else $BATON_SOCKET, ${RUN_SOCKET}`,
  },
  { name: 'help', short: 'h', text: 'show the help of the command, with examples' },
  { name: 'version', text: 'print the version' },
] as const satisfies readonly Option[];

/** py9tor's command line, still accepted. They replace a verb. */
export const OLD_OPTIONS = [
  {
    name: 'target',
    short: 't',
    value: 'TARGET',
    completes: 'target',
    text: 'same as `baton run TARGET`; `--wait` is accepted too',
  },
  { name: 'status', short: 's', text: 'same as `baton status --json`' },
] as const satisfies readonly Option[];

interface ExitStatus {
  /** A number, or a formula such as 128+S. */
  readonly status: string;
  /** For the overview; absent if the line of a neighbour covers it. */
  readonly brief?: string;
  readonly text: string;
}

/** In the order in which an administrator meets them. */
export const EXIT_STATUSES: readonly ExitStatus[] = [
  {
    status: 'N',
    brief: "the command's own",
    text: 'exit status of the command, passed through unchanged',
  },
  {
    status: `${EXIT.signalBase}+S`,
    brief: 'killed by S',
    text:
      'the command was killed by signal S, also because the running run was cancelled; or ' +
      'signal S (130: INT, 143: TERM) ended the client, and the run continues',
  },
  {
    status: `${EXIT.timedOut}`,
    brief: 'timeout',
    text: 'the run was stopped by the `timeout` of its target',
  },
  {
    status: `${EXIT.noVerdict}`,
    brief: 'no verdict',
    text:
      'unknown outcome: the run was lost, interrupted by a restart of the machine, or ' +
      'cancelled before it started',
  },
  {
    status: `${EXIT.notExecutable}`,
    brief: 'cannot execute',
    text: 'the command could not be executed',
  },
  { status: `${EXIT.notFound}`, brief: 'not found', text: 'the command was not found' },
  {
    status: `${EXIT.unreachable}`,
    brief: 'no connection',
    text:
      'the other machine could not be reached or refused the login, or the connection broke ' +
      '(`ssh` only)',
  },
  { status: `${EXIT.usage}`, brief: 'usage', text: 'usage error, or a run that does not exist' },
  { status: `${EXIT.unavailable}`, brief: 'no daemon', text: 'the daemon does not answer' },
  {
    status: `${EXIT.unwritten}`,
    text:
      'the reply, or the output of a run that succeeded, could not be written, for example to a ' +
      'full disk',
  },
  {
    status: `${EXIT.notNow}`,
    brief: 'not now',
    text:
      'not now: refused by a policy, queued for longer than `maxWait`, skipped, or no room to ' +
      'record the run',
  },
  {
    status: `${EXIT.version}`,
    brief: 'other version',
    text: 'client and daemon have incompatible versions',
  },
  {
    status: `${EXIT.notPermitted}`,
    brief: 'not permitted',
    text: 'the socket does not permit the request',
  },
  {
    status: `${EXIT.config}`,
    brief: 'bad target or configuration',
    text: 'the target is unknown or broken, or the configuration has errors',
  },
];

interface Entry {
  readonly name: string;
  readonly text: string;
}

export const ENVIRONMENT: readonly Entry[] = [
  { name: 'BATON_SOCKET', text: 'Socket of the daemon, unless `--socket` is given' },
  {
    name: 'XDG_RUNTIME_DIR',
    text:
      'Directory of `baton.sock`, the socket of a daemon that a user runs (default: ' +
      '`/run/user/UID`, as under cron). A user other than root uses the first of these ' +
      `sockets that the user may open: this one, \`${RUN_SOCKET}\`, \`${SUBMIT_SOCKET}\``,
  },
];

export const FILES: readonly Entry[] = [
  { name: RUN_SOCKET, text: 'Socket of the system daemon' },
  { name: SUBMIT_SOCKET, text: 'Socket of the same daemon for the members of a group' },
  { name: '/etc/baton/config.json', text: 'Configuration of the system daemon; see baton.json(5)' },
];
