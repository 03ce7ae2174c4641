/**
 * The meaning of every field of the protocol, for baton-protocol(7). The schemas and types in
 * daemon/ are the contract; the compiler requires a text here for exactly the fields that they
 * have.
 */

import type { Usual } from '../../daemon/protocol/reply.ts';
import type { ErrorCode, Reply, RunView, TargetView } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import type { Outcome } from '../../daemon/shared/run.ts';

type Texts<T, Hidden extends PropertyKey = never> = Readonly<
  Record<Exclude<keyof T, Hidden>, string>
>;

interface About<Fields> {
  /** Its purpose. */
  readonly text: string;
  readonly fields: Fields;
}

type Requests = {
  readonly [T in RequestInput['type']]: About<
    Texts<Extract<RequestInput, { readonly type: T }>, 'type' | 'id' | 'v'>
  >;
};

const WHOSE =
  'Number of a run, or name of a target: its running run, else the next queued, else the most ' +
  'recent one.';
const NONCE =
  'The `nonce` of the run, from `accepted`, `joined` or `found`. If the number now refers to ' +
  'another run, the reply is the error `other-run`.';
const FROM = 'Offsets at which to continue, in bytes of each stream: `{"out": N, "err": N}`.';

const CALLER =
  '`BATON_RUN_DIR` of the run whose command sends this request and waits. The request is ' +
  '`refused` if it would wait forever, because what it waits for cannot start before the ' +
  'calling run has ended.';

const PAUSED = {
  target: 'Name of a target.',
  group:
    'Name of a group, without the type of the policy: all targets that have a policy with this ' +
    'group.',
  all: 'True for all targets.',
};

export const REQUESTS: Requests = {
  run: {
    text:
      'Requests a run. The reply is `accepted`, `joined`, `ignored` or `refused`; with ' +
      '`wait`, followed by `started`, `output` and `ended`. For a fleet, the only reply is ' +
      '`fleet`; wait for each of its runs by number.',
    fields: {
      target: 'Name of the target.',
      args: 'Arguments for the command, if the target has `acceptArgs`.',
      only:
        'Run only on these hosts of a fleet; `*` matches any characters. A name that matches ' +
        'no host is the error `unknown-target`.',
      failed:
        'If true, run only on hosts of a fleet whose most recent run failed or was cancelled ' +
        'and that have no newer run queued or running. `ignored` if there are none.',
      like: 'Number of an earlier run of the target, whose arguments are used.',
      wait: 'Stream the run until it ends.',
      merged:
        'Stdout and stderr of the client are the same file: send both as `out`, in the order ' +
        'in which they were written.',
      token:
        'Chosen by the client. A request with the token of an earlier request counts as the ' +
        'same request, so that repeating it after a lost reply never runs the command twice.',
      maxWaitMs:
        'Give up the run after waiting this long, or after the `maxWait` of the target if ' +
        'that is shorter. If several requests share a run, the longest limit applies.',
      caller: CALLER,
    },
  },
  wait: {
    text:
      'Streams a run from its start: `started`, `output` and `ended`. For a fleet, the reply ' +
      'is `fleet`, with one run of each of its targets.',
    fields: {
      run: WHOSE,
      nonce: NONCE,
      token:
        'The `token` of the request. If the journal was restored or started from scratch, it ' +
        'finds a run that is still alive under its new number; see `found`.',
      from: FROM,
      output: 'If false, send only `ended`.',
      caller: CALLER,
    },
  },
  output: {
    text: 'Streams the output of a run, followed by `done`.',
    fields: {
      of: WHOSE,
      nonce: NONCE,
      from: FROM,
      tail: 'Send at most this many bytes from the end of each stream, and ignore `from`.',
      follow: 'Keep sending until the run has ended.',
    },
  },
  cancel: {
    text: 'Cancels a run, or all runs of a target or a fleet. `done` lists them.',
    fields: {
      of: 'Number of a run, or name of a target or a fleet for all its runs.',
      nonce: NONCE,
    },
  },
  status: {
    text: 'Requests the state of the daemon and all targets.',
    fields: { durations: 'If true, include `tookMs` of each target.' },
  },
  why: {
    text: 'Requests what a run waits for; for the name of a fleet, what each of its runs waits for.',
    fields: { of: WHOSE, nonce: NONCE },
  },
  history: {
    text: 'Requests runs that have ended, the most recent first.',
    fields: {
      target: 'Only runs of this target or fleet.',
      limit: 'Maximum number of runs.',
      sinceMs: 'Only runs that ended within this many milliseconds before now.',
      outcome: 'Only runs with this verdict, or with this kind of outcome.',
      latest:
        'If true, only the most recent run of each target and its arguments, and none if a ' +
        'newer one is queued or running.',
    },
  },
  pause: {
    text: 'Keeps queued runs from starting. Takes exactly one of `target`, `group` and `all`.',
    fields: { ...PAUSED, forMs: 'End the pause automatically after this many milliseconds.' },
  },
  resume: {
    text:
      'Ends the pause with the same `target`, `group` or `all`. `done` has a `text` if another ' +
      'pause still applies.',
    fields: PAUSED,
  },
  probe: {
    text: 'Tests the connection of a target, as a run would make it, without running anything.',
    fields: {
      target: 'Name of the target, or of a fleet: then the connection to each of its hosts.',
    },
  },
  forget: {
    text:
      'Deletes the history of a target that is no longer configured: its ended runs with ' +
      'their output. `refused` while the target is configured or has a run queued or running.',
    fields: { target: 'Name of the target.' },
  },
  reload: { text: 'Reloads the configuration; `done` has the result.', fields: {} },
  ping: {
    text:
      'Checks that the daemon is alive: `pong` is sent immediately, whatever else is open on ' +
      'the connection. Every socket permits it.',
    fields: {},
  },
};

