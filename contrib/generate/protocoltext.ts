/**
 * What every field of the protocol means, for baton-protocol(7). The schemas and types in daemon/
 * are the contract; the compiler asks here for a text of each field that they have, and for no
 * other.
 */

import type { Usual } from '../../daemon/protocol/reply.ts';
import type { ErrorCode, Reply, RunView, TargetView } from '../../daemon/protocol/request.ts';
import type { RequestInput } from '../../daemon/protocol/request-schema.ts';
import type { Outcome } from '../../daemon/shared/run.ts';

type Texts<T, Hidden extends PropertyKey = never> = Readonly<
  Record<Exclude<keyof T, Hidden>, string>
>;

interface About<Fields> {
  /** What it is for. */
  readonly text: string;
  readonly fields: Fields;
}

type Requests = {
  readonly [T in RequestInput['type']]: About<
    Texts<Extract<RequestInput, { readonly type: T }>, 'type' | 'id' | 'v'>
  >;
};

const WHOSE =
  'A run by its number, or a target by its name: its run that runs, else waits, else was last.';
const NONCE =
  'The `nonce` of the run, as `accepted`, `joined` or `found` has told it: where this number is ' +
  'another run by now, the answer is the error `other-run`.';
const FROM = 'Where to go on, in bytes of each stream: `{"out": N, "err": N}`.';

const CALLER =
  'The `BATON_RUN_DIR` of the run whose command asks and waits. It is `refused` where it would ' +
  'wait for ever, because what it waits for cannot start before that very run has ended.';

const PAUSED = {
  target: 'A target by its name.',
  group: 'All targets of which a policy has a group of this name, without the type of the policy.',
  all: 'True: all targets.',
};

export const REQUESTS: Requests = {
  run: {
    text:
      'Asks for a run. `accepted`, `joined`, `ignored` or `refused` is the answer; with `wait` ' +
      'it goes on with `started`, `output` and `ended`. A fleet is answered by `fleet` alone, ' +
      'and each of its runs is waited for by its number.',
    fields: {
      target: 'The name of the target.',
      args: 'Arguments for the command, where the target has `acceptArgs`.',
      only:
        'Of a fleet: runs for these of its hosts only, a list of names with `*` for any ' +
        'characters. One that fits no host is the error `unknown-target`.',
      failed:
        'True, of a fleet: runs only where the latest run failed, or was cancelled, and no newer ' +
        'one waits or runs; `ignored` where there is none.',
      like: 'The number of an earlier run of the target: with the arguments of that one.',
      wait: 'Relay the run to its end.',
      merged:
        'The streams of the client are one file: both go to `out`, in the order in which they ' +
        'were written.',
      token:
        'Chosen by the client. A request with the token of an earlier one is that request, so ' +
        'that asking again after a lost answer never runs twice.',
      maxWaitMs:
        'Give it up after so long a wait, or after the `maxWait` of the target if shorter. Of ' +
        'several wishes that share a run the longest counts.',
      caller: CALLER,
    },
  },
  wait: {
    text:
      'Relays a run from its start: `started`, `output` and `ended`. Of a fleet: `fleet`, with a ' +
      'run of each of its targets.',
    fields: {
      run: WHOSE,
      nonce: NONCE,
      token:
        'The `token` of the request. After the journal was restored or begun anew, it finds a ' +
        'run that is still alive under its new number; see `found`.',
      from: FROM,
      output: 'False: only `ended`.',
      caller: CALLER,
    },
  },
  output: {
    text: 'Relays the output of a run; then `done`.',
    fields: {
      of: WHOSE,
      nonce: NONCE,
      from: FROM,
      tail: 'Send at most this many bytes from the end of each stream; `from` then means nothing.',
      follow: 'Go on until the run has ended.',
    },
  },
  cancel: {
    text: 'Ends a run, or all runs of a target or of a fleet. `done` names them.',
    fields: {
      of: 'A run by its number, or all runs of a target or of a fleet by its name.',
      nonce: NONCE,
    },
  },
  status: {
    text: 'Asks what runs and waits.',
    fields: { durations: 'True: with `tookMs` of each target.' },
  },
  why: {
    text: 'Asks what a run waits for; by the name of a fleet, what each of its runs waits for.',
    fields: { of: WHOSE, nonce: NONCE },
  },
  history: {
    text: 'Asks for runs that have ended, the latest first.',
    fields: {
      target: 'Of this target or this fleet only.',
      limit: 'No more than this many.',
      sinceMs: 'Only those that ended within this many milliseconds before now.',
      outcome: 'Only those with this verdict, or with this kind of outcome.',
      latest:
        'True: of each target and its arguments only the latest run, and none where a newer one ' +
        'waits or runs.',
    },
  },
  pause: {
    text: 'Lets no more runs start: of one of the three.',
    fields: { ...PAUSED, forMs: 'Ends by itself after this many milliseconds.' },
  },
  resume: {
    text: 'Ends the pause of the same name; `done` has a `text` where another one goes on.',
    fields: PAUSED,
  },
  probe: {
    text: 'Connects as a run of the target would, and runs nothing.',
    fields: { target: 'Its name, or that of a fleet: then to each of its hosts.' },
  },
  forget: {
    text:
      'Drops the past of a target that the configuration does not have any more: its ended runs, ' +
      'with their output. `refused` while it is configured, or a run of it waits or runs.',
    fields: { target: 'Its name.' },
  },
  reload: { text: 'Reads the configuration again; `done` says what came of it.', fields: {} },
  ping: {
    text:
      'Asks whether the daemon is there: `pong` comes at once, whatever else is open on the ' +
      'connection. Every socket permits it.',
    fields: {},
  },
};

