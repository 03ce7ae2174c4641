/**
 * The wire contract: one JSON object a line, UTF-8, both ways, on a Unix socket. This file has its
 * limits, its sockets and the constants that the client needs; requests are in
 * daemon/protocol/request-schema.ts, replies in daemon/protocol/reply.ts.
 *
 *   echo '{"type":"run","target":"hello","wait":true}' | nc -N -U SOCKET
 */
import type { Outcome, Verdict } from '../shared/run.ts';

export { DURATION_EXPECTED, parseDuration, showDuration } from '../shared/duration.ts';
export { describeErrno } from '../shared/errno.ts';
export { EXIT, exitStatus } from '../shared/exit-status.ts';
export type { Count, PauseScope, Verdict } from '../shared/run.ts';
export { didYouMean, suggest } from '../shared/suggest.ts';
export { adviseOutcome, describeOutcome, lostOutput, tellOutcome } from './outcome-text.ts';
export { resumeCommand } from './pause-text.ts';
export type {
  ErrorCode,
  FleetRun,
  PauseView,
  Reply,
  RunView,
  StatusReply,
  TargetView,
  WhyReply,
} from './reply.ts';

/** Sent as `v` by baton's own client; any other version is refused with status 76. */
export const PROTOCOL_VERSION = 1;
/** Longest request line, in bytes without the newline. */
export const LINE_BYTES_MAX = 65_536;
/** Longest socket path that the kernel accepts; Node silently truncates longer ones. */
export const SOCKET_PATH_BYTES_MAX = 107;
/** The socket of the system daemon. */
export const RUN_SOCKET = '/run/baton/baton.sock';
/** A second socket beside it, for the members of a group. */
export const SUBMIT_SOCKET = '/run/baton/submit.sock';
/** Most past runs in one `history` reply. */
export const HISTORY_RUNS_MAX = 10_000;
/** Most requests in one plan. */
export const PLAN_REQUESTS_MAX = 100_000;
/** Filters for `history`: a verdict, or a kind of outcome. */
export const OUTCOME_WORDS = [
  'ok',
  'warning',
  'failed',
  'exited',
  'signalled',
  'timed-out',
  'cancelled',
  'not-started',
  'expired',
  'skipped',
  'unreachable',
  'lost',
  'interrupted',
] as const satisfies readonly (Verdict | Outcome['kind'])[];
export type OutcomeWord = (typeof OUTCOME_WORDS)[number];
/** Longest `caller`: the kernel accepts no longer path. */
export const CALLER_CHARS_MAX = 4_096;

type Env = Readonly<Record<string, string | undefined>>;

/** Where a daemon listens by default: a user's daemon has that user's own socket. */
export function daemonSocket(env: Env, uid: number): string {
  return env['BATON_SOCKET'] || (uid === 0 ? RUN_SOCKET : ownSocket(env, uid));
}

/**
 * Where a client connects by default: to the first socket that its user may open, else to the first
 * one that exists, because the error for that one says who may open it.
 */
export function clientSocket(
  env: Env,
  uid: number,
  test: (path: string, mayOpen: boolean) => boolean,
): string {
  const { BATON_SOCKET } = env;
  if (BATON_SOCKET) return BATON_SOCKET;
  if (uid === 0) return RUN_SOCKET;
  const own = ownSocket(env, uid);
  const paths = [own, RUN_SOCKET, SUBMIT_SOCKET];
  return paths.find((path) => test(path, true)) ?? paths.find((path) => test(path, false)) ?? own;
}

/** cron sets no XDG_RUNTIME_DIR. */
function ownSocket({ XDG_RUNTIME_DIR }: Env, uid: number): string {
  return `${XDG_RUNTIME_DIR || `/run/user/${uid}`}/baton.sock`;
}
