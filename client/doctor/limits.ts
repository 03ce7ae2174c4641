/**
 * Nothing that `baton doctor` checks may block it: each command has a time limit, after which all
 * of it is killed, and so has each check. A hanging file server holds up only one check. Only
 * commands wait for it: a thread of this process that waits would prevent even its exit.
 */
import { showDuration } from '../../daemon/protocol/request.ts';
import { runBounded } from '../../daemon/system/bounded-command.ts';
import { codeOf } from '../terminal/output.ts';
import * as say from './doctor-messages.ts';
import { type Finding, type Look, wrong } from './finding.ts';

/** For a command that only prints information about itself. */
export const COMMAND_MS = 5_000;
const STDOUT_CHARS_MAX = 262_144;

export interface Answer {
  /** Its exit status; undefined if it has none. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Why there is none: ENOENT, a signal, or a timeout. */
  readonly how: string;
  /** It did not end within its time limit. */
  readonly isLate?: true;
}

/** Runs a command by its argv. Its messages are in English, whatever the locale is. */
export function run(
  argv: readonly [string, ...string[]],
  limitMs: number = COMMAND_MS,
): Promise<Answer> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (value !== undefined) env[name] = value;
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      end();
      const how = `nothing for ${showDuration(limitMs)}`;
      resolve({ code: undefined, stdout: '', stderr: '', how, isLate: true });
    }, limitMs);
    const end = runBounded(
      argv,
      ({ code, stdout, stderr, errno }) => {
        clearTimeout(timer);
        const how = errno ?? (code === undefined ? 'killed by a signal' : `status ${code}`);
        resolve({ code, stdout, stderr, how });
      },
      { ...env, LC_ALL: 'C' },
      STDOUT_CHARS_MAX,
    );
  });
}

/** Whether the file system of a path answers, even with an error; true if df cannot be run. */
export async function isAnswering(path: string): Promise<boolean> {
  const { isLate = false } = await run(['df', '-P', '--', path]);
  return !isLate;
}

/** The findings of a check of a path, or that its file system does not answer. */
export async function reached(
  look: Look,
  path: string,
  find: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  if (await isAnswering(path)) return await find();
  return [wrong(look, say.deafPlace(path, showDuration(COMMAND_MS)))];
}

/** The findings of a check, or that it does not end. */
export async function bounded(
  look: Look,
  limitMs: number,
  find: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Finding[]>((resolve) => {
    const give = (): void => resolve([wrong(look, say.lateLook(look, showDuration(limitMs)))]);
    timer = setTimeout(give, limitMs);
  });
  try {
    return await Promise.race([find(), late]);
  } catch (error) {
    return [wrong(look, say.failedLook(look, codeOf(error)))];
  } finally {
    clearTimeout(timer);
  }
}
