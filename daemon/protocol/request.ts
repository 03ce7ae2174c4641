/**
 * The wire contract: one JSON object a line, UTF-8, both ways, on a Unix socket. Here are its
 * limits and its sockets, and what of its words the client needs; what is asked stands in
 * daemon/protocol/request-schema.ts, what is answered in daemon/protocol/reply.ts.
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

/** Sent as `v` by baton's own client; another number in a request is refused with status 76. */
export const PROTOCOL_VERSION = 1;
/** Longest request line, in bytes without the newline. */
export const LINE_BYTES_MAX = 65_536;
/** Longest socket path that the kernel takes; Node cuts longer ones silently. */
export const SOCKET_PATH_BYTES_MAX = 107;
/** The socket of the machine's own daemon. */
export const RUN_SOCKET = '/run/baton/baton.sock';
/** The one beside it for the members of a group. */
export const SUBMIT_SOCKET = '/run/baton/submit.sock';
/** Most past runs that one `history` reply holds. */
export const HISTORY_RUNS_MAX = 10_000;
/** Most requests that one plan is made of. */
export const PLAN_REQUESTS_MAX = 100_000;
/** What `history` can be narrowed to: a verdict, or one kind of outcome. */
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
/** Longest `caller`: the kernel knows no longer path. */
export const CALLER_CHARS_MAX = 4_096;

type Env = Readonly<Record<string, string | undefined>>;

/** Where a daemon listens unless told otherwise: one of a user is that user's own. */
export function daemonSocket(env: Env, uid: number): string {
  return env['BATON_SOCKET'] || (uid === 0 ? RUN_SOCKET : ownSocket(env, uid));
}

/**
 * Where a client asks unless told otherwise: on the first socket that its user may open, else on
 * the first that there is, for that one says who may.
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
