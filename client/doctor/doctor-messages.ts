/**
 * What `baton doctor` says of what is not as it should be: what was found, what was expected, what
 * to do. The style of each part: test/unit/project/messages.test.ts.
 */
import { say, type Trouble } from './finding.ts';

// A look

export const lateLook = (look: string, limit: string): Trouble =>
  say(
    `the look at ${look} has no end after ${limit}`,
    'an answer within that time',
    'look for a file server that hangs, or a machine without memory or processor time to spare',
  );

export const failedLook = (look: string, error: string): Trouble =>
  say(`the look at ${look} failed: ${error}`, 'a finding', 'report this, which is a bug of baton');

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
    `${path}: nobody listens there: a daemon that was killed has left it`,
    'a daemon that listens',
    start,
  );

export const unusableSocket = (path: string, code: string): Trouble =>
  say(
    `${path}: it takes no connection (${code})`,
    'a daemon that accepts connections',
    'see the log of the daemon, and restart it',
  );

export const openToAll = (path: string, mode: string, who: string): Trouble =>
  say(
    `${path}: everybody may use it (mode ${mode}, ${who})`,
    'mode 0600, or 0660 with a group, unless "sockets" in the configuration says otherwise',
    `run "chmod 0600 ${path}", and see who changed it: SocketMode= of its unit, or a command`,
  );

export const otherMode = (path: string, mode: string, expected: string): Trouble =>
  say(
    `${path}: its mode is ${mode}`,
    `mode ${expected}, as the configuration or the unit of the socket says`,
    'restart the daemon or the socket, which sets it; runs go on meanwhile',
  );

// The daemon

export const otherVersion = (found: string, own: string): Trouble =>
  say(
    `the daemon that runs is baton ${found}`,
    `baton ${own}, as this client is`,
    'restart the daemon (systemctl restart baton.service); runs go on meanwhile',
  );

// The configuration

export const unreadConfig = (path: string): Trouble =>
  say(
    `${path}: this user may not read it, so it was not checked`,
    'a user who may read it',
    'run "baton doctor" as the user of the daemon, or as root (sudo)',
  );

export const moreFaults = (count: number, path: string): Trouble =>
  say(
    `${path}: ${count} more of these are not shown`,
    'a configuration without mistakes',
    'run "batond --check"',
  );

export const uncheckedConfig = (how: string): Trouble =>
  say(`"batond --check" gave no answer (${how})`, 'an answer', 'try it by hand');

// The state

export const noRoom = (path: string, free: string): Trouble =>
  say(
    `${path}: its disk has ${free} left`,
    'room for the journal and the output of runs',
    'free some; new runs are refused while the journal has no room',
  );

export const littleRoom = (path: string, free: string, percent: number): Trouble =>
  say(
    `${path}: its disk has ${free} left, ${percent} % of it`,
    'at least 5 %, or 1 GiB',
    'free some, or let the daemon keep less ("keep" in the configuration)',
  );

export const fewInodes = (path: string, left: number): Trouble =>
  say(
    `${path}: its file system has room for ${left} more files`,
    'at least 1000: each run makes some',
    'remove small files there, or move the state to another file system',
  );

export const unwritable = (path: string, code: string, user: string): Trouble =>
  say(
    `${path}: ${user} cannot write to it (${code})`,
    'a directory to which the daemon can write',
    'give it to the user of the daemon (chown, chmod 0700), or mount its disk to be written to',
  );

export const unreachedState = (path: string, code: string): Trouble =>
  say(
    `${path}: cannot be looked at (${code})`,
    'the directory with the journal',
    'run "baton doctor" as the user of the daemon, or as root (sudo)',
  );

export const noDirectory = (path: string): Trouble =>
  say(
    `${path}: it is no directory`,
    'the directory with the journal',
    'move it away, or name another place with "batond --state DIR"',
  );

/** The daemon that has the state listens elsewhere. */
export const heldState = (path: string, pid: number, socket: string): Trouble =>
  say(
    `${path}: process ${pid} holds it, and does not answer on ${socket}`,
    'the daemon on this socket',
    `see "ps -fp ${pid}"; name its socket with --socket or $BATON_SOCKET, or stop that process`,
  );

/** The mistakes are told beside it. */
export const badConfig = (): Trouble =>
  say(
    'no run can be accepted or started',
    'a daemon whose configuration has no mistakes',
    'fix what "batond --check" names',
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
  say(`${name} does not work (${how})`, 'its version', `try "${name}" by hand, or install it anew`);

export const otherBatond = (path: string, found: string, own: string): Trouble =>
  say(
    `${path} is baton ${found}`,
    `baton ${own}, as this client is`,
    'remove the old one, or install both anew',
  );

export const missingFile = (path: string, code: string): Trouble =>
  say(`${path}: cannot be read (${code})`, 'a file of baton', 'install baton again');

// cron

export const noCron = (lines: number): Trouble =>
  say(
    `no cron runs, and crontabs call baton (lines: ${lines})`,
    'a cron daemon',
    'start it ("systemctl enable --now cron", or "service cron start"), or install cron',
  );

export const uncheckedCrontabs = (how: string): Trouble =>
  say(`"baton check-crontab" gave no answer (${how})`, 'a look at all crontabs', 'try it by hand');

export const betterLines = (count: number): Trouble =>
  say(
    `crontabs have lines that could be better (${count})`,
    'lines as "baton check-crontab" proposes them',
    'run "baton check-crontab", which shows each of them',
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
    `the clock is behind: ${file} is of a time ${by} ahead`,
    'a clock that was not set back',
    'set the clock (timedatectl, chronyc), and look at the times of the last runs',
  );

export const notSynchronized = (service: string): Trouble =>
  say(
    `the clock is not synchronized (${service})`,
    'a clock that is kept right, since cron and the policies go by it',
    'run "timedatectl set-ntp true", or install chrony or systemd-timesyncd',
  );
