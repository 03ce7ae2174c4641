/**
 * The wire contract: one JSON object a line, UTF-8, both ways, on a Unix socket. The schemas are the
 * source, the types are inferred from them. It is the only file of the daemon that the client knows.
 *
 *   echo '{"type":"run","target":"hello","wait":true}' | nc -N -U SOCKET
 */
import * as v from 'valibot';
import type { Outcome, RunId, Verdict } from './event.ts';

export { DURATION_EXPECTED, parseDuration, showDuration } from './duration.ts';

/** Sent as `v` by baton's own client; another number in a request is refused with status 76. */
export const PROTOCOL_VERSION = 1;
/** Longest request line, in bytes without the newline. */
export const LINE_BYTES_MAX = 65_536;
/** Longest socket path that the kernel takes; Node cuts longer ones silently. */
export const SOCKET_PATH_BYTES_MAX = 107;
/** The socket of the machine's own daemon. */
export const RUN_SOCKET = '/run/baton/baton.sock';
/** Most past runs that one `history` reply holds. */
export const HISTORY_RUNS_MAX = 10_000;
const TEXT_CHARS_MAX = 200;
const ARG_CHARS_MAX = 4_096;
const ARGS_MAX = 100;

/** What baton itself exits with, after sysexits(3) and timeout(1). */
export const EXIT = {
  usage: 64,
  unavailable: 69,
  notNow: 75,
  version: 76,
  notPermitted: 77,
  config: 78,
  timedOut: 124,
  noVerdict: 125,
  notExecutable: 126,
  notFound: 127,
  /** Plus the signal's number. */
  signalBase: 128,
  /** As ssh(1): the other machine could not be reached, or the connection broke. */
  unreachable: 255,
} as const;

const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(TEXT_CHARS_MAX));
/** The kernel takes no argument with NUL inside. */
const Arg = v.pipe(v.string(), v.maxLength(ARG_CHARS_MAX), v.excludes('\0'));
const Count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const common = {
  id: v.optional(
    v.union([v.pipe(v.string(), v.maxLength(TEXT_CHARS_MAX)), v.pipe(v.number(), v.finite())]),
  ),
  v: v.optional(v.number()),
};
/** A run by its number, or all runs of a target by its name. */
const Whose = v.union([Count, Text]);
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
  }),
  v.strictObject({ ...common, type: v.literal('wait'), run: Count, from: v.optional(From) }),
  v.strictObject({
    ...common,
    type: v.literal('output'),
    of: Whose,
    from: v.optional(From),
    follow: v.optional(v.boolean(), false),
  }),
  v.strictObject({ ...common, type: v.literal('cancel'), of: Whose }),
  v.strictObject({ ...common, type: v.literal('status') }),
  v.strictObject({ ...common, type: v.literal('why'), of: Whose }),
  v.strictObject({
    ...common,
    type: v.literal('history'),
    target: v.optional(Text),
    limit: v.optional(v.pipe(Count, v.maxValue(HISTORY_RUNS_MAX)), 50),
  }),
  v.strictObject({ ...common, type: v.literal('pause'), target: Text }),
  v.strictObject({ ...common, type: v.literal('resume'), target: Text }),
  v.strictObject({ ...common, type: v.literal('probe'), target: Text }),
  v.strictObject({ ...common, type: v.literal('reload') }),
]);
export type Request = v.InferOutput<typeof Request>;
/** What can be asked for; a socket may permit some of it only. */
export type Verb = Request['type'];
/** What a client may leave out is optional here. */
export type RequestInput = v.InferInput<typeof Request>;

export type ErrorCode =
  | 'malformed'
  | 'line-too-long'
  | 'invalid'
  | 'version'
  | 'unknown-target'
  | 'unknown-run'
  | 'broken-target'
  | 'bad-config'
  | 'no-output'
  | 'no-probe'
  | 'busy'
  | 'not-permitted'
  | 'disk-full';

/** One run as `status` and `history` show it. Times are wall-clock milliseconds. */
export interface RunView {
  readonly run: RunId;
  readonly target: string;
  readonly state: 'queued' | 'starting' | 'running' | 'stopping' | 'ended';
  readonly acceptedAtMs: number;
  readonly startedAtMs?: number;
  readonly endedAtMs?: number;
  /** From acceptance to start, or until now. */
  readonly waitedMs: number;
  /** From start to end, or until now. */
  readonly tookMs?: number;
  readonly pid?: number;
  readonly outcome?: Outcome;
  readonly verdict?: Verdict;
  /** What `baton wait` exits with. */
  readonly exit?: number;
  /** The sentence for people: how it ended. */
  readonly text?: string;
  /** Why it waits. */
  readonly reasons?: readonly string[];
  /** Size of its output. */
  readonly bytes?: number;
  /** Processes that it left behind and that are still alive. */
  readonly leftovers?: readonly number[];
  /** Processes of a lost run that are alive and hold its place. */
  readonly heldBy?: readonly number[];
}

export interface TargetView {
  readonly target: string;
  readonly description?: string;
  readonly runner: string;
  readonly groups: readonly string[];
  /** Its place in an order, such as "weekly" of an rsnapshot.conf; lowest first. */
  readonly level?: { readonly name: string; readonly order: readonly string[] };
  readonly paused: boolean;
  readonly broken?: string;
  readonly active: readonly RunView[];
  readonly queued: readonly RunView[];
  /** How many wait; `queued` names the first few. */
  readonly waiting: number;
  readonly last?: RunView;
}

