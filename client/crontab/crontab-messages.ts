/**
 * What cron does with lines and files of crontabs, for `baton check-crontab`; printed after the
 * file and the line. For the style see test/unit/project/messages.test.ts.
 */

// Lines

/** `fault` in cron's own words; the file has `others` further lines. */
export const refusedFile = (fault: string, others: number): string => {
  const rest = others === 0 ? '' : `, and with it all other lines of the file (${others})`;
  return `cron refuses this line ("${fault}")${rest}; correct it`;
};

export const refusedLine = (fault: string): string =>
  `systemd-cron drops this line ("${fault}"); correct it`;

/** `notes` are the known reasons. */
export const neverRuns = (notes: readonly string[]): string => {
  if (notes.length > 0) return `never runs: ${notes.join('; ')}`;
  return 'never runs: no such day exists in the calendar; correct the day or the month';
};

export const cutAtPercent = (): string =>
  'cron ends the command at the first "%" and passes the rest as its input; write each "%" as ' +
  '"\\%"';

/** `path` is undefined for a name with directories, `where` if it is nowhere. */
export const notOnPath = (
  name: string,
  path: string | undefined,
  where: string | undefined,
): string => {
  const found =
    path === undefined
      ? `runs ${name}, which is not an executable program`
      : `runs ${name}, which is not in the PATH that cron sets (${path})`;
  const install = 'install it in that PATH (contrib/launchers.mjs)';
  return `${found}; ${where === undefined ? install : `write ${where}, or set PATH above the line`}`;
};

export const hiddenCall = (script: string): string =>
  `runs ${script}, which mentions rsnapshot and was not analysed; change it to call rsnapshot ` +
  'through baton';

export const syncChain = (level: string): string =>
  `a sync that exits with 2 has succeeded with warnings, but this line then skips ${level}; ` +
  'write one line for each at the same minute, which baton puts in order, or one target with ' +
  '"cmds" and "continueOn": [0, 2]';

// Files

export const ignored = (why: string): string => `cron ignores this file: ${why}`;

export const othersCanWrite = (mode: string): string =>
  `it is writable by others (mode ${mode}); set mode 644 with chmod`;

export const wrongMode = (mode: string): string => `its mode is ${mode}; set mode 600 with chmod`;

export const wrongOwner = (found: string, expected: string): string =>
  `it is owned by ${found}; change the owner to ${expected} with chown`;

export const wrongLinkOwner = (found: string): string =>
  `the link to it is owned by ${found}; change the owner to root with chown -h`;

export const manyLinks = (links: number): string =>
  `it has ${links} hard links; replace it by a copy with a single link`;

export const dotInName = (name: string): string =>
  `its name "${name}" has characters other than letters, digits, - and _; rename it`;

export const noFileThere = (found: string): string =>
  `it is ${found}; put a file there, or remove it`;

export const unknownUser = (name: string): string =>
  `there is no user "${name}"; create the user, or remove the file`;

export const masked = (unit: string): string =>
  `${unit} exists, which takes precedence; remove one of them`;

// Machines

export const systemdCron = (): string =>
  'systemd-cron runs these crontabs: it mails only failures, never the output of a job';

export const elsewhere = (files: readonly string[]): string =>
  `these files mention rsnapshot and were not analysed; check them yourself: ${files.join(' ')}`;

export const notLookedInto = (): string =>
  'not checked: scripts in /etc/cron.hourly, daily, weekly and monthly, /etc/anacrontab, ' +
  'systemd timers (systemctl list-timers), scripts that crontabs call; check them yourself';
