/**
 * Warnings of `batond --check` for local targets that could not run as configured; printed after
 * the target. See daemon/messages.ts for the style.
 */

export const notInPath = (program: string, path: string, there: string | undefined): string => {
  const found = `"${program}" is not found in its PATH (${path})`;
  if (there === undefined)
    return `${found}; install it, or set a PATH in "env" that contains its directory`;
  return (
    `${found}, but there is ${there}; use that path, or set a PATH in "env" that contains its ` +
    'directory'
  );
};

export const noProgram = (file: string, why: string): string =>
  `its program ${file} ${why}; install it, or correct the path`;

export const oneWord = (word: string): string => {
  const words = word.trim().split(/\s+/);
  return `"${word}" is one word with spaces; write separate words: ${JSON.stringify(words)}`;
};

export const shellSyntax = (word: string): string =>
  `"${word}" has a meaning only in a shell, but no shell is involved; use ["/bin/sh", "-c", ` +
  '"…"], or remove it';

export const noCwd = (cwd: string, why: string): string =>
  `its "cwd" ${cwd} ${why}; create it, or correct the path`;

export const noSuchUser = (user: string | number): string =>
  `there is no user "${user}" on this machine; create the user, or correct the name`;

export const noSuchGroup = (group: string | number): string =>
  `there is no group "${group}" on this machine; create the group, or correct the name`;
