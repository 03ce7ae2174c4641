/**
 * The messages that people meet most, as they are printed, and what is behind each: from the tables
 * that daemon/messages.ts names, so that the page never quotes an old one.
 */
import {
  forbidden,
  forgotten,
  noAnswer,
  printedNothing,
  runContinues,
} from '../../client/client-errors.ts';
import { request } from '../../daemon/messages.ts';
import { EXIT, RUN_SOCKET, tellOutcome } from '../../daemon/protocol/request.ts';

interface Diagnostic {
  readonly message: string;
  readonly status: number;
  /** What is behind it, as sentences. */
  readonly text: string;
}

const CONFIG = '/etc/baton/config.json';
const [RUN, TARGET] = [17, 'backup'];
const REACH_MS = 10_000;

/** By exit status. */
export const DIAGNOSTICS: readonly Diagnostic[] = [
  {
    message: `run ${RUN} exited with 3${printedNothing()}`,
    status: 3,
    text: 'The status is that of the command; baton only says so because cron would send no mail.',
  },
  {
    message: noAnswer(RUN_SOCKET, 'ENOENT', REACH_MS, {
      run: undefined,
      isInDoubt: false,
      systemds: true,
    }),
    status: EXIT.unavailable,
    text: 'No daemon runs, or it listens elsewhere. Nothing was asked for.',
  },
  {
    message: noAnswer(RUN_SOCKET, 'ECONNREFUSED', REACH_MS, {
      run: RUN,
      isInDoubt: false,
      systemds: true,
    }),
    status: EXIT.unavailable,
    text: 'The daemon went away after it had taken the run, which goes on or waits for its return.',
  },
  {
    message: forbidden(RUN_SOCKET, 'EACCES', { mode: 0o660, user: 'root', group: 'baton' }),
    status: EXIT.notPermitted,
    text: 'The mode of the socket does not let you open it.',
  },
  {
    message: request.forbiddenVerb(RUN_SOCKET, 'pause', ['run', 'wait']),
    status: EXIT.notPermitted,
    text: 'The configuration permits this socket some requests only.',
  },
  {
    message: request.unknownTarget(CONFIG, 'bakup', [TARGET]),
    status: EXIT.config,
    text: 'A name is misspelt, or the daemon has not read the configuration since it was added.',
  },
  {
    message: request.cannotJournal('ENOSPC'),
    status: EXIT.notNow,
    text: 'A run that could not be recorded is not accepted; what runs already is left alone.',
  },
  {
    message: `run ${RUN} ${tellOutcome({ kind: 'expired', waitedMs: 7_200_000 }, RUN, TARGET)}`,
    status: EXIT.notNow,
    text: 'It never ran.',
  },
  {
    message: `run ${RUN} ${tellOutcome({ kind: 'timed-out' }, RUN, TARGET)}`,
    status: EXIT.timedOut,
    text: 'All its processes were ended.',
  },
  {
    message: `run ${RUN} ${tellOutcome({ kind: 'lost' }, RUN, TARGET)}`,
    status: EXIT.noVerdict,
    text:
      'The process that records how the command ends was killed, by somebody or for want of ' +
      'memory. With `"onLost": "retry"` such a run is started again by itself.',
  },
  {
    message: `run ${RUN} ${tellOutcome({ kind: 'interrupted' }, RUN, TARGET)}`,
    status: EXIT.noVerdict,
    text:
      'What waited before the restart still waits, and runs. What ran is started again only with ' +
      '`"onLost": "retry"`. A shutdown tells every command to end: its signal or its exit status ' +
      'then stands in parentheses. A command that succeeds nevertheless is a success.',
  },
  {
    message: forgotten(RUN),
    status: EXIT.noVerdict,
    text: 'The state directory was replaced, or `keep` let go of the run, while the client was away.',
  },
  {
    message: runContinues(RUN),
    status: EXIT.signalBase + 2,
    text: 'Another request began this run, so that interrupting this client does not end it.',
  },
];
