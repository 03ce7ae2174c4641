/**
 * Findings of `baton doctor`: what was found, what was expected, what to do.
 * test/unit/project/messages.test.ts checks the style of each part.
 */
import { say, type Trouble } from './finding.ts';

// Checks

export const lateLook = (look: string, limit: string): Trouble =>
  say(
    `the check of ${look} did not finish within ${limit}`,
    'a result within that time',
    'check for a file server that hangs, or a machine that is out of memory or CPU time',
  );

/** A path on a file server that hangs. */
export const deafPlace = (path: string, limit: string): Trouble =>
  say(
    `${path}: its file system did not answer within ${limit}`,
    'a file system that answers',
    `check the file server or device behind it; "df ${path}" waits for it, too`,
  );

export const failedLook = (look: string, error: string): Trouble =>
  say(`the check of ${look} failed: ${error}`, 'a finding', 'report this bug in baton');

// The socket

/** `start` says how the daemon is started here. */
export const noSocket = (path: string, start: string): Trouble =>
  say(`${path}: there is no such socket`, 'the socket of batond', start);

/** `kind` is what it is instead. */
export const notASocket = (path: string, kind: string): Trouble =>
  say(
    `${path}: it is ${kind}`,
    'the socket of batond',
    'remove it and start batond, or name the socket with --socket or $BATON_SOCKET',
  );

export const deadSocket = (path: string, start: string): Trouble =>
  say(
    `${path}: no process listens there; a killed daemon has left the socket behind`,
    'a daemon that listens',
    start,
  );

export const unusableSocket = (path: string, code: string): Trouble =>
  say(
    `${path}: it accepts no connection (${code})`,
    'a daemon that accepts connections',
    'see the log of the daemon, and restart it',
  );

export const openToAll = (path: string, mode: string, who: string): Trouble =>
  say(
    `${path}: every user may use it (mode ${mode}, ${who})`,
    'mode 0600, or 0660 with a group, unless "sockets" in the configuration says otherwise',
    `run "chmod 0600 ${path}", and find out what changed it: SocketMode= of its unit, or a ` +
      'command',
  );

export const otherMode = (path: string, mode: string, expected: string): Trouble =>
  say(
    `${path}: its mode is ${mode}`,
    `mode ${expected}, as set by the configuration or the unit of the socket`,
    'restart the daemon or the socket unit, which sets the mode; runs continue meanwhile',
  );

// The daemon

export const otherVersion = (found: string, own: string): Trouble =>
  say(
    `the running daemon is baton ${found}`,
    `baton ${own}, like this client`,
    'restart the daemon (systemctl restart baton.service); runs continue meanwhile',
  );

// The configuration

export const unreadConfig = (path: string): Trouble =>
  say(
    `${path}: not checked, because this user may not read it`,
    'a user who may read it',
    'run "baton doctor" as the user of the daemon, or as root (sudo)',
  );

export const moreFaults = (count: number, path: string): Trouble =>
  say(
    `${path}: ${count} more errors are not shown`,
    'a configuration without errors',
    'run "batond --check"',
  );

export const uncheckedConfig = (how: string): Trouble =>
  say(`"batond --check" gave no result (${how})`, 'a result', 'run the command by hand');

// The state

export const noRoom = (path: string, free: string): Trouble =>
  say(
    `${path}: its disk has ${free} left`,
    'space for the journal and the output of runs',
    'free some space; new runs are refused while the journal cannot grow',
  );

export const littleRoom = (path: string, free: string, percent: number): Trouble =>
  say(
    `${path}: its disk has ${free} left, ${percent} %`,
    'at least 5 %, or 1 GiB',
    'free some space, or keep fewer runs ("keep" in the configuration)',
  );

export const fewInodes = (path: string, left: number): Trouble =>
  say(
    `${path}: its file system has room for ${left} more files`,
    'at least 1000, because each run creates some',
    'remove small files there, or move the state to another file system',
  );

export const unwritable = (path: string, code: string, user: string): Trouble =>
  say(
    `${path}: ${user} cannot write to it (${code})`,
    'a directory to which the daemon can write',
    'give it to the user of the daemon (chown, chmod 0700), or remount its file system ' +
      'read-write',
  );

export const unreachedState = (path: string, code: string): Trouble =>
  say(
    `${path}: cannot be checked (${code})`,
    'the directory with the journal',
    'run "baton doctor" as the user of the daemon, or as root (sudo)',
  );

export const noDirectory = (path: string): Trouble =>
  say(
    `${path}: it is not a directory`,
    'the directory with the journal',
    'move it away, or name another directory with "batond --state DIR"',
  );

/** The daemon that uses the state directory listens elsewhere. */
export const heldState = (path: string, pid: number, socket: string): Trouble =>
  say(
    `${path}: locked by process ${pid}, which does not answer on ${socket}`,
    'the daemon on this socket',
    `see "ps -fp ${pid}"; name its socket with --socket or $BATON_SOCKET, or stop that process`,
  );

/** The mistakes are printed beside it. */
export const badConfig = (): Trouble =>
  say(
    'no run can be accepted or started',
    'a daemon whose configuration has no errors',
    'fix the errors that "batond --check" prints',
  );

// Programs

export const oldNode = (found: string, least: string): Trouble =>
  say(
    `node is ${found}`,
    `node ${least} or later`,
    'install a newer Node.js, and restart the daemon',
  );

export const missingProgram = (name: string, use: string, debian: string): Trouble =>
  say(
    `${name} is not in PATH, and ${use}`,
    `${name} in a directory of PATH`,
    `install ${debian}, or set the PATH of the daemon`,
  );

export const oddProgram = (name: string, how: string): Trouble =>
  say(`${name} does not work (${how})`, 'its version', `run "${name}" by hand, or reinstall it`);

export const otherBatond = (path: string, found: string, own: string): Trouble =>
  say(
    `${path} is baton ${found}`,
    `baton ${own}, like this client`,
    'remove the old one, or reinstall both',
  );

export const missingFile = (path: string, code: string): Trouble =>
  say(`${path}: cannot be read (${code})`, 'a file of baton', 'reinstall baton');

// cron

export const noCron = (lines: number): Trouble =>
  say(
    `cron is not running, but crontabs call baton (lines: ${lines})`,
    'a cron daemon',
    'start it ("systemctl enable --now cron", or "service cron start"), or install cron',
  );

export const uncheckedCrontabs = (how: string): Trouble =>
  say(
    `"baton check-crontab" gave no result (${how})`,
    'a check of all crontabs',
    'run the command by hand',
  );

export const betterLines = (count: number): Trouble =>
  say(
    `crontabs have lines that should be changed (${count})`,
    'lines as suggested by "baton check-crontab"',
    'run "baton check-crontab", which lists them',
  );

export const unreadCrontab = (sentence: string): Trouble =>
  say(
    sentence,
    'a crontab that can be read',
    'run "baton doctor" as root (sudo), or name the file',
  );

// The clock

export const setBack = (by: string, file: string): Trouble =>
  say(
    `the clock is behind: the time of ${file} is ${by} in the future`,
    'a clock that was not set back',
    'set the clock (timedatectl, chronyc), and check the times of the last runs',
  );

export const notSynchronized = (service: string): Trouble =>
  say(
    `the clock is not synchronized (${service})`,
    'a synchronized clock, because cron and the policies depend on it',
    'run "timedatectl set-ntp true", or install chrony or systemd-timesyncd',
  );
