/** What `baton import systemd` says of units: a clause behind the name of the unit. Pure. */

/** `why` is one of the next. */
export const notImported = (why: string): string => `not imported: ${why}`;

export const oddEscape = (word: string): string =>
  `baton does not know the escape in ${word}; write the character itself`;

export const openQuote = (text: string): string =>
  `the command line ends within quotes, or with a backslash: ${text}; complete it`;

export const oddSpecifier = (specifier: string): string =>
  `only systemd knows what ${specifier} stands for; write what it stands for`;

export const unknownVariable = (name: string): string =>
  `the command line has the variable ${name}, which Environment= does not set; set it there`;

export const wrongType = (type: string): string =>
  `its Type= is ${type}, and baton runs commands that end; expected oneshot, exec or simple`;

export const noCommand = (): string =>
  'it has no ExecStart= in [Service]; name the service that runs the command';

export const severalCommands = (): string =>
  'it has several ExecStart=, and systemd takes them of Type=oneshot only; correct the unit';

export const isBatons = (): string => 'it calls baton already; leave it as it is';

export const oddPrefix = (command: string): string =>
  `baton has nothing for the prefix of ${command}; expected "-" or ":", or none`;

export const forgivesOne = (): string =>
  'it has "-" before some commands and not before others; give each a service of its own';

export const needsSystemd = (keys: readonly string[]): string =>
  `only systemd can do what ${list(keys)} says; let the command do it, or leave the unit as it is`;

export const wrongValue = (key: string, value: string): string =>
  `baton has nothing for ${key}=${value}; change it, or leave the unit as it is`;

export const isTemplate = (name: string): string =>
  `it is a template; name an instance, such as ${name}`;

export const isUsers = (): string => 'it is a unit of a user; name a unit of the system';

export const namesNoService = (): string =>
  'it is neither a service nor the timer of one; name one of them';

export const noResticprofile = (directory: string): string =>
  `import: no service of resticprofile in ${directory}; run "resticprofile schedule --all" first, ` +
  'or with cron as its scheduler "baton import crontab FILE"';

export const sameRepository = (): string =>
  'import: the commands of a profile run one at a time; give profiles of one repository the same ' +
  '"group", as restic locks it';

export const staysAround = (keys: readonly string[]): string =>
  `the commands of ${list(keys)} stay in the unit, and run before the run is queued or after its ` +
  'end; let the command of the target call those that belong to the run';

export const wouldBeRoot = (keys: readonly string[]): string =>
  `the commands of ${list(keys)} would run as root, since the drop-in takes User= and Group= ` +
  'away for the client; let the command of the target call them, or leave the unit as it is';

export const holdsNoMore = (keys: readonly string[]): string =>
  `the run is a child of batond, so it has nothing of ${list(keys)}; set them in ` +
  'baton.service for all runs, or leave the unit as it is';

export const asksAgain = (value: string): string =>
  `the setting Restart=${value} stays and asks for a new run each time; use "retry" of the ` +
  'target instead';

export const countsAsFailure = (words: readonly string[]): string =>
  `the run counts as failed after ${words.join(', ')} of SuccessExitStatus=; see "okExit" for ` +
  'codes';

export const endless = (): string =>
  'the setting TimeoutStopSec=infinity becomes a "killAfter" of a year; give the target a ' +
  'shorter one';

export const optionalDirectory = (path: string): string =>
  `baton needs the directory ${path}, which may be missing for systemd; make it, or drop "cwd"`;

export const timerStays = (timer: string, service: string): string =>
  `${timer} goes on starting ${service}, which asks baton; leave it as it is`;

export const noUnit = (why: string): string =>
  `systemctl cannot show it (${why}); give the name that "systemctl list-timers" shows, or the ` +
  'path of a file';

export const silentSystemctl = (seconds: number): string => `no answer within ${seconds} s`;

export const saidNothing = (status: number | null): string =>
  `it said nothing, and ${status === null ? 'was killed' : `ended with status ${status}`}`;

/** Of a plan; `command` is what was asked of systemd. */
export const notAsked = (command: string, why: string): string => `"${command}" failed (${why})`;

function list(keys: readonly string[]): string {
  const names = [...new Set(keys)].map((key) => `${key}=`);
  const last = names.pop() ?? '';
  return names.length === 0 ? last : `${names.join(', ')} and ${last}`;
}
