/**
 * What `baton doctor` says of units of systemd, and of how the daemon last ended; as
 * doctor-messages.ts.
 */
import { say, type Trouble } from './finding.ts';

// Units of systemd

export const maskedUnit = (unit: string, by: string): Trouble =>
  say(
    `${unit} is masked`,
    'a unit that can be started',
    `run "${by} unmask ${unit}", then "${by} enable --now baton.socket baton.service"`,
  );

export const badUnit = (unit: string, state: string, by: string): Trouble =>
  say(
    `${unit} cannot be loaded (${state})`,
    'a unit without mistakes',
    `see "${by} status ${unit}", correct the file, and run "${by} daemon-reload"`,
  );

export const missingUnit = (unit: string, other: string): Trouble =>
  say(
    `${unit} is not installed, and ${other} is`,
    'both units',
    'install both again, as contrib/systemd/README.md says',
  );

export const failedUnit = (unit: string, how: string, by: string): Trouble =>
  say(
    `${unit} has failed (${how})`,
    'an active unit',
    `see "${by} status ${unit}" and its journal; when the reason is gone, run "${by} reset-failed ` +
      'baton.service baton.socket", then ' +
      `"${by} start baton.socket"`,
  );

export const badConfigUnit = (unit: string, how: string): Trouble =>
  say(
    `${unit} has failed (${how})`,
    'an active unit',
    'run "batond --check" and fix what it names; the next client starts the daemon',
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
    `the file of ${unit} has changed since systemd read it`,
    'a unit as its file says',
    `run "${by} daemon-reload"`,
  );

export const silentSystemd = (by: string, how: string): Trouble =>
  say(
    `"${by} show" gave no answer (${how})`,
    'the state of the units',
    `try "${by} status" by hand`,
  );

// Crashes

export const crashed = (unit: string, how: string, when: string): Trouble =>
  say(
    `the daemon crashed: ${unit}, ${how}, ${when}`,
    'a daemon that ends when it is told to',
    `see "journalctl -u ${unit}" of that time, and report what stands there`,
  );

export const restarted = (unit: string, times: number): Trouble =>
  say(
    `systemd had to start ${unit} again (times: ${times})`,
    'no restart after a failure',
    `see "journalctl -u ${unit}"`,
  );

export const lastWords = (line: string): Trouble =>
  say(
    `a daemon could not go on: ${line}`,
    'a daemon that ends when it is told to',
    'report it, with the lines of the journal around it, if it is not the disk or the memory',
  );

export const refusedStart = (path: string): Trouble =>
  say(
    `the last start of the daemon failed (${path} is there)`,
    'a daemon that can start',
    'see the log of the daemon, and "batond --check"',
  );
