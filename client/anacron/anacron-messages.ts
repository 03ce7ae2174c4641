/** What `baton import anacron` says of the lines of an anacrontab: clauses. Pure. */

// Why a line stays as it is

export const goesOn = (): string => 'it goes on in the next line; write it in one line first';

export const losesBackslashes = (): string =>
  'anacron drops every backslash of it before the shell reads it; let it call a script instead';

export const endsWithReturn = (): string =>
  'it ends with a carriage return, which anacron hands to the shell; remove it with "tr -d \\r"';

export const runsParts = (): string =>
  'it runs the scripts of packages; name the file on the command line to import it, too';

// What to know of one that is imported

export const pathOfAnacron = (): string =>
  'the anacrontab sets no PATH, and so the command had that of anacron; set the one it needs in ' +
  '"env"';

export const setBelow = (names: readonly string[]): string =>
  `anacron gives ${names.join(', ')}, which is set below it, to this job, too, if one below ` +
  'starts first; set it above, or in "env" of the target';

export const ownedBy = (uid: number): string =>
  `the file belongs to the user ${uid}, as whom its anacron runs; give the targets this "user"`;

export const nothingToImport = (path: string): string =>
  `import: no line of ${path} can be imported; see the reasons above`;
