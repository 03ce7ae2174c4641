/**
 * Findings of `baton doctor` about systemd units, and about how the daemon last ended; see
 * doctor-messages.ts.
 */
import { say, type Trouble } from './finding.ts';

// systemd units

export const maskedUnit = (unit: string, by: string): Trouble =>
  say(
    `${unit} is masked`,
    'a unit that can be started',
    `run "${by} unmask ${unit}", then "${by} enable --now baton.socket baton.service"`,
  );

export const badUnit = (unit: string, state: string, by: string): Trouble =>
  say(
    `${unit} cannot be loaded (${state})`,
    'a unit without errors',
    `see "${by} status ${unit}", correct the file, and run "${by} daemon-reload"`,
  );

export const missingUnit = (unit: string, other: string): Trouble =>
  say(
    `${unit} is not installed, but ${other} is`,
    'both units',
    'reinstall both, as described in contrib/systemd/README.md',
  );

export const failedUnit = (unit: string, how: string, by: string): Trouble =>
  say(
    `${unit} has failed (${how})`,
    'an active unit',
    `see "${by} status ${unit}" and its journal; once fixed, run "${by} reset-failed ` +
      `baton.service baton.socket", then "${by} start baton.socket"`,
  );

export const badConfigUnit = (unit: string, how: string): Trouble =>
  say(
    `${unit} has failed (${how})`,
    'an active unit',
    'run "batond --check" and fix the errors; the next client starts the daemon',
  );

export const stoppedSocket = (unit: string, by: string): Trouble =>
  say(
    `${unit} is not active`,
    'a socket on which systemd listens',
    `run "${by} enable --now baton.socket baton.service"`,
  );

export const disabledUnit = (unit: string, state: string, by: string): Trouble =>
  say(
    `${unit} is not started at boot (${state})`,
    'an enabled unit',
    `run "${by} enable baton.socket baton.service"`,
  );

export const changedUnit = (unit: string, by: string): Trouble =>
  say(
    `the file of ${unit} has changed since systemd loaded it`,
    'a unit loaded from its present file',
    `run "${by} daemon-reload"`,
  );

export const silentSystemd = (by: string, how: string): Trouble =>
  say(
    `"${by} show" gave no result (${how})`,
    'the state of the units',
    `run "${by} status" by hand`,
  );

// Crashes

export const crashed = (unit: string, how: string, when: string): Trouble =>
  say(
    `the daemon crashed: ${unit}, ${how}, ${when}`,
    'a daemon that stops only when told to',
    `see "journalctl -u ${unit}" for that time, and report it`,
  );

export const restarted = (unit: string, times: number): Trouble =>
  say(
    `systemd had to restart ${unit} (times: ${times})`,
    'no restart after a failure',
    `see "journalctl -u ${unit}"`,
  );

export const lastWords = (line: string): Trouble =>
  say(
    `a daemon could not continue: ${line}`,
    'a daemon that stops only when told to',
    'unless the cause is the disk or memory, report it with the surrounding lines of the ' +
      'journal',
  );

export const refusedStart = (path: string): Trouble =>
  say(
    `the last start of the daemon failed (${path} exists)`,
    'a daemon that can start',
    'see the log of the daemon, and "batond --check"',
  );
