/**
 * What cron does with lines and files of crontabs, as `baton check-crontab` tells it. A place
 * stands in front: the file and the line. The style: test/unit/project/messages.test.ts.
 */

// A line

/** `fault` in cron's own words; `others` lines are in the file beside it. */
export const refusedFile = (fault: string, others: number): string => {
  const rest = others === 0 ? '' : `, and with it all other lines of the file (${others})`;
  return `cron refuses this line ("${fault}")${rest}; correct it`;
};

export const refusedLine = (fault: string): string =>
  `systemd-cron drops this line ("${fault}"); correct it`;

/** `notes` say why, where something is known. */
export const neverRuns = (notes: readonly string[]): string => {
  if (notes.length > 0) return `never runs: ${notes.join('; ')}`;
  return 'never runs: no day of the calendar is like that; correct the day or the month';
};

export const cutAtPercent = (): string =>
  'cron ends the command at the first "%", and what follows becomes its input; write "\\%" for each';

/** `path` is undefined for a name with directories, `where` where it is nowhere. */
export const notOnPath = (
  name: string,
  path: string | undefined,
  where: string | undefined,
): string => {
  const found =
    path === undefined
      ? `runs ${name}, which is no program that can be executed`
      : `runs ${name}, which is in no directory of the PATH that cron gives it (${path})`;
  const install = 'install it where cron looks (contrib/launchers.mjs)';
  return `${found}; ${where === undefined ? install : `write ${where}, or set PATH above the line`}`;
};

export const hiddenCall = (script: string): string =>
  `runs ${script}, which mentions rsnapshot and is not looked into; let it run rsnapshot by baton`;

export const syncChain = (level: string): string =>
  `a sync that ends with 2 has fetched, with warnings, and this line then leaves ${level} out; ` +
  'write one line for each at the same minute, which baton puts in order, or one target with ' +
  '"cmds" and "continueOn": [0, 2]';

// A file

export const ignored = (why: string): string => `cron ignores this file: ${why}`;

export const othersCanWrite = (mode: string): string =>
  `others can write to it (mode ${mode}); make it 644 with chmod`;

export const wrongMode = (mode: string): string => `its mode is ${mode}; make it 600 with chmod`;

export const wrongOwner = (found: string, expected: string): string =>
  `it belongs to ${found}; let it belong to ${expected} with chown`;

export const wrongLinkOwner = (found: string): string =>
  `the link to it belongs to ${found}; let it belong to root with chown -h`;

export const manyLinks = (links: number): string =>
  `it has ${links} hard links; leave it one, with a copy of its own`;

export const dotInName = (name: string): string =>
  `its name "${name}" has signs beside letters, digits, - and _; give it another one`;

export const noFileThere = (found: string): string =>
  `it is ${found}; put a file there, or remove it`;

export const unknownUser = (name: string): string =>
  `there is no user "${name}"; make the user, or remove the file`;

export const masked = (unit: string): string =>
  `${unit} is there, which goes before it; remove one of them`;

// A machine

export const systemdCron = (): string =>
  'systemd-cron runs these crontabs: it mails failures only, and never what a job prints';

export const elsewhere = (files: readonly string[]): string =>
  `mentions rsnapshot and was not looked into: ${files.join(' ')}`;

export const notLookedInto = (): string =>
  'not looked into: scripts of /etc/cron.hourly, daily, weekly and monthly, /etc/anacrontab, timers ' +
  'of systemd (see systemctl list-timers), scripts that crontabs call';
