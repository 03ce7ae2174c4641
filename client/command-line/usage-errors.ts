/**
 * Mistakes in a command line. `seeHelp` appends the help page; see daemon/messages.ts for the
 * style.
 */

export const seeHelp = (mistake: string, page: string): string =>
  `${mistake.replace(/; (did you mean .*\?)$/, ' ($1)')}; see ${page}`;

// Commands and options

/** `hint` is a question, or ''. */
export const unknownOption = (option: string, hint: string): string =>
  `unknown option ${option}${hint}`;

export const unknownCommand = (name: string, hint: string): string =>
  `unknown command "${name}"${hint}`;

export const meant = (verb: string): string => `; did you mean "${verb}"?`;

export const noCommand = (): string => 'expected a command, found none';

export const foreignOption = (command: string, option: string): string =>
  `${command}: ${option} is not an option of this command`;

export const waitMeant = (command: string): string =>
  `${command}: -w means --watch, an option of status; write --wait to wait for the run to end`;

export const extraWord = (command: string, word: string): string =>
  `${command}: unexpected argument "${word}"`;

export const missingWord = (command: string, expected: string): string =>
  `${command}: expected ${expected}, found nothing`;

export const wrongWord = (command: string, expected: string, found: string): string =>
  `${command}: expected ${expected}, found "${found}"`;

export const twice = (option: string): string => `${option} is given twice; give it once`;

/** `one` and `other` as typed, with their purpose. */
export const bothGiven = (command: string, one: string, other: string): string =>
  `${command}: expected either ${one} or ${other}, found both`;

// Values

export const noValue = (option: string): string => `${option} needs a value, found none`;

export const noSwitch = (option: string, found: string): string =>
  `${option} takes no value, found "${found}"`;

export const wrongCount = (where: string, most: number, found: string): string =>
  `${where}: expected a number from 1 to ${most}, found "${found}"`;

export const noRun = (verb: string, found: string): string =>
  `${verb}: expected the number of a run, such as 17 (baton status shows them), found "${found}"`;

export const wrongValue = (
  option: string,
  expected: string,
  found: string | undefined,
  hint = '',
): string => `${option}: expected ${expected}, found "${found}"${hint}`;

export const longSocketPath = (path: string, bytes: number, most: number): string =>
  `socket path ${path}: has ${bytes} bytes, expected at most ${most}; name a shorter one`;

// Options that need each other

export const needsWait = (command: string, option: string): string =>
  `${command}: ${option} needs --wait`;

/** `other` is what `option` requires. */
export const needsOther = (command: string, option: string, other: string): string =>
  `${command}: ${option} needs ${other}; add ${other}, or omit ${option}`;

export const withoutWait = (option: string): string =>
  `run: ${option} cannot be combined with --wait; omit one of them`;

export const forOne = (command: string, what: string, one: string): string =>
  `${command}: ${what} for one ${one}, found several`;

export const allAndReport = (): string => 'wait: --report needs one RUN, found --all';

export const noTerminal = (): string =>
  'status: --watch needs a terminal, but standard output is not one; omit --watch, or poll ' +
  'with --json';
