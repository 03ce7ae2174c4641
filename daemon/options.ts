/**
 * The command line of batond: what parseArgs is told, and what people are told, in `--help` and in
 * batond(8), which is made from it (`npm run generate`). The compiler asks for a text for each.
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
  /** As it is written, with what stands for its value. */
  readonly usage: string;
  /** For `--help`: lines of at most 57 columns. */
  readonly brief: readonly string[];
  /** For the man page: sentences. */
  readonly text: string;
}

export const FLAG_TEXTS: Readonly<Record<keyof typeof FLAGS, FlagText>> = {
  config: {
    usage: '--config FILE',
    brief: ['else $BATON_CONFIG, ~/.config/baton/config.json,', '/etc/baton/config.json'],
    text:
      'The configuration, see baton.json(5). Otherwise the first that is there of `$BATON_CONFIG`, ' +
      '`$XDG_CONFIG_HOME/baton/config.json` (not for root) and `/etc/baton/config.json`.',
  },
  socket: {
    usage: '--socket PATH',
    brief: [
      'else those of systemd or of the configuration,',
      `else $BATON_SOCKET, ${RUN_SOCKET} for root,`,
      '$XDG_RUNTIME_DIR/baton.sock',
    ],
    text:
      'A socket to listen on, which permits everything to whoever may open it: by its mode, 0600, ' +
      "that is the daemon's own user and root. Otherwise those that systemd passes or the " +
      `configuration names, otherwise \`$BATON_SOCKET\`, \`${RUN_SOCKET}\` for root, or ` +
      '`$XDG_RUNTIME_DIR/baton.sock`.',
  },
  state: {
    usage: '--state DIR',
    brief: ['else $STATE_DIRECTORY, /var/lib/baton,', '~/.local/state/baton'],
    text:
      'Where the journal and the output of runs are. Otherwise `$STATE_DIRECTORY`, ' +
      '`/var/lib/baton` for root, or `$XDG_STATE_HOME/baton`. Two daemons cannot share one.',
  },
  'idle-exit': {
    usage: '--idle-exit TIME',
    brief: ['end when there was nothing to do for so long, such as', '60s (for socket activation)'],
    text:
      'Ends the daemon when there was nothing to do for so long, such as 60s. For socket activation, ' +
      'where systemd starts it again for the next request.',
  },
  'log-level': {
    usage: '--log-level LEVEL',
    brief: [LOG_LEVELS.join(', ')],
    text: `The least important events that are logged: ${LOG_LEVELS.join(', ')}.`,
  },
  'log-format': {
    usage: '--log-format TYPE',
    brief: [LOG_FORMATS.join(', ')],
    text:
      '`json`, one object a line, or `text`, for people. The default is `text` where stdout is the ' +
      'journal of systemd, else `json`.',
  },
  check: {
    usage: '--check [FILE]',
    brief: ['say what is wrong with the configuration, or what it', 'means, and exit'],
    text:
      'Says what the configuration means, target by target, or every mistake at once, and exits: ' +
      'with 0, or with 78 for a mistake or a target that cannot work on this machine. Of each ' +
      'condition that a target has by `require` it says whether it is met now, which is no ' +
      'mistake; within 15 s, and without running a `command` of yours.',
  },
  replay: {
    usage: '--replay FILE',
    brief: ['print what was decided by a journal, and why, and exit'],
    text:
      'Reads a journal, prints every decision with its reason, and exits: with 0, or with 69 where ' +
      'the journal is damaged. The file is only read, and may be the one of a daemon that runs. A ' +
      'line tells the time, the line of the journal, the run and its target, and what happened; ' +
      'under it stand the runs that wait for another reason than before. The reasons are those of ' +
      'the configuration as it is now (`--config`): a run that started against them is said so. ' +
      'Neither refused requests nor locks of somebody else stand in a journal.',
  },
  only: {
    usage: '--only RUN|TARGET',
    brief: ['with --replay: tell of this run or target alone'],
    text: 'With `--replay`: tells of one run, by its number, or of the runs of one target.',
  },
  plan: {
    usage: '--plan',
    brief: [
      'for "baton plan": play requests from standard input',
      'through the configuration, and exit',
    ],
    text:
      'For `baton plan`, which starts it: reads what is going to be asked as one JSON object on ' +
      'standard input, plays it through the policies of the configuration without running ' +
      'anything, and prints what follows from it as JSON.',
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
    TERM, INT  stop listening, leave runs to their keepers, exit 0
    HUP        read the configuration again; a bad one leaves the old one in force
`;
}
