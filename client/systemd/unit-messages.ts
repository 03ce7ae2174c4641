/** Texts of `baton import systemd` about units: a clause after the name of the unit. Pure. */

/** `why` is one of the next. */
export const notImported = (why: string): string => `not imported: ${why}`;

export const oddEscape = (word: string): string =>
  `baton does not support the escape in ${word}; write the character itself`;

export const openQuote = (text: string): string =>
  `the command line ends inside quotes, or with a backslash: ${text}; complete it`;

export const oddSpecifier = (specifier: string): string =>
  `only systemd can expand ${specifier}; write its value instead`;

export const unknownVariable = (name: string): string =>
  `the command line uses the variable ${name}, which Environment= does not set; set it there`;

export const wrongType = (type: string): string =>
  `its Type= is ${type}, but baton runs only commands that end; expected oneshot, exec or ` +
  'simple';

export const noCommand = (): string =>
  'it has no ExecStart= in [Service]; name the service that runs the command';

export const severalCommands = (): string =>
  'it has several ExecStart=, which systemd allows only with Type=oneshot; correct the unit';

export const isBatons = (): string => 'it already calls baton; leave it as it is';

export const oddPrefix = (command: string): string =>
  `baton does not support the prefix of ${command}; expected "-" or ":", or none`;

export const forgivesOne = (): string =>
  'it has "-" before some commands and not before others; split them into separate services';

export const needsSystemd = (keys: readonly string[]): string =>
  `only systemd supports ${list(keys)}; let the command do this itself, or leave the unit as ` +
  'it is';

export const wrongValue = (key: string, value: string): string =>
  `baton has no equivalent of ${key}=${value}; change it, or leave the unit as it is`;

export const isTemplate = (name: string): string =>
  `it is a template; name an instance, such as ${name}`;

export const isUsers = (): string => 'it is a user unit; name a system unit';

export const namesNoService = (): string =>
  'it is neither a service nor the timer of a service; name one of these';

export const noResticprofile = (directory: string): string =>
  `import: no service of resticprofile in ${directory}; run "resticprofile schedule --all" ` +
  'first, or, if its scheduler is cron, "baton import crontab FILE"';

export const sameRepository = (): string =>
  'import: the commands of a profile run one at a time; if several profiles use one ' +
  'repository, give them the same "group", because restic locks the repository';

export const staysAround = (keys: readonly string[]): string =>
  `the commands of ${list(keys)} stay in the unit, and are executed before the run is queued ` +
  'or after it has ended; move those that belong to the run to the command of the target';

export const wouldBeRoot = (keys: readonly string[]): string =>
  `the commands of ${list(keys)} would run as root, because the drop-in removes User= and ` +
  'Group= for the client; move them to the command of the target, or leave the unit as it is';

export const holdsNoMore = (keys: readonly string[]): string =>
  `the run is a child of batond, so it is not subject to ${list(keys)}; set that in ` +
  'baton.service for all runs, or leave the unit as it is';

export const asksAgain = (value: string): string =>
  `the setting Restart=${value} stays and queues a new run each time; use "retry" of the ` +
  'target instead';

export const countsAsFailure = (words: readonly string[]): string =>
  `the run counts as failed after ${words.join(', ')} of SuccessExitStatus=; see "okExit" for ` +
  'codes';

export const endless = (): string =>
  'the setting TimeoutStopSec=infinity becomes a "killAfter" of one year; set a shorter one';

export const optionalDirectory = (path: string): string =>
  `baton needs the directory ${path}, which systemd allows to be missing; create it, or ` +
  'remove "cwd"';

export const timerStays = (timer: string, service: string): string =>
  `${timer} still starts ${service}, which calls baton; leave it as it is`;

export const noUnit = (why: string): string =>
  `systemctl cannot show it (${why}); give the name that "systemctl list-timers" shows, or the ` +
  'path of a file';

export const silentSystemctl = (seconds: number): string => `no answer within ${seconds} s`;

export const saidNothing = (status: number | null): string =>
  `it printed nothing, and ${status === null ? 'was killed' : `exited with ${status}`}`;

/** For a plan; `command` is the command that was run. */
export const notAsked = (command: string, why: string): string => `"${command}" failed (${why})`;

function list(keys: readonly string[]): string {
  const names = [...new Set(keys)].map((key) => `${key}=`);
  const last = names.pop() ?? '';
  return names.length === 0 ? last : `${names.join(', ')} and ${last}`;
}