type Replies = {
  readonly [T in Reply['type']]: About<Texts<Extract<Reply, { readonly type: T }>, 'type' | 'id'>>;
};

const RUN =
  'Its number. Another life of the state directory (its journal was restored from a backup, or ' +
  'begun anew) has the same ones.';
const RUN_NONCE =
  'Which run of this number: to be sent with later requests. Absent of a run that an older ' +
  'version accepted.';
const EXIT = 'What `baton` exits with, see baton(1).';

export const REPLIES: Replies = {
  accepted: {
    text: 'The request is on the disk: the run will not be lost.',
    fields: { run: RUN, target: 'The name of its target.', nonce: RUN_NONCE },
  },
  joined: {
    text: 'The request shares a run that was there before.',
    fields: { run: RUN, target: 'The name of its target.', nonce: RUN_NONCE },
  },
  found: {
    text: 'The run that is waited for, or whose output is sent; told where the request has `v`.',
    fields: { run: RUN, target: 'The name of its target.', nonce: RUN_NONCE },
  },
  ignored: {
    text: 'The target does not want another run now; that is no failure.',
    fields: { reason: 'A sentence for people.' },
  },
  fleet: {
    text: 'The runs of a fleet; nothing more follows.',
    fields: {
      target: 'The name of the fleet.',
      runs:
        'One for each of its targets that the request was for: `type` (`accepted`, `joined`, ' +
        '`ignored` or `found`) and the fields of that reply, with `target`.',
    },
  },
  refused: {
    text: 'Nothing will run.',
    fields: { exit: EXIT, reason: 'A sentence for people.' },
  },
  started: { text: 'The run has begun.', fields: { run: RUN } },
  notice: {
    text:
      'Something about the run that its end does not tell: it has ended and cannot be recorded, ' +
      'a part of its output is missing, or an attempt has failed and another one follows.',
    fields: {
      run: RUN,
      text: 'For people.',
      isNews: 'True where nothing has to be done: `baton` prints it on a terminal only.',
    },
  },
  output: {
    text: 'What the run has written.',
    fields: {
      run: RUN,
      stream: '`out` or `err`.',
      offset: 'Where `data` begins, in bytes of the stream.',
      bytes: 'How many bytes `data` stands for.',
      data: 'The text, or what is encoded.',
      encoding: '`base64` where the bytes are no UTF-8, or where there are many.',
    },
  },
  ended: {
    text: 'The run has ended.',
    fields: {
      run: RUN,
      target: 'The name of its target.',
      outcome: 'How it ended, see OUTCOMES.',
      verdict: 'What that means to the target: `ok`, `warning` or `failed`.',
      exit: EXIT,
      text: 'The same for people, as the rest of a sentence that begins with the run.',
      tell: 'True where the client should print the text, since the command itself could not.',
    },
  },
  done: {
    text: 'What was asked for is done.',
    fields: { runs: 'Which runs it was about.', text: 'What there is to say.' },
  },
  history: { text: 'The past.', fields: { runs: 'Runs, see RUNS; the latest first.' } },
  pong: { text: 'To `ping`.', fields: {} },
  probed: {
    text: "What was seen of a target's machine, or of those of a fleet.",
    fields: {
      target: 'Its name.',
      exit: '0 if a run could have started; of a fleet the highest of its hosts.',
      lines: 'Sentences for people.',
    },
  },
  status: {
    text: 'The present.',
    fields: {
      version: "The daemon's version.",
      pid: "The daemon's process.",
      startedAtMs: 'When the daemon started.',
      nowMs: 'The time of this answer.',
      requests: 'How many requests it has answered since.',
      running: 'How many runs hold a place now.',
      queued: 'How many runs wait.',
      executing: 'The targets of which a run holds a place.',
      config: 'The configuration, as an absolute path.',
      pauses:
        'Pauses of groups and of everything; absent where there is none. See `pauses` of a target.',
      trouble: 'Why nothing new is accepted; absent while all is well.',
      targets: 'Every target, see TARGETS.',
    },
  },
  why: {
    text: 'A chain of reasons.',
    fields: {
      chain: 'Runs, see RUNS: the one asked about first, then those that it waits for.',
      members: 'Of a fleet: the runs of its targets, the first ones of `chain`.',
      target: 'The target that was asked about by name.',
      nowMs: 'The time of this answer.',
    },
  },
  error: {
    text:
      'The request cannot be served. After `malformed`, `line-too-long`, `invalid`, `version` ' +
      'and `busy` the connection is closed.',
    fields: { code: 'See ERRORS.', exit: EXIT, message: 'A sentence for people.' },
  },
};

