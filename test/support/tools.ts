/**
 * Tests that need a tool of the system are skipped visibly without it, and fail if nothing may be
 * skipped (BATON_TEST_NO_SKIP, as in .ci/run). Nothing else skips a test: .ci/skipped reads the
 * reasons, and compares each with what the machine has.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import './scratch.ts';

/** Requirements that are not the name of a command, and how to check them. */
const PROBES: Readonly<Record<string, () => boolean>> = {
  root: () => process.getuid?.() === 0,
  'a mount namespace': () => isGood('unshare', '--mount', 'true'),
  'a time namespace': () => isGood('unshare', '--time', '--boottime', '1', 'true'),
  FUSE: () => existsSync('/dev/fuse'),
  // A root made by mmdebstrap has no /etc/hosts.
  localhost: () => isGood('getent', 'hosts', 'localhost'),
  tzdata: () => existsSync('/usr/share/zoneinfo/Europe/Berlin'),
  'python3-prometheus-client': () => isGood('/usr/bin/python3', '-c', 'import prometheus_client'),
};

/**
 * True if the test has to end here because something is missing: a command by its name or one of
 * PROBES. Open everything after this call: if a test skips itself, node:test runs beforeEach but no
 * afterEach.
 */
export function skipWithout(t: TestContext, ...needs: readonly string[]): boolean {
  const reason = whyWithout(...needs);
  if (reason === false) return false;
  t.skip(reason);
  return true;
}

/** The same for a whole suite: why it is skipped, or false. */
export function whyWithout(...needs: readonly string[]): string | false {
  const missing = needs.filter((need) => !isThere(need));
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(', ')}`;
  if (process.env['BATON_TEST_NO_SKIP'] !== '1') return reason;
  throw new Error(`${reason}; nothing may be skipped`);
}

function isThere(need: string): boolean {
  return PROBES[need]?.() ?? isGood('sh', '-c', 'command -v "$1"', 'sh', need);
}

function isGood(command: string, ...args: readonly string[]): boolean {
  const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };
  return spawnSync(command, args, { env, stdio: 'ignore' }).status === 0;
}

const ROOT = join(import.meta.dirname, '../../..');

/**
 * Installs both programs where every user may read them, whatever the modes of the directories
 * above this checkout are; returns the root of the copy.
 */
export function publish(directory: string): string {
  const root = join(directory, 'baton');
  for (const part of [
    'package.json',
    'contrib/launchers.mjs',
    'contrib/readable.mjs',
    'dist/client',
    'dist/daemon/batond.cjs',
    'dist/daemon/keeper.pl',
  ]) {
    mkdirSync(join(root, part, '..'), { recursive: true });
    cpSync(join(ROOT, part), join(root, part), { recursive: true });
  }
  execFileSync('chmod', ['-R', 'a+rX', root]);
  return root;
}
