/**
 * Runs a small command whose answer the daemon waits for, and which may never come: it has its own
 * session, so that all of it can be killed. A process stuck in the kernel (state D) stays, and
 * `done` is not called until it is gone: the caller has a limit of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { errnoOf } from '../shared/errno.ts';

/** Default limit; more of stdout is dropped. */
const STDOUT_CHARS_MAX = 4_096;
/** The end of stderr is kept: that is where a program says why it gives up. */
export const STDERR_CHARS_MAX = 4_096;

export interface Ran {
  /** Undefined: it could not be spawned, or a signal ended it. */
  readonly code?: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Why it could not be spawned. */
  readonly errno?: string;
}

/** Calls back once, never synchronously. The result kills it. `given` is its whole environment. */
export function runBounded(
  args: readonly [string, ...string[]],
  done: (ran: Ran) => void,
  given?: Readonly<Record<string, string>>,
  stdoutCharsMax: number = STDOUT_CHARS_MAX,
): () => void {
  const [file, ...rest] = args;
  const env = given ?? { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' };
  const child = start(file, rest, env);
  if (typeof child === 'string') {
    setImmediate(done, { stdout: '', stderr: '', errno: child });
    return () => {};
  }
  const texts = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    if (texts.stdout.length < stdoutCharsMax) {
      texts.stdout = (texts.stdout + text).slice(0, stdoutCharsMax);
    }
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    texts.stderr = (texts.stderr + text).slice(-STDERR_CHARS_MAX);
  });
  let errno: string | undefined;
  child.once('error', (error) => {
    errno = errnoOf(error);
    // Without a process, no other event follows.
    if (child.pid === undefined) done({ ...texts, errno });
  });
  child.once('close', (code) => {
    if (child.pid !== undefined) done({ ...texts, ...(code === null ? {} : { code }) });
  });
  return () => kill(child);
}

function start(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess | string {
  try {
    // If a directory hangs, the daemon would be blocked until it no longer does.
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    return spawn(file, args, { cwd: '/', env, detached: true, stdio: [...stdio] });
  } catch (error) {
    return errnoOf(error);
  }
}

function kill({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}