type Replies = {
  readonly [T in Reply['type']]: About<Texts<Extract<Reply, { readonly type: T }>, 'type' | 'id'>>;
};

const RUN =
  'Number of the run. Numbers are reused if the journal is restored from a backup or started ' +
  'from scratch.';
const RUN_NONCE =
  'Tells runs with the same number apart; send it with later requests. Absent if the run was ' +
  'accepted by an older version.';
const EXIT = 'Exit status of `baton`; see baton(1).';

export const REPLIES: Replies = {
  accepted: {
    text: 'The request is stored on disk: the run will not be lost.',
    fields: { run: RUN, target: 'Name of the target of the run.', nonce: RUN_NONCE },
  },
  joined: {
    text: 'The request shares an existing run.',
    fields: { run: RUN, target: 'Name of the target of the run.', nonce: RUN_NONCE },
  },
  found: {
    text: 'The run that is waited for, or whose output is sent. Sent only if the request has `v`.',
    fields: { run: RUN, target: 'Name of the target of the run.', nonce: RUN_NONCE },
  },
  ignored: {
    text: 'The target needs no further run now; this is not a failure.',
    fields: { reason: 'Text for people.' },
  },
  fleet: {
    text: 'The runs of a fleet. No further reply follows.',
    fields: {
      target: 'Name of the fleet.',
      runs:
        'One entry for each target that the request applies to: `type` (`accepted`, `joined`, ' +
        '`ignored` or `found`), the fields of that reply, and `target`.',
    },
  },
  refused: {
    text: 'The request was refused; nothing will run.',
    fields: { exit: EXIT, reason: 'Text for people.' },
  },
  started: { text: 'The run has started.', fields: { run: RUN } },
  notice: {
    text:
      'Something about the run that `ended` does not report: it has ended but cannot be ' +
      'recorded, part of its output is missing, or an attempt failed and another one follows.',
    fields: {
      run: RUN,
      text: 'Text for people.',
      isNews: 'True if nothing needs to be done: `baton` prints the text only on a terminal.',
    },
  },
  output: {
    text: 'Output of the run.',
    fields: {
      run: RUN,
      stream: '`out` or `err`.',
      offset: 'Position of `data` in the stream, in bytes.',
      bytes: 'Number of bytes in `data` after decoding.',
      data: 'The output, as text or encoded.',
      encoding: '`base64` if the bytes are not UTF-8, or if there are many. Absent for text.',
    },
  },
  ended: {
    text: 'The run has ended.',
    fields: {
      run: RUN,
      target: 'Name of the target of the run.',
      outcome: 'How the run ended; see OUTCOMES.',
      verdict: 'What the outcome means for the target: `ok`, `warning` or `failed`.',
      exit: EXIT,
      text: 'The outcome for people, as the end of a sentence that begins with "run 17".',
      tell:
        'True if the client should print the text, because the command itself could not report ' +
        'the outcome.',
    },
  },
  done: {
    text: 'The request has been carried out.',
    fields: { runs: 'Numbers of the runs concerned.', text: 'Result, for people.' },
  },
  history: { text: 'Ended runs.', fields: { runs: 'Runs, the most recent first; see RUNS.' } },
  pong: { text: 'Reply to `ping`.', fields: {} },
  probed: {
    text: 'Result of connecting to the machine of a target, or to those of a fleet.',
    fields: {
      target: 'Name of the target.',
      exit: '0 if a run could have started; for a fleet, the highest status of its hosts.',
      lines: 'Lines of text for people.',
    },
  },
  status: {
    text: 'State of the daemon and all targets.',
    fields: {
      version: 'Version of the daemon.',
      pid: 'Process ID of the daemon.',
      startedAtMs: 'Start time of the daemon.',
      nowMs: 'Time of this reply.',
      requests: 'Number of requests answered since then.',
      running: 'Number of running runs, including lost runs whose processes are alive.',
      queued: 'Number of queued runs.',
      executing: 'Targets that have a running run.',
      config: 'Absolute path of the configuration.',
      pauses:
        'Pauses of groups and of all targets; absent if there are none. See `pauses` of a ' +
        'target.',
      trouble: 'Why new requests are refused; absent if they are accepted.',
      targets: 'All targets; see TARGETS.',
    },
  },
  why: {
    text: 'What a run waits for.',
    fields: {
      chain: 'Runs (see RUNS): first the one that was asked about, then those that it waits for.',
      members: 'For a fleet: the runs of its targets, which come first in `chain`.',
      target: 'Target that was asked about by name.',
      nowMs: 'Time of this reply.',
    },
  },
  error: {
    text:
      'The request failed. After `malformed`, `line-too-long`, `invalid`, `version` and ' +
      '`busy`, the connection is closed.',
    fields: { code: 'Error code; see ERRORS.', exit: EXIT, message: 'Text for people.' },
  },
};

