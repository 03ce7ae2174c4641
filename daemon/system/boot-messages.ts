/** Why batond cannot start, or not as requested. See daemon/messages.ts for the style. */
import { describeErrno } from '../shared/errno.ts';

// The command line

export const badUsage = (mistake: string): string => `${mistake}; see batond --help`;

export const unknownOption = (option: string, near: string | undefined): string =>
  `unknown option ${option}${near === undefined ? '' : ` (did you mean ${near}?)`}`;

export const noValue = (option: string): string => `${option}: expected a value, found none`;

export const noSwitch = (option: string, value: string): string =>
  `${option}: expected no value, found "${value}"`;

export const twice = (option: string): string => `${option}: given twice; give it once`;

export const extraWord = (word: string): string =>
  `unexpected argument "${word}"; name a configuration with --config FILE`;

export const onlyAlone = (): string =>
  '--only: expected together with --replay FILE, because it selects what is shown of a journal';

export const noPlanInput = (): string =>
  '--plan: expected a plan request on standard input, found something else; use "baton plan", ' +
  'which sends one';

export const wrongWord = (option: string, known: readonly string[], found: string): string =>
  `${option}: expected one of ${known.join(', ')}, found "${found}"`;

export const wrongDuration = (option: string, expected: string, found: string): string =>
  `${option}: expected ${expected}, found "${found}"`;

// Paths

export const noConfig = (places: readonly string[]): string =>
  `no configuration: there is no ${places.join(' and no ')}; create one, or name one with ` +
  '--config FILE or $BATON_CONFIG';

export const longSocketPath = (path: string, bytes: number, most: number): string =>
  `socket ${path}: its path has ${bytes} bytes, expected at most ${most}; ` +
  'name a shorter one with --socket PATH or $BATON_SOCKET';

export const noHome = (uid: number): string =>
  `no state directory: uid ${uid} has no entry in passwd, and HOME is not set; name a ` +
  'directory with --state DIR';

// The state directory

/** `found` and `expected` are users, for people. */
export const ownedByOther = (path: string, found: string, expected: string): string =>
  `${path}: is owned by ${found}, expected ${expected}, the user of batond; change its owner ` +
  '(chown), or name another directory with --state DIR';

export const writableByOthers = (path: string, mode: number): string =>
  `${path}: is writable by others: its mode is ${mode.toString(8).padStart(4, '0')}, expected ` +
  '0700; remove that permission (chmod go-w)';

/** With a link or a hard link, others could choose which file a lock overwrites. */
export const noOwnLock = (path: string): string =>
  `${path}: is a link or owned by another user; expected a lock file that only this user can ` +
  'write; remove it, or name another directory';

export const noStateDirectory = (path: string, error: unknown): string =>
  `state directory ${path}: cannot be created ${describeErrno(error)}; or name another ` +
  'directory with --state';

/** `option` selects another path instead of the locked one. */
export const lockHeld = (path: string, holder: string | undefined, option: string): string => {
  const who = holder === undefined ? 'another daemon' : `the daemon with pid ${holder}`;
  return `${path}: is locked by ${who}; stop that daemon first, or name another path with ${option}`;
};

export const cannotOpen = (path: string, error: unknown): string =>
  `${path}: cannot be opened ${describeErrno(error)}`;

export const noFlock = (path: string): string =>
  `${path}: cannot be locked: flock is not in PATH; install util-linux`;

export const cannotLock = (path: string, why: string): string =>
  `${path}: cannot be locked: flock says "${why}"; use a file system that supports locking`;

export const noPerl = (path: string | undefined): string =>
  `keepers need perl, which is not in PATH (${path}); install perl-base`;

export const noKeeperScript = (path: string): string =>
  `${path} is missing or cannot be read; reinstall baton`;

// The journal

export const cannotWrite = (path: string, error: unknown): string =>
  `${path}: cannot be written ${describeErrno(error)}`;