export interface StatusReply {
  readonly type: 'status';
  readonly version: string;
  readonly pid: number;
  /** When the daemon started, wall-clock milliseconds. */
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Requests answered since then, and how many runs hold a place now: as py9tor's status. */
  readonly requests: number;
  readonly running: number;
  readonly queued: number;
  readonly executing: readonly string[];
  readonly config: string;
  readonly targets: readonly TargetView[];
}

export interface WhyReply {
  readonly type: 'why';
  /** The run asked about first, then the runs that it waits for. */
  readonly chain: readonly RunView[];
  readonly target?: string;
}

export type Reply = { readonly id?: string | number } & (
  | { readonly type: 'accepted'; readonly run: RunId; readonly target: string }
  | { readonly type: 'joined'; readonly run: RunId; readonly target: string }
  | { readonly type: 'ignored'; readonly reason: string }
  | { readonly type: 'refused'; readonly exit: number; readonly reason: string }
  | { readonly type: 'started'; readonly run: RunId }
  | {
      readonly type: 'output';
      readonly run: RunId;
      readonly stream: 'out' | 'err';
      /** Where `data` begins, in bytes of the stream. */
      readonly offset: number;
      /** How many bytes `data` stands for. */
      readonly bytes: number;
      readonly data: string;
      /** Absent: `data` is text. */
      readonly encoding?: 'base64';
    }
  | {
      readonly type: 'ended';
      readonly run: RunId;
      readonly target: string;
      readonly outcome: Outcome;
      readonly verdict: Verdict;
      readonly exit: number;
      readonly text: string;
      /** True where the text is not about the child's own code: the client prints it. */
      readonly tell: boolean;
    }
  | { readonly type: 'done'; readonly runs?: readonly RunId[]; readonly text?: string }
  | { readonly type: 'history'; readonly runs: readonly RunView[] }
  /** What was seen of a target's machine; nothing was run. */
  | {
      readonly type: 'probed';
      readonly target: string;
      readonly exit: number;
      readonly lines: readonly string[];
    }
  | StatusReply
  | WhyReply
  | {
      readonly type: 'error';
      readonly code: ErrorCode;
      readonly exit: number;
      readonly message: string;
    }
);

/** What `baton run --wait` exits with. Never 0 for a run that did not exit with 0. */
export function exitStatus(outcome: Outcome): number {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code;
    case 'signalled':
      return EXIT.signalBase + outcome.signal;
    case 'timed-out':
      return EXIT.timedOut;
    case 'cancelled':
      return outcome.signal === undefined ? EXIT.noVerdict : EXIT.signalBase + outcome.signal;
    case 'not-started':
      return outcome.stage === 'command' && outcome.errno === 'ENOENT'
        ? EXIT.notFound
        : EXIT.notExecutable;
    case 'expired':
    case 'skipped':
      return EXIT.notNow;
    case 'unreachable':
      return EXIT.unreachable;
    case 'lost':
      return outcome.detail === undefined ? EXIT.noVerdict : EXIT.unreachable;
    case 'interrupted':
      return EXIT.noVerdict;
    default:
      return outcome satisfies never;
  }
}

/** signal(7) on Linux, by number. */
const SIGNALS =
  ' HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS'.split(
    ' ',
  );

/** How a run ended, as the rest of a sentence that begins with the run. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'exited':
      return `exited with ${outcome.code}`;
    case 'signalled':
      return `was killed by ${nameSignal(outcome.signal)}${outcome.core ? ' (core dumped)' : ''}`;
    case 'timed-out':
      return 'ran longer than its timeout and was ended';
    case 'cancelled':
      return outcome.signal === undefined
        ? 'was cancelled before it started'
        : `was cancelled (${nameSignal(outcome.signal)})`;
    case 'not-started':
      return `could not be started: ${outcome.detail}`;
    case 'expired':
      return `waited ${Math.round(outcome.waitedMs / 1_000)} s, longer than its maxWait`;
    case 'skipped':
      return `was skipped: ${outcome.reason}`;
    case 'unreachable':
      return `${PHASES[outcome.phase]}: ${outcome.detail}`;
    case 'lost':
      if (outcome.detail !== undefined) return `is lost: ${outcome.detail}`;
      return 'is lost: its keeper was killed and nobody knows how the command ended';
    case 'interrupted':
      return 'was interrupted: the machine was restarted while it ran';
    default:
      return outcome satisfies never;
  }
}

const PHASES = {
  connect: 'could not connect',
  auth: 'could not authenticate',
  hostkey: 'was stopped at the host key',
} as const;

function nameSignal(signal: number): string {
  const name = SIGNALS[signal];
  return name ? `signal ${signal} (SIG${name})` : `signal ${signal}`;
}

/** The known name that is most like a misspelt one, or undefined where none is near. */
export function suggest(wrong: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(2, Math.floor(wrong.length / 3)) + 1;
  for (const name of known) {
    const far = editDistance(wrong.toLowerCase(), name.toLowerCase(), least);
    // Where every letter differs it is another name, not a misspelt one.
    const unlike = far > 0 && far >= Math.max(wrong.length, name.length);
    if (far < least && !unlike) [best, least] = [name, far];
  }
  return best;
}

/** Levenshtein's distance; anything from `limit` on is as good as infinite. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? limit;
}

/** The socket that daemon and client use unless told otherwise. cron sets no XDG_RUNTIME_DIR. */
export function defaultSocket(
  env: Readonly<Record<string, string | undefined>>,
  uid: number,
  runSocketExists: boolean,
): string {
  const { BATON_SOCKET, XDG_RUNTIME_DIR } = env;
  if (BATON_SOCKET) return BATON_SOCKET;
  if (uid === 0 || runSocketExists) return RUN_SOCKET;
  return `${XDG_RUNTIME_DIR || `/run/user/${uid}`}/baton.sock`;
}