export const RUN_VIEW: Texts<RunView> = {
  run: RUN,
  target: 'Name of the target of the run.',
  state: '`queued`, `starting`, `running`, `stopping` or `ended`.',
  acceptedAtMs: 'Time of the request.',
  startedAtMs: 'Start time.',
  endedAtMs: 'End time.',
  waitedMs: 'Time from acceptance to start, or until now. Time while the machine sleeps counts.',
  tookMs: 'Time from start to end, or until now. Time while the machine sleeps does not count.',
  expectedStartAtMs: 'Estimated start time, if all runs take as long as usual.',
  expectedEndAtMs:
    'Estimated end time, likewise. Absent if it is unknown, or if the run has already taken ' +
    'longer than any earlier success.',
  usual: 'Durations of the last successful runs of its target; see below.',
  pace: 'How `tookMs` compares with `usual`: `faster`, `usual` or `slower`.',
  progressPercent: 'Progress from 0 to 100 according to the output, if the target has `progress`.',
  unrecorded:
    'Present if the run has ended but the journal has no room to record it: how it ended and ' +
    'what to do, for people.',
  overtaken: 'Number of younger runs that have started before it while it is queued.',
  attempt:
    'Number of the attempt, if it is not the first: the next one of a queued run, the last ' +
    'one of an ended run.',
  attempts:
    'Earlier attempts, if its target has `retry`, each with `startedAtMs`, `endedAtMs`, ' +
    '`outcome` and `text`. Of more than 20, only the first and the most recent ones are ' +
    'listed.',
  nextAttemptAtMs: 'Earliest start of the next attempt.',
  expiresAtMs: 'Time at which a queued run is given up.',
  pausedUntilMs:
    'Time at which its last pause ends automatically. Absent if one of its pauses has no end.',
  cause:
    'For the run of a hook, what it is told: `why` (`success`, `warning`, `failure`, `late`), ' +
    '`target`, `text`, and, if a run caused it, `run`, `outcome`, `exit` and `tookMs`.',
  pid: 'Process ID of its keeper, while it is running.',
  slurm: 'Its job in Slurm: the number (`job`), the `node`, and why the job is pending (`waits`).',
  outcome: 'How the run ended; see OUTCOMES.',
  verdict: '`ok`, `warning` or `failed`.',
  exit: 'Exit status of `baton wait`.',
  text: 'How the run ended, for people.',
  reasons: 'Why the run is queued, for people.',
  behind: 'Numbers of the runs that it waits for.',
  bytes: 'Size of its output.',
  lostBytes: 'Number of bytes of output that could not be written and are missing.',
  leftovers: 'Processes of an ended run that are still alive.',
  heldBy:
    'Processes of a lost run that are still alive; until they end, the run counts as running.',
};

