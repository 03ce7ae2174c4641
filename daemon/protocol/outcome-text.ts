/**
 * Texts for how a run ended, why it could not start, and what to do about it. How it ended is a
 * fact, which tables show too; the advice follows it where a client is told of the end. Pure. See
 * daemon/messages.ts for the style.
 */
import { showDuration } from '../shared/duration.ts';
import { describeErrno } from '../shared/errno.ts';
import type { Outcome, RunId, TargetName } from '../shared/run.ts';
import { nameSignal } from '../shared/signals.ts';

type Of<K extends Outcome['kind']> = Extract<Outcome, { readonly kind: K }>;

/** How a run ended, as the rest of a sentence that begins with the run. */
export function describeOutcome(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'exited':
      return `exited with ${outcome.code}`;
    case 'signalled':
      return `was killed by ${tellSignal(outcome.signal)}${outcome.core ? ' (core dumped)' : ''}`;
    case 'timed-out':
      if (outcome.reason !== undefined) return `was stopped: ${outcome.reason}`;
      return 'exceeded its timeout and was stopped';
    case 'cancelled': {
      const { signal, replacedBy, attempts } = outcome;
      const how = replacedBy === undefined ? 'was cancelled' : `was replaced by run ${replacedBy}`;
      if (signal !== undefined) return `${how} (${tellSignal(signal)})`;
      return attempts === undefined ? `${how} before it started` : `${how} ${beforeNext(attempts)}`;
    }
    case 'not-started':
      return `could not be started: ${outcome.detail}`;
    case 'expired':
      return `was queued for ${showDuration(outcome.waitedMs)}, longer than its maxWait`;
    case 'skipped':
      return `was skipped: ${outcome.reason}`;
    case 'unreachable':
      return `${PHASES[outcome.phase]}: ${outcome.detail}`;
    case 'lost':
      if (outcome.detail !== undefined) return `is lost: ${outcome.detail}`;
      return 'is lost: its keeper was killed, so it is unknown how the command ended';
    case 'interrupted':
      return describeInterrupted(outcome);
    default:
      return outcome satisfies never;
  }
}

function beforeNext(attempts: number): string {
  return `before attempt ${attempts + 1}`;
}

function describeInterrupted({ code, signal }: Of<'interrupted'>): string {
  if (signal !== undefined) {
    return `was interrupted: the machine was shut down during the run (${tellSignal(signal)})`;
  }
  if (code !== undefined) {
    return (
      'was interrupted: the machine was shut down during the run (the command exited with ' +
      `${code})`
    );
  }
  return 'was interrupted: the machine was restarted during the run';
}

/** What to do about it, as a clause; undefined if nothing is to be done, or if the text says it. */
export function adviseOutcome(
  outcome: Outcome,
  run: RunId,
  target: TargetName,
): string | undefined {
  const again = `then run it again: baton run ${target}`;
  switch (outcome.kind) {
    case 'exited':
    case 'cancelled':
    case 'skipped':
      return undefined;
    case 'signalled':
      return outcome.signal === SIGKILL
        ? 'check with dmesg whether the machine ran out of memory; baton did not kill it'
        : `see its output with "baton logs ${run}"; baton did not kill it`;
    case 'timed-out': {
      const look = `see how far it came with "baton logs ${run}"`;
      return outcome.reason === undefined ? `${look}, or increase "timeout"` : look;
    }
    case 'not-started':
      return adviseStart(outcome);
    case 'expired':
      return 'see what takes so long with "baton status", or increase "maxWait" or --max-wait';
    case 'unreachable':
      return adviseReach(outcome, target);
    case 'lost':
      if (outcome.detail !== undefined) return `check on that machine what it has done, ${again}`;
      return `it may have done all or part of its work; see "baton logs ${run}", ${again}`;
    case 'interrupted':
      return `it may have done part of its work; see "baton logs ${run}", ${again}`;
    default:
      return outcome satisfies never;
  }
}

function adviseStart({ stage, errno }: Of<'not-started'>): string | undefined {
  switch (stage) {
    case 'command':
      return COMMAND_ADVICE[errno ?? ''] ?? 'try the command by hand, as the user of the target';
    case 'directory':
      return 'create the directory, give the user of the target access to it, or correct "cwd"';
    case 'user':
      return 'correct "user" and "group"; only a daemon that runs as root can switch users';
    case 'system':
      return undefined; // its detail says it
    default:
      return stage satisfies never;
  }
}

function adviseReach({ phase }: Of<'unreachable'>, target: TargetName): string {
  const probe = `check with "baton probe ${target}"`;
  if (phase !== 'auth') return `once fixed, ${probe}`;
  return `add the public key to ~/.ssh/authorized_keys there, then ${probe}`;
}

/** How a run ended and what to do about it, as the rest of a sentence that begins with the run. */
export function tellOutcome(
  outcome: Outcome,
  run: RunId,
  target: TargetName,
  more: string = '',
): string {
  const advice = adviseOutcome(outcome, run, target);
  const told = describeOutcome(outcome) + more;
  return advice === undefined ? told : `${told}; ${advice}`;
}