export const unprinted = (code: string): string =>
  `cannot write to stdout (${code}); free some space there, and try again`;

export const cannotRead = (path: string, error: unknown): string =>
  `${path}: cannot be read ${describeErrno(error)}`;

export const damaged = (path: string, line: number, byte: number): string =>
  badLine(path, line, byte, 'is damaged: its checksum or its number is wrong');

/** Every line is valid, but they contradict each other. */
export const impossible = (path: string, line: number, byte: number, why: string): string =>
  badLine(path, line, byte, `is not possible: ${why}`);

const badLine = (path: string, line: number, byte: number, what: string): string =>
  `${path}: line ${line} (byte ${byte}) ${what}; nothing was changed; restore the file from a ` +
  'backup, or move the state directory away to start from scratch';

const LOST =
  'new requests are refused, and running runs continue; restore the file, or leave it as it ' +
  'is, and restart batond';

/** While the daemon was writing to it. */
export const journalGone = (path: string): string =>
  `${path}: was removed, or its directory was moved; ${LOST}`;

export const journalReplaced = (path: string): string =>
  `${path}: was replaced by another file while this daemon was using it; ${LOST}`;

export const journalChanged = (path: string, found: number, expected: number): string =>
  `${path}: has ${found} bytes, expected ${expected}: another program has written to it; ` +
  `${LOST}`;

export const newerFormat = (path: string, found: number, known: number): string =>
  `${path}: was written by a newer baton (format ${found}; this one reads up to ${known}); ` +
  'install that version or a later one';

export const noJournal = (path: string): string =>
  `${path}: is not a regular file; name a journal, such as STATE/journal.ndjson`;

export const torn = (path: string, line: number, byte: number, bytes: number): string =>
  `${path}: line ${line} (byte ${byte}) is incomplete: ${bytes} bytes without a newline, left ` +
  'by a power failure or a write in progress; leave it, because the next daemon removes it ' +
  'when it starts';

// Sockets

export const noSocketDirectory = (path: string, error: unknown): string =>
  `socket ${path}: its directory cannot be created ${describeErrno(error)}; or name another ` +
  'socket with --socket';

export const noSocket = (path: string): string =>
  `socket ${path}: the file exists and is not a socket; remove it, or name another socket ` +
  'with --socket';

/** `name` and `pid` are of the process that listens; undefined if it cannot be seen. */
export const othersListen = (path: string, name?: string, pid?: number): string => {
  const elsewhere = 'or name another socket with --socket PATH';
  if (name === undefined) {
    return `socket ${path}: another process listens there; stop it, ${elsewhere}`;
  }
  const found = `socket ${path}: ${name} (pid ${pid}) listens there`;
  if (name !== 'systemd') return `${found}; stop it, ${elsewhere}`;
  const stop = `systemctl${pid === 1 ? '' : ' --user'} stop baton.socket`;
  return (
    `${found} and starts the daemon when needed; leave it to systemd, or run "${stop}", ` +
    `${elsewhere}`
  );
};

export const notReplaced = (path: string, errno: string): string =>
  `socket ${path}: exists, and it cannot be checked whether a process listens there ` +
  `${describeErrno(errno)}; remove it, or name another socket with --socket PATH`;

export const cannotListen = (what: string, error: unknown): string =>
  `cannot listen on ${what} ${describeErrno(error)}`;

export const networkSocket = (what: string): string =>
  `${what}: is a network socket, expected a Unix socket; set ListenStream= of its unit to a ` +
  'path';

/** `group` is for people. */
export const cannotWiden = (path: string, group: string | undefined, error: unknown): string => {
  const what = group === undefined ? 'its mode' : `its mode or group ${group}`;
  return `socket ${path}: ${what} cannot be set ${describeErrno(error)}`;
};

export const noSocketGroup = (path: string, group: string | number): string =>
  `socket ${path}: there is no group "${group}" on this machine; create it (groupadd), or ` +
  'name another group';
