/**
 * What the client says of itself when a command line is right and something else goes wrong; the
 * target or the run stands in front. See daemon/messages.ts for the style. The first part is
 * bundled with the fast path: every function stands for itself, so that the rest is left out
 * there.
 */
import { describeErrno, showDuration } from '../daemon/protocol/request.ts';

// A run, as seen from here; part of the fast path

export const outputNotWritten = (
  stream: 'out' | 'err',
  code: string,
  run: number | undefined,
): string => `cannot write std${stream} (${code}); read all of it with "baton logs ${run}"`;

export const unprinted = (code: string): string =>
  `cannot write to stdout (${code}); make room where it goes, and ask again`;

export const notCancelled = (run: number | undefined, why: string): string =>
  `cannot cancel run ${run}: ${why}`;

export const runContinues = (run: number): string =>
  `run ${run} goes on without this client; end it with "baton cancel ${run}"`;

export const fleetContinues = (fleet: string): string =>
  `its runs go on without this client; end them with "baton cancel ${fleet}"`;

/** After a signal. `run` is undefined where the daemon may have accepted one, or not. */
export const uncancelled = (patienceMs: number, run: number | undefined): string => {
  const found = `was to cancel the run, but the daemon does not answer for ${showDuration(patienceMs)}`;
  if (run === undefined) return `${found}: it may have accepted it; see baton status`;
  return `${found}: run ${run} may go on; end it with "baton cancel ${run}"`;
};

export const forgotten = (run: number | undefined): string =>
  `the daemon does not know run ${run} any more, nor how it ended; see the log of the daemon`;

/** The rest of "exited with 3"; cron mails only what is printed. */
export const printedNothing = (): string =>
  ' and printed nothing; see in the manual of its command what that means';

/** `trace` may have lines. */
export const internal = (trace: string | undefined): string =>
  `internal error, which is a bug of baton; report it with this: ${trace}`;

// The daemon

const UNREACHED: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket ',
  ECONNREFUSED: 'nobody listens there ',
};

/** What is known where no answer comes. */
interface Unanswered {
  readonly run: number | undefined;
  /** The daemon may have done what was asked. */
  readonly isInDoubt: boolean;
  /** The socket is one of systemd's. */
  readonly systemds: boolean;
}

/**
 * `code` is an errno or the word of a daemon that has no room. Where the socket is `systemds`, a
 * batond that is started by hand would be in its way.
 */
export const noAnswer = (
  socket: string,
  code: string,
  reachMs: number,
  { run, isInDoubt, systemds }: Unanswered,
): string => {
  const found = `no answer on ${socket} for ${showDuration(reachMs)}`;
  const what = `${found}: ${UNREACHED[code] ?? ''}(${code})`;
  if (run !== undefined || isInDoubt) return `${what}; ${askLater(run)}`;
  const start = systemds ? 'run "systemctl start baton.socket"' : 'start batond';
  return `${what}; ${start}, or name its socket with --socket or $BATON_SOCKET`;
};

/** For a person who waits. */
export const stillAway = (socket: string, code: string, leftMs: number): string => {
  const found = `no answer on ${socket} yet: ${UNREACHED[code] ?? ''}(${code})`;
  return `${found}; wait up to ${showDuration(leftMs)} more, or start batond`;
};

/** Somebody holds the connection and says nothing. */
export const silent = (
  socket: string,
  silentMs: number,
  run: number | undefined,
  isInDoubt = false,
): string => {
  const found = `what listens on ${socket} accepted the connection, but does not answer`;
  const what = `${found} (${showDuration(silentMs)})`;
  if (run !== undefined || isInDoubt) return `${what}; ${askLater(run)}`;
  return `${what}; see what batond does (its log, systemctl status baton), or restart it`;
};

const askLater = (run: number | undefined): string =>
  run === undefined
    ? 'it may have done what was asked; see baton status before you ask again'
    : `run ${run} may go on, ask later: baton wait ${run}`;

/** `ownership` is undefined where the socket cannot be looked at. */
export const forbidden = (
  socket: string,
  code: string,
  ownership: { readonly mode: number; readonly user: string; readonly group: string } | undefined,
): string => {
  if (ownership === undefined) {
    return `not permitted to use ${socket} (${code}); ask as its owner or as root (sudo)`;
  }
  const { mode, user, group } = ownership;
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  const found = `${code}; it has mode ${octal}, user ${user}, group ${group}`;
  const join = (mode & 0o020) === 0 ? '' : `, or join the group (usermod -aG ${group} USER)`;
  return `not permitted to use ${socket} (${found}); ask as its owner or as root (sudo)${join}`;
};

export const garbledReply = (socket: string): string =>
  `what answers on ${socket} does not speak baton's protocol: expected one JSON object a line; ` +
  'name the socket of batond with --socket or $BATON_SOCKET';

export const unanswered = (request: string): string =>
  `the daemon did not answer to ${request}; install the same version of both, and restart it`;

// Files

export const noFile = (file: string): string =>
  `${file}: cannot be written (it is no regular file; name one, or leave the option out)`;

export const cannotWrite = (file: string, code: string): string =>
  `${file}: cannot be written (${code}; its directory has to be there: make it, and let yourself ` +
  'write to it)';

export const cannotRead = (file: string, error: unknown): string =>
  `${file}: cannot be read ${describeErrno(error)}`;

export const noJson = (file: string, why: string): string =>
  `${file}: cannot be read: it is no JSON (${why}); name a configuration of py9tor`;

export const noLevels = (file: string): string =>
  `${file}: has no retain lines; name the rsnapshot.conf that says what is kept`;

// Crontabs

export const notChecked = (file: string, error: unknown): string =>
  `${file}: was not checked: it cannot be read ${describeErrno(error)}`;

export const noTargets = (): string =>
  'no daemon answers: whether the targets of these lines exist is not checked; start batond for that';

/** `why` is what came of asking the daemon. */
export const noPast = (why: string): string =>
  `how long runs usually take is not known: ${why}; or give it with --assume`;

export const wantsShorterPlan = (most: number): string =>
  `these crontabs ask more than ${most} times, the most that one plan has; ` +
  'give --for a shorter time';

/** `at` as somebody has typed it. */
export const momentOutside = (at: string): string =>
  `--at: expected a time within the plan, found "${at}"; give another one, or a longer --for`;

/** `file` is what --output names, `read` what the plan is made of. */
export const replacesInput = (file: string, read: string): string =>
  `--output: expected a file that the plan does not read, found "${file}", which is ${read}; ` +
  'name another one';

/** `why` is an errno, or what happened to it. */
export const noPlan = (batond: string, why: string): string =>
  `${batond}: cannot make the plan (${why}); install baton anew if the program is not there`;

/** Only what failed is asked for again. */
export const notFailed = (target: string, hasEnded: boolean): string =>
  `${hasEnded ? 'did not fail' : 'has not ended'}; ask for another one with "baton run ${target}"`;
