/**
 * Whether the machine is shutting down. A shutdown sends SIGTERM to every process, to a keeper as
 * well as its command, and a keeper records that. Somebody who ends a run by hand signals only the
 * command or its process group, and the keeper is in another one. If somebody signals both, what
 * comes next tells that from a shutdown.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/**
 * From SIGTERM to the keeper until the end of its command. By default, systemd waits 90 s before it
 * sends SIGKILL, and a unit may allow more; if the signal came much earlier, it was from somebody
 * else.
 */
export const TERM_MS_MAX = 10 * 60_000;
/**
 * How long an end that looks like a shutdown is held back. A daemon that is told to stop as well
 * has exited by that time.
 */
export const HOLD_MS = 2_000;

const SYSTEMCTL_MS_MAX = 5_000;

/** Whether a shutdown is under way; never rejects. */
export async function isGoingDown(): Promise<boolean> {
  if (isSystemdShutdown()) return true;
  if (!existsSync('/run/systemd/system')) return false;
  return new Promise((resolve) => {
    const options = { timeout: SYSTEMCTL_MS_MAX };
    // It exits with 1 for every state but "running".
    execFile('systemctl', ['is-system-running'], options, (_, stdout) => {
      resolve(stdout.trim() === 'stopping');
    });
  });
}

/** The last process of a systemd that shuts down; the kernel truncates its name. */
export function isSystemdShutdown(): boolean {
  try {
    return readFileSync('/proc/1/comm', 'latin1') === 'systemd-shutdow\n';
  } catch {
    return false;
  }
}
