/**
 * How an end is told: the exit status and the sentence of every outcome. Pure.
 */
import { showDuration } from './duration.ts';
import type { Outcome, Verdict } from './event.ts';

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

/**
 * What `baton run --wait` exits with: the command's own code. Never 0 for a run that did not exit
 * with 0, nor where 0 is no success to its target.
 */
export function exitStatus(outcome: Outcome, verdict?: Verdict): number {
  switch (outcome.kind) {
    case 'exited':
      return outcome.code === 0 && verdict === 'failed' ? EXIT.noVerdict : outcome.code;
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
      return `waited ${showDuration(outcome.waitedMs)}, longer than its maxWait`;
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
