/**
 * Why a line of a crontab, or a part of one, cannot become a target, and what of it the target has
 * to have. "rewrite this one by hand: " stands in front of the first part. See daemon/message.ts.
 */

// Why not

export const unreadable = (error: string): string => `the shell cannot read it (${error})`;

export const deepShell = (most: number): string =>
  `it has more than ${most} brackets and backticks, too many to look into`;

export const bashOnly = (what: string): string =>
  `it has ${what}, which /bin/sh reads otherwise than bash`;

export const unknownProgram = (word: string): string => `only the shell knows which ${word} is`;

export const unknownWord = (word: string): string => `only the shell knows what ${word} is`;

export const unknownOption = (program: string, option: string): string =>
  `the option ${option} of ${program} is not known here`;

export const unknownBefore = (what: string): string =>
  `what comes before it changes its surroundings (${what})`;

export const insideOf = (program: string): string => `${program} starts it among other commands`;

export const startedBy = (program: string): string => `${program} makes the command of it`;

export const escapedBackticks = (): string => 'it stands in backticks that hold backslashes';

export const splitQuotes = (): string => 'its command stands between several quotes or escapes';

export const inputFromCron = (): string => 'it has a % after which cron gives it input';

export const inBackground = (program: string): string => `${program} starts it in the background`;

// Why a command of ssh stays one of this machine

export const noKeyFor = (option: string): string =>
  `${option} of ssh has no key of a target; write it into ssh_config for the host`;

export const noHost = (destination: string): string => `"${destination}" is no host name`;

export const noRemoteCommand = (): string => 'it names no command for the other machine';

export const keysOf = (user: string): string =>
  `it uses the keys of ${user}, and batond is another user`;

export const needsVariable = (name: string): string => `ssh itself needs ${name}`;

export const otherRoot = (program: string): string =>
  `baton does not know what ${program} starts it in`;

// What the target has to have

export const forcedCommand = (): string =>
  'where the key has a forced command on the other machine, add "verbatim": true';

export const hostKeysChecked = (): string =>
  'baton always checks host keys: an unknown one is taken once, a changed one is refused';

export const becomesHook = (name: string): string =>
  `the ping behind it becomes the hook ${name}; it follows every run of its target, also ` +
  'one that somebody starts by hand';

export const pingStays = (key: string): string =>
  `the ping stays in this line; as a hook ("${key}") it would follow every run of the target`;

export const staysLocal = (program: string, why: string): string =>
  `${program} stays a command of this machine (${why}); ` +
  '"baton cancel" does not reach what it starts';

export const loginShell = (program: string): string =>
  `${program} reads /etc/profile and ~/.profile first: put what they set into "env"`;

export const sudoPath = (program: string): string =>
  `${program} sets PATH and other variables: put what it sets into "env"`;

export const ownUser = (user: string): string =>
  `${user} needs a socket to ask on: add one for that user to "sockets", or move the line to root`;

export const oneLock = (path: string, others: readonly string[]): string =>
  `the lock ${path} is that of ${others.join(', ')} too: let these be targets with this group as well`;

export const scriptLock = (path: string): string =>
  `the lock ${path} becomes a group; keep flock in "args" if something outside of crontabs takes it`;

/** `unread` says which include cannot be followed. */
export const levelsUnchecked = (unread: string): string =>
  `${unread}: levels may come from it, which cannot be checked; complete "order" (lowest first)`;

export const fillIn = (word: string): string =>
  `put each level in place of ${word}, and all of them into "order"`;

// Findings

export const byHand = (why: string): string => `rewrite this one by hand: ${why}`;

export const runsDirectly = (levels: readonly string[]): string =>
  `runs rsnapshot ${levels.join(', ')} directly, which fails when another interval holds the lock`;

export const importsThem = (confs: readonly string[]): string =>
  `"baton import rsnapshot ${confs.join(' ')}" prints its target`;

export const noLevel = (level: string, conf: string, levels: readonly string[]): string => {
  const has = levels.length === 0 ? 'none' : levels.join(', ');
  return `${level} is no level of ${conf}, which has ${has}: rsnapshot refuses it; correct one of them`;
};

export const noSync = (conf: string): string =>
  `rsnapshot refuses sync where "sync_first" is not 1, as in ${conf}; correct one of them`;

export const runsElsewhere = (levels: readonly string[], host: string): string =>
  `runs rsnapshot ${levels.join(', ')} on ${host}, which fails when another interval holds the ` +
  'lock there; let a target with the runner "ssh" run it';

export const leaveElsewhere = (levels: readonly string[], program: string, why: string): string =>
  `runs rsnapshot ${levels.join(', ')} by ${program}; leave it as it is: ${why}`;

// Imports

export const refusedBy = (program: string, fault: string): string =>
  `${program} refuses it ("${fault}"); correct it first`;

export const batonAlready = (): string => 'it asks baton already';

export const noProgram = (): string => 'it runs no program';

export const leftAsItIs = (why: string): string => `left as it is: ${why}`;

export const differsFrom = (name: string): string =>
  `its target would be ${name}, which another line makes with other options, user or variables`;

export const nothingToImport = (areNamed: boolean): string =>
  areNamed
    ? 'import: no line of these files can be imported; see the reasons above'
    : 'import: no crontab of this machine calls rsnapshot; name a FILE to import all of its lines';

export const noBorgmatic = (places: readonly string[]): string =>
  `import: no configuration of borgmatic in ${places.join(', ')}; name its FILE`;

export const noProgramHere = (program: string, path: string): string =>
  `${program} is not in ${path} of this machine; correct "args"`;

export const hooksForEach = (file: string): string =>
  `${file} has hooks around everything, which run for each target; use one target for all files`;

export const insteadOfTimer = (program: string): string =>
  `the lines below take the place of what starts ${program} now: disable ` +
  `${program}.timer or its crontab; or ` +
  `keep that, and take one target for all files from "baton import systemd ${program}.timer"`;

export const isThere = (path: string): string =>
  `${path}: is there already, and nothing was written; name another directory with --write`;

export const written = (path: string): string => `wrote ${path}; look at it, then put it in place`;

export const addTargets = (path: string): string =>
  `${path}: is there already: add the new targets to those in it`;
