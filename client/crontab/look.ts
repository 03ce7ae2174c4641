/** What is at a path, according to rsnapshot's file tests; for policies/rsnapshot-checks.ts. */
import { accessSync, constants, lstatSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { FileFacts } from '../../policies/rsnapshot-conf.ts';

export function look(path: string): FileFacts {
  const link = statBy(lstatSync, path);
  const stats = statBy(statSync, path);
  return {
    isThere: stats !== undefined,
    isFile: stats?.isFile() === true,
    isDirectory: stats?.isDirectory() === true,
    isPipe: stats?.isFIFO() === true,
    canRead: can(path, constants.R_OK),
    canWrite: can(path, constants.W_OK),
    canExecute: can(path, constants.X_OK),
    isLink: link?.isSymbolicLink() === true,
  };
}

function statBy(stat: (path: string) => Stats, path: string): Stats | undefined {
  try {
    return stat(path);
  } catch {
    return undefined;
  }
}

function can(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

/** As execvp(3) finds it. */
export function findProgram(name: string, path: string): string | undefined {
  return path
    .split(':')
    .map((directory) => join(directory, name))
    .find((file) => file.startsWith('/') && look(file).isFile && look(file).canExecute);
}
