/** Texts of `baton import anacron` about the lines of an anacrontab: clauses. Pure. */

// Why a line is left unchanged

export const goesOn = (): string => 'it continues on the next line; join the lines first';

export const losesBackslashes = (): string =>
  'anacron removes every backslash before the shell reads the line; move the command to a ' +
  'script';

export const endsWithReturn = (): string =>
  'it ends with a carriage return, which anacron passes to the shell; ' +
  'remove it with "tr -d \\r"';

export const runsParts = (): string =>
  'it runs the scripts of packages; to import it too, name the file on the command line';

// Notes about an imported line

export const pathOfAnacron = (): string =>
  'the anacrontab sets no PATH, so the command used the PATH of anacron; set the PATH that it ' +
  'needs in "env"';

export const setBelow = (names: readonly string[]): string =>
  `anacron may also set ${names.join(', ')}, defined further below, for this job; move it ` +
  'above the job, or set it in "env" of the target';

export const ownedBy = (uid: number): string =>
  `the file is owned by user ${uid}, the user of its anacron; set "user" of the targets to ` +
  'that user';

export const nothingToImport = (path: string): string =>
  `import: no line of ${path} can be imported; see the reasons above`;