export const USUAL: Texts<Usual> = {
  medianMs: 'Median.',
  lowMs: '25th percentile.',
  highMs: '75th percentile.',
  slowMs: '90th percentile.',
  runs: 'Number of runs that these figures are based on.',
};

export const TARGET_VIEW: Texts<TargetView> = {
  target: 'Name of the target.',
  description: 'Its `description` in the configuration.',
  runner: 'Type of its runner.',
  groups: 'Groups of its policies.',
  level:
    'Its level and the order of all levels, lowest first: `{"name": "daily", "order": ' +
    '["daily", "weekly"]}`. Of more than 20 levels, only those next to its own are listed.',
  fleet: 'Fleet that the target belongs to.',
  paused: 'True if the target is paused.',
  pauses:
    'Pauses that apply to the target: each has a `target`, a `group` or `all`, and `untilMs` ' +
    'if it ends automatically. Absent if the target is not paused.',
  removed: 'True if the target is no longer configured.',
  late: 'True if its last success is longer ago than its `lateAfter`.',
  freshAtMs:
    'Time from which `lateAfter` counts: its last success, or, if it has never succeeded, ' +
    'when the daemon began to watch it. Absent without `lateAfter`.',
  ignored: 'Number of requests ignored in a row since the last accepted one.',
  broken: 'Why the target cannot work on this machine.',
  active: 'Its running runs, including lost runs whose processes are alive; see RUNS.',
  queued: 'Its first queued runs; see RUNS.',
  waiting: 'Number of queued runs.',
  last: 'Its most recent ended run; see RUNS.',
  usual: 'Durations of its last successful runs, including runs that are no longer remembered.',
  tookMs: 'Each of these durations, oldest first, if `durations` was requested.',
  counts:
    'Number of ended runs by outcome, including runs that are no longer remembered: a list of ' +
    '`outcome` (see OUTCOMES), `verdict` and `runs`.',
  retries: 'Number of attempts that were followed by another attempt of the same run.',
};

export const OUTCOMES: Readonly<Record<Outcome['kind'], string>> = {
  exited: 'The command exited with `code`.',
  signalled: 'The command was killed by `signal`; `core` is true if it dumped core.',
  'timed-out': 'The run exceeded its `timeout`, or a policy stopped it for `reason`.',
  cancelled:
    'The run was cancelled: with `signal` while it was running, otherwise before it started. ' +
    '`replacedBy` is the run that replaced it under a policy.',
  'not-started':
    'The command could not be executed; `stage`, `detail` and, after a failed system call, ' +
    '`errno` describe the error.',
  expired: 'The run was queued for `waitedMs`, longer than its `maxWait`.',
  skipped: 'A policy gave the run up for `reason`.',
  unreachable:
    'The command on another machine was never started; `phase` (`connect`, `auth`, `hostkey`) ' +
    'and `detail` say why.',
  lost: 'How the run ended is unknown; for a command on another machine, `detail` says why.',
  interrupted:
    'The machine was shut down or restarted during the run; `code` or `signal` give the ' +
    'status of the command, if known.',
};

export const ERRORS: Readonly<Record<ErrorCode, string>> = {
  malformed: 'A line is not a JSON object, or not valid UTF-8.',
  'line-too-long': 'A line has more than 65536 bytes.',
  invalid: 'The object is not a valid request; the message says what is wrong.',
  version: 'The client uses another version of the protocol.',
  'unknown-target': 'No target has this name, or the fleet has no such host.',
  'unknown-group': 'No target has a policy with this group.',
  'unknown-run': 'No run has this number, or the run is no longer remembered.',
  'other-run':
    'The number now belongs to another run: the journal was restored from a backup or started ' +
    'from scratch.',
  'broken-target': 'The target cannot work on this machine.',
  'bad-config': 'The configuration has errors. The previous one, if any, stays in force.',
  unavailable: 'The daemon cannot start; the message says why.',
  'no-output': 'The target has no run yet, or the name is that of a fleet.',
  'no-probe': 'The target has no connection to test: only the `ssh` runner does.',
  busy: 'Too many requests are open.',
  'not-permitted': 'The socket does not permit the request.',
  'disk-full': 'The journal cannot be written; new requests are refused.',
  'no-journal':
    'The journal was moved, removed or changed while in use. Until the daemon is restarted, ' +
    'it refuses new requests and reports no ends of runs.',
  'too-large': 'The reply would exceed the maximum size; request less.',
};
