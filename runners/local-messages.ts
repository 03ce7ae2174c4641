/**
 * What `batond --check` warns of where a local target could not run as it is; the target stands in
 * front. See daemon/messages.ts for the style.
 */

export const notInPath = (program: string, path: string, there: string | undefined): string => {
  const found = `"${program}" is not found in its PATH (${path})`;
  if (there === undefined) return `${found}; install it, or give "env" a PATH that leads to it`;
  return `${found}, but it is ${there}; name it so, or give "env" a PATH that leads to it`;
};

export const noProgram = (file: string, why: string): string =>
  `its program ${file} ${why}; install it, or correct the path`;

export const oneWord = (word: string): string => {
  const words = word.trim().split(/\s+/);
  return `"${word}" is one word with blanks; write each word by itself: ${JSON.stringify(words)}`;
};

export const shellSyntax = (word: string): string =>
  `no shell reads its arguments, and "${word}" means something to a shell only; write ` +
  '["/bin/sh", "-c", "…"], or leave it out';

export const noCwd = (cwd: string, why: string): string =>
  `its "cwd" ${cwd} ${why}; make it, or correct the path`;

export const noSuchUser = (user: string | number): string =>
  `there is no user "${user}" on this machine; make the user, or correct the name`;

export const noSuchGroup = (group: string | number): string =>
  `there is no group "${group}" on this machine; make the group, or correct the name`;