const PHASES = {
  connect: 'could not connect',
  auth: 'could not authenticate',
  hostkey: 'was stopped at the host key',
} as const;

/** By the errno of exec. */
const COMMAND_ADVICE: Readonly<Record<string, string>> = {
  ENOENT:
    'install it, correct its path, or set PATH in "env"; a script also needs the interpreter ' +
    'in its first line (#!)',
  EACCES: 'make it executable (chmod +x) for the user of the target, or name another command',
  ENOEXEC:
    'name a program; the first line of a script must name its interpreter, such as #!/bin/sh',
  E2BIG: 'give it fewer or shorter arguments',
};

const SIGKILL = 9;

function tellSignal(signal: number): string {
  const name = nameSignal(signal);
  return name === '' ? `signal ${signal}` : `signal ${signal} (${name})`;
}

// Why a command could not be started: the rest of "could not be started: "

export const noUser = (user: string | number | undefined): string =>
  `there is no user "${user}" on this machine`;

export const noGroup = (group: string | number | undefined): string =>
  `there is no group "${group}" on this machine`;

export const noDirectory = (path: string, errno: string): string =>
  `its directory "${path}" cannot be entered (${errno})`;

export const cannotSwitchUser = (errno: string): string => `cannot switch to its user (${errno})`;

/**
 * `command` is empty if an earlier daemon prepared the run. `path` is the run's PATH; only a
 * command without a slash is looked up in it.
 */
export const noCommand = (command: string, errno: string, path?: string): string => {
  const its = command === '' ? 'its command' : `its command "${command}"`;
  if (errno === 'ENOENT') {
    if (path === undefined || command === '' || command.includes('/'))
      return `${its} was not found`;
    return `${its} was not found in its PATH (${path})`;
  }
  if (errno === 'EACCES') return `${its} is not executable`;
  return `${its} cannot be executed (${errno})`;
};

export const noRunDirectory = (path: string, error: unknown): string =>
  `its directory ${path} cannot be created ${describeErrno(error)}`;

export const noProcess = (errno?: string): string =>
  'the system cannot start a ' +
  `process${errno === undefined ? '; try again' : ` ${describeErrno(errno)}`}`;

/** `unfit` says which arguments the target accepts now. */
export const unfitByNow = (unfit: string): string =>
  `its target was changed and now ${unfit}; queue a new run with the right arguments`;

export const removed = (): string =>
  'its target was removed from the configuration; add it again and run "baton reload", or ' +
  'remove what requests it: a crontab line, a timer or a hook';

// Texts for an attempt that failed

export const retryFollows = (
  run: RunId,
  outcome: Outcome,
  next: {
    readonly tries?: number | undefined;
    readonly attempts?: number | undefined;
    readonly delayMs: number;
  },
): string => {
  const { tries, attempts, delayMs } = next;
  const of = attempts === undefined ? '' : ` of ${attempts}`;
  const which = tries === undefined ? 'another attempt' : `attempt ${tries + 1}${of}`;
  return `run ${run} ${describeOutcome(outcome)}; ${which} starts in ${showDuration(delayMs)}`;
};

// Additions to the text of an outcome

/** For a run with more than one attempt. */
export const inAttempt = (tries: number): string => `, attempt ${tries}`;

/** For exit status 0. */
export const zeroExitNotOk = (): string =>
  ', which its okExit does not count as success; add 0 to "okExit" if it should';

export const leftLock = (path: string): string =>
  `; its lock file ${path} was left behind; remove it, or all later runs will fail`;

export const lostOutput = (bytes: number): string =>
  `; ${bytes} bytes of its output are missing, because they could not be written; free space ` +
  'on that disk';

/** For a client that asked for the output only. */
export const lostOutputOf = (run: RunId, bytes: number): string =>
  `run ${run} has ended${lostOutput(bytes)}`;

/** A job or log rotation truncated the output file that the keeper writes to. */
export const cutOutput = (run: RunId, path: string, bytes: number, relayed: number): string =>
  `run ${run}: its output file ${path} was truncated to ${bytes} bytes after ${relayed} had ` +
  'been read; output that was not read before is lost, and new output follows; let the ' +
  'command write to stdout and stderr instead of that file';

export const unrelayed = (why: string): string => `; part of its output could not be shown: ${why}`;

/** The rest of a sentence about a run that has ended but counts as running: the journal is full. */
export const describeUnrecorded = (how: string, errno: string): string =>
  `${how}, but the journal cannot be written ${describeErrno(errno)}`;

// Texts of the SSH keeper: why it cannot start a run on another machine

export const sshNoStart = (why: string, log: string): string =>
  `the SSH keeper could not be started (${why}); see ${log}`;

export const sshEnded = (how: string | number | null): string => `it ended with ${how}`;

export const sshSilent = (): string =>
  'the SSH keeper does not answer; see ssh.log in the state directory, then try again';

export const sshLeft = (): string => 'the SSH keeper has exited; try again, which starts a new one';

export const sshKilled = (): string =>
  'the SSH keeper was killed; try again, which starts a new one';

export const sshOther = (): string =>
  'the SSH keeper is of another version and exits after its last run; try again then';