export const RUN_VIEW: Texts<RunView> = {
  run: RUN,
  target: 'The name of its target.',
  state: '`queued`, `starting`, `running`, `stopping` or `ended`.',
  acceptedAtMs: 'When it was asked for.',
  startedAtMs: 'When it started.',
  endedAtMs: 'When it ended.',
  waitedMs: 'From acceptance to start, or until now; time in which the machine sleeps counts.',
  tookMs: 'From start to end, or until now, without time in which the machine sleeps.',
  expectedStartAtMs: 'When it starts, if all runs take as long as they usually do.',
  expectedEndAtMs:
    'When it ends, likewise. Absent where that is not known, or where it runs longer than any ' +
    'success before.',
  usual: 'How long the last successes of its target took, see below.',
  pace: 'How `tookMs` compares with that: `faster`, `usual` or `slower`.',
  progressPercent: 'From 0 to 100, as its own output says, where the target has `progress`.',
  unrecorded:
    'It has ended, which the journal has no room for: how it ended, and what to do, a sentence.',
  overtaken: 'How many younger runs were let start before it while it waits.',
  attempt:
    'Which attempt at its command this is, if not the first; of a queued run the next one, of ' +
    'one that has ended the last one.',
  attempts:
    'The attempts before that, where its target has `retry`: each with `startedAtMs`, ' +
    '`endedAtMs`, `outcome` and `text`. Of more than 20 the first and the latest are named.',
  nextAttemptAtMs: 'Its next attempt begins no sooner.',
  expiresAtMs: 'Of one that waits: it is given up then.',
  pausedUntilMs:
    'Its pauses end by themselves, the last one then. Absent where one of them does not.',
  cause:
    'Of the run of a hook: what it is told. `why` (`success`, `warning`, `failure`, `late`), ' +
    '`target`, `text`, and of a run `run`, `outcome`, `exit` and `tookMs`.',
  pid: 'Its keeper, while it runs.',
  slurm: 'Its job in Slurm: the number (`job`), the `node`, and why it waits there (`waits`).',
  outcome: 'How it ended, see OUTCOMES.',
  verdict: '`ok`, `warning` or `failed`.',
  exit: 'What `baton wait` exits with.',
  text: 'How it ended, for people.',
  reasons: 'Why it waits, in sentences for people.',
  behind: 'The numbers of the runs that it waits for.',
  bytes: 'The size of its output.',
  lostBytes: 'How much of its output could not be written, and is missing.',
  leftovers: 'Processes that it has left behind and that are still alive.',
  heldBy: 'Processes of a lost run that are alive and hold its place.',
};

