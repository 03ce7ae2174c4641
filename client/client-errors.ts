/**
 * Errors of the client itself if the command line is correct; printed after the target or the run.
 * See daemon/messages.ts for the style. The first part is bundled with the fast path: its functions
 * are independent of each other, so that the rest is left out there.
 */
import { describeErrno, showDuration } from '../daemon/protocol/request.ts';

// A run, as the client sees it; part of the fast path

export const outputNotWritten = (
  stream: 'out' | 'err',
  code: string,
  run: number | undefined,
): string =>
  `cannot write to std${stream} (${code}); read the whole output with "baton logs ${run}"`;

export const unprinted = (code: string): string =>
  `cannot write to stdout (${code}); free some space there, and try again`;

export const notCancelled = (run: number | undefined, why: string): string =>
  `cannot cancel run ${run}: ${why}`;

export const runContinues = (run: number): string =>
  `run ${run} continues without this client; stop it with "baton cancel ${run}"`;

export const fleetContinues = (fleet: string): string =>
  `its runs continue without this client; stop them with "baton cancel ${fleet}"`;

/** After a signal. `run` is undefined if the daemon may or may not have accepted one. */
export const uncancelled = (patienceMs: number, run: number | undefined): string => {
  const found = `cannot cancel the run: the daemon has not answered for ${showDuration(patienceMs)}`;
  if (run === undefined) return `${found}, and may have accepted it; check with "baton status"`;
  return `${found}; if run ${run} continues, stop it with "baton cancel ${run}"`;
};

export const forgotten = (run: number | undefined): string =>
  `the daemon no longer knows run ${run} or how it ended; check the log of the daemon`;

/** The rest of "exited with 3"; cron mails only if something is printed. */
export const printedNothing = (): string =>
  ', with no output; see the documentation of its command for that status';

/** `trace` may have several lines. */
export const internal = (trace: string | undefined): string =>
  `internal error (a bug in baton); please report it with this trace: ${trace}`;

// The daemon

const UNREACHED: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket ',
  ECONNREFUSED: 'no process listens there ',
};

/** What is known if there is no answer. */
interface Unanswered {
  readonly run: number | undefined;
  /** The daemon may have done what was requested. */
  readonly isInDoubt: boolean;
  /** systemd holds the socket. */
  readonly systemds: boolean;
}

/**
 * `code` is an errno, or the text of a daemon that has no room. If the socket is `systemds`, a
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

/** Something holds the connection but does not answer. */
export const silent = (
  socket: string,
  silentMs: number,
  run: number | undefined,
  isInDoubt = false,
): string => {
  const found = `the process that listens on ${socket} accepted the connection, but does not answer`;
  const what = `${found} (${showDuration(silentMs)})`;
  if (run !== undefined || isInDoubt) return `${what}; ${askLater(run)}`;
  return `${what}; check batond (its log, systemctl status baton), or restart it`;
};

const askLater = (run: number | undefined): string =>
  run === undefined
    ? 'the request may have been carried out; check with "baton status" before you repeat it'
    : `run ${run} may continue; wait for it later: baton wait ${run}`;

/** `ownership` is undefined if the socket cannot be examined. */
export const forbidden = (
  socket: string,
  code: string,
  ownership: { readonly mode: number; readonly user: string; readonly group: string } | undefined,
): string => {
  if (ownership === undefined) {
    return `not permitted to use ${socket} (${code}); run baton as its owner or as root (sudo)`;
  }
  const { mode, user, group } = ownership;
  const octal = (mode & 0o7777).toString(8).padStart(4, '0');
  const found = `${code}; it has mode ${octal}, user ${user}, group ${group}`;
  const join = (mode & 0o020) === 0 ? '' : `, or join the group (usermod -aG ${group} USER)`;
  return `not permitted to use ${socket} (${found}); run baton as its owner or as root (sudo)${join}`;
};

export const garbledReply = (socket: string): string =>
  `the reply on ${socket} is not in the protocol of baton: expected one JSON object per line; ` +
  'name the socket of batond with --socket or $BATON_SOCKET';

export const unanswered = (request: string): string =>
  `the daemon did not answer the request ${request}; install the same version of client and ` +
  'daemon, and restart the daemon';

// Files

export const noFile = (file: string): string =>
  `${file}: cannot be written (not a regular file; name a regular file, or omit the option)`;

export const cannotWrite = (file: string, code: string): string =>
  `${file}: cannot be written (${code}; create its directory if it is missing, and make it ` +
  'writable for you)';

export const cannotRead = (file: string, error: unknown): string =>
  `${file}: cannot be read ${describeErrno(error)}`;

export const noJson = (file: string, why: string): string =>
  `${file}: cannot be read: it is not JSON (${why}); name a configuration of py9tor`;

export const noLevels = (file: string): string =>
  `${file}: has no retain lines; name the rsnapshot.conf that has them`;

// Crontabs

export const notChecked = (file: string, error: unknown): string =>
  `${file}: not checked: it cannot be read ${describeErrno(error)}`;

export const noTargets = (): string =>
  'no daemon answers, so the targets of these lines were not checked; to check them, start ' +
  'batond';

/** `why` is the result of asking the daemon. */
export const noPast = (why: string): string =>
  `the usual durations of runs are unknown: ${why}; or give them with --assume`;

export const wantsShorterPlan = (most: number): string =>
  `these crontabs have more than ${most} requests, the maximum of one plan; give a shorter ` +
  'time with --for';

/** `at` as typed. */
export const momentOutside = (at: string): string =>
  `--at: expected a time within the plan, found "${at}"; give another time, or a longer --for`;

/** `file` is the argument of --output, `read` an input of the plan. */
export const replacesInput = (file: string, read: string): string =>
  `--output: expected a file that the plan does not read, found "${file}", which is ${read}; ` +
  'name another file';

/** `why` is an errno, or what happened to batond. */
export const noPlan = (batond: string, why: string): string =>
  `${batond}: cannot make the plan (${why}); if the program is missing, reinstall baton`;

/** Only failed runs are requested again. */
export const notFailed = (target: string, hasEnded: boolean): string =>
  `${hasEnded ? 'did not fail' : 'has not ended'}; to queue another run, use "baton run ` +
  `${target}"`;
