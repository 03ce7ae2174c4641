/** The exit status for each outcome; the texts are in daemon/protocol/outcome-text.ts. Pure. */
import type { Outcome, Verdict } from './run.ts';

/** The exit statuses that baton sets, following sysexits(3) and timeout(1). */
export const EXIT = {
  usage: 64,
  unavailable: 69,
  /** A reply could not be written: EX_IOERR. */
  unwritten: 74,
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
  /** As in ssh(1): the other machine could not be reached, or the connection broke. */
  unreachable: 255,
} as const;

/**
 * Exit status of `baton run --wait`: the command's own code. Never 0 if the run did not exit with
 * 0, or if its target does not count 0 as success.
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