export const USUAL: Texts<Usual> = {
  medianMs: 'The median.',
  lowMs: 'A quarter of them took no longer.',
  highMs: 'Three quarters of them took no longer.',
  slowMs: 'Nine of ten of them took no longer.',
  runs: 'How many runs that is made of; few say little.',
};

export const TARGET_VIEW: Texts<TargetView> = {
  target: 'Its name.',
  description: 'As it is configured.',
  runner: 'The type of its runner.',
  groups: 'The groups in which its policies look at it.',
  level:
    'Its place in an order: `{"name": "daily", "order": ["daily", "weekly"]}`, lowest first. ' +
    'Of more than 20 levels only those next to its own are named.',
  fleet: 'The fleet that it belongs to.',
  paused: 'True where nothing starts until it is resumed.',
  pauses:
    'By which pauses: each names a `target`, a `group` or `all`, and has `untilMs` where it ends ' +
    'by itself. Absent where it is not paused.',
  removed: 'True where the configuration does not have it any more.',
  late: 'True where its last success is longer ago than its `lateAfter`.',
  freshAtMs:
    'When it last succeeded, or since when that is looked out for; where it has `lateAfter`.',
  ignored: 'How many requests in a row were ignored since the last accepted one.',
  broken: 'Why it cannot work on this machine.',
  active: 'Its runs that hold a place, see RUNS.',
  queued: 'The first of its runs that wait, see RUNS.',
  waiting: 'How many wait.',
  last: 'Its latest run that has ended, see RUNS.',
  usual: 'How long its last successes took, also of runs that are forgotten.',
  tookMs: 'Each of them, oldest first, where `durations` was asked for.',
  counts:
    'How many of its runs have ended how, also of those that are forgotten: a list of `outcome` ' +
    '(see OUTCOMES), `verdict` and `runs`.',
  retries: 'How many attempts were followed by another one of their run.',
};

export const OUTCOMES: Readonly<Record<Outcome['kind'], string>> = {
  exited: 'It ended by itself, with `code`.',
  signalled: 'It was killed by `signal`; `core`: a core was dumped.',
  'timed-out':
    'It ran longer than its `timeout` and was ended; or for `reason`, which a policy gives.',
  cancelled:
    'It was cancelled, while it ran by `signal`, else before it started; `replacedBy` is the run ' +
    'that took its place, where a policy wished so.',
  'not-started':
    'The command could not be executed; `stage`, `detail` and, where a system call gave one, ' +
    '`errno` say what went wrong.',
  expired: 'It waited `waitedMs`, longer than its `maxWait`.',
  skipped: 'A policy gave it up, for `reason`.',
  unreachable:
    'The command on another machine never ran; `phase` (`connect`, `auth`, `hostkey`) and ' +
    '`detail` say why.',
  lost: 'Nobody knows how it ended; for a command on another machine `detail` says why.',
  interrupted:
    'The machine was shut down or restarted while it ran; `code` or `signal` say how the command ' +
    'ended, where that is known.',
};

export const ERRORS: Readonly<Record<ErrorCode, string>> = {
  malformed: 'A line is no JSON object, or no UTF-8.',
  'line-too-long': 'A line has more than 65536 bytes.',
  invalid: 'The object is no request; the message says what is wrong.',
  version: 'The client is of another version of the protocol.',
  'unknown-target': 'There is no target of this name, or no such host in the fleet.',
  'unknown-group': 'No target is in a group of this name.',
  'unknown-run': 'There is no run of this number, or it is forgotten.',
  'other-run':
    'The number is that of another run: the journal was restored from a backup, or begun anew.',
  'broken-target': 'The target cannot work on this machine.',
  'bad-config': 'The configuration has mistakes. The one before stays in force, or there is none.',
  unavailable: 'The daemon cannot start; the message says why.',
  'no-output': 'The target has no run yet, or the name is that of a fleet.',
  'no-probe': 'There is nothing to connect to: only the `ssh` runner keeps a connection.',
  busy: 'Too many requests are unanswered.',
  'not-permitted': 'The socket does not permit it.',
  'disk-full': 'The journal cannot be written: nothing new is taken.',
  'no-journal':
    'The journal was moved, removed or changed under the daemon: nothing new is taken, and no ' +
    'end of a run is told, until the daemon is restarted.',
  'too-large': 'The answer is longer than the daemon sends; ask for less.',
};
