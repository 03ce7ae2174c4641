/**
 * What keeper.pl wrote of the end of a run, as the daemon's own words: `status.N` in the directory
 * of the run, which gets its name when it is complete.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import type { Report } from './command.ts';
import { errnoOf, isShortage } from './errno.ts';
import { describeFailure, type Launch } from './launch.ts';

interface StatusFile {
  readonly started: boolean;
  readonly code: number | null;
  readonly signal: number | null;
  readonly core: boolean;
  readonly stage: 'command' | 'directory' | 'system' | null;
  readonly errno: number | null;
}

export const NEVER_RAN: Report = { started: false, code: null, signal: null, core: false };

export function statusFileOf(directory: string, attempt: number): string {
  return join(directory, `status.${attempt}`);
}

export interface Found {
  readonly report: Report;
  /** Why the command could not be begun, where that passes. */
  readonly shortage?: string;
}

/**
 * Undefined where there is none. Throws where that cannot be told now (EMFILE, EIO, …). `launch` is
 * absent where another daemon had prepared the run.
 */
export function readStatusFile(
  path: string,
  launch: Launch | undefined,
): Found | 'unreadable' | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const status = parse(text);
  if (status === undefined) return 'unreadable';
  const { started, code, signal, core, stage, errno } = status;
  const report = { started, code, signal, core };
  if (stage === null || errno === null) return { report };
  const name = getSystemErrorName(-errno);
  // The keeper could not fork, or its child not exec: the command provably never ran, and may yet.
  if (isShortage(name)) return { report: NEVER_RAN, shortage: name };
  const known = launch ?? { args: [], env: {}, cwd: '', umask: 0 };
  return { report: { ...report, failure: describeFailure(stage, name, known) } };
}

function parse(text: string): StatusFile | undefined {
  try {
    return JSON.parse(text) as StatusFile;
  } catch {
    return undefined;
  }
}

/** What a run has printed so far; what cannot be looked at counts for nothing. */
export function outputBytes(directory: string): number {
  const sizes = ['out', 'err'].map((name) => {
    try {
      return statSync(join(directory, name)).size;
    } catch {
      return 0;
    }
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}
