/** What the manual says of every command: options and exit statuses. */
import { EXIT, RUN_SOCKET, SUBMIT_SOCKET } from '../../../daemon/protocol/request.ts';
import type { Option } from './verb.ts';

export const GLOBAL_OPTIONS = [
  {
    name: 'connectTimeout',
    value: 'TIME',
    text:
      'how long the daemon may be away, such as 90s or 5min (10s; 60s once a run is known), or ' +
      'hold the connection without an answer (60s)',
    brief: 'how long the daemon may be away (10s, later 60s)',
  },
  {
    name: 'socket',
    value: 'PATH',
    completes: 'file',
    text: `the daemon's socket, else $BATON_SOCKET, else ${RUN_SOCKET}; see ENVIRONMENT`,
    brief: `else $BATON_SOCKET, ${RUN_SOCKET}`,
  },
  { name: 'help', short: 'h', text: 'explain the command, with examples' },
  { name: 'version', text: 'print the version' },
] as const satisfies readonly Option[];

/** py9tor's command line, still understood. They take the place of a verb. */
export const OLD_OPTIONS = [
  {
    name: 'target',
    short: 't',
    value: 'TARGET',
    completes: 'target',
    text: 'as `baton run TARGET`, also with `--wait`, from the command line of py9tor',
  },
  { name: 'status', short: 's', text: 'as `baton status --json`, from the command line of py9tor' },
] as const satisfies readonly Option[];

interface ExitStatus {
  /** A number, or a formula such as 128+S. */
  readonly status: string;
  /** For one screen of help; absent where a neighbour's covers it. */
  readonly brief?: string;
  readonly text: string;
}

/** In the order in which an administrator meets them. */
export const EXIT_STATUSES: readonly ExitStatus[] = [
  { status: 'N', brief: "the command's own", text: "the command's own status, always as it is" },
  {
    status: `${EXIT.signalBase}+S`,
    brief: 'killed by S',
    text: 'the command was killed by signal S, also when it was cancelled while it ran',
  },
  { status: `${EXIT.timedOut}`, brief: 'timeout', text: 'the `timeout` of its target ended it' },
  {
    status: `${EXIT.noVerdict}`,
    brief: 'no verdict',
    text:
      'no verdict: the run was lost, interrupted by a restart of the machine, or cancelled ' +
      'before it started. Never 0',
  },
  {
    status: `${EXIT.notExecutable}`,
    brief: 'cannot execute',
    text: 'the command cannot be executed',
  },
  { status: `${EXIT.notFound}`, brief: 'not found', text: 'the command was not found' },
  {
    status: `${EXIT.unreachable}`,
    brief: 'no connection',
    text:
      'the other machine could not be reached or did not let us in, or the connection broke ' +
      '(`ssh` only)',
  },
  { status: `${EXIT.usage}`, brief: 'usage', text: 'wrong usage, or a run that nobody knows' },
  { status: `${EXIT.unavailable}`, brief: 'no daemon', text: 'the daemon does not answer' },
  {
    status: `${EXIT.unwritten}`,
    text: 'the answer or the output of a run that succeeded cannot be written: a full disk, say',
  },
  {
    status: `${EXIT.notNow}`,
    brief: 'not now',
    text: 'not now: refused by a policy, waited longer than `maxWait`, skipped, or no room for more',
  },
  {
    status: `${EXIT.version}`,
    brief: 'other version',
    text: 'client and daemon are of different versions',
  },
  {
    status: `${EXIT.notPermitted}`,
    brief: 'not permitted',
    text: 'the socket does not permit this',
  },
  {
    status: `${EXIT.config}`,
    brief: 'bad target or configuration',
    text: 'the target is unknown or broken, or the configuration has mistakes',
  },
];

interface Entry {
  readonly name: string;
  readonly text: string;
}

export const ENVIRONMENT: readonly Entry[] = [
  { name: 'BATON_SOCKET', text: "the daemon's socket, unless `--socket` names one" },
  {
    name: 'XDG_RUNTIME_DIR',
    text:
      "where `baton.sock` of a user's own daemon is (`/run/user/UID` when unset, as under cron). A " +
      `user who is not root asks there, else on \`${RUN_SOCKET}\`, else on \`${SUBMIT_SOCKET}\`: ` +
      'on the first one that the user may open',
  },
];

export const FILES: readonly Entry[] = [
  { name: RUN_SOCKET, text: "the socket of the machine's own daemon" },
  { name: SUBMIT_SOCKET, text: 'the socket of the same daemon for the members of a group' },
  { name: '/etc/baton/config.json', text: 'its configuration, see baton.json(5)' },
];
