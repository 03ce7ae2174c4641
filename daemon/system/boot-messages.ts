/** Why batond cannot start, or not as it was asked to. See daemon/messages.ts for the style. */
import { describeErrno } from '../shared/errno.ts';

// Its command line

export const badUsage = (mistake: string): string => `${mistake}; see batond --help`;

export const unknownOption = (option: string, near: string | undefined): string =>
  `unknown option ${option}${near === undefined ? '' : ` (did you mean ${near}?)`}`;

export const noValue = (option: string): string => `${option}: expected a value, found none`;

export const noSwitch = (option: string, value: string): string =>
  `${option}: expected no value, found "${value}"`;

export const twice = (option: string): string => `${option}: is given twice, expected once`;

export const extraWord = (word: string): string =>
  `unexpected argument "${word}"; name a configuration with --config FILE`;

export const onlyAlone = (): string =>
  '--only: expected --replay FILE beside it, since it narrows what is told of a journal';

export const noPlanInput = (): string =>
  '--plan: expected a request for a plan on standard input, found something else; use "baton plan", ' +
  'which makes one';

export const wrongWord = (option: string, known: readonly string[], found: string): string =>
  `${option}: expected one of ${known.join(', ')}, found "${found}"`;

export const wrongDuration = (option: string, expected: string, found: string): string =>
  `${option}: expected ${expected}, found "${found}"`;

// Where things are

export const noConfig = (places: readonly string[]): string =>
  `no configuration: there is no ${places.join(' and no ')}; ` +
  'write one, or name one with --config FILE or $BATON_CONFIG';

export const longSocketPath = (path: string, bytes: number, most: number): string =>
  `socket ${path}: its path has ${bytes} bytes, expected at most ${most}; ` +
  'name a shorter one with --socket PATH or $BATON_SOCKET';

export const noHome = (uid: number): string =>
  `no place for the state: uid ${uid} has no entry in passwd, and HOME is not set; name a directory ` +
  'with --state DIR';

// The state directory

/** `found` and `expected` are users as people call them. */
export const ownedByOther = (path: string, found: string, expected: string): string =>
  `${path}: belongs to ${found}, expected ${expected}, as which batond runs; give it to that ` +
  'user (chown), or name another place with --state DIR';

export const writableByOthers = (path: string, mode: number): string =>
  `${path}: others can write to it: its mode is ${mode.toString(8).padStart(4, '0')}, expected 0700; ` +
  'take that right from them (chmod go-w)';

/** A link or a second name would let others choose what a lock overwrites. */
export const noOwnLock = (path: string): string =>
  `${path}: is no file of this user alone, as a lock has to be (a link, or somebody else's); remove ` +
  'it, or name another place';

export const noStateDirectory = (path: string, error: unknown): string =>
  `state directory ${path}: cannot be made ${describeErrno(error)}; ` +
  '--state names another place';

/** `option` names another place for what is locked. */
export const lockHeld = (path: string, holder: string | undefined, option: string): string => {
  const who = holder === undefined ? 'another daemon' : `the daemon with pid ${holder}`;
  return `${path}: is held by ${who}; stop that one first, or name another place with ${option}`;
};

export const cannotOpen = (path: string, error: unknown): string =>
  `${path}: cannot be opened ${describeErrno(error)}`;

export const noFlock = (path: string): string =>
  `${path}: cannot be locked: flock is not in PATH; install util-linux`;

export const cannotLock = (path: string, why: string): string =>
  `${path}: cannot be locked: flock says "${why}"; use a file system that knows locks`;

export const noPerl = (path: string | undefined): string =>
  `keepers need perl, which is not in PATH (${path}): install perl-base`;

export const noKeeperScript = (path: string): string =>
  `${path} is missing or cannot be read: install baton again`;

// The journal

export const cannotWrite = (path: string, error: unknown): string =>
  `${path}: cannot be written ${describeErrno(error)}`;

export const unprinted = (code: string): string =>
  `cannot write to stdout (${code}); make room where it goes, and ask again`;

export const cannotRead = (path: string, error: unknown): string =>
  `${path}: cannot be read ${describeErrno(error)}`;

export const damaged = (path: string, line: number, byte: number): string =>
  badLine(path, line, byte, 'is damaged: its checksum or its number is wrong');

/** Every line is whole, but they contradict each other. */
export const impossible = (path: string, line: number, byte: number, why: string): string =>
  badLine(path, line, byte, `cannot be: ${why}`);

const badLine = (path: string, line: number, byte: number, what: string): string =>
  `${path}: line ${line} (byte ${byte}) ${what}; nothing was changed; restore the file from a ` +
  'backup, or move the state directory aside to begin anew';

const LOST =
  'nothing more is accepted, and what runs goes on; put the file back as it was, or leave it, and ' +
  'restart batond';

/** While the daemon was writing to it. */
export const journalGone = (path: string): string =>
  `${path}: was removed, or its directory was moved; ${LOST}`;

export const journalReplaced = (path: string): string =>
  `${path}: is another file than the one that this daemon has opened; ${LOST}`;

export const journalChanged = (path: string, found: number, expected: number): string =>
  `${path}: has ${found} bytes, expected ${expected}: something else has written to it; ${LOST}`;

export const newerFormat = (path: string, found: number, known: number): string =>
  `${path}: was written by a newer baton (format ${found}; this one reads up to ${known}); ` +
  'install that version or a later one';

export const noJournal = (path: string): string =>
  `${path}: is no regular file; name a journal, such as STATE/journal.ndjson`;

export const torn = (path: string, line: number, byte: number, bytes: number): string =>
  `${path}: line ${line} (byte ${byte}) is torn: ${bytes} bytes without an end, as a power cut ` +
  'leaves them, or a write that is under way; leave it, a daemon cuts it off when it starts';

// Sockets

export const noSocketDirectory = (path: string, error: unknown): string =>
  `socket ${path}: its directory cannot be made ${describeErrno(error)}; ` +
  '--socket names another place';

export const noSocket = (path: string): string =>
  `socket ${path}: is there already and is no socket; remove it, or name another place with --socket`;

/** `name` and `pid` are of the process that listens; undefined where it cannot be seen. */
export const othersListen = (path: string, name?: string, pid?: number): string => {
  const elsewhere = 'or name another place with --socket PATH';
  if (name === undefined) {
    return `socket ${path}: another process listens there; stop it, ${elsewhere}`;
  }
  const found = `socket ${path}: ${name} (pid ${pid}) listens there`;
  if (name !== 'systemd') return `${found}; stop it, ${elsewhere}`;
  const stop = `systemctl${pid === 1 ? '' : ' --user'} stop baton.socket`;
  return `${found} and starts the daemon itself; leave that to it, or run "${stop}", ${elsewhere}`;
};

export const notReplaced = (path: string, errno: string): string =>
  `socket ${path}: is there already, and whether somebody listens there cannot be found out ` +
  `${describeErrno(errno)}; remove it, or name another place with --socket PATH`;

export const cannotListen = (what: string, error: unknown): string =>
  `${what}: cannot be listened on ${describeErrno(error)}`;

export const networkSocket = (what: string): string =>
  `${what}: is a network socket; expected a Unix socket: give ListenStream= of its unit a path`;

/** `group` as people call it. */
export const cannotWiden = (path: string, group: string | undefined, error: unknown): string => {
  const what = group === undefined ? 'its mode' : `its mode or group ${group}`;
  return `socket ${path}: ${what} cannot be set ${describeErrno(error)}`;
};

export const noSocketGroup = (path: string, group: string | number): string =>
  `socket ${path}: there is no group "${group}" on this machine; make it (groupadd), or name another`;
