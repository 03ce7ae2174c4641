/** Files that an import creates with `--write DIRECTORY`; never overwrites existing ones. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { cannotWrite } from '../client-errors.ts';
import type { Ending } from '../ending.ts';
import { codeOf, complain, plain } from '../terminal/output.ts';
import * as say from './migration-messages.ts';

export interface NewFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** The name of the configuration, even if it is only shown. */
export const CONFIG = 'config.json';
const CONFIG_THERE = '/etc/baton/config.json';
/** Targets may contain secrets, and so may crontabs. */
export const SECRET_MODE = 0o600;
export const PUBLIC_MODE = 0o644;
/** EX_CANTCREAT of sysexits(3). */
const EXIT_CANNOT_CREATE = 73;

export function writeNew(files: readonly NewFile[]): Ending {
  const fail = (line: string): Ending => ({ status: EXIT_CANNOT_CREATE, isOwn: true, line });
  const there = files.find(({ path }) => existsSync(path));
  if (there !== undefined) return fail(say.isThere(there.path));
  for (const { path, text, mode } of files) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text, { flag: 'wx', mode, flush: true });
    } catch (error) {
      return fail(cannotWrite(path, codeOf(error)));
    }
  }
  for (const { path } of files) complain(plain(say.written(path)));
  if (existsSync(CONFIG_THERE)) complain(say.addTargets(CONFIG_THERE));
  return { status: 0, isOwn: true };
}
