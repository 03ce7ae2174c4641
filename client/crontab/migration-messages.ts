/**
 * Why a crontab line, or a part of one, cannot become a target, and what the target needs. The
 * first part is printed after "rewrite this one by hand: ". See daemon/messages.ts.
 */

// Why not

export const unreadable = (error: string): string => `the shell cannot read it (${error})`;

export const deepShell = (most: number): string =>
  `it has more than ${most} brackets and backticks, too many to analyse`;

export const bashOnly = (what: string): string =>
  `it has ${what}, which /bin/sh interprets differently from bash`;

export const unknownProgram = (word: string): string => `only the shell knows the value of ${word}`;

export const unknownWord = (word: string): string => `only the shell knows what ${word} is`;

export const unknownOption = (program: string, option: string): string =>
  `the option ${option} of ${program} is unknown to baton`;

export const unknownBefore = (what: string): string =>
  `the commands before it change its environment (${what})`;

export const insideOf = (program: string): string => `${program} starts it among other commands`;

export const startedBy = (program: string): string => `${program} constructs the command from it`;

export const escapedBackticks = (): string => 'it is inside backticks that contain backslashes';

export const splitQuotes = (): string => 'its command is split by several quotes or escapes';

export const inputFromCron = (): string => 'it has a %, after which cron passes input';

export const inBackground = (program: string): string => `${program} starts it in the background`;

// Why an ssh command stays on this machine

export const noKeyFor = (option: string): string =>
  `${option} of ssh has no equivalent key in a target; set it for the host in ssh_config`;

export const noHost = (destination: string): string => `"${destination}" is not a host name`;

export const noRemoteCommand = (): string => 'it has no command for the other machine';

export const keysOf = (user: string): string =>
  `it uses the keys of ${user}, but batond runs as another user`;

export const needsVariable = (name: string): string => `ssh itself needs ${name}`;

export const otherRoot = (program: string): string =>
  `baton does not know the environment in which ${program} starts it`;

// What the target needs

export const forcedCommand = (): string =>
  'if the key has a forced command on the other machine, add "verbatim": true';

export const hostKeysChecked = (): string =>
  'baton always checks host keys: an unknown key is accepted once, a changed key is refused';

export const becomesHook = (name: string): string =>
  `the ping after it becomes the hook ${name}; it follows every run of its target, including ` +
  'runs started by hand';

export const pingStays = (key: string): string =>
  `the ping stays in this line; as a hook ("${key}") it would follow every run of the target`;

export const staysLocal = (program: string, why: string): string =>
  `${program} stays a local command (${why}); "baton cancel" cannot stop what it starts`;

export const loginShell = (program: string): string =>
  `${program} reads /etc/profile and ~/.profile first; put the variables that they set into ` +
  '"env"';

export const sudoPath = (program: string): string =>
  `${program} sets PATH and other variables; put them into "env"`;

export const ownUser = (user: string): string =>
  `${user} needs access to a socket; add one for that user to "sockets", or move the line to ` +
  'root';

export const oneLock = (path: string, others: readonly string[]): string =>
  `the lock ${path} is also used by ${others.join(', ')}; make them targets with the same ` +
  'group as well';

export const scriptLock = (path: string): string =>
  `the lock ${path} becomes a group; keep flock in "args" if anything outside the crontabs ` +
  'uses that lock';

/** `unread` says which include cannot be followed. */
export const levelsUnchecked = (unread: string): string =>
  `${unread}: it may define levels, which cannot be checked; complete "order" (lowest first)`;

export const fillIn = (word: string): string =>
  `to do: replace ${word} by a level; list all levels in "order"`;

// Findings

export const byHand = (why: string): string => `rewrite this one by hand: ${why}`;

export const runsDirectly = (levels: readonly string[]): string =>
  `runs rsnapshot ${levels.join(', ')} directly, which fails while another interval holds the ` +
  'lock';

export const importsThem = (confs: readonly string[]): string =>
  `"baton import rsnapshot ${confs.join(' ')}" prints its target`;

export const noLevel = (level: string, conf: string, levels: readonly string[]): string => {
  const has = levels.length === 0 ? 'none' : levels.join(', ');
  return (
    `${level} is not a level of ${conf}, which has ${has}; rsnapshot refuses it; correct one of ` +
    'them'
  );
};

export const noSync = (conf: string): string =>
  `rsnapshot refuses sync, because "sync_first" is not 1 in ${conf}; correct one of them`;

export const runsElsewhere = (levels: readonly string[], host: string): string =>
  `runs rsnapshot ${levels.join(', ')} on ${host}, which fails while another interval holds ` +
  'the lock there; use a target with the runner "ssh"';

export const leaveElsewhere = (levels: readonly string[], program: string, why: string): string =>
  `runs rsnapshot ${levels.join(', ')} through ${program}; leave it as it is: ${why}`;

// Imports

export const refusedBy = (program: string, fault: string): string =>
  `${program} refuses it ("${fault}"); correct it first`;

export const batonAlready = (): string => 'it already calls baton';

export const noProgram = (): string => 'it runs no program';

export const leftAsItIs = (why: string): string => `left as it is: ${why}`;

export const differsFrom = (name: string): string =>
  `its target would be ${name}, which another line defines with different options, user or ` +
  'variables';

export const nothingToImport = (areNamed: boolean): string =>
  areNamed
    ? 'import: no line of these files can be imported; see the reasons above'
    : 'import: no crontab of this machine calls rsnapshot; name a FILE to import all of its lines';

export const noBorgmatic = (places: readonly string[]): string =>
  `import: no configuration of borgmatic in ${places.join(', ')}; name its FILE`;

export const noProgramHere = (program: string, path: string): string =>
  `${program} is not in ${path} of this machine; correct "args"`;

export const hooksForEach = (file: string): string =>
  `${file} has hooks for the whole session, which would run for each target; use one target ` +
  'for all files';

export const insteadOfTimer = (program: string): string =>
  `the lines below replace what starts ${program} now; disable ${program}.timer or its ` +
  'crontab, or keep it, and create one target for all files with "baton import systemd ' +
  `${program}.timer"`;

export const isThere = (path: string): string =>
  `${path}: already exists, so nothing was written; name another directory with --write`;

export const written = (path: string): string => `wrote ${path}; check it, then put it in place`;

export const addTargets = (path: string): string =>
  `${path}: already exists; add the new targets to it`;
