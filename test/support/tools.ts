/**
 * Tests that need a tool of the system skip visibly without it, and fail where nothing may be
 * skipped (BATON_TEST_NO_SKIP, as in .ci/run).
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import './scratch.ts';

/**
 * True if the test has to end here: a tool is missing, or it needs root ("root"). What the test opens
 * it opens after this: for one that skips itself, node:test runs beforeEach and no afterEach.
 */
export function skipWithout(t: TestContext, ...tools: readonly string[]): boolean {
  const reason = whyWithout(...tools);
  if (reason === false) return false;
  t.skip(reason);
  return true;
}

/** The same for a whole suite: why it is skipped, or false. */
export function whyWithout(...tools: readonly string[]): string | false {
  const missing = tools.filter((tool) => !isThere(tool));
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(', ')}`;
  if (process.env['BATON_TEST_NO_SKIP'] !== '1') return reason;
  throw new Error(`${reason}; nothing may be skipped`);
}

function isThere(tool: string): boolean {
  if (tool === 'root') return process.getuid?.() === 0;
  const path = `${process.env['PATH']}:/usr/sbin:/sbin`;
  return (
    spawnSync('sh', ['-c', 'command -v "$1"', 'sh', tool], { env: { PATH: path } }).status === 0
  );
}

const ROOT = join(import.meta.dirname, '../../..');

/**
 * Puts the installed form of the client where every user may read it, whatever the modes of the
 * directories above this checkout are; returns the root of the copy.
 */
export function publishClient(directory: string): string {
  const root = join(directory, 'baton');
  for (const part of ['package.json', 'contrib/launchers.mjs', 'dist/client']) {
    mkdirSync(join(root, part, '..'), { recursive: true });
    cpSync(join(ROOT, part), join(root, part), { recursive: true });
  }
  for (const part of ['', 'contrib', 'dist', 'dist/client']) chmodSync(join(root, part), 0o755);
  chmodSync(join(root, 'package.json'), 0o644);
  for (const name of ['main.cjs', 'cli.cjs']) chmodSync(join(root, 'dist/client', name), 0o755);
  return root;
}
