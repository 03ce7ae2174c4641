/**
 * The command line of batond: the options of parseArgs, and their descriptions in `--help` and in
 * batond(8), which is generated from them (`npm run generate`). The compiler requires them all.
 */

import { RUN_SOCKET } from './protocol/request.ts';
import { LOG_FORMATS, LOG_LEVELS } from './system/log.ts';

export const FLAGS = {
  config: { type: 'string' },
  socket: { type: 'string' },
  state: { type: 'string' },
  'idle-exit': { type: 'string' },
  'log-level': { type: 'string' },
  'log-format': { type: 'string' },
  check: { type: 'boolean' },
  replay: { type: 'string' },
  only: { type: 'string' },
  plan: { type: 'boolean' },
} satisfies Record<string, { type: 'string' | 'boolean' }>;

interface FlagText {
  /** As on the command line, with a placeholder for its value. */
  readonly usage: string;
  /** For `--help`: lines of at most 57 columns. */
  readonly brief: readonly string[];
  /** For the man page: sentences. */
  readonly text: string;
}

export const FLAG_TEXTS: Readonly<Record<keyof typeof FLAGS, FlagText>> = {
  config: {
    usage: '--config FILE',
    brief: [
      'default: $BATON_CONFIG, else the first that exists of',
      '~/.config/baton/config.json, /etc/baton/config.json',
    ],
    text:
      'Configuration file; see baton.json(5). Default: `$BATON_CONFIG`, if set, or else the ' +
      'first of these files that exists: `$XDG_CONFIG_HOME/baton/config.json` (not for root), ' +
      '`/etc/baton/config.json`.',
  },
  socket: {
    usage: '--socket PATH',
    brief: [
      'default: sockets from systemd or the configuration,',
      `else $BATON_SOCKET, else ${RUN_SOCKET}`,
      '(root) or $XDG_RUNTIME_DIR/baton.sock',
    ],
    text:
      'Socket to listen on. It permits all requests to every user who can open it; its mode ' +
      'is 0600, so only root and the user of the daemon can. Default: the sockets that ' +
      'systemd passes or the configuration lists, else `$BATON_SOCKET`, else ' +
      `\`${RUN_SOCKET}\` for root and \`$XDG_RUNTIME_DIR/baton.sock\` for other users.`,
  },
  state: {
    usage: '--state DIR',
    brief: ['default: $STATE_DIRECTORY, else /var/lib/baton (root)', 'or ~/.local/state/baton'],
    text:
      'Directory of the journal and of the output of runs. Default: `$STATE_DIRECTORY`, else ' +
      '`/var/lib/baton` for root and `$XDG_STATE_HOME/baton` for other users. Two daemons ' +
      'cannot share a state directory.',
  },
  'idle-exit': {
    usage: '--idle-exit TIME',
    brief: ['exit after this long without anything to do, such as', '60s (for socket activation)'],
    text:
      'Exit after this long without anything to do, such as 60s. For socket activation: ' +
      'systemd starts the daemon again for the next request.',
  },
  'log-level': {
    usage: '--log-level LEVEL',
    brief: [LOG_LEVELS.join(', ')],
    text: `Log events of this level and above: ${LOG_LEVELS.join(', ')}.`,
  },
  'log-format': {
    usage: '--log-format TYPE',
    brief: [LOG_FORMATS.join(', ')],
    text:
      '`json` (one object per line) or `text` (human-readable). Default: `text` if stdout is ' +
      'the journal of systemd, otherwise `json`.',
  },
  check: {
    usage: '--check [FILE]',
    brief: ['print what the configuration means, or its errors, and', 'exit'],
    text:
      'Check the configuration and exit. If it is correct, print what it means, target by ' +
      'target, and exit with 0. Otherwise print all errors and exit with 78. Lines that begin ' +
      'with `problem:` name targets that cannot work at all, such as one whose policy cannot ' +
      'read its file; the exit status is then 78, too. Lines that begin with `warning:` name ' +
      'what would fail during a run, such as a missing program, user or directory; they do not ' +
      'change the exit status. For each condition of `require`, say whether it is met now; an ' +
      'unmet condition is not an error. Conditions are checked for at most 15 s, and the ' +
      '`command` of a condition is not run.',
  },
  replay: {
    usage: '--replay FILE',
    brief: ['print the decisions of a journal with reasons, and exit'],
    text:
      'Read a journal, print every decision with its reason, and exit with 0, or with 69 if ' +
      'the journal is damaged. The file is only read; it may be the journal of a running ' +
      'daemon. Each line shows the time, the line number in the journal, the run and its ' +
      'target, and what happened. Below it are listed the runs whose reason for waiting has ' +
      'changed. The reasons are those of the present configuration (`--config`): a run that ' +
      'started despite them is flagged. A journal contains no refused requests, no results of ' +
      '`require` conditions and no locks of other programs.',
  },
  only: {
    usage: '--only RUN|TARGET',
    brief: ['with --replay: show only this run or target'],
    text: 'With `--replay`: show only one run, given by its number, or the runs of one target.',
  },
  plan: {
    usage: '--plan',
    brief: ['for "baton plan": simulate requests from standard input', 'and exit'],
    text:
      'Used by `baton plan`: read the expected requests as one JSON object from standard ' +
      'input, simulate them under the policies of the configuration without running anything, ' +
      'and print the result as JSON.',
  },
};

export function helpText(): string {
  const rows = Object.values(FLAG_TEXTS).flatMap(({ usage, brief }) =>
    brief.map((line, at) => `    ${(at === 0 ? usage : '').padEnd(17)}  ${line}`),
  );
  return `
  Usage
    batond [OPTION]…
    batond --check [FILE]
    batond --replay FILE [--only RUN|TARGET]
    batond --plan

  Options
${rows.join('\n')}

  Signals
    TERM, INT  stop listening, leave runs to their keepers, exit with 0
    HUP        reload the configuration; keep the previous one if it has errors
`;
}
