/**
 * Whether the machine goes down. A shutdown tells every process to end (TERM), a keeper as well as
 * its command, and a keeper records that. Whoever ends a run by hand signals the command alone, or
 * its process group, and the keeper is in another one. What remains is somebody who signals both:
 * that is told from a shutdown by what comes next.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/**
 * From the TERM that a keeper hears to the end of its command. systemd waits for 90 s by default
 * before it sends KILL, and a unit may allow more; who is told to end much earlier has been told by
 * somebody else.
 */
export const TERM_MS_MAX = 10 * 60_000;
/**
 * How long an end that looks like a shutdown is held back. A daemon that is told to end, too, has
 * left by then.
 */
export const HOLD_MS = 2_000;

const SYSTEMCTL_MS_MAX = 5_000;

/** Tells whether a shutdown is under way; never rejects. */
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

/** The last process of a systemd that shuts down, whose name the kernel cuts off. */
export function isSystemdShutdown(): boolean {
  try {
    return readFileSync('/proc/1/comm', 'latin1') === 'systemd-shutdow\n';
  } catch {
    return false;
  }
}
