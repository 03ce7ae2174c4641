/**
 * The wire contract: one JSON object a line, UTF-8, both ways, on a Unix socket. The schemas of the
 * requests are the source, their types are inferred; what is answered stands in daemon/protocol/reply.ts. It
 * is the only file of the daemon that the client knows, so it hands on what belongs to the contract.
 *
 *   echo '{"type":"run","target":"hello","wait":true}' | nc -N -U SOCKET
 */
import * as v from 'valibot';
import type { Outcome, Verdict } from '../shared/run.ts';

export { DURATION_EXPECTED, parseDuration, showDuration } from '../shared/duration.ts';
export { describeErrno } from '../shared/errno.ts';
export { EXIT, exitStatus } from '../shared/exit-status.ts';
export type { Count, Verdict } from '../shared/run.ts';
export { didYouMean, suggest } from '../shared/suggest.ts';
export { adviseOutcome, describeOutcome, tellOutcome } from './outcome-text.ts';
export type {
  ErrorCode,
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
const TEXT_CHARS_MAX = 200;
const ARG_CHARS_MAX = 4_096;
/** Longest `caller`: the kernel knows no longer path. */
export const CALLER_CHARS_MAX = 4_096;
const ARGS_MAX = 100;

const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(TEXT_CHARS_MAX));
/** The kernel takes no argument with NUL inside. */
const Arg = v.pipe(v.string(), v.maxLength(ARG_CHARS_MAX), v.excludes('\0'));
const Count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
/** The BATON_RUN_DIR of the run whose command asks; a directory is of one daemon and one run. */
const Inside = v.pipe(v.string(), v.minLength(1), v.maxLength(CALLER_CHARS_MAX));
const common = {
  id: v.optional(
    v.union([v.pipe(v.string(), v.maxLength(TEXT_CHARS_MAX)), v.pipe(v.number(), v.finite())]),
  ),
  v: v.optional(v.number()),
};
/** A run by its number, or all runs of a target by its name. */
const Whose = v.union([Count, Text]);
/** The number alone may be another run's by now; see `found` and `accepted`. */
const Nonce = v.exactOptional(Text);
/** Byte offsets at which a reconnecting client goes on. */
const From = v.strictObject({ out: Count, err: Count });

export const Request = v.variant('type', [
  v.strictObject({
    ...common,
    type: v.literal('run'),
    target: Text,
    /** For a target with `acceptArgs`. */
    args: v.exactOptional(v.pipe(v.array(Arg), v.maxLength(ARGS_MAX))),
    wait: v.optional(v.boolean(), false),
    /** The client's stdout and stderr are one file: keep the order of the two streams. */
    merged: v.optional(v.boolean(), true),
    token: v.optional(Text),
    /** As the target's maxWait, where that is not shorter. */
    maxWaitMs: v.exactOptional(v.pipe(Count, v.minValue(1))),
    /** With `wait`. */
    caller: v.exactOptional(Inside),
  }),
  v.strictObject({
    ...common,
    type: v.literal('wait'),
    run: Count,
    nonce: Nonce,
    from: v.optional(From),
    /** False: only the end. */
    output: v.optional(v.boolean(), true),
    caller: v.exactOptional(Inside),
  }),
  v.strictObject({
    ...common,
    type: v.literal('output'),
    of: Whose,
    nonce: Nonce,
    from: v.optional(From),
    /** No more than so many bytes from the end of each stream; then `from` means nothing. */
    tail: v.exactOptional(Count),
    follow: v.optional(v.boolean(), false),
  }),
  v.strictObject({ ...common, type: v.literal('cancel'), of: Whose, nonce: Nonce }),
  v.strictObject({ ...common, type: v.literal('status') }),
  v.strictObject({ ...common, type: v.literal('why'), of: Whose, nonce: Nonce }),
  v.strictObject({
    ...common,
    type: v.literal('history'),
    target: v.optional(Text),
    limit: v.optional(v.pipe(Count, v.maxValue(HISTORY_RUNS_MAX)), 50),
    /** Only runs that ended within so many milliseconds before now. */
    sinceMs: v.exactOptional(Count),
    outcome: v.exactOptional(v.picklist(OUTCOME_WORDS)),
  }),
  v.strictObject({ ...common, type: v.literal('pause'), target: Text }),
  v.strictObject({ ...common, type: v.literal('resume'), target: Text }),
  v.strictObject({ ...common, type: v.literal('probe'), target: Text }),
  v.strictObject({ ...common, type: v.literal('forget'), target: Text }),
  v.strictObject({ ...common, type: v.literal('reload') }),
]);
export type Request = v.InferOutput<typeof Request>;
/** Whether the daemon is there. Every socket permits it: it tells nothing else. */
export const Ping = v.strictObject({ ...common, type: v.literal('ping') });
/** What can be asked for; a socket may permit some of it only. */
export type Verb = Request['type'];
/** What a client may leave out is optional here. */
export type RequestInput = v.InferInput<typeof Request> | v.InferInput<typeof Ping>;

type Env = Readonly<Record<string, string | undefined>>;

/** Where a daemon listens unless told otherwise: one of a user is that user's own. */
export function daemonSocket(env: Env, uid: number): string {
  return env['BATON_SOCKET'] || (uid === 0 ? RUN_SOCKET : ownSocket(env, uid));
}

/**
 * Where a client asks unless told otherwise: on the first socket that its user may open, else on the
 * first that there is, for that one says who may.
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
