/**
 * The messages that people see most often, exactly as printed, and their background: taken from the
 * tables listed in daemon/messages.ts, so that the page never quotes an outdated one.
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
  /** The background, as sentences. */
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
    text:
      'The exit status is that of the command. baton prints this line because cron mails only ' +
      'output.',
  },
  {
    message: noAnswer(RUN_SOCKET, 'ENOENT', REACH_MS, {
      run: undefined,
      isInDoubt: false,
      systemds: true,
    }),
    status: EXIT.unavailable,
    text: 'No daemon is running, or it listens on another socket. The request was not sent.',
  },
  {
    message: noAnswer(RUN_SOCKET, 'ECONNREFUSED', REACH_MS, {
      run: RUN,
      isInDoubt: false,
      systemds: true,
    }),
    status: EXIT.unavailable,
    text:
      'The daemon stopped after it had accepted the run. A running run continues; a queued one ' +
      'waits for the daemon.',
  },
  {
    message: forbidden(RUN_SOCKET, 'EACCES', { mode: 0o660, user: 'root', group: 'baton' }),
    status: EXIT.notPermitted,
    text: 'The mode of the socket does not allow you to open it.',
  },
  {
    message: request.forbiddenVerb(RUN_SOCKET, 'pause', ['run', 'wait']),
    status: EXIT.notPermitted,
    text: 'The configuration limits which requests this socket permits.',
  },
  {
    message: request.unknownTarget(CONFIG, 'bakup', [TARGET]),
    status: EXIT.config,
    text: 'The name is misspelt, or the target was added to the configuration after the last reload.',
  },
  {
    message: request.cannotJournal('ENOSPC'),
    status: EXIT.notNow,
    text: 'A run that cannot be recorded is not accepted. Running runs are not affected.',
  },
  {
    message: `run ${RUN} ${tellOutcome({ kind: 'expired', waitedMs: 7_200_000 }, RUN, TARGET)}`,
    status: EXIT.notNow,
    text: 'The command was never started.',
  },
  {
    message: `run ${RUN} ${tellOutcome({ kind: 'timed-out' }, RUN, TARGET)}`,
    status: EXIT.timedOut,
    text: 'All processes of the run were stopped.',
  },
  {
    message: `run ${RUN} ${tellOutcome({ kind: 'lost' }, RUN, TARGET)}`,
    status: EXIT.noVerdict,
    text:
      'The process that records how the command ends was killed, by a user or by the kernel ' +
      'when memory ran out. With `"onLost": "retry"` such a run is retried automatically.',
  },
  {
    message: `run ${RUN} ${tellOutcome({ kind: 'interrupted' }, RUN, TARGET)}`,
    status: EXIT.noVerdict,
    text:
      'Runs that were queued before the restart are still queued. Runs that were running are ' +
      'started again only with `"onLost": "retry"`. At shutdown every command is told to ' +
      'stop; its signal or exit status is then shown in parentheses. A command that succeeds ' +
      'nevertheless counts as a success.',
  },
  {
    message: forgotten(RUN),
    status: EXIT.noVerdict,
    text:
      'While the client was disconnected, the state directory was replaced, or `keep` removed ' +
      'the run.',
  },
  {
    message: runContinues(RUN),
    status: EXIT.signalBase + 2,
    text: 'The run was started by another request, so interrupting this client does not stop it.',
  },
];
