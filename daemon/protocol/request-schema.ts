/**
 * What a client may request: the schemas are the source, and the types are inferred. The client
 * imports only types from here: building a schema would cost it milliseconds at every crontab line.
 */
import * as v from 'valibot';
import { DURATION_MS_MAX } from '../shared/duration.ts';
import { CALLER_CHARS_MAX, HISTORY_RUNS_MAX, OUTCOME_WORDS } from './request.ts';

const TEXT_CHARS_MAX = 200;
const ARG_CHARS_MAX = 4_096;
const ARGS_MAX = 100;
/** A group may be named after a file. */
const GROUP_CHARS_MAX = 4_096;
/** Most hosts or host patterns in one request. */
const ONLY_MAX = 1_000;

const Text = v.pipe(v.string(), v.minLength(1), v.maxLength(TEXT_CHARS_MAX));
/** The kernel accepts no argument that contains NUL. */
const Arg = v.pipe(v.string(), v.maxLength(ARG_CHARS_MAX), v.excludes('\0'));
const Count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
/** The BATON_RUN_DIR of the run whose command asks; it identifies the daemon and the run. */
const Inside = v.pipe(v.string(), v.minLength(1), v.maxLength(CALLER_CHARS_MAX));
const common = {
  id: v.optional(
    v.union([v.pipe(v.string(), v.maxLength(TEXT_CHARS_MAX)), v.pipe(v.number(), v.finite())]),
  ),
  v: v.optional(v.number()),
};
/** A run by its number, or all runs of a target by its name. */
const Whose = v.union([Count, Text]);
/** The number alone may mean another run since; see `found` and `accepted`. */
const Nonce = v.exactOptional(Text);
/** Byte offsets at which a reconnecting client continues. */
const From = v.strictObject({ out: Count, err: Count });

/** Exactly one of them: see `PauseScope` in daemon/shared/run.ts. */
const paused = {
  target: v.exactOptional(Text),
  group: v.exactOptional(v.pipe(v.string(), v.minLength(1), v.maxLength(GROUP_CHARS_MAX))),
  all: v.exactOptional(v.literal(true)),
};

export const Request = v.variant('type', [
  v.strictObject({
    ...common,
    type: v.literal('run'),
    target: Text,
    /** For a target with `acceptArgs`. */
    args: v.exactOptional(v.pipe(v.array(Arg), v.maxLength(ARGS_MAX))),
    /** For a fleet: only these hosts; * matches any characters. */
    only: v.exactOptional(v.pipe(v.array(Text), v.minLength(1), v.maxLength(ONLY_MAX))),
    /** For a fleet: only where the latest run failed. */
    failed: v.exactOptional(v.boolean()),
    /** Instead of `args`: use the arguments of this run, which must be of the same target. */
    like: v.exactOptional(Count),
    wait: v.optional(v.boolean(), false),
    /** The client's stdout and stderr are the same file: preserve the order of the two streams. */
    merged: v.optional(v.boolean(), true),
    token: v.optional(Text),
    /** Like the target's maxWait; the shorter one applies. */
    maxWaitMs: v.exactOptional(v.pipe(Count, v.minValue(1))),
    /** With `wait`. */
    caller: v.exactOptional(Inside),
  }),
  v.strictObject({
    ...common,
    type: v.literal('wait'),
    /** By target name: its running run, else the next queued, else the latest. */
    run: Whose,
    nonce: Nonce,
    /** The token of the original request: finds a run whose number has changed. */
    token: v.exactOptional(Text),
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
    /** At most this many bytes from the end of each stream; `from` is then ignored. */
    tail: v.exactOptional(Count),
    follow: v.optional(v.boolean(), false),
  }),
  v.strictObject({ ...common, type: v.literal('cancel'), of: Whose, nonce: Nonce }),
  v.strictObject({
    ...common,
    type: v.literal('status'),
    /** Include each remembered duration, as `tookMs` of its target. */
    durations: v.exactOptional(v.boolean()),
  }),
  v.strictObject({ ...common, type: v.literal('why'), of: Whose, nonce: Nonce }),
  v.strictObject({
    ...common,
    type: v.literal('history'),
    target: v.optional(Text),
    limit: v.optional(v.pipe(Count, v.maxValue(HISTORY_RUNS_MAX)), 50),
    /** Only runs that ended within this many milliseconds before now. */
    sinceMs: v.exactOptional(Count),
    outcome: v.exactOptional(v.picklist(OUTCOME_WORDS)),
    /** Only runs that no later run of the same target with the same arguments has followed. */
    latest: v.exactOptional(v.boolean()),
  }),
  v.strictObject({
    ...common,
    type: v.literal('pause'),
    ...paused,
    forMs: v.exactOptional(v.pipe(Count, v.minValue(1), v.maxValue(DURATION_MS_MAX))),
  }),
  v.strictObject({ ...common, type: v.literal('resume'), ...paused }),
  v.strictObject({ ...common, type: v.literal('probe'), target: Text }),
  v.strictObject({ ...common, type: v.literal('forget'), target: Text }),
  v.strictObject({ ...common, type: v.literal('reload') }),
]);
export type Request = v.InferOutput<typeof Request>;
/** Checks that the daemon is up. Every socket permits it, because it reveals nothing else. */
export const Ping = v.strictObject({ ...common, type: v.literal('ping') });
/** Request types; a socket may permit only some of them. */
export type Verb = Request['type'];
/** Fields that a client may omit are optional here. */
export type RequestInput = v.InferInput<typeof Request> | v.InferInput<typeof Ping>;
